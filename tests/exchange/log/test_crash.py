"""A crash at any moment: nothing acknowledged is lost, no size is ever signed twice with different roots.

Three ways to fail: each write fails, or fails although it was done (a table); a real process kills itself at its n-th
call; the power goes and the page cache with it. After each the same append is simply repeated, or another one comes
first.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.errors import StoreError
from tallystick.exchange.log.tilelog import TileLog
from tests.support.killing import every_step, run_and_kill
from tests.support.powercut import Disk, Tree, restore, tree_of, watched

ORIGIN = f"tallystick/{'ab' * 32}/kaz"
BEFORE = [b"entry %d" % number for number in range(254)]
BATCH = [b"new %d" % number for number in range(5)]
OTHER = [b"other %d" % number for number in range(3)]
KILLS = ("write", "rename", "link", "unlink", "mkdir", "chmod", "fchmod")
CALLS = ("open", "fsync", "rename", "mkdir")


class Story:
    """A log of 254 entries under two heads, about to grow over the edge of its first tile."""

    def __init__(self, home: Path, keys: Any) -> None:
        self.home, self.keys = home, keys
        log = TileLog.create(home, ORIGIN)
        log.append(BEFORE[:100], keys.sign)
        self.views = [keys.follow(log)]
        log.append(BEFORE, keys.sign)
        self.views.append(keys.follow(log, self.views[0]))

    def append(self) -> None:
        TileLog(self.home, "kaz").append(BATCH, self.keys.sign)

    def check(self, *, acknowledged: bool, other_first: bool) -> None:
        """Go on after a crash and see that everything that was promised holds."""
        log = TileLog(self.home, "kaz")
        assert log.size >= len(BEFORE)
        assert log.entries(0, len(BEFORE)) == BEFORE
        if acknowledged:
            assert log.entries(254, 259) == BATCH
        # What is published now, a peer may take now.
        view = self.keys.pull(log, self.views[1])
        if other_first:
            log.append(OTHER, self.keys.sign)
        checkpoint = log.append(BATCH, self.keys.sign)
        assert log.append(BATCH, self.keys.sign) == checkpoint
        entries = log.entries(0, log.size)
        assert sorted(entries) == sorted([*BEFORE, *BATCH, *(OTHER if other_first else ())])
        for seen in (*self.views, view):
            self.keys.follow(log, seen)
        assert {size: len(roots) for size, roots in self.keys.truths().items() if len(roots) > 1} == {}

    def check_both_ways(self, left: Tree, *, acknowledged: bool) -> None:
        """Check what a crash left: the append is repeated, or another one comes first."""
        journal = self.keys.journal.read_text() if self.keys.journal.exists() else ""
        for other_first in (False, True):
            restore(left, self.home)
            self.keys.journal.write_text(journal)
            self.check(acknowledged=acknowledged, other_first=other_first)


@pytest.fixture
def story(folder: Path, keys: Any, monkeypatch: pytest.MonkeyPatch) -> Story:
    # Calls are counted and watched; waiting for the disk a hundred thousand times would show nothing more.
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    return Story(folder, keys)


def test_a_process_killed_at_its_nth_call_loses_and_forks_nothing(story: Story) -> None:
    start = tree_of(story.home)
    for step in every_step():
        restore(start, story.home)
        story.keys.journal.unlink(missing_ok=True)
        finished = run_and_kill(story.append, step, KILLS, root=story.home)
        story.check_both_ways(tree_of(story.home), acknowledged=finished)
        if finished:
            break
    assert step > 30


def test_a_power_cut_at_any_call_loses_and_forks_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.keys.journal.write_text("")
    disk = Disk(story.home, story.keys.journal.read_text)
    disk.settle()
    with watched(disk, monkeypatch):
        story.append()
    assert len(disk.cuts) > 20
    for tree, journal in disk.cuts:
        story.keys.journal.write_text(journal)
        story.check_both_ways(tree, acknowledged=tree == disk.cuts[-1][0])


def failing(monkeypatch: pytest.MonkeyPatch, call: str, at: int, *, persisted: bool) -> list[int]:
    """Let the ``at``-th use of an ``os`` function fail, before or after it was done; return a counter."""
    real: Callable[..., Any] = getattr(os, call)
    count = [0]

    def sometimes(*args: Any, **kwargs: Any) -> Any:
        count[0] += call != "open" or bool(args[1] & (os.O_CREAT | os.O_DIRECTORY))
        if count[0] != at:
            return real(*args, **kwargs)
        count[0] += 1
        if persisted:
            found = real(*args, **kwargs)
            if call == "open":
                os.close(found)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, sometimes)
    return count


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize("call", CALLS)
def test_every_write_may_fail_and_the_same_append_is_repeated(
    story: Story, monkeypatch: pytest.MonkeyPatch, call: str, persisted: bool
) -> None:
    start = tree_of(story.home)
    for at in range(1, 200):
        restore(start, story.home)
        story.keys.journal.unlink(missing_ok=True)
        with monkeypatch.context() as patched:
            count = failing(patched, call, at, persisted=persisted)
            try:
                story.append()
            except StoreError:
                assert count[0] > at
        failed = count[0] > at
        story.check_both_ways(tree_of(story.home), acknowledged=not failed)
        if not failed:
            break
    assert not failed


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
def test_a_signer_that_fails_leaves_the_entries_in_the_log(story: Story, persisted: bool) -> None:
    def broken(head: Any) -> bytes:
        if persisted:
            story.keys.sign(head)
        raise StoreError("the token was pulled out")

    log = TileLog(story.home, "kaz")
    with pytest.raises(StoreError, match="token"):
        log.append(BATCH, broken)
    assert log.size == 254
    story.check(acknowledged=False, other_first=True)


def test_what_was_persisted_is_signed_before_anything_new_is_asked(story: Story) -> None:
    log = TileLog(story.home, "kaz")
    with pytest.raises(ZeroDivisionError):
        log.append(BATCH, lambda _head: b"%d" % (1 // 0))
    log.settle(story.keys.sign)
    assert log.entries(254, 259) == BATCH
    story.check(acknowledged=True, other_first=False)


def test_leftovers_of_a_crash_are_not_served_for_ever(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.rename

    def stop_at_head(source: Any, target: Any) -> None:
        if str(target).endswith("head.json"):
            raise OSError(5, "Input/output error")
        real(source, target)

    log = TileLog(story.home, "kaz")
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", stop_at_head)
        with pytest.raises(StoreError, match="Input/output error"):
            log.append(BATCH, story.keys.sign)
    assert "tile/entries/000" in list(log.paths())
    log.append(OTHER[:1], story.keys.sign)
    assert "tile/entries/000" not in list(log.paths())
    story.keys.follow(log)
