"""What lies in a backup folder: copies of the register and, apart from them, of the keyring with the day it ends.

    DIR/tombstones                          who was erased, carried on for ever
    DIR/register-20261123T220000Z/          register.db, desk.db, log, settings, roster, secrets but the identity key
    DIR/keyring-20261123T220000Z/           keyring.db, identity.secret, identity.box; ends after 35 days

Each copy is a folder that appeared whole, with a ``manifest.json``: what it is, when it was made, when it ends, and
every file's digest, under a MAC by the register key. Trusted: nothing, until the MAC was checked. Who controls the
folder can delete copies and hold them back; he can alter none, nor lengthen a keyring's life.
"""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError, TallystickError
from tallystick.config.files import PRIVATE_FILE, fsync_dir, read_bounded, write_new
from tallystick.config.i18n import _

__all__ = ["KEYRING_LIFE", "MANIFEST", "Copy", "Kind", "Manifest", "find_copies", "prune", "remove_copy"]

KEYRING_LIFE = timedelta(days=35)
"""Longest life of a copy of the keyring: an erased person's key is gone everywhere after that."""
MANIFEST = "manifest.json"
_LIMIT = 16 * 1024 * 1024
_STAMP = "%Y%m%dT%H%M%SZ"
_BLOCK = 1 << 20
Kind = Literal["register", "keyring"]
_Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]


def _key(register_key: bytes) -> bytes:
    info = b"tallystick-backup-manifest-1"
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(register_key)


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


class Manifest(BaseModel):
    """What a copy says of itself; ``rows`` is cases (register) or keys (keyring), ``log_size`` entries of the log."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["tallystick-backup-1"] = "tallystick-backup-1"
    kind: Kind
    state: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    made_at: _Time
    expires_at: _Time | None
    rows: int
    log_size: int
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]

    @classmethod
    def of(cls, folder: Path, kind: Kind, state: str, at: datetime, *, rows: int, log_size: int = 0) -> Self:
        """Describe what was put into ``folder``."""
        files = {path.relative_to(folder).as_posix(): _digest(path) for path in _files(folder)}
        ends = rfc3339(at + KEYRING_LIFE) if kind == "keyring" else None
        made_at = rfc3339(at)
        return cls(kind=kind, state=state, made_at=made_at, expires_at=ends, rows=rows, log_size=log_size, files=files)

    def mac(self, register_key: bytes) -> str:
        """Return the MAC over everything else."""
        return hmac.digest(_key(register_key), rfc8785.dumps(self.model_dump()), "sha256").hex()

    def write(self, folder: Path, register_key: bytes) -> None:
        """Put it into the copy's folder."""
        document = {**self.model_dump(), "mac": self.mac(register_key)}
        write_new(folder / MANIFEST, rfc8785.dumps(document) + b"\n", PRIVATE_FILE)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)


@dataclass(frozen=True)
class Copy:
    """One copy in a backup folder, not verified; ``manifest`` is None where it cannot be read."""

    path: Path
    kind: Kind
    made_at: datetime
    manifest: Manifest | None

    @property
    def expires_at(self) -> datetime | None:
        """When a copy of the keyring ends, by its name: 35 days after it was made, whatever the manifest says."""
        return self.made_at + KEYRING_LIFE if self.kind == "keyring" else None

    def is_over(self, now: datetime) -> bool:
        """Tell whether its day has come."""
        return self.expires_at is not None and self.expires_at <= now

    def verified(self, register_key: bytes, state: str | None = None) -> Manifest:
        """Check the manifest's MAC and every file.

        Raises:
            StoreError: Altered, incomplete, or another home's.
        """
        found = self.manifest
        if found is None or not hmac.compare_digest(_written_mac(self.path), found.mac(register_key)):
            raise StoreError(
                _("{path} was altered, or is a copy of another home").format(path=self.path),
                hint=_("use another copy; if none holds, the register key may be the wrong one"),
            )
        at = datetime.fromisoformat(found.made_at)
        if found.kind != self.kind or at != self.made_at or state not in {None, found.state}:
            raise StoreError(_("{path}: its name is not what its manifest says").format(path=self.path))
        present = {path.relative_to(self.path).as_posix() for path in _files(self.path)}
        wrong = [name for name in found.files if name not in present or _digest(self.path / name) != found.files[name]]
        if wrong or present - set(found.files):
            name = (wrong or sorted(present - set(found.files)))[0]
            raise StoreError(_("{path}: {name} is not what was copied").format(path=self.path, name=name))
        return found


def _written_mac(folder: Path) -> str:
    return str(json.loads(read_bounded(folder / MANIFEST, _LIMIT))["mac"])


def _read(path: Path) -> Copy | None:
    kind, _dash, stamp = path.name.partition("-")
    try:
        made_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    if kind not in {"register", "keyring"} or not path.is_dir() or path.is_symlink():
        return None
    try:
        document = json.loads(read_bounded(path / MANIFEST, _LIMIT))
        document.pop("mac")
        manifest = Manifest.model_validate(document)
    except (TallystickError, ValidationError, ValueError, KeyError, AttributeError):
        manifest = None
    return Copy(path, "keyring" if kind == "keyring" else "register", made_at, manifest)


def folder_name(kind: Kind, at: datetime) -> str:
    """Return the name of a copy made then."""
    return f"{kind}-{at.astimezone(UTC).strftime(_STAMP)}"


def find_copies(folder: Path, kind: Kind) -> list[Copy]:
    """Return the copies of one kind, newest first; nothing is verified."""
    if not folder.is_dir():
        return []
    found = [copy for path in folder.iterdir() if (copy := _read(path)) is not None and copy.kind == kind]
    return sorted(found, key=lambda copy: copy.made_at, reverse=True)


def remove_copy(path: Path) -> None:
    """Remove a copy; the keys in it first, and written over."""
    for name in ("identity.secret", "identity.box"):
        if (path / name).is_file():
            size = (path / name).stat().st_size
            with (path / name).open("r+b") as stream:
                stream.write(bytes(size))
            (path / name).unlink()
    shutil.rmtree(path)
    fsync_dir(path.parent)


def prune(folders: Sequence[Path], now: datetime) -> Iterator[Path]:
    """Remove the copies of the keyring whose day has come; yield what was removed."""
    for folder in dict.fromkeys(folders):
        for copy in find_copies(folder, "keyring"):
            if copy.is_over(now):
                remove_copy(copy.path)
                yield copy.path
