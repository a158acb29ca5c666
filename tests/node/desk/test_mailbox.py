"""The desk's spool: the border is told, and not believed."""

import shutil
from pathlib import Path

import pytest

from tallystick.config.errors import RollbackError, StoreError
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.checkpoint import Checkpoint, sign_checkpoint
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.spool import SpoolWriter
from tallystick.keys.signer import new_signer
from tallystick.node.desk.database import Database
from tallystick.proto.exchange.v1 import spool_pb2
from tests.support.desks import AT, DeskHome
from tests.support.rosters import officer_card

Y2018 = parse_period("2018")


@pytest.fixture
def published(drafted: DeskHome) -> DeskHome:
    drafted.sign("2018")
    with drafted.open() as desk:
        desk.sync()
        desk.publish()
    return drafted


def put(home: DeskHome, kind: str, files: dict[str, bytes], under: str | None = None) -> None:
    """The border leaves a message."""
    message = spool_pb2.SpoolMessage(format=1)
    target = message.roster if kind == "roster" else message.receipts
    for name, data in files.items():
        target.files.add(name=name, data=data)
    SpoolWriter(home.inbox).put(under or kind, message.SerializeToString())


def outgoing(home: DeskHome) -> list[str]:
    return [path.name for path in sorted(home.outbox.glob("0*"))]


def receipt(home: DeskHome, index: int) -> bytes:
    log = TileLog(home.folder / "log", "kaz")
    return encode_proof(index, log.inclusion(index), log.checkpoint() or b"")


def receipt_name(home: DeskHome, index: int) -> str:
    with home.open() as desk:
        row = next(one.release for one in desk.list() if one.release.log_index == index)
    return f"kaz/releases/{row.payload_id}.tlog-proof"


def test_a_desk_without_an_inbox_yet_has_nothing_to_read(drafted: DeskHome) -> None:
    shutil.rmtree(drafted.inbox)
    with drafted.open() as desk:
        report = desk.sync()
    assert (report.roster_changed, report.receipts, report.notes) == (False, 0, ())


def test_the_roster_is_told_once_and_again_when_it_changed(drafted: DeskHome) -> None:
    with drafted.open() as desk:
        desk.sync()
        desk.sync()
        assert outgoing(drafted) == ["00000001.roster"]
        files = drafted.ceremony.new_page(drafted.ceremony.files, "KGZ", at=AT)
        put(drafted, "roster", {f"roster/{name}": data for name, data in files.items()})
        report = desk.sync()
        assert report.roster_changed
        assert outgoing(drafted) == ["00000001.roster", "00000002.roster"]
        assert desk._bench.roster().state("KGZ").version == 2
        assert not desk.sync().roster_changed


def test_another_federations_roster_is_noted_and_not_taken(drafted: DeskHome, fresh_template: DeskHome) -> None:
    del fresh_template
    from tests.support.desks import make_ceremony

    other = make_ceremony([new_signer("ed25519") for _ in range(3)], [new_signer("ed25519"), new_signer("mldsa44")])
    put(drafted, "roster", {f"roster/{name}": data for name, data in other.files.items()})
    with drafted.open() as desk:
        before = desk._store.files()
        report = desk.sync()
        assert "another federation" in " ".join(report.notes)
        assert desk._store.files() == before
        assert desk.sync().notes == ()


def test_two_signed_versions_are_kept_as_evidence(drafted: DeskHome) -> None:
    base = drafted.ceremony.files
    first, second = (
        drafted.ceremony.new_page(base, "KGZ", at=AT, cards=[officer_card("KGZ", name)]) for name in ("One", "Two")
    )
    with drafted.open() as desk:
        desk._store.adopt(first, at=AT)
        put(drafted, "roster", {f"roster/{name}": data for name, data in second.items()})
        report = desk.sync()
    assert "two different versions" in " ".join(report.notes)
    kept = {path.read_bytes() for path in (drafted.folder / "evidence").iterdir()}
    assert kept == {first["metadata/2.kgz.json"], second["metadata/2.kgz.json"]}


def test_a_receipt_is_kept_beside_the_log(published: DeskHome) -> None:
    name, data = receipt_name(published, 2), receipt(published, 2)
    put(published, "receipts", {name: data})
    with published.open() as desk:
        assert desk.sync().receipts == 1
    assert (published.folder / "log" / name).read_bytes() == data


