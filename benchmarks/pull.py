"""Pulling 1,000 releases over mutual TLS: against its parts measured apart; and a pull that finds nothing new.

The parts: streaming the same bytes with nothing done to them, verifying the same objects in memory, writing and
syncing the same files. What a pull does beyond that (asking, archive index, own memory) is the overhead.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tallystick.config.clock import SystemClock
from tallystick.exchange.border.pulling import Puller
from tallystick.exchange.border.roads import Roads
from tallystick.exchange.border.rooms import Rooms, open_rooms
from tallystick.exchange.formats.tiles import bundles_for
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.pull.admit import admit, figures, first_view
from tallystick.exchange.service import Limits
from tallystick.proto.exchange.v1 import MAX_PATHS
from tallystick.proto.exchange.v1.exchange_pb2 import FetchRequest
from tests.support.ports import pins_of, raw_channel, running_port
from tests.support.wire import Wire

RELEASES = 1_000
TARGET_RATIO, TARGET_IDLE_MS = 1.5, 20.0
ROUNDS = 3


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _release(wire: Wire) -> None:
    tables = [table.id for table in wire.federation.catalogue.tables if table.where == "year"]
    for number in range(RELEASES):
        year, table = 1900 + number // len(tables), tables[number % len(tables)]
        wire.federation.release("KAZ", table, str(year), lambda _key: 7)


def _stream(wire: Wire, port: int, paths: list[str]) -> int:
    """Fetch the same files and throw them away."""
    total = 0
    with raw_channel(port, wire.tls["KGZ"], wire.tls["KAZ"], name="kaz.tallystick.invalid") as (_channel, stub):
        for first in range(0, len(paths), MAX_PATHS):
            for chunk in stub.Fetch(FetchRequest(paths=paths[first : first + MAX_PATHS]), timeout=60):
                total += len(chunk.data)
    return total


def _verify(wire: Wire) -> None:
    """Verify the same objects in memory."""
    roster, state = wire.federation.roster, wire.federation.state("KAZ")
    entry = roster.state("KAZ")
    _view, releases = admit(roster, entry, first_view(roster, entry), state.checkpoint(), state.entries, None)
    for release in releases:
        figures(roster, release, state.data[release.data_sha256])


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write and sync the same files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
        os.write(handle, data)
        os.fsync(handle)
        os.close(handle)


def _pull(rooms: Rooms, roads: Roads, url: str) -> int:
    attempt = Puller(rooms.keeper, "KAZ", url, SystemClock()).run(lambda: roads.to("KAZ", url))
    if not attempt.ok:
        raise RuntimeError(attempt.standing.error)
    return attempt.standing.new


def main() -> dict[str, Any]:
    """Measure, print, return the figures."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        base, wire = Path(name), Wire.make(("KAZ", "KGZ"))
        _release(wire)
        state = wire.federation.state("KAZ")
        tree = wire.tree(base / "tree", "KAZ")
        files = {
            str(path.relative_to(tree)): path.read_bytes()
            for path in tree.rglob("*")
            if path.is_file() and "roster" not in path.parts and path.name != "index.sqlite"
        }
        pins = pins_of({code: [leaf] for code, leaf in wire.tls.items()})
        port = stack.enter_context(running_port(tree, wire.tls["KAZ"], pins, limits=Limits(calls_per_peer=64)))
        url = f"grpcs://127.0.0.1:{port.port}"
        bundles = [f"kaz/{bundle.path}" for bundle in bundles_for(len(state.entries))]
        paths = bundles + [data_path("kaz", digest) for digest in state.data]
        parts = {
            "stream": [_timed(lambda: _stream(wire, port.port, paths)) for _ in range(ROUNDS)],
            "verify": [_timed(lambda: _verify(wire)) for _ in range(ROUNDS)],
            "write": [_timed(lambda at=at: _write(base / f"written{at}", files)) for at in range(ROUNDS)],
        }
        whole, idle = [], []
        for at in range(ROUNDS):
            home = wire.home(base / f"home{at}", "KGZ")
            rooms = open_rooms(home, SystemClock())
            roads = Roads(rooms.keeper, wire.tls["KGZ"].leaf)
            roads.to("KAZ", url).head()
            whole.append(_timed(lambda rooms=rooms, roads=roads: _pull(rooms, roads, url)))
            idle += [_timed(lambda rooms=rooms, roads=roads: _pull(rooms, roads, url)) for _ in range(20)]
            roads.close()
            rooms.state.close()
    return _report({part: min(times) for part, times in parts.items()}, min(whole), idle)


def _report(parts: dict[str, float], whole: float, idle: list[float]) -> dict[str, Any]:
    apart = sum(parts.values())
    for part, seconds in parts.items():
        print(f"  {part:8s} {seconds:7.3f} s")
    print(f"  apart    {apart:7.3f} s")
    print(f"  pull     {whole:7.3f} s   {whole / apart:.2f} of its parts (target {TARGET_RATIO})")
    typical = statistics.median(idle) * 1000
    print(f"  nothing new: {typical:.1f} ms (target {TARGET_IDLE_MS:g})")
    return {
        "releases": RELEASES,
        **{f"{part}_s": round(seconds, 4) for part, seconds in parts.items()},
        "pull_s": round(whole, 4),
        "pull_to_parts": round(whole / apart, 3),
        "pull_target": TARGET_RATIO,
        "nothing_new_ms": round(typical, 2),
        "nothing_new_target_ms": TARGET_IDLE_MS,
    }
