"""An accept is killed at each of its calls, SQLite's own among them: the index never names what is not there."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.exchange.archive import Archive
from tallystick.exchange.formats.checkpoint import verify_checkpoint
from tallystick.exchange.formats.tiles import parse_path
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.verify.logfiles import check_log_files
from tests.support.federation import Federation
from tests.support.killing import every_step, run_and_kill


@pytest.fixture(autouse=True)
def nobody_pulls_the_plug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill is no power cut: syncing still counts as a call, but nothing waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def content(archive: Archive) -> list[tuple[object, ...]]:
    with closing(archive.open_index()) as index:
        return [
            *index.execute("SELECT state, size FROM logs ORDER BY 1"),
            *index.execute("SELECT state, log_index, payload_id, status, statement FROM releases ORDER BY 1, 2"),
            *index.execute("SELECT state, payload_id, key, value FROM observations ORDER BY 1, 2, 3"),
        ]


def assert_sound(archive: Archive, federation: Federation, cc: str) -> int:
    """Whatever was published holds: index against data, checkpoint against tiles; return the size of the view."""
    state = federation.state(cc.upper())
    signed = archive.log(cc).checkpoint()
    if signed is not None:
        head = verify_checkpoint(signed, origin=state.origin, keys=state.log_keys())
        files = {name: data for name, data in archive.log(cc).files().items() if parse_path(name).end <= head.size}
        assert list(check_log_files(head, files)) == state.entries[: head.size]
    if not archive.index_path.exists():
        return 0
    with closing(archive.open_index()) as index:
        assert index.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        named = index.execute("SELECT data_sha256 FROM releases WHERE status = 'not witnessed'").fetchall()
    for (digest,) in named:
        assert (archive.tree / data_path(cc, digest)).read_bytes() == state.data[digest]
    view = archive.view(cc)
    if view is None:
        return 0
    assert signed is not None
    assert head.size >= view.size, "the index is ahead of the tree"
    assert view.size == index_size(archive, cc)
    return view.size


def index_size(archive: Archive, cc: str) -> int:
    with closing(archive.open_index()) as index:
        found: int = index.execute("SELECT count(*) FROM releases WHERE state = ?", (cc.upper(),)).fetchone()[0]
        return found


def taker(federation: Federation, code: str) -> Callable[[Archive, int], None]:
    """Return what brings an archive to a size of that state's log; everything slow is made beforehand."""
    state, verified = federation.state(code), federation.verified(code)
    views = {size: state.view(size) for size in range(1, len(verified) + 1)}

    def take(archive: Archive, size: int) -> None:
        before = archive.view(state.cc)
        start = before.size if before else 0
        archive.accept(state.cc, views[size], state.entries[start:size], verified[start:size], state.data)

    return take


def test_accept_killed_at_each_call_is_whole_or_not_there_and_goes_on(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    for period in ("2018", "2019", "2020"):
        federation.release("KAZ", "VICTIMS", period, {(): 80})
        federation.release("KAZ", "VICTIMS_SEX", period, {("F",): 44, ("M",): 36})
    take, whole = taker(federation, "KAZ"), Archive(tmp_path / "whole")
    take(whole, 6)
    seen = set()
    for step in every_step():
        archive = Archive(tmp_path / str(step))
        take(archive, 2)
        before = content(archive)
        finished = run_and_kill(lambda archive=archive: take(archive, 6), step)
        size = assert_sound(archive, federation, "kaz")
        assert size in {2, 6}
        assert content(archive) == (before if size == 2 else content(whole))
        seen.add(size)
        take(archive, 6)
        assert content(archive) == content(whole)
        assert assert_sound(archive, federation, "kaz") == 6
        if finished:
            break
    assert step > 25
    assert seen == {2, 6}


def test_the_first_accept_killed_at_each_call_leaves_nothing_or_all(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 80})
    take = taker(federation, "KAZ")
    for step in every_step():
        archive = Archive(tmp_path / str(step))
        finished = run_and_kill(lambda archive=archive: take(archive, 1), step)
        assert assert_sound(archive, federation, "kaz") in {0, 1}
        take(archive, 1)
        assert assert_sound(archive, federation, "kaz") == 1
        if finished:
            break
    assert step > 40


def test_a_step_over_a_tile_boundary_killed_anywhere_goes_on_even_if_the_log_grew_meanwhile(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    state = federation.state("KAZ")
    state.entries = [b"entry %d" % number for number in range(520)]
    views = {size: state.view(size) for size in (250, 260, 520)}
    for step in every_step():
        archive = Archive(tmp_path / str(step))
        archive.accept("kaz", views[250], state.entries[:250], (), {})
        finished = run_and_kill(
            lambda archive=archive: archive.accept("kaz", views[260], state.entries[250:260], (), {}), step
        )
        view = archive.view("kaz")
        assert view is not None
        archive.accept("kaz", views[520], state.entries[view.size :], (), {})
        head = verify_checkpoint(views[520].checkpoint, origin=state.origin, keys=state.log_keys())
        assert list(check_log_files(head, archive.log("kaz").files())) == state.entries
        if finished:
            break


def test_the_index_can_be_derived_from_the_tree_with_the_same_content(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ", "KGZ"))
    for code in ("KGZ", "KAZ"):
        federation.release(code, "VICTIMS", "2018", {(): 80})
        federation.release(code, "VICTIMS_SEX", "2018", {("F",): 44, ("M",): 36})
    first = federation.state("KAZ").payload_ids["VICTIMS", "2018"]
    federation.release("KAZ", "VICTIMS", "2018", {(): 90}, revision=2, supersedes=first)
    archive = Archive(tmp_path / "archive")
    for code, size in (("KGZ", 1), ("KAZ", 1), ("KAZ", 3), ("KGZ", 2)):
        taker(federation, code)(archive, size)
    before = content(archive)
    archive.index_path.unlink()
    archive.rebuild(federation.roster)
    assert content(archive) == before
    archive.rebuild(federation.roster)
    assert content(archive) == before
    assert archive.view("kaz").to_dict()["nodes"] == federation.state("KAZ").view().to_dict()["nodes"]
