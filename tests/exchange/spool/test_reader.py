"""What may lie in a spool: every wrong thing is reported with a hint and holds nothing else up."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.errors import StoreError
from tallystick.exchange.spool import Cursor, FileCursor, SpoolReader, SpoolWriter
from tallystick.exchange.spool import reader as reader_module
from tallystick.exchange.spool.cursor import OPEN_LIMIT
from tallystick.exchange.spool.frame import MESSAGE_LIMIT, encode, file_name


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    folder = tmp_path / "outbox"
    writer = SpoolWriter(folder)
    for message in (b"one", b"two", b"three"):
        writer.put("log", message)
    return folder


@pytest.fixture
def reader(outbox: Path, tmp_path: Path) -> SpoolReader:
    return SpoolReader(outbox, FileCursor(tmp_path / "cursor"), owner=os.getuid())


def take(reader: SpoolReader) -> list[tuple[int, bytes]]:
    found = []
    for number, _kind, message in reader.read_new():
        found.append((number, message))
        reader.done(number)
    return found


def test_reads_each_message_once_in_order_and_remembers_over_a_restart(
    outbox: Path, reader: SpoolReader, tmp_path: Path
) -> None:
    assert take(reader) == [(1, b"one"), (2, b"two"), (3, b"three")]
    SpoolWriter(outbox).put("roster", b"four")
    again = SpoolReader(outbox, FileCursor(tmp_path / "cursor"))
    assert take(again) == [(4, b"four")]
    assert again.problems == ()


def test_what_was_not_marked_done_comes_again(reader: SpoolReader) -> None:
    assert [number for number, _k, _m in reader.read_new()] == [1, 2, 3]
    assert [number for number, _k, _m in reader.read_new()] == [1, 2, 3]


def test_the_reader_changes_nothing_in_the_spool(outbox: Path, reader: SpoolReader) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in outbox.iterdir()}, outbox.stat().st_mtime_ns
    take(reader)
    assert before == ({path.name: path.stat().st_mtime_ns for path in outbox.iterdir()}, outbox.stat().st_mtime_ns)


def spoil_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")


def spoil_pipe(path: Path, tmp_path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def spoil_folder(path: Path, tmp_path: Path) -> None:
    path.unlink()
    path.mkdir()


def spoil_hard_link(path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "second-name")


def spoil_half(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def spoil_half_header(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def spoil_empty(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"")


def spoil_bytes(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"X")


def spoil_longer(path: Path, tmp_path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def spoil_other_number(path: Path, tmp_path: Path) -> None:
    path.write_bytes(encode(9, "log", b"two"))


def spoil_too_large(path: Path, tmp_path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(MESSAGE_LIMIT + 4096)


def spoil_kind(path: Path, tmp_path: Path) -> None:
    path.rename(path.with_name("00000002.unheardof"))


def spoil_twice(path: Path, tmp_path: Path) -> None:
    path.with_name("00000002.roster").write_bytes(encode(2, "roster", b"other"))


SPOILED = {
    "a symbolic link": (spoil_link, os.strerror(errno.ELOOP)),
    "a pipe": (spoil_pipe, "regular file"),
    "a folder": (spoil_folder, "regular file"),
    "a hard link": (spoil_hard_link, "hard link"),
    "half-written": (spoil_half, "half-written"),
    "half its header": (spoil_half_header, "no spool header"),
    "empty": (spoil_empty, "no spool header"),
    "other bytes": (spoil_bytes, "not those it was written with"),
    "longer than it says": (spoil_longer, "not those it was written with"),
    "another number's content": (spoil_other_number, "its header says 00000009.log"),
    "too large": (spoil_too_large, "larger than"),
    "an unknown kind": (spoil_kind, "not known here"),
    "one number twice": (spoil_twice, "twice"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_bad_file_is_reported_and_those_behind_it_are_read(
    outbox: Path, reader: SpoolReader, tmp_path: Path, name: str
) -> None:
    spoil, words = SPOILED[name]
    path = outbox / "00000002.log"
    original = path.read_bytes()
    spoil(path, tmp_path)
    start = time.monotonic()
    assert take(reader) == [(1, b"one"), (3, b"three")]
    assert time.monotonic() - start < 2, "a pipe must not stop the reader"
    (problem,) = reader.problems
    assert "00000002" in problem.where
    assert words in problem.what
    assert problem.hint

    assert take(reader) == []
    assert len(reader.problems) == 1, "it stays reported until it is mended"

    for left in outbox.glob("00000002.*"):
        left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()
    path.write_bytes(original)
    assert take(reader) == [(2, b"two")]
    assert reader.problems == ()
    assert take(reader) == []


def test_another_owners_file_is_refused(outbox: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(outbox / "00000002.log", 12345, -1)
    reader = SpoolReader(outbox, FileCursor(tmp_path / "cursor"), owner=os.getuid())
    assert take(reader) == [(1, b"one"), (3, b"three")]
    assert "belongs to another user" in str(reader.problems[0])


def test_a_file_that_this_user_may_not_read_is_reported(outbox: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs two users")
    outbox.chmod(0o755)
    for parent in (tmp_path, *list(tmp_path.parents)[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    for name in ("00000001.log", "00000003.log"):
        (outbox / name).chmod(0o644)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        reader = SpoolReader(outbox, FileCursor(tmp_path / "cursor"))
        found = [message for _n, _k, message in reader.read_new()]
        fine = found == [b"one", b"three"] and "Permission denied" in str(reader.problems[0])
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_missing_number_is_reported_and_read_when_it_comes(outbox: Path, reader: SpoolReader) -> None:
    late = (outbox / "00000002.log").read_bytes()
    (outbox / "00000002.log").unlink()
    assert take(reader) == [(1, b"one"), (3, b"three")]
    assert [(problem.where, problem.what) for problem in reader.problems] == [("00000002", "missing")]
    (outbox / "00000002.log").write_bytes(late)
    assert take(reader) == [(2, b"two")]
    assert reader.problems == ()


def test_a_far_number_cannot_make_the_cursor_grow_without_limit(
    outbox: Path, reader: SpoolReader, tmp_path: Path
) -> None:
    for number in (900, 1800, 2700, 99_999_999):
        (outbox / file_name(number, "log")).write_bytes(encode(number, "log", b"far"))
    assert [number for number, _m in take(reader)] == [1, 2, 3, 900]
    assert "too many numbers" in str(reader.problems)
    assert len(FileCursor(tmp_path / "cursor").load().open) <= OPEN_LIMIT


def test_many_unread_messages_are_no_gap(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    for number in range(1, OPEN_LIMIT + 200):
        (folder / file_name(number, "log")).write_bytes(encode(number, "log", b"x"))
    reader = SpoolReader(folder, FileCursor(tmp_path / "cursor"))
    assert sum(1 for _ in reader.read_new()) == OPEN_LIMIT + 199
    assert reader.problems == ()


def test_a_spool_made_anew_is_noticed_and_read_from_its_start(outbox: Path, reader: SpoolReader) -> None:
    take(reader)
    for path in outbox.iterdir():
        path.unlink()
    assert take(reader) == []
    assert "ends at number 0, but 3 was read" in str(reader.problems[0])
    SpoolWriter(outbox).put("log", b"new one")
    assert take(reader) == []
    assert "ends at number 1, but 3 was read" in str(reader.problems[0])
    SpoolWriter(outbox).put("log", b"new two")
    SpoolWriter(outbox).put("log", b"new three")
    assert take(reader) == [(1, b"new one"), (2, b"new two"), (3, b"new three")]
    assert "another message stood under this number" in str(reader.problems[0])
    assert take(reader) == []
    assert reader.problems == ()


def test_a_folder_that_is_not_there_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    reader = SpoolReader(tmp_path / "nowhere", FileCursor(tmp_path / "cursor"))
    assert take(reader) == []
    assert "mounted" in str(reader.problems[0])


def test_strange_names_are_reported_but_the_writers_own_are_not(outbox: Path, reader: SpoolReader) -> None:
    (outbox / "notes.txt").write_text("hello")
    (outbox / ".DS_Store").write_text("hello")
    (outbox / f".00000004.log.{'0' * 64}.tmp").write_text("half")
    assert len(take(reader)) == 3
    assert [problem.where for problem in reader.problems] == ["notes.txt"]


def test_a_name_with_terminal_codes_is_cut_and_the_list_of_problems_is_bounded(
    outbox: Path, reader: SpoolReader
) -> None:
    for number in range(150):
        (outbox / f"{'n' * 200}{number}").write_text("x")
    take(reader)
    assert len(reader.problems) == 100
    assert all(len(problem.where) <= 80 for problem in reader.problems)


def test_too_many_names_are_said(outbox: Path, reader: SpoolReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "_NAMES_LIMIT", 2)
    take(reader)
    assert "more than 2 names" in str(reader.problems)


def test_a_broken_cursor_file_says_how_to_mend_it(outbox: Path, tmp_path: Path) -> None:
    (tmp_path / "cursor").write_text("{}")
    with pytest.raises(StoreError) as caught:
        take(SpoolReader(outbox, FileCursor(tmp_path / "cursor")))
    assert "remove it" in caught.value.hint


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 40), max_size=40))
def test_a_cursor_is_the_set_of_what_was_done(numbers: Any) -> None:
    cursor = Cursor()
    for number in numbers:
        if not cursor.is_done(number):
            cursor = cursor.with_done(number, "d")
    assert {number for number in range(1, 42) if cursor.is_done(number)} == set(numbers)
