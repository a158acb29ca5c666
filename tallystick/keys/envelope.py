"""DSSE envelopes: the exact payload, and who signed it (secure-systems-lab/dsse, protocol.md and envelope.md).

The pre-authentication encoding is the library's. Counting is ours: the library counted one key under two key ids
twice, so key ids are recomputed and *persons* are counted, never signatures.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785
from securesystemslib.dsse import Envelope as _LibraryEnvelope

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, MalformedError
from tallystick.config.i18n import _
from tallystick.keys.checks import verify_signature
from tallystick.keys.names import person_of
from tallystick.keys.roster_types import RosterKey

if TYPE_CHECKING:  # a verifier loads nothing that opens private keys
    from tallystick.keys.signer import Signer

__all__ = [
    "MAX_ENVELOPE",
    "MAX_SIGNATURES",
    "PAYLOAD_TYPE",
    "Envelope",
    "Signature",
    "assemble",
    "pae",
    "parse_envelope",
    "sign_payload",
    "verify_threshold",
]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
MAX_ENVELOPE = 65_535
"""Largest envelope, in bytes: the largest entry of a tile log."""
MAX_SIGNATURES = 16
_MAX_KEYID, _MAX_SIGNATURE = 256, 4096


@dataclass(frozen=True)
class Signature:
    """One signature of an envelope; ``keyid`` is a hint and is never believed."""

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A parsed envelope, nothing verified."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def signed_bytes(self) -> bytes:
        """What the signatures are over."""
        return pae(self.payload, self.payload_type)


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return DSSE's pre-authentication encoding: ``DSSEv1 LEN TYPE LEN PAYLOAD``."""
    encoded: bytes = _LibraryEnvelope(payload, payload_type, {}).pae()
    return encoded


def sign_payload(payload: bytes, signer: "Signer", payload_type: str = PAYLOAD_TYPE) -> Signature:
    """Sign a payload."""
    return Signature(signer.keyid, signer.sign(pae(payload, payload_type)))


