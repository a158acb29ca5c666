"""One writer per border folder: the running border, or one command in the foreground. Also says who and where."""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tallystick.config.errors import StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _

__all__ = ["BorderLock", "Running", "who_runs"]

_NAME = "border.lock"
_LIMIT = 1024


@dataclass(frozen=True)
class Running:
    """The process that holds a border folder; ``address`` is empty for a command in the foreground."""

    pid: int
    address: str


class BorderLock:
    """Holds ``HOME/border`` for this process; the kernel lets go of it when the process ends, however it ends.

    Raises:
        StoreError: Another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._handle = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                _("cannot write to {folder}: {reason}").format(folder=folder, reason=error.strerror)
            ) from None
        if not self._taken():
            os.close(self._handle)
            found = who_runs(folder)
            raise StoreError(
                _("{folder} is in use by process {pid}").format(folder=folder, pid=found.pid if found else "?"),
                hint=_("a border runs for this home already; end it with: tallystick down --home {home}").format(
                    home=folder.parent
                ),
            )
        self.tell("")

    def _taken(self) -> bool:
        """Try a few times: ``who_runs`` holds the lock for a moment while it looks."""
        for _attempt in range(5):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.02)
            else:
                return True
        return False

    def tell(self, address: str) -> None:
        """Write down who holds the folder, and where it listens."""
        data = json.dumps({"pid": os.getpid(), "address": address}).encode()
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, data, 0)

    def release(self) -> None:
        """Let go of the folder."""
        os.ftruncate(self._handle, 0)
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def who_runs(folder: Path) -> Running | None:
    """Return who holds a border folder, None if nobody does."""
    path = folder / _NAME
    if not path.exists():
        return None
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            found = json.loads(read_bounded(path, _LIMIT))
            return Running(int(found["pid"]), str(found["address"]))
        except (ValueError, KeyError, TypeError):
            return Running(0, "")
    finally:
        os.close(handle)
    return None
