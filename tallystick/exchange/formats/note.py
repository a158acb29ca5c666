"""Signed notes (c2sp.org/signed-note): a text, an empty line, and a line per signature.

Parsing decides nothing about trust: it says what text is signed by which claimed key names and ids. Key ids are
computed here from name, signature type and key, and a caller compares; a library that believed the id written in a
verifier key was fooled by it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = [
    "ED25519",
    "MAX_SIGNATURES",
    "MLDSA44_COSIGNATURE",
    "NOTE_LIMIT",
    "Note",
    "NoteSignature",
    "VerifierKey",
    "decode_base64",
    "key_id",
    "parse_note",
    "parse_vkey",
    "vkey",
    "write_note",
]

ED25519 = 0x01
"""Signature type: Ed25519 over the text."""
MLDSA44_COSIGNATURE = 0x06
"""Signature type: timestamped ML-DSA-44 (c2sp.org/tlog-cosignature)."""
MAX_SIGNATURES = 16
"""Most signatures on a note, ours or others'."""
NOTE_LIMIT = 64 * 1024
"""Largest note, in bytes: sixteen ML-DSA-44 lines fit."""

_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_DASH = "\N{EM DASH} "
_TYPES = {"ed25519": ED25519, "mldsa44": MLDSA44_COSIGNATURE}
_SIZES = {ED25519: 32, MLDSA44_COSIGNATURE: 1312}


@dataclass(frozen=True)
class NoteSignature:
    """One signature line, nothing verified.

    Attributes:
        name: Key name.
        key_id: Four bytes that tell the name's keys apart.
        signature: What follows the id; its form depends on the key's signature type.
    """

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A text (with its last newline) and who claims to have signed it."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True)
class VerifierKey:
    """A public key as notes name it."""

    name: str
    signature_type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The id, computed."""
        return key_id(self.name, self.signature_type, self.public)


def decode_base64(text: str, what: Callable[[], str]) -> bytes:
    """Decode standard base64 (RFC 4648, section 4) in its one spelling.

    ``what`` gives the words for what it is, asked only where they are needed.

    Raises:
        MalformedError: Not base64, or not how an encoder would write these bytes.
    """
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise MalformedError(_("{what}: not base64").format(what=what())) from None
    if base64.b64encode(raw).decode() != text:
        raise MalformedError(_("{what}: not canonical base64").format(what=what()))
    return raw


def key_id(name: str, signature_type: int, public: bytes) -> bytes:
    """Compute the four bytes of a key id: ``SHA-256(name || 0x0A || type || public key)[:4]``."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([signature_type]) + public).digest()[:4]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(one.isspace() or "\ud800" <= one <= "\udfff" for one in name):
        raise MalformedError(_("note: '{name}' is not a key name").format(name=name[:80]))


def vkey(name: str, algorithm: str, public: bytes) -> str:
    """Write a log's key as C2SP tools take it: ``name+hex(key id)+base64(type || public key)``.

    Args:
        name: Key name; for a log its origin.
        algorithm: ``ed25519`` (type 0x01) or ``mldsa44`` (type 0x06).
        public: The raw key.

    Raises:
        MalformedError: Another algorithm, a key of another size, or no key name.
    """
    signature_type = _TYPES.get(algorithm)
    if signature_type is None or len(public) != _SIZES[signature_type]:
        raise MalformedError(_("verifier key: {algorithm} keys do not sign logs").format(algorithm=algorithm[:20]))
    _check_name(name)
    material = base64.b64encode(bytes([signature_type]) + public).decode()
    return f"{name}+{key_id(name, signature_type, public).hex()}+{material}"


def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key of type 0x01 or 0x06; the id written in it must be the one that its key has.

    Raises:
        MalformedError: Not a verifier key, another type, or the id does not belong to the key.
    """
    name, _plus, rest = text.partition("+")
    claimed, _plus, material = rest.partition("+")
    _check_name(name)
    raw = decode_base64(material, lambda: _("verifier key"))
    if not raw or len(raw) - 1 != _SIZES.get(raw[0]):
        raise MalformedError(_("verifier key: neither Ed25519 (0x01) nor ML-DSA-44 (0x06)"))
    key = VerifierKey(name, raw[0], raw[1:])
    if key.key_id.hex() != claimed:
        raise MalformedError(_("verifier key: its id is {id}, not what it says").format(id=key.key_id.hex()))
    return key


def write_note(text: str, signatures: Iterable[NoteSignature]) -> bytes:
    """Write a note; what ``parse_note`` reads back is the same."""
    lines = [f"{_DASH}{one.name} {base64.b64encode(one.key_id + one.signature).decode()}\n" for one in signatures]
    data = (text + "\n" + "".join(lines)).encode()
    parse_note(data)
    return data


def _signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise MalformedError(_("note: a signature line begins with an em dash and a space"))
    name, blank, encoded = line[len(_DASH) :].partition(" ")
    _check_name(name)
    raw = decode_base64(encoded, lambda: _("note: signature of {name}").format(name=name[:80]))
    if not blank or len(raw) <= 4:
        raise MalformedError(_("note: the signature of {name} is too short").format(name=name[:80]))
    return NoteSignature(name, raw[:4], raw[4:])


def parse_note(data: bytes) -> Note:
    """Read a note; nothing is verified.

    Args:
        data: At most ``NOTE_LIMIT`` bytes.

    Raises:
        MalformedError: Too large, not UTF-8, a control character, no signature, more than ``MAX_SIGNATURES``, or a
            signature line that is none.
    """
    if len(data) > NOTE_LIMIT:
        raise MalformedError(_("note: larger than {limit} bytes").format(limit=NOTE_LIMIT))
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(_("note: byte {at} is not UTF-8").format(at=error.start)) from None
    if _CONTROL.search(data):
        raise MalformedError(_("note: holds a control character"))
    body, found, tail = whole.rpartition("\n\n")
    if not found or not tail.endswith("\n"):
        raise MalformedError(_("note: no empty line before the signatures, or the last line does not end"))
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError(_("note: more than {limit} signatures").format(limit=MAX_SIGNATURES))
    return Note(body + "\n", tuple(_signature(line) for line in lines))
