"""Officers' public cards at the desk: carried in by hand, checked, kept under their key ids.

A card here lets nobody sign: who may sign, the roster says. It is what the next roster proposal is made from.
"""

from pathlib import Path

from tallystick.config.errors import StoreError, UsageError
from tallystick.config.files import PRIVATE_DIR, SHARED_FILE, make_dir, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.keys.card import MAX_CARD, Card, read_card
from tallystick.keys.names import person_of

__all__ = ["Enrolment", "enrol_officer", "list_officers"]

_FOLDER = "officers"
_MOST = 64


class Enrolment:
    """An officer who was enrolled, and who else at this desk bears the same name."""

    def __init__(self, card: Card, path: Path, namesakes: tuple[Card, ...]) -> None:
        self.card = card
        self.path = path
        self.namesakes = namesakes


def _refuse_misplaced(card: Card, state: str, *, demo: bool) -> None:
    if card.role != "officer":
        raise UsageError(
            _("this is a card for '{role}', not for an officer").format(role=card.role),
            hint=_("officers make theirs with: tallystick key new --for officer"),
        )
    if card.state != state:
        raise UsageError(_("this officer is of {other}; this desk is of {state}").format(other=card.state, state=state))
    if card.demo and not demo:
        raise UsageError(
            _("this card is stamped DEMO: nobody looked after its key"),
            hint=_("the officer makes a key of his own with: tallystick key new --for officer"),
        )


def enrol_officer(desk: Path, data: bytes, *, state: str, demo: bool) -> Enrolment:
    """Check an officer's card and keep it.

    Args:
        desk: HOME/desk.
        data: The card.
        state: The desk's own state.
        demo: Whether the home is a demo home, where DEMO cards are welcome.

    Raises:
        UsageError: A card for another role or state, or a DEMO card in a home that is meant.
        MalformedError, BadSignatureError: Not a card, or its proof of possession does not hold.
        StoreError: The key is enrolled already.
    """
    card = read_card(data)
    _refuse_misplaced(card, state, demo=demo)
    path = make_dir(desk / _FOLDER, PRIVATE_DIR) / f"{card.keyid}.card.json"
    if path.exists():
        raise StoreError(_("{name} is enrolled already with this key").format(name=card.name))
    namesakes = tuple(other for other in list_officers(desk) if person_of(other.name) == person_of(card.name))
    write_new(path, data, SHARED_FILE)
    return Enrolment(card, path, namesakes)


def list_officers(desk: Path) -> tuple[Card, ...]:
    """Return the enrolled officers' cards, checked again, by name.

    Raises:
        StoreError: A file that is not the card that its name says, or more than can be.
    """
    paths = sorted((desk / _FOLDER).glob("*.card.json"))
    if len(paths) > _MOST:
        raise StoreError(_("{folder} holds more than {limit} cards").format(folder=desk / _FOLDER, limit=_MOST))
    cards = []
    for path in paths:
        card = read_card(read_bounded(path, MAX_CARD))
        if path.name != f"{card.keyid}.card.json":
            raise StoreError(_("{path} holds another card than its name says").format(path=path))
        cards.append(card)
    return tuple(sorted(cards, key=lambda card: (card.name.casefold(), card.keyid)))
