"""A real child process that is killed at the n-th change that it makes to files, half-way through where it writes."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.faults import Fault
from tests.support.tracer import Call, Order, run, unavailable


@dataclass
class _Some(Fault):
    """Counts calls of some names only."""

    names: tuple[str, ...] | None = None

    def before(self, call: Call) -> Order:
        return super().before(call) if self.names is None or call.name in self.names else Order()


def run_and_kill(
    action: Callable[[], object],
    step: int,
    calls: tuple[str, ...] | None = None,
    prepare: Callable[[Callable[[], None]], None] | None = None,
    root: Path = Path("/"),
) -> bool:
    """Run ``action`` in a child that is killed at its ``step``-th change to a file; tell whether it got to its end.

    Args:
        action: Runs in a fork; whatever it raises fails the test.
        step: From 1.
        calls: Count these calls only (names as in ``tracer.CALLS``); None for all.
        prepare: Runs in the child before; is given a function that kills it when called for the ``step``-th time, for
            moments that change no file.
        root: Only files below it count.
    """
    if reason := unavailable():
        pytest.skip(reason)

    def whole() -> None:
        if prepare is not None:
            prepare(_ticker(step))
        action()

    with tempfile.TemporaryDirectory() as away:
        said = Path(away) / "said"
        code = run(whole, root, _Some("killed half-way", step, names=calls), said)
        assert code in {0, -9}, f"the child failed by itself: {said.read_text(errors='replace')}"
    return code == 0


def _ticker(step: int) -> Callable[[], None]:
    left = [step]

    def tick() -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return tick


def every_step(limit: int = 4000) -> Iterator[int]:
    """Yield 1, 2, 3, ...: break out of the loop when ``run_and_kill`` says that the child got to its end."""
    yield from range(1, limit)
    raise AssertionError(f"still not finished after {limit} calls")
