"""Faults at the n-th change that a real process makes to its files, by kind; see ``tracer`` for how.

points = trace(action, root)                       what it does when nothing is wrong
ended = strike(action, root, "persisted", 17)      the 17th call is done, and says that it was not
"""

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.tracer import Call, Order, run, unavailable

Kind = Literal["killed", "killed half-way", "failed", "failed but persisted", "short", "full", "read-only", "broken"]
KILLS: tuple[Kind, ...] = ("killed", "killed half-way")
FAILURES: tuple[Kind, ...] = ("failed", "failed but persisted", "short", "full", "read-only", "broken")
"""``full``, ``read-only`` and ``broken`` last from the n-th call on; the others happen once."""
LASTING = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}
_NEEDS_ROOM = {"write", "pwrite", "writev", "pwritev", "sendfile", "copy_file_range", "fallocate", "mkdir", "link",
               "symlink"}  # fmt: skip
_SINGLE = (errno.EIO, errno.ENOSPC, errno.EROFS)


@dataclass
class Fault:
    """Lets one call go wrong, or all from one on; remembers which it was."""

    kind: Kind
    at: int
    number: int = errno.EIO
    count: int = 0
    hit: Call | None = None

    def before(self, call: Call) -> Order:
        self.count += 1
        if self.count < self.at:
            return Order()
        if self.kind in LASTING:
            return self._lasting(call)
        if self.count > self.at:
            return Order()
        self.hit = call
        if self.kind == "killed" or (self.kind == "killed half-way" and call.length < 2):
            return Order("kill")
        if self.kind in {"killed half-way", "short"}:
            return Order("short")
        return Order("fail", self.number) if self.kind == "failed" else Order("watch")

    def _lasting(self, call: Call) -> Order:
        makes = call.name == "open" and not call.path.exists()
        if self.kind == "full" and call.name not in _NEEDS_ROOM and not makes:
            return Order()
        self.hit = self.hit or call
        return Order("fail", LASTING[self.kind])

    def after(self, call: Call) -> Order:
        if self.kind == "killed half-way":
            return Order("kill")
        return Order(errno=self.number if self.kind == "failed but persisted" else 0)


@dataclass
class Recorder:
    """Lets everything happen and writes it down."""

    calls: list[Call] = field(default_factory=list)

    def before(self, call: Call) -> Order:
        self.calls.append(call)
        return Order()

    def after(self, call: Call) -> Order:
        del call
        return Order()


@dataclass(frozen=True)
class Ended:
    """How a struck process ended.

    Attributes:
        code: Its exit code, or minus the signal.
        hit: The first call that was struck; None where it made fewer.
        said: What it wrote on standard output and error.
    """

    code: int
    hit: Call | None
    said: str

    @property
    def killed(self) -> bool:
        return self.code == -9


Action = Callable[[], object]


def trace(action: Action, root: Path) -> list[Call]:
    """Run ``action`` in a fork that must end well; return every change that it made below ``root``."""
    seen = Recorder()
    with tempfile.TemporaryDirectory() as away:
        code = run(action, root, seen, Path(away) / "said")
        assert code == 0, (Path(away) / "said").read_text(errors="replace")
    return seen.calls


def strike(action: Action, root: Path, kind: Kind, at: int, number: int | None = None) -> Ended:
    """Run ``action`` in a fork whose ``at``-th change below ``root`` goes wrong in this way.

    ``number`` is the errno of a single failure; by default EIO, ENOSPC and EROFS take turns.
    """
    fault = Fault(kind, at, _SINGLE[at % 3] if number is None else number)
    with tempfile.TemporaryDirectory() as away:
        code = run(action, root, fault, Path(away) / "said")
        return Ended(code, fault.hit, (Path(away) / "said").read_text(errors="replace"))


def serve(target: str, *arguments: str, seconds: float = 1200) -> Any:
    """Run ``module:function`` in a fresh process, which forks what it kills; return the JSON that it returns.

    A test process has threads and connections of other tests; a fork of it would not be an honest child.
    """
    if reason := unavailable():
        pytest.skip(reason)
    module, function = target.split(":")
    with tempfile.TemporaryDirectory() as away:
        answer = Path(away) / "answer"
        code = (
            f"import sys, json, pathlib; from {module} import {function} as f;"
            " pathlib.Path(sys.argv[1]).write_text(json.dumps(f(*sys.argv[2:])))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, answer, *arguments],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-6000:]
        return json.loads(answer.read_text())
