"""Public cards: what a person or a node shows of its keys, with a proof that it holds each of them.

A card is all that is ever carried from the device where a key was made. Every key of it signs the whole card, so
nobody can enrol another's key, a key for another role, or a key under another name.
"""

import base64
import binascii
import json
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.errors import BadSignatureError, MalformedError
from tallystick.config.i18n import _
from tallystick.keys.certificate import check_leaf, spki_sha256
from tallystick.keys.checks import check_public, keyid, verify_signature
from tallystick.keys.names import plain_name
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import Signer

__all__ = ["CARD_KEY_ROLES", "MAX_CARD", "Card", "CardKey", "CardKeyRole", "CardRole", "make_card", "read_card"]

MAX_CARD = 32_768
_FORMAT = "tallystick-card-1"
CardRole = Literal["officer", "state", "ceremony", "node"]
CardKeyRole = Literal["officer", "state", "ceremony", "log", "witness", "tls"]
CARD_KEY_ROLES: dict[CardRole, tuple[CardKeyRole, ...]] = {
    "officer": ("officer",),
    "state": ("state",),
    "ceremony": ("ceremony",),
    "node": ("log", "witness", "tls"),
}
_PERSONS = ("ed25519", "ecdsa-p256")
_ALGORITHMS: dict[CardKeyRole, tuple[str, ...]] = {
    "officer": _PERSONS,
    "state": _PERSONS,
    "ceremony": _PERSONS,
    "log": ("ed25519", "mldsa44"),
    "witness": ("ed25519", "mldsa44"),
    "tls": ("ecdsa-p256",),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CardKey(_Part):
    """One key of a card: role, algorithm, raw public key in base64, and for ``tls`` its certificate in PEM."""

    role: CardKeyRole
    algorithm: Literal["ed25519", "ecdsa-p256", "mldsa44"]
    public: Annotated[str, Field(max_length=2000)]
    certificate: Annotated[str, Field(max_length=4096)] | None = None

    @property
    def raw(self) -> bytes:
        """The raw public key."""
        return base64.b64decode(self.public)

    @property
    def keyid(self) -> str:
        """The key's id, recomputed."""
        return keyid(self.algorithm, self.raw)


class Card(_Part):
    """A public card; ``read_card`` is the only way to one that may be believed."""

    format: Literal["tallystick-card-1"]
    role: CardRole
    state: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain_name)]
    demo: bool
    keys: Annotated[list[CardKey], Field(min_length=1, max_length=8)]
    endpoints: Annotated[
        list[Annotated[str, Field(max_length=200, pattern=r"^(grpcs|https)://[A-Za-z0-9.\-\[\]:]{1,120}(/[!-~]*)?$")]],
        Field(max_length=8),
    ]
    proofs: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=8)]

    @property
    def keyid(self) -> str:
        """Id of the first key: the only one of a person's card."""
        return self.keys[0].keyid

    def roster_keys(self) -> tuple[RosterKey, ...]:
        """Return the keys as a state's roster page lists them; none for offline keys (state, ceremony)."""
        return tuple(
            RosterKey(
                role=key.role,
                algorithm=key.algorithm,
                public=key.raw,
                name=self.name,
                certificate=None if key.certificate is None else key.certificate.encode(),
            )
            for key in self.keys
            if key.role != "state" and key.role != "ceremony"  # noqa: PLR1714 - the spelling that mypy narrows
        )


def _proven(document: dict[str, Any]) -> bytes:
    """Return what each key signs: the card without its proofs, in a domain of its own."""
    bare = {name: value for name, value in document.items() if name != "proofs"}
    return _FORMAT.encode() + b"\n" + rfc8785.dumps(bare)