def assemble(payload: bytes, signatures: Iterable[Signature], payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Write an envelope as canonical JSON (RFC 8785), signatures in the order of their key ids.

    Raises:
        MalformedError: Larger than an envelope may be, no signature, or too many.
    """
    ordered = sorted(set(signatures), key=lambda signature: (signature.keyid, signature.sig))
    if not 1 <= len(ordered) <= MAX_SIGNATURES:
        raise MalformedError(_("an envelope carries 1 to {limit} signatures").format(limit=MAX_SIGNATURES))
    data = rfc8785.dumps(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [
                {"keyid": signature.keyid, "sig": base64.b64encode(signature.sig).decode()} for signature in ordered
            ],
        }
    )
    if len(data) > MAX_ENVELOPE:
        raise MalformedError(_("the envelope would be larger than {limit} bytes").format(limit=MAX_ENVELOPE))
    return data


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError(_("the envelope names a member twice"))
    return found


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        raise MalformedError(_("the envelope is not JSON")) from None
    if not isinstance(found, dict) or set(found) != {"payload", "payloadType", "signatures"}:
        raise MalformedError(_("the envelope must hold payload, payloadType and signatures, and nothing else"))
    return found


def _bytes(value: object, what: str, limit: int) -> bytes:
    """Decode standard or URL-safe base64 (envelope.md allows both), in its one canonical spelling."""
    if not isinstance(value, str) or len(value) > limit:
        raise MalformedError(_("the envelope's {what} is not base64 of a bounded size").format(what=what))
    try:
        standard = value.replace("-", "+").replace("_", "/").encode("ascii")
        decoded = binascii.a2b_base64(standard, strict_mode=True)
    except (binascii.Error, ValueError):
        raise MalformedError(_("the envelope's {what} is not base64").format(what=what)) from None
    if binascii.b2a_base64(decoded, newline=False) != standard:
        raise MalformedError(_("the envelope's {what} is not canonical base64").format(what=what))
    return decoded


def _signature(value: object) -> Signature:
    if not isinstance(value, dict) or not {"sig"} <= set(value) <= {"keyid", "sig"}:
        raise MalformedError(_("a signature of the envelope must hold keyid and sig, and nothing else"))
    hint = value.get("keyid", "")
    if not isinstance(hint, str) or len(hint) > _MAX_KEYID:
        raise MalformedError(_("a signature of the envelope has no readable keyid"))
    return Signature(hint, _bytes(value["sig"], "signature", _MAX_SIGNATURE * 2))


def parse_envelope(data: bytes) -> Envelope:
    """Read an envelope; nothing is verified.

    Args:
        data: At most ``MAX_ENVELOPE`` bytes.

    Raises:
        MalformedError: Too large, not JSON, a member missing, doubled or unknown, base64 with two spellings.
    """
    if len(data) > MAX_ENVELOPE:
        raise MalformedError(_("the envelope is larger than {limit} bytes").format(limit=MAX_ENVELOPE))
    found = _object(data)
    kind, entries = found["payloadType"], found["signatures"]
    if not isinstance(kind, str) or not 1 <= len(kind) <= 200:
        raise MalformedError(_("the envelope's payloadType is not a short text"))
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_SIGNATURES:
        raise MalformedError(_("an envelope carries 1 to {limit} signatures").format(limit=MAX_SIGNATURES))
    payload = _bytes(found["payload"], "payload", MAX_ENVELOPE)
    return Envelope(payload, kind, tuple(_signature(entry) for entry in entries))


def _signer_of(signature: Signature, signed: bytes, officers: dict[str, RosterKey]) -> RosterKey | None:
    """Find the officer whose key made a signature.

    A signature that claims an officer's key id must be that officer's. One that claims none of them may still be
    an officer's under another name for his key, so it is tried against each.

    Raises:
        BadSignatureError: It claims an officer's key and does not match it.
    """
    claimed = officers.get(signature.keyid)
    for officer in officers.values() if claimed is None else (claimed,):
        try:
            verify_signature(officer.algorithm, officer.public, signature.sig, signed)
        except BadSignatureError:
            continue
        return officer
    if claimed is not None:
        raise BadSignatureError(
            _("the signature of {name} does not match what was signed").format(name=claimed.name),
            hint=_("the text or the signature was changed after signing; ask its issuer for the original"),
        )
    return None


def verify_threshold(envelope: Envelope, officers: Sequence[RosterKey], threshold: int) -> tuple[RosterKey, ...]:
    """Check that enough different officers signed the exact payload.

    Args:
        envelope: What was parsed.
        officers: Officers whose signature counts; keys of another role among them are passed over.
        threshold: Different persons needed, at least 1.

    Returns:
        The officers that signed, one key per person, in the order of their key ids.

    Raises:
        BadSignatureError: A signature under an officer's key id does not match, or too few persons signed.
        KeyNotTrustedError: Too few, and at least one signature is by no officer of the roster.
    """
    known = {officer.keyid: officer for officer in officers if officer.role == "officer"}
    signed = envelope.signed_bytes
    found = [_signer_of(signature, signed, known) for signature in envelope.signatures]
    persons: dict[str, RosterKey] = {}
    for officer in sorted((officer for officer in found if officer), key=lambda officer: officer.keyid):
        persons.setdefault(person_of(officer.name), officer)
    if len(persons) >= max(threshold, 1):
        return tuple(persons.values())
    if None in found:
        raise KeyNotTrustedError(
            _("{count} of {threshold} officers signed; another signature is by no officer of the roster").format(
                count=len(persons), threshold=threshold
            )
        )
    raise BadSignatureError(
        _("{count} of {threshold} different officers signed").format(count=len(persons), threshold=threshold),
        hint=_("one officer counts once, whatever the number of keys or signatures"),
    )
