"""Strikes one operation at many places in many ways and checks what is left each time; runs inside ``faults.serve``."""

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tallystick.config import errors
from tests.support.border_operations import border_operations
from tests.support.desk_operations import desk_operations
from tests.support.faults import FAILURES, KILLS, Ended, Kind, strike, trace
from tests.support.operations import Operation, Stage
from tests.support.tracer import Call

CODES = {
    found.exit_code
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, errors.TallystickError) and found.exit_code != 1
}
"""Exit codes of the tree; 1 would be a mistake of ours."""


def operations() -> dict[str, Operation]:
    return desk_operations() | border_operations()


def one_clear_error(ended: Ended) -> None:
    """It succeeded, or it gave one ``error:`` line and an exit code of the tree; never a traceback."""
    assert "Traceback" not in ended.said, ended.said
    if ended.code == 0:
        return
    assert ended.code in CODES, f"exit {ended.code}: {ended.said}"
    assert sum(line.startswith("error: ") for line in ended.said.splitlines()) == 1, ended.said


def places(calls: list[Call], count: int, seed: str) -> list[int]:
    """Choose ``count`` of an operation's calls: each name of call at least once, then at random; 0 means every call."""
    every = range(1, len(calls) + 1)
    if not count or count >= len(calls):
        return list(every)
    draw = random.Random(seed)
    by_name: dict[str, list[int]] = {}
    for at in every:
        by_name.setdefault(calls[at - 1].name, []).append(at)
    chosen = {draw.choice(found) for found in by_name.values()} if count >= len(by_name) else set()
    while len(chosen) < count:
        chosen.add(draw.choice(every))
    return sorted(chosen)


def strike_all(name: str, kinds: Iterable[Kind], count: int, seed: str) -> dict[str, int]:
    """Strike one operation ``count`` times in each way; return how often which way was tried.

    Raises:
        AssertionError: With the way, the place and the call, so that it can be struck there again.
    """
    os.environ["TALLYSTICK_LANG"] = "en"
    folder = Path(tempfile.mkdtemp(prefix="tallystick-faults-"))
    done: Counter[str] = Counter()
    try:
        stage = Stage(operations()[name], folder)
        stage.sights()
        calls = trace(stage.act, stage.fresh())
        assert len(calls) >= stage.operation.points, f"only {len(calls)} changes seen"
        for kind in kinds:
            for at in places(calls, count, f"{seed} {name} {kind}"):
                done[kind] += _strike(stage, kind, at)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return dict(done)


def _strike(stage: Stage, kind: Kind, at: int) -> int:
    scene = stage.fresh()
    ended = strike(stage.act, scene, kind, at)
    try:
        assert ended.killed == (kind in KILLS and ended.hit is not None), ended
        if not ended.killed:
            one_clear_error(ended)
        stage.check_left(done=ended.code == 0)
        stage.check_goes_on()
    except BaseException as error:
        where = f"{ended.hit.name} {ended.hit.path.relative_to(scene)}" if ended.hit else "nothing"
        error.add_note(f"{stage.operation.name}: {kind} at {at} ({where}); exit {ended.code}; it said: {ended.said}")
        raise
    return int(ended.hit is not None)


def kill(count: str, seed: str, *names: str) -> Any:
    """Kill each operation before, and half-way through, ``count`` of its calls; return how often which was killed."""
    return {name: strike_all(name, KILLS, int(count), seed) for name in names}


def fail(count: str, seed: str, *names: str) -> Any:
    """Let ``count`` of each operation's calls fail in every way."""
    return {name: strike_all(name, FAILURES, int(count), seed) for name in names}


def fail_once(seed: str, *names: str) -> Any:
    """Let one call of each operation fail in every second way, by turns."""
    return {name: strike_all(name, FAILURES[at % 2 :: 2], 1, seed) for at, name in enumerate(names)}
