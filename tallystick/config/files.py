"""Files that survive a crash and do not surprise: written whole, read bounded.

Writing: a temporary file beside the target, fsync, rename, fsync of the folder. A crash leaves the old
file or the new one, and at worst a ``.tmp`` file that the next writer of that name replaces.
Reading: regular files only, no links followed, never more than the caller's limit.
"""

import os
import stat
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.i18n import _

__all__ = [
    "PRIVATE_DIR",
    "PRIVATE_FILE",
    "SHARED_FILE",
    "fsync_dir",
    "make_dir",
    "read_bounded",
    "replace_file",
    "write_new",
]

PRIVATE_FILE = 0o600
SHARED_FILE = 0o640
PRIVATE_DIR = 0o700


def fsync_dir(folder: Path) -> None:
    """Make the names in ``folder`` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_dir(folder: Path, mode: int = PRIVATE_DIR) -> Path:
    """Create ``folder`` (and its parents) with ``mode`` if it is not there; return it."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=mode, exist_ok=True)
        folder.chmod(mode)
    return folder


def _write(path: Path, data: bytes, mode: int) -> Path:
    # Removed first and made anew: a draft folder comes on a stick, and in place of what a crash left there could be a
    # pipe (which would hold us up) or a second name of another file (which would be written over).
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb", closefd=False) as stream:
            stream.write(data)
        os.fchmod(handle, mode)
        os.fsync(handle)
    finally:
        os.close(handle)
    return temporary


def replace_file(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Put ``data`` at ``path`` whole and durably, replacing what was there."""
    temporary = _write(path, data, mode)
    temporary.rename(path)
    fsync_dir(path.parent)


def write_new(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Put ``data`` at ``path`` whole and durably; refuse if something is there.

    Raises:
        StoreError: ``path`` exists; nothing was changed.
    """
    temporary = _write(path, data, mode)
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise StoreError(
            _("{path} already exists and was not touched").format(path=path),
            hint=_("move it away first if it is not needed, or choose another name"),
        ) from None
    finally:
        temporary.unlink()
    fsync_dir(path.parent)


def _read(handle: int, expected: int, limit: int) -> bytes:
    """Read to the end, or one byte beyond ``limit``; ``expected`` is the size it had when it was opened."""
    data = os.read(handle, min(expected, limit) + 1)
    while expected < len(data) <= limit:
        expected = len(data)
        data += os.read(handle, limit + 1 - len(data))
    return data


def read_bounded(path: Path | str, limit: int, *, owner: int | None = None, one_link: bool = False) -> bytes:
    """Read a regular file of at most ``limit`` bytes without following a link at its last component.

    Args:
        path: The file.
        limit: Largest size accepted, in bytes.
        owner: User id the file must belong to, or None for any.
        one_link: Refuse a file that has a second name (a hard link).

    Raises:
        StoreError: Absent, unreadable, a link, not a regular file, another's.
        MalformedError: Larger than ``limit``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(_("cannot read {path}: {reason}").format(path=path, reason=error.strerror)) from None
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise StoreError(_("{path} is not a regular file").format(path=path))
        if owner is not None and facts.st_uid != owner:
            raise StoreError(_("{path} belongs to another user").format(path=path))
        if one_link and facts.st_nlink != 1:
            raise StoreError(_("{path} has a second name (hard link)").format(path=path))
        data = _read(handle, facts.st_size, limit)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise MalformedError(_("{path} is larger than {limit} bytes").format(path=path, limit=limit))
    return data