def test_one_bad_receipt_spoils_no_other(published: DeskHome) -> None:
    names = [receipt_name(published, index) for index in (0, 1, 2)]
    put(published, "receipts", {names[0]: receipt(published, 0), names[1]: b"junk", names[2]: receipt(published, 2)})
    with published.open() as desk:
        report = desk.sync()
    assert report.receipts == 2
    assert [note.split(":")[0] for note in report.notes] == [names[1]]


def test_receipts_that_prove_nothing_are_noted_and_not_kept(published: DeskHome) -> None:
    good = receipt(published, 2)
    stranger = receipt_name(published, 2).replace("kaz/releases/", "kaz/releases/../../../")
    for files in (
        {receipt_name(published, 1): good},
        {receipt_name(published, 2): good.replace(b"index 2", b"index 3")},
        {receipt_name(published, 2): b"junk"},
        {f"kaz/releases/{'0' * 64}.tlog-proof": good},
    ):
        put(published, "receipts", files)
    with published.open() as desk:
        report = desk.sync()
    assert report.receipts == 0
    assert len(report.notes) == 4
    assert not (published.folder / "log" / "kaz" / "releases").exists()
    put(published, "receipts", {stranger: good})
    with published.open() as desk:
        desk.sync()
    found = list(published.home.rglob("*.tlog-proof"))
    assert [path.parent.name for path in found] in ([], ["releases"])


def test_messages_that_are_none_are_noted_and_hold_nobody_up(drafted: DeskHome) -> None:
    writer = SpoolWriter(drafted.inbox)
    writer.put("roster", b"\xff\xff\xff")
    writer.put("log", spool_pb2.SpoolMessage(format=1, log=spool_pb2.LogUpdate(first_index=0)).SerializeToString())
    writer.put("roster", spool_pb2.SpoolMessage(format=2, roster=spool_pb2.RosterUpdate()).SerializeToString())
    put(drafted, "receipts", {}, under="roster")
    put(drafted, "receipts", {"x": b"y"})
    with drafted.open() as desk:
        report = desk.sync()
        assert [note.split(":")[0] for note in report.notes] == [f"inbox, message {n}" for n in range(1, 6)]
        assert desk.sync().notes == ()


def keep(home: DeskHome, to: Path) -> None:
    shutil.copytree(home.folder, to)


def test_a_whole_desk_from_last_night_is_stopped_by_the_head_that_others_hold(
    published: DeskHome, tmp_path: Path
) -> None:
    keep(published, tmp_path / "backup")
    published.sign("2019")
    with published.open() as desk:
        desk.publish()
    put(published, "receipts", {receipt_name(published, 5): receipt(published, 5)})
    shutil.rmtree(published.folder)
    shutil.copytree(tmp_path / "backup", published.folder)
    published.sign("2020")
    with published.open() as desk:
        desk.sync()
        with pytest.raises(RollbackError):
            desk.publish(parse_period("2020"))
    assert TileLog(published.folder / "log", "kaz").size == 4


def test_a_head_that_the_log_did_not_sign_is_not_remembered(published: DeskHome) -> None:
    log = TileLog(published.folder / "log", "kaz")
    forged = sign_checkpoint(
        Checkpoint(log.origin, 99, bytes(32)), new_signer("ed25519"), new_signer("mldsa44"), timestamp=1
    )
    put(published, "receipts", {receipt_name(published, 0): encode_proof(0, [], forged)})
    published.sign("2019")
    with published.open() as desk:
        assert len(desk.sync().notes) == 1
        assert len(desk.publish().logged) == 4


def test_a_receipt_that_this_desks_disk_did_not_take_is_taken_the_next_time(
    published: DeskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(published, "receipts", {receipt_name(published, 0): receipt(published, 0)})

    def full(_self: Database, _name: str, _value: str) -> None:
        raise StoreError("desk.db: database or disk is full")

    with published.open() as desk:
        with monkeypatch.context() as patched:
            patched.setattr(Database, "set_mark", full)
            with pytest.raises(StoreError, match="full"):
                desk.sync()
        assert desk.sync().receipts == 1
