"""Tombstones: who was erased, told by a keyed digest that names nobody.

A tombstone stands in three places: in the register, in the keyring, and in HOME/desk/tombstones, which every backup
carries on. Where one of the three lacks it, somebody put an older file back, and ``erasing.settle`` erases again.

Trusted: an attacker with the files learns how many were erased and when. Without the register key he can neither make
a tombstone nor tell whose one is; taking it away from one place or two changes nothing.
"""

import hmac
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.config.errors import StoreError
from tallystick.config.files import read_bounded, replace_file
from tallystick.config.i18n import _

__all__ = ["TOMBSTONES", "Tombstone", "TombstoneFile", "Tombstones", "buried", "bury", "case_mac", "tombstone_key"]

TOMBSTONES = "tombstones"
"""Name of the file in HOME/desk and in a backup folder."""
_LIMIT = 64 * 1024 * 1024
_FIELDS = ("mac", "record_id", "erased_at", "order_sha256")


class Tombstone(NamedTuple):
    """One erased case: digest of agency and number, its record, when (RFC 3339), by which order (hex SHA-256)."""

    mac: bytes
    record_id: int
    erased_at: str
    order_sha256: str


def tombstone_key(register_key: bytes, purpose: bytes = b"case") -> bytes:
    """Derive the key of the digests from the register's."""
    info = b"tallystick-tombstone-1 " + purpose
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(register_key)


def case_mac(key: bytes, agency: str, number: str) -> bytes:
    """Return the digest of an agency and its case number, 32 bytes.

    Args:
        key: ``tombstone_key``.
        agency: As the record has it.
        number: The agency's own case number.
    """
    name = agency.encode()
    return hmac.digest(key, len(name).to_bytes(4, "big") + name + number.encode(), "sha256")


def buried(connection: Any) -> frozenset[Tombstone]:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return the tombstones of a register or a keyring."""
    rows = connection.execute("SELECT mac, record_id, erased_at, order_sha256 FROM tombstone").fetchall()
    return frozenset(Tombstone(*row) for row in rows)


def bury(connection: Any, tombstones: Iterable[Tombstone]) -> None:  # noqa: ANN401 - as above
    """Put tombstones into a register or a keyring, inside the caller's transaction; the first of a case stays."""
    connection.executemany(
        "INSERT OR IGNORE INTO tombstone (mac, record_id, erased_at, order_sha256) VALUES (?, ?, ?, ?)",
        list(tombstones),
    )


class Tombstones:
    """The register's tombstones, for whoever takes cases in.

    Args:
        connection: The open register.
        key: ``tombstone_key``; a store need not hold the register's own.
    """

    def __init__(self, connection: Any, key: bytes) -> None:  # noqa: ANN401 - as above
        self._key = key
        self._erased = {stone.mac: stone.erased_at for stone in buried(connection)}

    def erased(self, agency: str, number: str) -> str | None:
        """Return when that case was erased (RFC 3339), or None."""
        return self._erased.get(case_mac(self._key, agency, number)) if self._erased else None


class TombstoneFile:
    """Tombstones outside the databases: one line each, every line with a digest of its own.

    Written whole and durably each time; lines are only ever added.

    Args:
        path: The file; none there means no tombstones.
        register_key: The register's raw key.
    """

    def __init__(self, path: Path, register_key: bytes) -> None:
        self.path = path
        self._key = tombstone_key(register_key, b"line")

    def _tag(self, fields: dict[str, str | int]) -> str:
        return hmac.digest(self._key, rfc8785.dumps(fields), "sha256").hex()

    def _line(self, stone: Tombstone) -> bytes:
        fields: dict[str, str | int] = {**stone._asdict(), "mac": stone.mac.hex()}
        return rfc8785.dumps({**fields, "tag": self._tag(fields)}) + b"\n"

    def _parse(self, line: bytes) -> Tombstone:
        try:
            found = json.loads(line)
            tag = bytes.fromhex(found.pop("tag"))
            if sorted(found) == sorted(_FIELDS) and hmac.compare_digest(tag, bytes.fromhex(self._tag(found))):
                return Tombstone(bytes.fromhex(found["mac"]), *(found[name] for name in _FIELDS[1:]))
        except (ValueError, KeyError, TypeError, AttributeError, rfc8785.CanonicalizationError):
            pass
        raise StoreError(
            _("{path}: a line is not this register's tombstone").format(path=self.path),
            hint=_("the file was changed, or is of another home; move it away: register and keyring hold their own"),
        )

    def read(self) -> frozenset[Tombstone]:
        """Return what the file holds.

        Raises:
            StoreError: A line was changed, or is of another home.
        """
        if not self.path.exists():
            return frozenset()
        return frozenset(map(self._parse, read_bounded(self.path, _LIMIT).splitlines()))

    def add(self, stones: Iterable[Tombstone]) -> None:
        """Add tombstones; durable when this returns."""
        held = self.read()
        known = {stone.mac for stone in held}
        fresh = [stone for stone in stones if stone.mac not in known]
        if fresh:
            lines = sorted((*held, *fresh), key=lambda stone: (stone.erased_at, stone.mac))
            replace_file(self.path, b"".join(map(self._line, lines)))
