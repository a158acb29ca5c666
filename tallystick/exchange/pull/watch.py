"""Against silence: cuts a transfer off when nothing comes for too long, or when all of it takes too long."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tallystick.config.errors import PeerError
from tallystick.config.i18n import _

__all__ = ["Watch"]

_TICKS = 8


class Watch:
    """Runs beside one transfer, in a thread of its own.

        with Watch(call.cancel, idle=20, total=300) as watch:
            for piece in pieces:
                watch.moved()

    Args:
        cut: Ends the transfer from outside; must make the blocked read return or raise.
        idle: Longest silence, in seconds.
        total: Longest time for all of it, in seconds.
    """

    def __init__(self, cut: Callable[[], object], *, idle: float, total: float) -> None:
        self._cut, self._idle, self._total = cut, idle, total
        self._started = self._last = time.monotonic()
        self._over = threading.Event()
        self.was_cut = False
        self._thread = threading.Thread(target=self._run, name="pull-watch", daemon=True)

    def moved(self) -> None:
        """Something useful arrived."""
        self._last = time.monotonic()

    def error(self) -> PeerError:
        """Return the words for a transfer that this watch cut off."""
        if time.monotonic() - self._started >= self._total:
            return PeerError(_("not finished after {seconds:g} seconds").format(seconds=self._total))
        return PeerError(_("silent for {seconds:g} seconds").format(seconds=self._idle))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        pause = min(self._idle, self._total) / _TICKS
        while not self._over.wait(pause):
            now = time.monotonic()
            if now - self._last >= self._idle or now - self._started >= self._total:
                self.was_cut = True
                self._cut()
                return
