"""The order to erase a person: what two officers sign, each on his own computer, and the desk carries out.

The file is one JSON document, readable as it is::

    {"order": {"agency": ..., "format": "tallystick-erasure-1", "nonce": ..., "number": ..., "proposed_at": ...,
     "reason": "REQUEST", "state": "KAZ"}, "signatures": [{"keyid": ..., "sig": ...}]}

Signed is DSSE's encoding of the order's canonical JSON (RFC 8785) under a payload type of its own: no order can be
passed off as a release, and no release as an order. It names the case by agency and number and tells nothing of the
person. Copies that were signed apart are laid together by ``merge``.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.clock import rfc3339
from tallystick.config.errors import MalformedError, SignerError, UsageError
from tallystick.config.i18n import _
from tallystick.keys.envelope import MAX_SIGNATURES, Envelope, Signature, sign_payload, verify_threshold
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import Signer
from tallystick.node.cases.record import NAME_LIMIT, has_controls

__all__ = [
    "MAX_ORDER",
    "ORDER_DAYS",
    "PAYLOAD_TYPE",
    "REASONS",
    "Order",
    "SignedOrder",
    "merge",
    "read_order",
    "reason_words",
    "require_officers",
    "sign_order",
]

PAYLOAD_TYPE = "application/vnd.tallystick.erasure+json"
ORDER_DAYS = 30
"""An order that is older is not carried out any more."""
MAX_ORDER = 65_536
OFFICERS = 2
_ALGORITHMS = ("ed25519", "ecdsa-p256")
_DAY = timedelta(days=1)
Reason = Literal["REQUEST", "COURT", "RETENTION", "ERROR"]
REASONS: tuple[Reason, ...] = ("REQUEST", "COURT", "RETENTION", "ERROR")


def reason_words(reason: Reason) -> str:
    """Say in words what a reason's code means."""
    return {
        "REQUEST": _("the person asked for it"),
        "COURT": _("a court or the data protection authority ordered it"),
        "RETENTION": _("the time for which the law lets it be kept is over"),
        "ERROR": _("it should never have been taken in"),
    }[reason]


def _plain(text: str) -> str:
    if has_controls(text):
        raise ValueError("must not hold control characters")
    return text


_Text = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(_plain)]
_Base64 = Annotated[str, Field(max_length=8192)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Order(_Part):
    """Which case of which agency, why, and since when it is proposed; ``nonce`` makes two proposals two orders."""

    format: Literal["tallystick-erasure-1"] = "tallystick-erasure-1"
    state: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    agency: _Text
    number: Annotated[_Text, Field(repr=False)]
    reason: Reason
    proposed_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

    @classmethod
    def propose(
        cls, state: str, agency: str, number: str, reason: Reason, at: datetime, random_bytes: Callable[[int], bytes]
    ) -> Self:
        """Make an order that nobody signed yet.

        Raises:
            UsageError: Something is too long, empty, or holds control characters.
        """
        given = {"state": state, "agency": agency, "number": number, "reason": reason}
        try:
            return cls.model_validate({**given, "proposed_at": rfc3339(at), "nonce": random_bytes(16).hex()})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise UsageError(f"{first['loc'][0]}: {first['msg']}") from None

    @property
    def payload(self) -> bytes:
        """The bytes that are signed."""
        return rfc8785.dumps(self.model_dump())

    @property
    def sha256(self) -> str:
        """The order's digest, by which its tombstone names it."""
        return hashlib.sha256(self.payload).hexdigest()

    def require_fresh(self, now: datetime, state: str) -> None:
        """Refuse an order of another state, from the future, or older than ``ORDER_DAYS``.

        Raises:
            UsageError: It is not to be carried out here and now.
        """
        if self.state != state:
            raise UsageError(_("the order is {other}'s, this desk is {own}'s").format(other=self.state, own=state))
        proposed = datetime.fromisoformat(self.proposed_at)
        if proposed > now + _DAY:
            raise UsageError(
                _("the order was proposed on {day}, which is in the future").format(day=proposed.date()),
                hint=_("is this machine's clock right?"),
            )
        if proposed < now - ORDER_DAYS * _DAY:
            raise UsageError(
                _("the order of {day} is older than {limit} days").format(day=proposed.date(), limit=ORDER_DAYS),
                hint=_("propose it anew and have it signed again: tallystick case erase propose"),
            )


class _WrittenSignature(_Part):
    keyid: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sig: _Base64

    def as_signature(self) -> Signature:
        return Signature(self.keyid, base64.b64decode(self.sig, validate=True))


class _Written(_Part):
    order: Order
    signatures: Annotated[list[_WrittenSignature], Field(max_length=MAX_SIGNATURES)]


class SignedOrder:
    """An order with whatever signatures it bears; nothing is verified."""

    def __init__(self, order: Order, signatures: Sequence[Signature] = ()) -> None:
        self.order = order
        self.signatures = tuple(dict.fromkeys(signatures))

    def to_bytes(self) -> bytes:
        """Write the file: canonical JSON, signatures in the order of their key ids."""
        found = sorted(self.signatures, key=lambda one: (one.keyid, one.sig))
        written: list[dict[str, str]] = [
            {"keyid": one.keyid, "sig": base64.b64encode(one.sig).decode()} for one in found
        ]
        return rfc8785.dumps({"order": self.order.model_dump(), "signatures": list(written)}) + b"\n"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _value in pairs}) != len(pairs):
        raise MalformedError(_("the order names a member twice"))
    return dict(pairs)


