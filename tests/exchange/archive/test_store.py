"""What an archive keeps, that it keeps it for the group and nobody else, and that it refuses what does not follow."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.config.errors import StoreError
from tallystick.exchange.archive import Archive
from tallystick.exchange.formats.checkpoint import verify_checkpoint
from tallystick.exchange.verify.logfiles import check_log_files
from tallystick.keys.envelope import Signature, assemble
from tests.support.federation import Federation


@pytest.fixture
def federation() -> Federation:
    found = Federation.make(("KAZ", "KGZ"))
    found.release("KAZ", "VICTIMS", "2018", {(): 86})
    found.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 44, ("M",): 40})
    return found


def accept(archive: Archive, federation: Federation, code: str = "KAZ", size: int | None = None) -> None:
    state = federation.state(code)
    before = archive.view(state.cc)
    start = before.size if before else 0
    view = state.view(size, before)
    releases = [found for found in federation.verified(code, start) if found.index < view.size]
    archive.accept(state.cc, view, state.entries[start : view.size], releases, state.data)


def files_of(archive: Archive, cc: str) -> dict[str, bytes]:
    root = archive.tree / cc
    return {str(path.relative_to(root)): path.read_bytes() for path in (root / "tile").rglob("*") if path.is_file()}


def dump(archive: Archive) -> list[str]:
    with closing(archive.open_index()) as index:
        return sorted(index.iterdump())


def rows(archive: Archive, query: str) -> list[tuple[object, ...]]:
    with closing(archive.open_index()) as index:
        return index.execute(query).fetchall()


def test_an_accepted_step_stands_in_tree_index_and_view(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    assert archive.view("kaz") is None
    accept(archive, federation)
    state = federation.state("KAZ")
    view = archive.view("kaz")
    assert view is not None
    assert (view.size, view.root, view.tail) == (2, state.view().root, state.view().tail)
    assert (archive.tree / "kaz" / "checkpoint").read_bytes() == view.checkpoint
    assert archive.states() == ("kaz",)
    for digest, data in state.data.items():
        assert (archive.tree / "kaz" / "data" / "sha256" / digest).read_bytes() == data
    assert rows(archive, "SELECT table_id, status, revision FROM releases ORDER BY log_index") == [
        ("VICTIMS", "not witnessed", 1),
        ("VICTIMS_SEX", "not witnessed", 1),
    ]
    assert rows(archive, "SELECT key, value, withheld FROM observations WHERE table_id='VICTIMS_SEX'") == [
        ("F", 44, 0),
        ("M", 40, 0),
        ("_O", None, 1),
        ("_U", None, 1),
    ]
    statement = json.loads(str(rows(archive, "SELECT statement FROM releases")[0][0]))
    assert statement["predicate"]["method"]["parameters"]["D"] == 3


@pytest.mark.parametrize("steps", [(1, 2), (2, 255, 256), (256, 257, 513), (100, 600), (600,)])
def test_tree_is_what_the_signed_head_asks_for_however_the_log_grew(tmp_path: Path, steps: tuple[int, ...]) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 86})
    state = federation.state("KAZ")
    state.entries = [*state.entries, *(b"entry %d" % number for number in range(steps[-1] - 1))]
    archive = Archive(tmp_path / "archive")
    for size in steps:
        before = archive.view("kaz")
        view = state.view(size, before)
        archive.accept("kaz", view, state.entries[before.size if before else 0 : size], [], {})
        checkpoint = verify_checkpoint(
            (archive.tree / "kaz" / "checkpoint").read_bytes(), origin=state.origin, keys=state.log_keys()
        )
        assert checkpoint.size == size
        files = files_of(archive, "kaz")
        assert list(check_log_files(checkpoint, files)) == state.entries[:size]
        assert sum(".p/" in name for name in files) <= 3, "partial tiles of smaller trees are left"


def test_everything_is_readable_by_the_group_and_closed_to_others(tmp_path: Path, federation: Federation) -> None:
    before = os.umask(0o077)
    try:
        archive = Archive(tmp_path / "archive")
        accept(archive, federation)
    finally:
        os.umask(before)
    for path in (archive.tree, *archive.tree.rglob("*")):
        if path.name == ".lock":
            continue
        assert path.stat().st_mode & 0o777 == (0o750 if path.is_dir() else 0o640), path


def test_an_open_reader_keeps_its_index_while_a_new_one_is_put_in_place(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    accept(archive, federation, size=1)
    with closing(archive.open_index()) as old:
        accept(archive, federation)
        assert old.execute("SELECT count(*) FROM releases").fetchone() == (1,)
    assert rows(archive, "SELECT count(*) FROM releases") == [(2,)]


def test_the_index_cannot_be_written_through_open_index(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    accept(archive, federation)
    with closing(archive.open_index()) as index, pytest.raises(sqlite3.OperationalError, match="readonly"):
        index.execute("DELETE FROM releases")


def test_another_user_of_the_group_can_read_the_index(tmp_path: Path, federation: Federation) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    archive = Archive(tmp_path / "archive")
    accept(archive, federation)
    for path in (archive.tree, *archive.tree.rglob("*")):
        os.chown(path, -1, 65534)
    for parent in list(archive.tree.parents)[:4]:
        parent.chmod(parent.stat().st_mode | 0o011)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        fine = rows(archive, "SELECT count(*) FROM releases") == [(2,)]
        try:
            archive.store_data("kaz", {})
            accept(archive, federation)
            fine = False
        except StoreError:
            pass
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_same_step_made_again_changes_nothing(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    accept(archive, federation)
    state = federation.state("KAZ")
    before, content = archive.index_path.stat().st_ino, dump(archive)
    archive.accept("kaz", archive.view("kaz"), state.entries, federation.verified("KAZ"), state.data)
    assert dump(archive) == content
    archive.accept("kaz", archive.view("kaz"), (), (), {})
    assert archive.index_path.stat().st_ino != before, "the first of the two wrote"
    assert dump(archive) == content


def test_a_step_that_does_not_follow_is_refused_and_changes_nothing(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    accept(archive, federation, size=1)
    content = dump(archive)
    state = federation.state("KAZ")
    with pytest.raises(StoreError, match="0 entries do not lead from 1 to 2"):
        archive.accept("kaz", state.view(), (), (), {})
    other = replace(state.view(), origin=federation.state("KGZ").origin)
    with pytest.raises(StoreError):
        archive.accept("kaz", other, state.entries[1:], (), {})
    assert dump(archive) == content


def test_an_index_never_names_data_that_was_not_handed_in(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    state = federation.state("KAZ")
    with pytest.raises(StoreError, match="the data of entry 0 was not handed in"):
        archive.accept("kaz", state.view(), state.entries, federation.verified("KAZ"), {})
    assert not archive.index_path.exists()


def test_data_is_taken_under_its_own_digest_only(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not have the digest"):
        Archive(tmp_path / "archive").store_data("kaz", {"0" * 64: b"x"})


def test_a_release_without_data_is_kept_as_such_and_completed_later(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    state = federation.state("KAZ")
    bare = [replace(found, observations=None) for found in federation.verified("KAZ")]
    archive.accept("kaz", state.view(), state.entries, bare, {})
    assert rows(archive, "SELECT DISTINCT status FROM releases") == [("data missing",)]
    archive.accept("kaz", archive.view("kaz"), (), federation.verified("KAZ"), state.data)
    assert rows(archive, "SELECT DISTINCT status FROM releases") == [("not witnessed",)]
    whole = Archive(tmp_path / "whole")
    accept(whole, federation)
    assert rows(whole, "SELECT * FROM observations") == rows(archive, "SELECT * FROM observations")


def test_an_unknown_predicate_is_kept_and_enters_no_figure(tmp_path: Path, federation: Federation) -> None:
    payload = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:other:thing","subject":[]}'
    federation.state("KAZ").entries.append(assemble(payload, [Signature("k", b"s")]))
    archive = Archive(tmp_path / "archive")
    accept(archive, federation)
    assert rows(
        archive, "SELECT log_index, predicate_type, table_id FROM releases WHERE status='unknown predicate'"
    ) == [(2, "urn:other:thing", None)]


def test_a_revision_supersedes_and_the_same_statement_twice_counts_once(tmp_path: Path, federation: Federation) -> None:
    first = federation.state("KAZ").payload_ids["VICTIMS", "2018"]
    federation.release("KAZ", "VICTIMS", "2018", {(): 90}, revision=2, supersedes=first)
    state = federation.state("KAZ")
    state.entries.append(state.entries[-1])
    archive = Archive(tmp_path / "archive")
    accept(archive, federation)
    assert rows(archive, "SELECT log_index, status FROM releases WHERE table_id='VICTIMS' ORDER BY 1") == [
        (0, "superseded"),
        (2, "not witnessed"),
        (3, "superseded"),
    ]


def test_damage_on_disk_is_noticed_before_it_is_built_upon(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    accept(archive, federation, size=1)
    path = archive.tree / "kaz" / "tile" / "entries" / "000.p" / "1"
    path.write_bytes(path.read_bytes().replace(b"payload", b"Payload", 1))
    with pytest.raises(StoreError, match="not those that were verified"):
        accept(archive, federation)


def test_a_missing_strange_or_foreign_index_is_an_error_with_a_hint(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "no such")
    with pytest.raises(StoreError) as caught:
        archive.open_index()
    assert caught.value.hint
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "index.sqlite").write_bytes(b"not a database at all, not even nearly one" * 30)
    with pytest.raises(StoreError, match="cannot read the index"):
        Archive(tmp_path / "strange").open_index()
    sqlite3.connect(tmp_path / "strange" / "other.sqlite").execute("CREATE TABLE x (y)").connection.close()
    (tmp_path / "strange" / "other.sqlite").rename(tmp_path / "strange" / "index.sqlite")
    with pytest.raises(StoreError, match="of format 0, not 1"):
        Archive(tmp_path / "strange").open_index()


def test_a_path_like_state_code_is_refused(tmp_path: Path) -> None:
    for cc in ("../", "KAZ", "k/z", ""):
        with pytest.raises(StoreError, match="alpha-3"):
            Archive(tmp_path / "a").store_data(cc, {})
