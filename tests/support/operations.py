"""What a person types, as things to be struck: how to prepare it, what it is, what may be seen before and after.

``look`` is all that anybody can see of the outcome; it must be ``before``, ``after``, or one of the steps between that
the operation allows (``between``), whatever went wrong. ``sound`` checks what must hold at any moment.
"""

import io
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tallystick.cli.main import main
from tests.support.tracer import Call, Order, run

Look = Any


def typed(words: Sequence[object]) -> None:
    """Run one command line in this process, as ``tallystick`` does; leaves by ``SystemExit``."""
    sys.argv = ["tallystick", *map(str, words)]
    main()


def told(words: Sequence[object]) -> tuple[int, str, str]:
    """Run one command line here; return exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            typed(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return code, out.getvalue(), err.getvalue()


def shown(words: Sequence[object]) -> Any:
    """Run a command that must succeed, with ``--json``; return its document."""
    code, out, err = told([*words, "--json"])
    assert code == 0, f"{words}: {err}"
    return json.loads(out)


def apart(action: Callable[[], object]) -> None:
    """Run ``action`` in a fork of its own (a solver's threads must not come into the process that forks)."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(9)
    assert os.waitpid(child, 0)[1] == 0, "the step by itself failed; its words are above"


@dataclass(frozen=True)
class Operation:
    """One command over one prepared folder.

    Attributes:
        name: As in tables and docs/FAULTS.md.
        prepare: Fills an empty folder.
        words: The command line.
        look: What can be seen of the outcome.
        sound: Raises where something half-done or a second truth shows.
        between: Whether a sight that is neither that before nor that after is a step on the way.
        again: Exit codes of the same command once more when it was through already.
        points: At least so many changes it makes; fewer would show that the watch is blind.
        settle: What a person does to have the command go on, besides typing it again.
    """

    name: str
    prepare: Callable[[Path], None]
    words: Callable[[Path], list[object]]
    look: Callable[[Path], Look]
    sound: Callable[[Path], None] = lambda _scene: None
    between: Callable[[Look], bool] = lambda _look: False
    again: frozenset[int] = frozenset({0})
    points: int = 3


class _Nothing:
    def before(self, _call: Call) -> Order:
        return Order()

    def after(self, _call: Call) -> Order:
        return Order()


class Stage:
    """One operation over and over: each time in a fresh copy of what was prepared."""

    def __init__(self, operation: Operation, folder: Path) -> None:
        self.operation = operation
        self._template, self._work = folder / "template", folder / "work"
        self._template.mkdir(parents=True)
        operation.prepare(self._template)

    def fresh(self) -> Path:
        """Return a fresh copy, always under the same name."""
        if self._work.exists():
            shutil.rmtree(self._work)
        shutil.copytree(self._template, self._work, symlinks=True)
        return self._work

    def act(self) -> None:
        """The command itself, to be run in a fork."""
        typed(self.operation.words(self._work))

    def repeat(self) -> tuple[int, str]:
        """Run the same command once more in a fork with nothing going wrong; return its exit code and its words."""
        said = self._work.with_name("said")
        return run(self.act, self._work, _Nothing(), said), said.read_text(errors="replace")

    def look(self) -> Look:
        return self.operation.look(self._work)

    @cache  # noqa: B019 - as many stages as operations
    def sights(self) -> tuple[Look, Look]:
        """Return what is seen before and after when nothing goes wrong."""
        self.fresh()
        before = self.look()
        code, said = self.repeat()
        assert code == 0, said
        self.operation.sound(self._work)
        after = self.look()
        assert before != after, "the look shows no difference"
        return before, after

    def check_left(self, *, done: bool) -> None:
        """Whatever went wrong: nothing half-done shows, and what was acknowledged is there.

        Args:
            done: The command said that it succeeded.
        """
        before, after = self.sights()
        self.operation.sound(self._work)
        seen = self.look()
        if done:
            assert seen == after, f"acknowledged, but seen: {seen}"
        else:
            assert seen in (before, after) or self.operation.between(seen), f"half-done: {seen}"

    def check_goes_on(self) -> None:
        """The same command again succeeds, and leads where it would have led."""
        before, after = self.sights()
        there = self.look() == after
        code, said = self.repeat()
        assert code == 0 or (there and code in self.operation.again), f"not repeatable: {code} {said}"
        assert "Traceback" not in said
        self.operation.sound(self._work)
        assert self.look() == after, f"repeated, but seen: {self.look()}"
        del before
