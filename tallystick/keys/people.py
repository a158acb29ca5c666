"""A person's key: made on his own device, with the public card that is all he hands out. Needs no node."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tallystick.config.errors import StoreError
from tallystick.config.files import PRIVATE_FILE, SHARED_FILE, write_new
from tallystick.config.i18n import _
from tallystick.keys.card import Card, make_card, read_card
from tallystick.keys.secrets import HUMAN, Secrets, Work
from tallystick.keys.signer import encrypted_pem, new_signer

__all__ = ["PersonKey", "PersonRole", "card_path", "make_person_key"]

PersonRole = Literal["officer", "state", "ceremony"]


@dataclass(frozen=True)
class PersonKey:
    """A key that was made: where it lies, where its card lies, and the card."""

    path: Path
    card_path: Path
    card: Card


def card_path(key_path: Path) -> Path:
    """Return where the card of the key at ``key_path`` lies: beside it, ending in ``.card.json``."""
    return key_path.with_name(key_path.stem + ".card.json")


def make_person_key(
    path: Path,
    role: PersonRole,
    state: str,
    name: str,
    ask: Secrets,
    *,
    algorithm: str = "ed25519",
    demo: bool = False,
    work: Work = HUMAN,
) -> PersonKey:
    """Make a key at ``path`` (encrypted, 0600) and its card beside it.

    The card is made and checked first, so a refused name or state leaves nothing behind.

    Raises:
        StoreError: The key or the card exists already; nothing was changed.
        MalformedError: The name or the state cannot stand on a card, or the algorithm is not for people.
        SignerError: No usable passphrase.
    """
    beside = card_path(path)
    for taken in (path, beside):
        if taken.exists():
            raise StoreError(
                _("{path} already exists and was not touched").format(path=taken),
                hint=_("choose another name; a key is never written over"),
            )
    signer = new_signer(algorithm)
    card = make_card(role, state, name, [(role, signer)], demo=demo)
    phrase = ask.passphrase(_("the new {role} key of {name}").format(role=role, name=name), new=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, encrypted_pem(signer.private, phrase, work), PRIVATE_FILE)
    write_new(beside, card, SHARED_FILE)
    return PersonKey(path, beside, read_card(card))
