"""How one spool file looks: its name, one header line, the message.

    tallystick-spool-1 log 00000007 5120 <sha256 of the message>⏎<5120 bytes>

The header lets a reader tell a file that is still being copied (by a slow stick, say) from one that is wrong.
"""

import hashlib
import re
from dataclasses import dataclass

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = [
    "FILE_LIMIT",
    "HEADER_LIMIT",
    "KINDS",
    "LAST_NUMBER",
    "MESSAGE_LIMIT",
    "Header",
    "decode",
    "encode",
    "file_name",
    "parse_header",
    "parse_name",
    "parse_temporary",
    "temporary_name",
]

KINDS = frozenset({"roster", "log", "receipts"})
MESSAGE_LIMIT = 32 * 1024 * 1024
"""Largest message, in bytes."""
HEADER_LIMIT = 160
FILE_LIMIT = MESSAGE_LIMIT + HEADER_LIMIT
LAST_NUMBER = 99_999_999

_NAME = re.compile(r"(?P<number>[0-9]{8})\.(?P<kind>[a-z]{1,20})")
_TEMPORARY = re.compile(r"\.(?P<number>[0-9]{8})\.(?P<kind>[a-z]{1,20})\.(?P<digest>[0-9a-f]{64})\.tmp")
_HEADER = re.compile(
    rb"tallystick-spool-1 (?P<kind>[a-z]{1,20}) (?P<number>[0-9]{8}) (?P<size>[0-9]{1,8}) (?P<digest>[0-9a-f]{64})\n"
)


@dataclass(frozen=True)
class Header:
    """What a spool file says about itself; ``size`` in bytes, ``digest`` SHA-256 of the message in hex."""

    kind: str
    number: int
    size: int
    digest: str


def file_name(number: int, kind: str) -> str:
    """Return ``00000007.log``."""
    return f"{number:08d}.{kind}"


def temporary_name(number: int, kind: str, framed: bytes) -> str:
    """Return the name that a file bears until it is whole; it carries the digest of the whole file."""
    return f".{number:08d}.{kind}.{hashlib.sha256(framed).hexdigest()}.tmp"


def parse_name(name: str) -> tuple[int, str] | None:
    """Return number and kind of a published file's name, None if it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None or int(found["number"]) == 0:
        return None
    return int(found["number"]), found["kind"]


def parse_temporary(name: str) -> tuple[int, str, str] | None:
    """Return number, kind and digest of a temporary name, None if it is no such name."""
    found = _TEMPORARY.fullmatch(name)
    return (int(found["number"]), found["kind"], found["digest"]) if found else None


def encode(number: int, kind: str, message: bytes) -> bytes:
    """Return the whole file for a message."""
    digest = hashlib.sha256(message).hexdigest()
    return f"tallystick-spool-1 {kind} {number:08d} {len(message)} {digest}\n".encode() + message


def parse_header(data: bytes) -> tuple[Header, int]:
    """Read the header line at the start of ``data``; return it and the offset of the message.

    Raises:
        MalformedError: No header of this format.
    """
    found = _HEADER.match(data)
    if found is None:
        raise MalformedError(_("no spool header at its start"), hint=_("copy it again"))
    header = Header(found["kind"].decode(), int(found["number"]), int(found["size"]), found["digest"].decode())
    return header, found.end()


def decode(number: int, kind: str, data: bytes) -> tuple[bytes, str]:
    """Return message and digest of a whole file that bears the name of ``number`` and ``kind``.

    Raises:
        MalformedError: Shorter or longer than it says, other bytes than it says, or another file's content.
    """
    header, start = parse_header(data)
    if (header.number, header.kind) != (number, kind):
        raise MalformedError(
            _("its header says {name}").format(name=file_name(header.number, header.kind)),
            hint=_("spool files must keep their names when they are copied"),
        )
    message = data[start:]
    if len(message) < header.size:
        raise MalformedError(
            _("half-written: {got} of {size} bytes").format(got=len(message), size=header.size),
            hint=_("it is read as soon as it is whole; if nothing is copying it, copy it again"),
        )
    if len(message) > header.size or hashlib.sha256(message).hexdigest() != header.digest:
        raise MalformedError(_("its bytes are not those it was written with"), hint=_("copy it again"))
    return message, header.digest
