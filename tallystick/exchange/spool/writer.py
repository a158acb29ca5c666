"""The writing side of a spool: one file a message, whole or not there, numbered without gaps."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tallystick.config.errors import StoreError, TallystickError
from tallystick.config.files import SHARED_FILE, fsync_dir, make_dir, read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.spool.frame import (
    FILE_LIMIT,
    KINDS,
    LAST_NUMBER,
    MESSAGE_LIMIT,
    encode,
    file_name,
    parse_name,
    parse_temporary,
    temporary_name,
)

__all__ = ["SHARED_DIR", "SpoolWriter"]

SHARED_DIR = 0o750


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return hashlib.sha256(read_bounded(path, FILE_LIMIT)).hexdigest() == digest
    except TallystickError:
        return False


class SpoolWriter:
    """Writes messages into a folder that this user owns.

    Two processes of the same user may write at once: a lock in the folder orders them. Nothing is ever
    overwritten or removed but this writer's own unfinished files.

    Args:
        folder: The spool; made (0750) if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, kind: str, data: bytes) -> int:
        """Publish a message durably; return its number.

        Args:
            kind: One of ``KINDS``.
            data: The message, at most ``MESSAGE_LIMIT`` bytes.

        Raises:
            StoreError: Unknown kind, too large, or the folder cannot be written; nothing was published.
        """
        if kind not in KINDS:
            raise StoreError(_("'{kind}' is no kind of spool message").format(kind=kind[:20]))
        if len(data) > MESSAGE_LIMIT:
            raise StoreError(
                _("a spool message of {size} bytes is larger than {limit}").format(size=len(data), limit=MESSAGE_LIMIT),
                hint=_("send it in parts"),
            )
        try:
            make_dir(self._folder, SHARED_DIR)
            with self._locked():
                number = self._recover() + 1
                self._publish(number, kind, data)
        except OSError as error:
            raise StoreError(
                _("cannot write to the spool {folder}: {reason}").format(folder=self._folder, reason=error.strerror),
                hint=_("it must belong to the user who runs this, on a disk with room"),
            ) from None
        return number

    def _publish(self, number: int, kind: str, data: bytes) -> None:
        if number > LAST_NUMBER:
            raise StoreError(_("the spool {folder} is out of numbers").format(folder=self._folder))
        framed = encode(number, kind, data)
        temporary = self._folder / temporary_name(number, kind, framed)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, SHARED_FILE)
        try:
            rest = memoryview(framed)
            while rest:
                rest = rest[os.write(handle, rest) :]
            os.fchmod(handle, SHARED_FILE)
            os.fsync(handle)
        finally:
            os.close(handle)
        # The temporary name is made durable first: after a power cut a number that a reader may have seen is
        # either published or completed by _recover with the same bytes, never given to another message.
        fsync_dir(self._folder)
        temporary.rename(self._folder / file_name(number, kind))
        fsync_dir(self._folder)

    def _recover(self) -> int:
        """Finish or remove what a crash left; return the highest number in use."""
        names = sorted(path.name for path in self._folder.iterdir())
        highest = max((found[0] for name in names if (found := parse_name(name))), default=0)
        for name in names:
            unfinished = parse_temporary(name)
            if unfinished is None:
                continue
            number, kind, digest = unfinished
            path = self._folder / name
            if number == highest + 1 and _is_whole(path, digest):
                path.rename(self._folder / file_name(number, kind))
                highest = number
            else:
                path.unlink()
        fsync_dir(self._folder)
        return highest

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
