"""Every write of every command fails, in every way: one clear error, nothing lost, nothing half-done, repeatable.

The table is operation x place x way. A place is a system call below the command that changes a file, SQLite's own
among them. The ways: it failed; it failed but was done; it wrote half of what it was given; and from this place on the
disk is full, read-only or broken. After each, ``striking`` checks:

- the command succeeded, or gave one ``error:`` line and an exit code of the tree, and no traceback;
- what can be seen is what was there before, what comes after, or a step that the operation names; whole in any case;
- if it said that it succeeded, all of it is there;
- the same command once more succeeds and leads where it would have led.
"""

import pytest

from tests.support.faults import FAILURES, serve
from tests.support.names import BORDER, DESK, OPERATIONS


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_write_that_fails_loses_forks_or_half_does_nothing(name: str) -> None:
    done = serve("tests.support.striking:fail", "16", "1", name)[name]
    assert set(done) == set(FAILURES)
    assert all(done[kind] for kind in FAILURES if kind != "full"), done


@pytest.mark.parametrize("names", [DESK, BORDER], ids=["desk", "border"])
def test_one_write_of_each_command_that_fails_by_turns_in_each_way(names: tuple[str, ...]) -> None:
    done = serve("tests.support.striking:fail_once", "2", *names)
    assert set(done) == set(names)
    assert sum(sum(one.values()) for one in done.values()) >= 2 * len(names)
