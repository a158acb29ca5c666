import os
import threading
from pathlib import Path
from typing import Any, Never

import pytest

from tallystick.config.errors import StoreError
from tallystick.exchange.spool import SpoolWriter
from tallystick.exchange.spool import writer as writer_module
from tallystick.exchange.spool.frame import decode


def test_numbers_count_up_over_restarts(tmp_path: Path) -> None:
    assert [SpoolWriter(tmp_path / "out").put("log", b"x") for _ in range(3)] == [1, 2, 3]


def test_folder_and_files_are_readable_by_the_group_and_nobody_else(tmp_path: Path) -> None:
    SpoolWriter(tmp_path / "out").put("log", b"x")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "out" / "00000001.log").stat().st_mode & 0o777 == 0o640


def test_unknown_kind_and_too_large_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MESSAGE_LIMIT", 10)
    for kind, message, words in (("cases", b"x", "no kind"), ("log", b"x" * 11, "larger than 10")):
        with pytest.raises(StoreError, match=words):
            SpoolWriter(tmp_path / "out").put(kind, message)
    assert not (tmp_path / "out").exists()


def test_two_writers_at_once_never_share_a_number(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "out")

    def put_many(name: str) -> None:
        for turn in range(15):
            writer.put("log", f"{name}-{turn}".encode())

    threads = [threading.Thread(target=put_many, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = sorted(path.name for path in (tmp_path / "out").glob("0*"))
    assert names == [f"{number:08d}.log" for number in range(1, 46)]
    messages = [decode(n, "log", (tmp_path / "out" / name).read_bytes())[0] for n, name in enumerate(names, 1)]
    assert len(set(messages)) == 45


def test_a_full_disk_is_an_error_with_a_hint_and_publishes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SpoolWriter(tmp_path / "out").put("log", b"one")

    def full(_handle: Any, _data: Any) -> Never:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left") as caught:
            SpoolWriter(tmp_path / "out").put("log", b"two")
    assert caught.value.hint
    assert SpoolWriter(tmp_path / "out").put("log", b"three") == 2


def test_a_temporary_file_that_is_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    SpoolWriter(folder).put("log", b"one")
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    planted = folder / f".00000002.log.{'0' * 64}.tmp"
    planted.symlink_to(victim)
    SpoolWriter(folder).put("log", b"two")
    assert victim.read_bytes() == b"precious"


def test_the_last_number_is_the_end_not_a_wrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "LAST_NUMBER", 1)
    SpoolWriter(tmp_path / "out").put("log", b"one")
    with pytest.raises(StoreError, match="out of numbers"):
        SpoolWriter(tmp_path / "out").put("log", b"two")