def read_order(data: bytes) -> SignedOrder:
    """Read an order's file.

    Args:
        data: At most ``MAX_ORDER`` bytes.

    Raises:
        MalformedError: Not an order, too large, or with something in it that no order has.
    """
    if len(data) > MAX_ORDER:
        raise MalformedError(_("the order is larger than {limit} bytes").format(limit=MAX_ORDER))
    try:
        found = _Written.model_validate(json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates))
        return SignedOrder(found.order, [one.as_signature() for one in found.signatures])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedError(_("the order: {where}: {what}").format(where=where, what=first["msg"])) from None
    except (ValueError, RecursionError):
        raise MalformedError(
            _("this is no order to erase: not JSON"), hint=_("one is made with: tallystick case erase propose")
        ) from None


def sign_order(signed: SignedOrder, signer: Signer) -> SignedOrder:
    """Add an officer's signature.

    Raises:
        SignerError: A key of a kind that officers do not have.
        UsageError: This key signed it already.
    """
    if signer.algorithm not in _ALGORITHMS:
        raise SignerError(_("an order cannot be signed with a key of kind {kind}").format(kind=signer.algorithm))
    if any(one.keyid == signer.keyid for one in signed.signatures):
        raise UsageError(_("this key signed the order already"), hint=_("another officer signs it, with his own key"))
    return SignedOrder(signed.order, [*signed.signatures, sign_payload(signed.order.payload, signer, PAYLOAD_TYPE)])


def merge(copies: Sequence[SignedOrder]) -> SignedOrder:
    """Lay copies of one order together.

    Raises:
        UsageError: They are different orders.
    """
    first = copies[0]
    if any(one.order != first.order for one in copies):
        raise UsageError(_("these are different orders"), hint=_("apply them one by one"))
    return SignedOrder(first.order, [signature for one in copies for signature in one.signatures])


def require_officers(signed: SignedOrder, officers: Sequence[RosterKey], threshold: int = OFFICERS) -> tuple[str, ...]:
    """Check that enough different officers signed this very order.

    Args:
        signed: The order.
        officers: Whose signature counts.
        threshold: Different persons needed; never fewer than two.

    Returns:
        Their names.

    Raises:
        BadSignatureError: Too few, or a signature does not match.
        KeyNotTrustedError: Too few, and one is by somebody who is no officer here.
    """
    envelope = Envelope(signed.order.payload, PAYLOAD_TYPE, signed.signatures)
    return tuple(key.name for key in verify_threshold(envelope, officers, max(threshold, OFFICERS)))
