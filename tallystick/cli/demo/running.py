"""The demonstration's processes: one border a state, on loopback, left running; waiting until all hold everything."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tallystick.cli.demo.build import home_of
from tallystick.cli.demo.plan import Cast, DemoState
from tallystick.config.errors import PeerError
from tallystick.config.files import SHARED_FILE, replace_file
from tallystick.config.i18n import _
from tallystick.config.settings import PEERS_FILE, PeerSettings, dump_settings, load_border
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.lock import Running, who_runs

__all__ = ["held", "introduce", "running", "start_all", "stop_all", "wait_for_all"]

START_SECONDS = 30.0
PULL_SECONDS = 150.0
_POLL = 0.1


def introduce(folder: Path, cast: Cast) -> None:
    """Tell every border where the others are; what pins them is the roster, not this list."""
    listen = {state.code: f"grpcs://{load_border(home_of(folder, state)).listen}" for state in cast.states}
    for state in cast.states:
        peers = PeerSettings(peers={code: url for code, url in listen.items() if code != state.code})
        replace_file(home_of(folder, state) / PEERS_FILE, dump_settings(peers), SHARED_FILE)


def running(folder: Path, state: DemoState) -> Running | None:
    """Return the border process of a state, None if it does not run."""
    return who_runs(home_of(folder, state) / "border")


def start_all(folder: Path, cast: Cast, advance: Callable[[], None]) -> None:
    """Start every border that does not run and wait until each says where it listens.

    Raises:
        PeerError: One did not come up; its own words are in ``border.out``.
    """
    for state in cast.states:
        if running(folder, state) is None:
            _start(home_of(folder, state))
    until = time.monotonic() + START_SECONDS
    for state in cast.states:
        while not (found := running(folder, state)) or not found.address:
            if time.monotonic() > until:
                out = home_of(folder, state) / "border" / "border.out"
                raise PeerError(_("the border of {state} did not start").format(state=state.code), hint=str(out))
            time.sleep(_POLL)
        advance()
    for one in filter(None, (running(folder, state) for state in cast.states)):
        os.kill(one.pid, signal.SIGHUP)


def _start(home: Path) -> None:
    with (home / "border" / "border.out").open("wb") as out:
        subprocess.Popen(  # noqa: S603 - our own module with our own interpreter
            [sys.executable, "-m", "tallystick.exchange.border", "--home", str(home.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def held(folder: Path, state: DemoState) -> Mapping[str, int]:
    """Return how many entries of each state's log the archive of ``state`` holds, verified."""
    archive = Archive(home_of(folder, state) / "border" / "archive")
    views = {cc: archive.view(cc) for cc in archive.states()}
    return {cc.upper(): view.size for cc, view in views.items() if view is not None}


def wait_for_all(folder: Path, cast: Cast, sizes: Mapping[str, int], advance: Callable[[], None]) -> None:
    """Wait until every state's archive holds every state's whole log.

    Raises:
        PeerError: Not within the time allowed; names who lacks what.
    """
    until = time.monotonic() + PULL_SECONDS
    waiting = {(one.code, other): one for one in cast.states for other in sizes}
    while waiting:
        for one in dict.fromkeys(waiting.values()):
            have = held(folder, one)
            for other in [other for code, other in waiting if code == one.code]:
                if have.get(other, 0) >= sizes[other]:
                    del waiting[one.code, other]
                    advance()
        if waiting and time.monotonic() > until:
            (code, other), one = next(iter(waiting.items()))
            raise PeerError(
                _("{one} does not hold the log of {other} yet").format(one=code, other=other),
                hint=_("look into {path}").format(path=home_of(folder, one) / "border" / "border.log"),
            )
        time.sleep(_POLL)


def stop_all(folder: Path, cast: Cast) -> int:
    """End every border in order; return how many ran."""
    found = [one for one in (running(folder, state) for state in cast.states) if one and one.pid]
    for one in found:
        os.kill(one.pid, signal.SIGTERM)
    until = time.monotonic() + START_SECONDS
    for state in cast.states:
        while running(folder, state) is not None and time.monotonic() < until:
            time.sleep(_POLL)
    return len(found)
