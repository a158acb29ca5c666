"""The writer of a log, when nothing goes wrong, and what it refuses."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.config.errors import (
    BadProofError,
    MalformedError,
    RollbackError,
    SplitViewError,
    StoreError,
)
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint
from tallystick.exchange.formats.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from tallystick.exchange.log.static import StaticReader
from tallystick.exchange.log.tilelog import TileLog

ORIGIN = f"tallystick/{'ab' * 32}/kaz"


def batch(start: int, stop: int) -> list[bytes]:
    return [f"entry {number}".encode() * 5 for number in range(start, stop)]


@given(st.lists(st.sampled_from([0, 1, 2, 7, 254, 255, 256, 300]), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
def test_a_log_grown_by_any_batches_is_followed_by_a_verifier(
    tmp_path_factory: pytest.TempPathFactory, keys: Any, batches: list[int]
) -> None:
    log = TileLog.create(tmp_path_factory.mktemp("log"), ORIGIN)
    view, size = None, 0
    for count in batches:
        log.append(batch(size, size + count), keys.sign)
        size += count
        view = keys.follow(log, view)
    assert log.size == size
    assert log.entries(0, size) == batch(0, size)
    assert all(len(roots) == 1 for roots in keys.truths().values())


def test_one_entry_out_of_the_middle_of_a_batch_can_be_read(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 4), keys.sign)
    log.append(batch(0, 9), keys.sign)
    assert [log.entries(at, at + 1) for at in range(9)] == [[one] for one in batch(0, 9)]


def test_a_thousand_releases_of_two_kilobytes_go_in_at_once(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    entries = [number.to_bytes(4, "big") * 512 for number in range(1500)]
    started = time.perf_counter()
    log.append(entries, keys.sign)
    assert time.perf_counter() - started < 5, "0.1 s on an idle machine"
    assert keys.follow(log).size == 1500


def test_proofs_from_the_files_verify(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    entries = batch(0, 600)
    log.append(entries[:300], keys.sign)
    log.append(entries, keys.sign)
    leaves = [leaf_hash(entry) for entry in entries]
    for index in (0, 255, 256, 299, 599):
        verify_inclusion(leaves[index], index, 600, log.inclusion(index), root_of(leaves))
        assert log.index_of(entries[index]) == index
    for old in (0, 1, 256, 300, 600):
        verify_consistency(old, 600, root_of(leaves[:old]), root_of(leaves), log.consistency(old))
    verify_inclusion(leaves[7], 7, 300, log.inclusion(7, 300), root_of(leaves[:300]))
    with pytest.raises(BadProofError):
        log.inclusion(600)
    assert log.index_of(b"never logged") is None


def test_an_entry_that_stands_already_is_not_added_again(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    first = log.append(batch(0, 3), keys.sign)
    assert log.append(batch(0, 3), keys.sign) == first
    log.append([*batch(2, 5), *batch(4, 5)], keys.sign)
    assert log.entries(0, log.size) == batch(0, 5)


def test_an_empty_log_can_be_shown_to_peers(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    assert (log.size, log.checkpoint()) == (0, None)
    assert parse_checkpoint(log.settle(keys.sign))[0].size == 0
    assert keys.follow(log).size == 0


def test_a_partial_tile_that_is_gone_is_read_from_the_full_one(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 200), keys.sign)
    log.append(batch(0, 300), keys.sign)
    for path in ("tile/0/000.p", "tile/entries/000.p"):
        shutil.rmtree(log.root / path)
    assert log.entries(100, 200) == batch(100, 200)
    assert log.inclusion(5, 200)


def test_a_lost_folder_does_not_begin_a_second_history(folder: Path, keys: Any) -> None:
    with pytest.raises(StoreError, match="no log was begun") as refused:
        TileLog(folder, "kaz")
    assert "split view" in (refused.value.hint or "")
    TileLog.create(folder, ORIGIN).append(batch(0, 1), keys.sign)
    with pytest.raises(StoreError, match="already exists"):
        TileLog.create(folder, ORIGIN)
    assert TileLog(folder, "kaz").size == 1


def test_a_head_put_back_from_an_older_backup_is_noticed(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 2), keys.sign)
    old = (folder / "kaz.head.json").read_bytes()
    log.append(batch(0, 4), keys.sign)
    (folder / "kaz.head.json").write_bytes(old)
    with pytest.raises(StoreError, match="checkpoint of size 4 does not fit"):
        TileLog(folder, "kaz")


def test_a_whole_folder_put_back_from_an_older_backup_signs_nothing_that_others_have_seen_otherwise(
    tmp_path: Path, folder: Path, keys: Any
) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 2), keys.sign)
    shutil.copytree(folder, tmp_path / "backup")
    seen = parse_checkpoint(log.append(batch(0, 4), keys.sign))[0]
    old = TileLog(tmp_path / "backup", "kaz")
    with pytest.raises(RollbackError, match="others hold 4 entries"):
        old.append([b"another third"], keys.sign, seen=seen)
    assert old.size == 2
    fork = Checkpoint(ORIGIN, 2, bytes(32))
    with pytest.raises(SplitViewError, match="another history"):
        log.append(batch(4, 5), keys.sign, seen=fork)
    assert log.append(batch(4, 5), keys.sign, seen=seen)


@pytest.mark.parametrize("path", ["tile/0/000.p/4", "tile/entries/000.p/4", "../kaz.head.json", "checkpoint"])
def test_a_file_changed_on_disk_is_noticed_before_anything_is_signed(folder: Path, keys: Any, path: str) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 4), keys.sign)
    before = keys.truths()
    target = log.root / path
    data = bytearray(target.read_bytes())
    data[len(ORIGIN) + 10 if path == "checkpoint" else len(data) // 2] ^= 2
    target.write_bytes(bytes(data))
    with pytest.raises((StoreError, MalformedError)):
        TileLog(folder, "kaz").append(batch(4, 5), keys.sign)
    assert keys.truths() == before


def test_an_entry_beyond_its_limit_leaves_the_log_as_it_was(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    before = log.append(batch(0, 1), keys.sign)
    with pytest.raises(MalformedError, match="65535 bytes"):
        log.append([b"small", bytes(65_536)], keys.sign)
    assert log.settle(keys.sign) == before


def test_a_signer_that_signs_something_else_is_caught(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    with pytest.raises(StoreError, match="another head"):
        log.append(batch(0, 1), lambda head: keys.sign(Checkpoint(head.origin, head.size, bytes(32))))
    assert log.checkpoint() is None


def test_two_writers_do_not_append_at_once(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)

    def meanwhile(head: Checkpoint) -> bytes:
        with pytest.raises(StoreError, match="another process"):
            TileLog(folder, "kaz").append([b"second"], keys.sign)
        signed: bytes = keys.sign(head)
        return signed

    log.append([b"first"], meanwhile)
    log.append([b"second"], keys.sign)
    assert log.entries(0, 2) == [b"first", b"second"]


def test_a_stray_file_among_the_tiles_is_named(folder: Path, keys: Any) -> None:
    log = TileLog.create(folder, ORIGIN)
    log.append(batch(0, 1), keys.sign)
    (log.root / "tile" / "0" / "notes.txt").write_text("stray")
    with pytest.raises(StoreError, match=r"notes\.txt"):
        list(log.paths())


@pytest.mark.parametrize("cc", ["KAZ", "ka", "kazz", "../", ""])
def test_a_state_code_is_three_small_letters(folder: Path, cc: str) -> None:
    with pytest.raises(MalformedError, match="lower case"):
        StaticReader(folder, cc)
