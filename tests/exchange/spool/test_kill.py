"""Prototype (4): the writer is killed at each of its calls; nothing is half done, lost or numbered twice."""

import os
from pathlib import Path
from typing import Any

import pytest

from tallystick.exchange.spool import Cursor, SpoolReader, SpoolWriter
from tests.support.killing import every_step, run_and_kill

FIRST, SECOND, THIRD = b"first" * 100, b"second" * 100, b"third" * 100


class MemoryCursor:
    def __init__(self) -> None:
        self.cursor = Cursor()

    def load(self) -> Cursor:
        return self.cursor

    def save(self, cursor: Cursor) -> None:
        self.cursor = cursor


def read_all(reader: SpoolReader) -> list[tuple[int, str, bytes]]:
    found = []
    for number, kind, message in reader.read_new():
        found.append((number, kind, message))
        reader.done(number)
    return found


def published(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("before", [0, 1, 3], ids=["into no folder", "after one", "after three"])
def test_writer_killed_at_each_call_leaves_whole_messages_and_goes_on_without_gap_or_reuse(
    tmp_path: Path, before: int
) -> None:
    steps = 0
    for step in every_step():
        folder = tmp_path / str(step) / "outbox"
        for _ in range(before):
            SpoolWriter(folder).put("log", FIRST)
        reader = SpoolReader(folder, MemoryCursor())
        read_all(reader)
        finished = run_and_kill(lambda folder=folder: SpoolWriter(folder).put("log", SECOND), step)

        seen_after_crash = read_all(reader)
        assert [message for _n, _k, message in seen_after_crash] in ([], [SECOND])
        if folder.exists():
            assert reader.problems == ()
        names_then = published(folder) if folder.exists() else {}

        SpoolWriter(folder).put("roster", THIRD)
        names_now = published(folder)
        assert names_then.items() <= names_now.items(), "a published file changed"
        assert not [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]
        numbers = sorted(int(name[:8]) for name in names_now)
        assert numbers == list(range(1, len(numbers) + 1)), "a gap"
        everything = seen_after_crash + read_all(reader)
        assert reader.problems == ()
        assert everything[-1][1:] == ("roster", THIRD)
        assert [message for _n, _k, message in everything] in ([THIRD], [SECOND, THIRD])
        steps = step
        if finished:
            assert everything[0][2] == SECOND
            break
    assert steps > 8


def test_recovery_itself_killed_at_each_call_keeps_the_number_for_the_same_bytes(tmp_path: Path) -> None:
    for first in range(1, 25):
        folder = tmp_path / str(first)
        SpoolWriter(folder).put("log", FIRST)
        if run_and_kill(lambda folder=folder: SpoolWriter(folder).put("log", SECOND), first):
            break
        for second in every_step():
            finished = run_and_kill(lambda folder=folder: SpoolWriter(folder).put("log", THIRD), second)
            whole = published(folder)
            reader = SpoolReader(folder, MemoryCursor())
            messages = [message for _n, _k, message in read_all(reader)]
            assert reader.problems == ()
            assert len(messages) == len(whole)
            assert messages[0] == FIRST
            assert set(messages[1:]) <= {SECOND, THIRD}
            if finished:
                break


@pytest.mark.parametrize("step", range(1, 12))
def test_reader_killed_while_it_remembers_gets_the_message_again_or_not_at_all(tmp_path: Path, step: int) -> None:
    from tallystick.exchange.spool import FileCursor

    folder, cursor = tmp_path / "outbox", FileCursor(tmp_path / "cursor")
    SpoolWriter(folder).put("log", FIRST)
    SpoolWriter(folder).put("log", SECOND)

    def read_one() -> None:
        reader = SpoolReader(folder, cursor)
        number, _kind, _message = next(reader.read_new())
        reader.done(number)

    run_and_kill(read_one, step)
    left = [message for _n, _k, message in SpoolReader(folder, cursor).read_new()]
    assert left in ([FIRST, SECOND], [SECOND])


def test_bytes_are_synced_before_their_name_and_names_before_put_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    kinds = {}
    real_open, real_fsync, real_rename, real_write = os.open, os.fsync, os.rename, os.write

    def spy_open(path: Path, flags: Any, *args: Any, **kwargs: Any) -> int:
        handle = real_open(path, flags, *args, **kwargs)
        kinds[handle] = "folder" if flags & os.O_DIRECTORY else "file"
        return handle

    monkeypatch.setattr(os, "open", spy_open)
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append(f"fsync {kinds[fd]}"), real_fsync(fd))[1])
    monkeypatch.setattr(os, "rename", lambda a, b: (calls.append("rename"), real_rename(a, b))[1])
    monkeypatch.setattr(os, "write", lambda fd, data: (calls.append("write"), real_write(fd, data))[1])
    (tmp_path / "outbox").mkdir()
    SpoolWriter(tmp_path / "outbox").put("log", FIRST)
    assert calls[calls.index("write") :] == ["write", "fsync file", "fsync folder", "rename", "fsync folder"]
