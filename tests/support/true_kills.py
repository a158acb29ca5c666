"""Whole processes, started as a person starts them, and killed at a random moment or at a random call."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.border_operations import border_operations
from tests.support.desk_operations import desk_operations
from tests.support.faults import Action, strike, trace
from tests.support.operations import Operation, Stage

PROGRAM = [sys.executable, "-m", "tallystick.cli.main"]


def _program(stage: Stage, scene: Path) -> list[str]:
    return [*PROGRAM, *map(str, stage.operation.words(scene))]


def _replaced(words: list[str]) -> Action:
    return lambda: os.execv(words[0], words)


def _all() -> dict[str, Operation]:
    return desk_operations() | border_operations()


def at_calls(count: str, seed: str, *names: str) -> Any:
    """Start each command as a program of its own and kill it at ``count`` random calls; return how many died."""
    return {name: _staged(name, lambda stage: _at_calls(stage, int(count), f"{seed} {name}")) for name in names}  # noqa: B023 - used at once


def at_moments(count: str, seed: str, *names: str) -> Any:
    """Start each command as a program of its own and kill it ``count`` times at a random moment."""
    return {name: _staged(name, lambda stage: _at_moments(stage, int(count), f"{seed} {name}")) for name in names}  # noqa: B023 - used at once


def _staged(name: str, run: Any) -> int:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-kills-"))
    try:
        return int(run(Stage(_all()[name], folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _at_calls(stage: Stage, count: int, seed: str) -> int:
    scene, draw, died = stage.fresh(), random.Random(seed), 0
    calls = len(trace(_replaced(_program(stage, scene)), scene))
    for _ in range(count):
        scene, at = stage.fresh(), draw.randint(1, calls)
        ended = strike(_replaced(_program(stage, scene)), scene, "killed half-way", at)
        died += ended.killed
        stage.check_left(done=ended.code == 0)
        stage.check_goes_on()
    return died


def _at_moments(stage: Stage, count: int, seed: str) -> int:
    scene, draw, died = stage.fresh(), random.Random(seed), 0
    start = time.monotonic()
    subprocess.run(_program(stage, scene), check=True, capture_output=True, timeout=60)
    whole = time.monotonic() - start
    for _ in range(count):
        scene = stage.fresh()
        child = subprocess.Popen(_program(stage, scene), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = child.wait(draw.uniform(0.4, 1.0) * whole)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            code = child.wait()
        died += code == -signal.SIGKILL
        stage.check_left(done=code == 0)
        stage.check_goes_on()
    return died
