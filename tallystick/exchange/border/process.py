"""The border as one process: opens ``HOME/border`` and the desk's outbox, and nothing else of this machine.

The composition root: the one place where the border's parts are wired to real files, the clock and the network.
A peer port, a loop per peer, and a tick that looks after outbox, roster, addresses and leaf.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tallystick.config.clock import Clock, SystemClock
from tallystick.config.errors import TallystickError
from tallystick.config.settings import load_border, load_peers
from tallystick.exchange.border.followers import Followers
from tallystick.exchange.border.identity import CERTIFICATE, PRIVATE_KEY, load_leaf
from tallystick.exchange.border.lock import BorderLock
from tallystick.exchange.border.logbook import open_log
from tallystick.exchange.border.memory import give_back
from tallystick.exchange.border.roads import Roads
from tallystick.exchange.border.rooms import open_rooms
from tallystick.exchange.pull import PullLimits
from tallystick.exchange.service import CallRecord, Limits, PeerServer, Pins, ServedTree
from tallystick.keys.secrets import Secrets, choose_secrets

__all__ = ["Border", "border_secrets"]

_TICKS_TO_TRIM = 10
_DISK_THREADS = 3
"""Threads that read files for peers and for the tick; pulls have their own."""


def border_secrets(home: Path) -> Secrets:
    """Return whoever can be asked for the passphrase of ``HOME/border``'s key: file, systemd or a person.

    Raises:
        ConfigError: The settings are not what they must be.
        SignerError: None of the three is there.
    """
    settings = load_border(home)
    return choose_secrets(settings.resolve(settings.passphrase_file) if settings.passphrase_file else None)


class Border:
    """A border that runs.

    Args:
        home: HOME; only ``HOME/border`` and the outbox that its settings name are opened.
        ask: Who is asked for the passphrase.
        clock: Tells the time.
        limits: Bounds of the peer port.
        pull_limits: Bounds on what peers may send.
        debug: Log every call and every pull that brought nothing.
        told: Called with the address once the port is open.
        tick: How often outbox, roster, addresses and leaf are looked at, in seconds.
    """

    def __init__(
        self,
        home: Path,
        ask: Secrets,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        pull_limits: PullLimits | None = None,
        debug: bool = False,
        told: Callable[[str], None] = lambda _address: None,
        tick: float = 1.0,
    ) -> None:
        self._home, self._ask, self._clock = home, ask, clock or SystemClock()
        self._limits, self._pull_limits = limits, pull_limits
        self._debug, self._told, self._seconds = debug, told, tick
        self._stop, self._pull_now = asyncio.Event(), asyncio.Event()
        self._marks: dict[str, object] = {}
        self._problems: tuple[str, ...] = ()

    def stop(self) -> None:
        """Ask the border to end; returns at once."""
        self._stop.set()

    def pull_now(self) -> None:
        """Ask it to read the outbox and pull every peer now."""
        self._pull_now.set()

    async def run(self) -> None:
        """Serve and pull until ``stop``.

        Raises:
            TallystickError: It cannot start: settings, key, lock or port.
        """
        folder = load_border(self._home).folder
        with BorderLock(folder) as lock:
            self._rooms = open_rooms(self._home, self._clock)
            self._settings, self._keeper = self._rooms.settings, self._rooms.keeper
            self._log = open_log(folder / "border.log", debug=self._debug)
            try:
                await self._run(folder, lock)
            finally:
                self._rooms.state.close()

    async def _run(self, folder: Path, lock: BorderLock) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_DISK_THREADS, thread_name_prefix="disk"))
        leaf = load_leaf(folder, self._settings.state, self._ask)
        self._changed("leaf", _times(folder / CERTIFICATE, folder / PRIVATE_KEY))
        await asyncio.to_thread(self._read_outbox)
        tree = ServedTree(self._settings.state.lower(), self._keeper.archive.tree, self._keeper.rosters.folder)
        listen = self._settings.listen
        self._server = PeerServer(tree, listen, leaf, self._pins(), limits=self._limits, on_call=self._called)
        self._roads = Roads(self._keeper, leaf, self._pull_limits)
        seconds = self._settings.pull_seconds
        self._peers = Followers(self._keeper, self._roads, self._clock, self._log, seconds, self._pull_limits)
        port = await self._server.start()
        address = f"{listen.rpartition(':')[0]}:{port}"
        lock.tell(address)
        self._log.info("listening", address=address, state=self._settings.state, demo=self._settings.demo)
        self._told(address)
        try:
            for ticks in count(1):
                await self._tick()
                if ticks % _TICKS_TO_TRIM == 0:
                    give_back()
                await self._pause()
                if self._stop.is_set():
                    break
        finally:
            self._log.info("stopping")
            await self._peers.close()
            self._roads.close()
            await self._server.stop()

    async def _pause(self) -> None:
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stop, self._pull_now)]
        await asyncio.wait(waiting, timeout=self._seconds, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()
        if self._pull_now.is_set():
            self._pull_now.clear()
            self._peers.pull_now()

    async def _tick(self) -> None:
        """Look after what may have changed on disk; what fails is said and tried again."""
        try:
            await asyncio.to_thread(self._read_outbox)
            self._settle_leaf()
            if self._changed("peers", _times(self._settings.folder / "peers.toml")):
                urls = load_peers(self._home).peers
                self._peers.settle({state: url for state, url in urls.items() if state != self._settings.state})
            await self._settle_roster()
            await asyncio.to_thread(self._rooms.outlet.tell)
        except TallystickError as error:
            self._log.error("needs looking after", what=error.message, hint=error.hint)
        except OSError as error:  # a full disk, a folder taken away: peers are served meanwhile
            self._log.error("needs looking after", what=f"{error.filename}: {error.strerror}")

    def _read_outbox(self) -> None:
        found = self._rooms.intake.pass_over()
        if found.messages:
            facts = {"messages": found.messages, "releases": found.releases, "roster": found.roster_changed}
            self._log.info("desk's outbox read", **facts)
        if found.problems and tuple(found.problems) != self._problems:
            self._log.warning("desk's outbox has problems", problems=found.problems)
        self._problems = tuple(found.problems) if found.looked else self._problems

    async def _settle_roster(self) -> None:
        """Let in exactly the leaves that the roster names now."""
        if not self._keeper.has_roster:
            return
        held = await asyncio.to_thread(self._keeper.held)
        if self._changed("roster", held.digest):
            await self._server.replace_pins(self._pins())
            self._log.info("roster in force", federation=held.roster.federation_id, states=len(held.roster.states))

    def _pins(self) -> Pins:
        return Pins.of(self._keeper.held().roster) if self._keeper.has_roster else Pins({}, ())

    def _settle_leaf(self) -> None:
        """Take up a renewed leaf; one that cannot be read leaves the old one in place."""
        folder = self._settings.folder
        if not self._changed("leaf", _times(folder / CERTIFICATE, folder / PRIVATE_KEY)):
            return
        leaf = load_leaf(folder, self._settings.state, self._ask)
        self._server.replace_leaf(leaf)
        self._roads.use_leaf(leaf)
        self._log.info("leaf renewed")

    def _changed(self, name: str, mark: object) -> bool:
        before = self._marks.get(name)
        self._marks[name] = mark
        return before != mark

    def _called(self, call: CallRecord) -> None:
        facts = {"peer": call.state, "method": call.method, "status": call.status, "seconds": call.seconds}
        if call.error:
            self._log.error("call broke", error=call.error, **facts)
        elif call.status != "OK":
            self._log.warning("call refused", **facts)
        elif call.sent:
            self._log.info("served", files=call.files, bytes=call.sent, **facts)
        else:
            self._log.debug("served", **facts)


def _times(*paths: Path) -> tuple[tuple[int, int], ...]:
    """Return what changes when one of these files is replaced."""
    facts = [path.stat() for path in paths if path.exists()]
    return tuple((fact.st_ino, fact.st_mtime_ns) for fact in facts)
