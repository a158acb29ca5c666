"""One round of pulling now, for a person who waits: by this process, or by the border that runs already."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.errors import PeerError, StoreError, UnanchoredError, UsageError
from tallystick.config.i18n import _
from tallystick.config.settings import load_border, load_peers
from tallystick.exchange.border.identity import load_leaf
from tallystick.exchange.border.lock import BorderLock, who_runs
from tallystick.exchange.border.outbox import Imported
from tallystick.exchange.border.process import border_secrets
from tallystick.exchange.border.pulling import Attempt, Progress, Puller, silent
from tallystick.exchange.border.roads import Roads
from tallystick.exchange.border.rooms import Rooms, open_rooms
from tallystick.exchange.border.state import Alarm, BorderState, PeerStanding

__all__ = ["Round", "alarms", "ask_running", "chosen_peers", "evidence", "pull_round", "standings"]

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Round:
    """What one round brought.

    Attributes:
        outbox: What came from the own desk.
        attempts: One a peer, in the order in which they were asked.
    """

    outbox: Imported
    attempts: tuple[Attempt, ...]


def chosen_peers(home: Path, states: Sequence[str]) -> dict[str, str]:
    """Return address by state of the peers that were named, or of all.

    Raises:
        UsageError: There are none, or one that was named has no address here.
    """
    peers = {state: url for state, url in load_peers(home).peers.items() if state != load_border(home).state}
    wanted = [state.upper() for state in states] or list(peers)
    missing = [state for state in wanted if state not in peers]
    if missing or not wanted:
        raise UsageError(
            _("no address is known of {states}").format(states=", ".join(missing) or _("any peer")),
            hint=_("add one: tallystick peer add CODE URL"),
        )
    return {state: peers[state] for state in wanted}


@contextmanager
def _open(home: Path, clock: Clock) -> Iterator[Rooms]:
    with BorderLock(load_border(home).folder):
        rooms = open_rooms(home, clock)
        try:
            yield rooms
        finally:
            rooms.state.close()


def pull_round(
    home: Path, peers: Mapping[str, str], clock: Clock, progress: Callable[[str], Progress] = lambda _state: silent
) -> Round:
    """Read the own outbox, pull these peers one after another, write the inbox; no border may run meanwhile.

    Args:
        home: HOME.
        peers: Address by state.
        clock: Tells the time.
        progress: Gives, for a state, who is told of each step of its pull.

    Raises:
        StoreError: A border runs for this home, or the disk refuses.
        SignerError: The TLS key cannot be opened.
        UnanchoredError: This border belongs to no federation yet.
    """
    with _open(home, clock) as rooms:
        folder, state = rooms.settings.folder, rooms.settings.state
        remote = any(not url.startswith("file:") for url in peers.values())
        leaf = load_leaf(folder, state, border_secrets(home)) if remote else None
        outbox = rooms.intake.pass_over()
        if not rooms.keeper.has_roster:
            raise UnanchoredError(
                _("this border belongs to no federation yet"),
                hint=_("adopt its roster with: tallystick roster apply DIR --root WORDS"),
            )
        roads, attempts = Roads(rooms.keeper, leaf), []
        try:
            for peer, url in peers.items():
                attempts.append(_pull(rooms, roads, peer, url, clock, progress(peer)))
        finally:
            roads.close()
        rooms.outlet.tell()
    return Round(outbox, tuple(attempts))


def _pull(rooms: Rooms, roads: Roads, peer: str, url: str, clock: Clock, progress: Progress) -> Attempt:
    """Pull a peer until it has nothing more to give; new entries of all passes are added up."""
    new = 0
    while True:
        attempt = Puller(rooms.keeper, peer, url, clock, progress=progress).run(lambda: roads.to(peer, url))
        new += attempt.standing.new
        if not attempt.again:
            return attempt.with_new(new)


def ask_running(home: Path, peers: Mapping[str, str], seconds: float = 60.0) -> dict[str, PeerStanding]:
    """Make the border that runs for this home pull now, wait for it, return how each peer stands.

    Raises:
        UsageError: None runs.
        StoreError: A command in the foreground uses the border's folder, or the border is just starting.
        PeerError: It did not get round to all of them in time.
    """
    folder = load_border(home).folder
    before = standings(home, peers)
    running = who_runs(folder)
    if running is None or not running.pid:
        raise UsageError(_("no border runs for {home}").format(home=home), hint=_("start it: tallystick up"))
    if not running.address:  # no border listens to signals there
        raise StoreError(
            _("{folder} is in use by process {pid}").format(folder=folder, pid=running.pid),
            hint=_("try again in a moment"),
        )
    os.kill(running.pid, signal.SIGHUP)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = standings(home, peers)
        if all(now[state].attempts > before[state].attempts for state in peers):
            return now
        time.sleep(_LOOK_SECONDS)
    raise PeerError(
        _("the running border did not ask all peers within {seconds:g} seconds").format(seconds=seconds),
        hint=_("look into {log}").format(log=folder / "border.log"),
    )


def standings(home: Path, peers: Iterable[str]) -> dict[str, PeerStanding]:
    """Return how the last pull of each peer went, beside a border that may be running."""
    with _looking(home) as state:
        return {peer: state.peer(peer) if state else PeerStanding() for peer in peers}


def alarms(home: Path) -> tuple[Alarm, ...]:
    """Return what a person must look at, oldest first."""
    with _looking(home) as state:
        return state.alarms() if state else ()


def evidence(home: Path, number: int) -> tuple[bytes, ...]:
    """Return the signed bytes that belong to an alarm."""
    with _looking(home) as state:
        return state.evidence(number) if state else ()


@contextmanager
def _looking(home: Path) -> Iterator[BorderState | None]:
    path = load_border(home).folder / "state.db"
    if not path.exists():
        yield None
        return
    state = BorderState(path, read_only=True)
    try:
        yield state
    finally:
        state.close()
