"""One loop per peer: pull, wait, pull again; a slow or broken peer holds up nobody else."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from tallystick.config.clock import Clock
from tallystick.config.errors import StoreError
from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.border.pulling import Attempt, Puller
from tallystick.exchange.border.roads import Roads
from tallystick.exchange.border.timing import Timing
from tallystick.exchange.pull import PullLimits

__all__ = ["Followers"]

_AT_ONCE = 16
"""Peers that are pulled at the same time, each in a worker thread."""
_KEPT_OPEN = 30.0
"""Connections are kept between pulls that follow within so many seconds; an idle one costs both sides memory."""


class Followers:
    """Pulls every peer that has an address. Used from one event loop.

    Args:
        keeper: The stores.
        roads: Open connections.
        clock: Tells the time.
        log: The border's log.
        seconds: Interval between two pulls of one peer.
        limits: Bounds on what peers may send.
    """

    def __init__(
        self,
        keeper: Keeper,
        roads: Roads,
        clock: Clock,
        log: Any,  # noqa: ANN401 - structlog's bound loggers are made at run time
        seconds: float,
        limits: PullLimits | None,
    ) -> None:
        self._keeper, self._roads, self._clock, self._log = keeper, roads, clock, log
        self._timing, self._limits = Timing(seconds), limits
        self._rarely = seconds >= _KEPT_OPEN
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pull")
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()

    def settle(self, wanted: Mapping[str, str]) -> None:
        """Follow exactly these peers (address by alpha-3 code) from now on."""
        for state, (url, task) in list(self._running.items()):
            if wanted.get(state) != url:
                task.cancel()
                del self._running[state]
                self._roads.drop(state)
        for state, url in wanted.items():
            if state not in self._running:
                self._running[state] = (url, asyncio.create_task(self._follow(state, url)))

    def pull_now(self) -> None:
        """Ask every peer now instead of when his time comes."""
        self._wake.set()
        self._wake = asyncio.Event()

    async def close(self) -> None:
        """End all loops; a pull that runs breaks off, what it handed over stays."""
        self.settle({})
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    async def _follow(self, state: str, url: str) -> None:
        pause = self._timing.first()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)
            attempt = await asyncio.get_running_loop().run_in_executor(self._pool, self._pull, state, url)
            failures = attempt.standing.failures if attempt else 1
            pause = 0.0 if attempt and attempt.again else self._timing.after(failures)

    def _pull(self, state: str, url: str) -> Attempt | None:
        """Pull once, in a worker thread; None where this node itself was not ready or failed."""
        if not self._keeper.has_roster:
            return None
        try:
            puller = Puller(self._keeper, state, url, self._clock, limits=self._limits)
            attempt = puller.run(lambda: self._roads.to(state, url))
        except StoreError as error:
            self._log.error("cannot keep what was pulled", peer=state, what=error.message, hint=error.hint)
            return None
        except Exception as error:  # noqa: BLE001 - one peer must not end the others' loops
            self._log.error("pull broke off", peer=state, error=type(error).__name__)
            self._roads.drop(state)
            return None
        self._say(attempt)
        if not attempt.ok or (self._rarely and not attempt.again):
            self._roads.drop(state)
        return attempt

    def _say(self, attempt: Attempt) -> None:
        standing, facts = attempt.standing, {"peer": attempt.state, "size": attempt.standing.size}
        for kind in attempt.alarms:
            self._log.error("alarm", kind=kind, what=standing.error, **facts)
        if not attempt.ok:
            self._log.warning("pull failed", what=standing.error, failures=standing.failures, **facts)
        elif standing.new or attempt.roster_changed:
            self._log.info("pulled", new=standing.new, roster=attempt.roster_changed, notes=standing.notes, **facts)
        else:
            self._log.debug("nothing new", **facts)
