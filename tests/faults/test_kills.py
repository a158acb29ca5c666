"""Real processes, really killed: at a system call that changes a file, or half-way through it, and at any moment.

After each kill, three things must hold, whatever the command was. Nothing that was acknowledged is lost: a command that
had said so before it died finds it there. Nothing is half-done: what can be seen is what was before, what comes after,
or a step that the operation names, and every part of it is whole and verifies. There is no second truth: log, tables
and folders tell one story, and the same command typed again leads where it would have led without the kill.
"""

from collections.abc import Callable

import pytest

from tests.support.faults import serve
from tests.support.names import BORDER, DESK, OPERATIONS

Record = Callable[[str, object], None]


def _kills(done: dict[str, dict[str, int]], record: Record) -> int:
    total = sum(sum(one.values()) for one in done.values())
    record("kills", total)
    return total


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_kill_at_any_call_loses_forks_or_half_does_nothing(name: str, record_property: Record) -> None:
    assert _kills(serve("tests.support.striking:kill", "60", "1", name), record_property) >= 8


@pytest.mark.parametrize("names", [DESK, BORDER], ids=["desk", "border"])
def test_kills_at_some_calls_of_every_command(names: tuple[str, ...], record_property: Record) -> None:
    assert _kills(serve("tests.support.striking:kill", "2", "2", *names), record_property) >= 2 * len(names)


PROGRAMS = ("case import", "release draft", "release publish", "peer pull, later", "roster apply, later", "pack export")
"""Commands that are also started as programs of their own, as a person starts them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("way", ["at_calls", "at_moments"])
def test_a_program_of_its_own_killed_anywhere_loses_nothing(name: str, way: str, record_property: Record) -> None:
    died = serve(f"tests.support.true_kills:{way}", "12", "1", name)[name]
    record_property("kills", died)
    assert died or way == "at_moments"


def test_a_program_of_its_own_killed_at_a_call_loses_nothing(record_property: Record) -> None:
    died = serve("tests.support.true_kills:at_calls", "2", "3", "peer pull, later")
    record_property("kills", sum(died.values()))
    assert sum(died.values()) == 2