def make_card(
    role: CardRole,
    state: str,
    name: str,
    signers: Sequence[tuple[CardKeyRole, Signer]],
    *,
    demo: bool = False,
    endpoints: Sequence[str] = (),
    certificate: bytes | None = None,
) -> bytes:
    """Make a card and let each key prove itself.

    Args:
        role: Whose card it is.
        state: Alpha-3 code, upper case.
        name: The person's name, or the node's.
        signers: Each key with its role.
        demo: Made by ``init --demo``: stamped, because nobody looked after these keys.
        endpoints: Where a border listens.
        certificate: PEM of the leaf, for a ``tls`` key.

    Returns:
        JSON, at most ``MAX_CARD`` bytes.

    Raises:
        MalformedError: The card would be refused where it is carried to.
    """
    keys = []
    for key_role, signer in signers:
        key = {"role": key_role, "algorithm": signer.algorithm, "public": base64.b64encode(signer.public).decode()}
        if key_role == "tls" and certificate is not None:
            key["certificate"] = certificate.decode()
        keys.append(key)
    document: dict[str, Any] = {
        "format": _FORMAT,
        "role": role,
        "state": state,
        "name": unicodedata.normalize("NFC", name.strip()),
        "demo": demo,
        "keys": keys,
        "endpoints": list(endpoints),
    }
    message = _proven(document)
    document["proofs"] = [base64.b64encode(signer.sign(message)).decode() for _role, signer in signers]
    data = json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"
    read_card(data)
    return data


def _parse(data: bytes) -> tuple[Card, dict[str, Any]]:
    if len(data) > MAX_CARD:
        raise MalformedError(_("the card is larger than {limit} bytes").format(limit=MAX_CARD))
    try:
        document = json.loads(data.decode("utf-8"))
        return Card.model_validate(document), document
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedError(_("the card: {where}: {what}").format(where=where, what=first["msg"])) from None
    except (ValueError, RecursionError):
        raise MalformedError(_("this is no card: not JSON"), hint=_("a card ends in .card.json")) from None


def _check_key(card: Card, key: CardKey) -> None:
    try:
        raw = base64.b64decode(key.public, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError(_("the card: a key is not base64")) from None
    if base64.b64encode(raw).decode() != key.public:
        raise MalformedError(_("the card: a key is not canonical base64"))
    if key.role not in CARD_KEY_ROLES[card.role] or key.algorithm not in _ALGORITHMS[key.role]:
        raise MalformedError(
            _("the card: a card for {card} holds no {algorithm} key for {role}").format(
                card=card.role, algorithm=key.algorithm, role=key.role
            )
        )
    check_public(key.algorithm, raw, entering=True)
    if (key.certificate is not None) != (key.role == "tls"):
        raise MalformedError(_("the card: a certificate belongs to the tls key, and to no other"))
    if key.certificate is not None:
        check_leaf(key.certificate.encode(), state=card.state)
        if RosterKey("tls", key.algorithm, raw, card.name).spki_sha256 != spki_sha256(key.certificate.encode()):
            raise MalformedError(_("the card: the certificate is not for the tls key"))


def read_card(data: bytes) -> Card:
    """Read a card and check that every key is a sound one whose holder signed this very card.

    Raises:
        MalformedError: Not a card, a key that is refused, a key twice, or one for a role that such a card has not.
        BadSignatureError: A key did not sign the card.
    """
    card, document = _parse(data)
    for key in card.keys:
        _check_key(card, key)
    if len({key.raw for key in card.keys}) != len(card.keys):
        raise MalformedError(_("the card: one key stands under two roles"))
    if card.role != "node" and len(card.keys) != 1:
        raise MalformedError(_("the card: a person's card holds one key"))
    if len(card.proofs) != len(card.keys):
        raise BadSignatureError(_("the card: not every key proves that its holder has it"))
    message = _proven(document)
    for key, proof in zip(card.keys, card.proofs, strict=True):
        try:
            verify_signature(key.algorithm, key.raw, base64.b64decode(proof, validate=True), message)
        except (BadSignatureError, ValueError):
            raise BadSignatureError(
                _("the card of {name}: the proof of possession does not hold").format(name=card.name),
                hint=_("the card was changed after it was made; ask for the original"),
            ) from None
    return card
