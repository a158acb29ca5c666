"""Publishing: two different officers, one entry a release, and the border told of all of it."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.errors import (
    BadSignatureError,
    DisclosureError,
    KeyNotTrustedError,
    StoreError,
    TallystickError,
    UsageError,
)
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.checkpoint import verify_checkpoint
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.spool import SpoolWriter
from tallystick.exchange.spool.frame import decode, parse_name
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tallystick.exchange.verify.release import VerifiedRelease, verify_release
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.roster_types import Roster
from tallystick.keys.signer import encrypted_pem, new_signer
from tallystick.node.desk import publishing
from tallystick.node.desk.database import Database
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import read_draft
from tallystick.node.desk.signing import sign_draft
from tallystick.node.desk.states import PublicationState
from tallystick.proto.exchange.v1 import spool_pb2
from tests.support.desks import AT, PHRASE, DeskHome, Phrase, make_desk_home
from tests.support.rosters import officer_card

Y2018 = parse_period("2018")
S = PublicationState


def messages(home: DeskHome) -> list[spool_pb2.SpoolMessage]:
    found = []
    for path in sorted(home.outbox.iterdir()):
        name = parse_name(path.name)
        if name is not None:
            message, _digest = decode(*name, path.read_bytes())
            found.append(spool_pb2.SpoolMessage.FromString(message))
    return found


def roster_of(home: DeskHome) -> Roster:
    with home.open() as desk:
        return desk._bench.roster()


def as_the_border_sees_it(home: DeskHome, roster: Roster | None = None) -> tuple[LogView, list[VerifiedRelease]]:
    """Read the outbox as a border does: every message advances the view, data in hand, each slice once."""
    roster = roster or roster_of(home)
    state = roster.state("KAZ")
    view = empty_view(f"tallystick/{roster.federation_id}/kaz")
    rules, releases = SliceRules("KAZ"), []
    for message in messages(home):
        if message.WhichOneof("kind") != "log":
            continue
        update = message.log
        fresh = list(update.entries)[view.size - update.first_index :]
        data = {file.name: file.data for file in update.data}
        for index, entry in enumerate(fresh, view.size):
            bare = verify_release(entry, index, None, roster, "KAZ")
            assert isinstance(bare, VerifiedRelease)
            found = verify_release(entry, index, data[data_path("kaz", bare.data_sha256)], roster, "KAZ")
            assert isinstance(found, VerifiedRelease)
            assert rules.admit(found) == "first"
            releases.append(found)
        view = advance(view, update.checkpoint, fresh, state.log_keys)
    return view, releases


def check_one_truth(home: DeskHome, count: int) -> None:
    """Table, log and outbox tell the same story of ``count`` releases, each once."""
    log = TileLog(home.folder / "log", "kaz")
    with home.open() as desk:
        view, releases = as_the_border_sees_it(home, desk._bench.roster())
        logged = [one.release for one in desk.list() if one.release.state is S.LOGGED]
    logged.sort(key=lambda row: row.log_index or 0)
    assert view.size == log.size == len(logged) == len(releases) == count
    assert [row.envelope for row in logged] == log.entries(0, count) == [one.envelope for one in releases]
    assert len({row.payload_id for row in logged}) == count
    assert [row.log_index for row in logged] == list(range(count))


@pytest.fixture
def signed(drafted: DeskHome) -> DeskHome:
    """2018 signed by two officers."""
    drafted.sign("2018")
    return drafted


def test_signed_drafts_go_into_the_log_and_the_border_can_verify_every_byte(signed: DeskHome) -> None:
    with signed.open() as desk:
        done = desk.publish()
    assert [(row.table_id, row.log_index) for row in done.logged] == [
        ("VICTIMS", 0), ("VICTIMS_SEX", 1), ("VICTIMS_AGE", 2), ("VICTIMS_FORM", 3),
    ]  # fmt: skip
    assert [one.reason.split(": ")[1] for one in done.waiting] == ["0 of 2 officers signed"] * 10
    check_one_truth(signed, 4)
    view, releases = as_the_border_sees_it(signed)
    assert {one.officers for one in releases} <= {("Aigerim", "Bolat"), ("Bolat", "Aigerim")}
    roster = roster_of(signed)
    keys = roster.state("KAZ").log_keys
    checkpoint = (signed.folder / "log" / "kaz" / "checkpoint").read_bytes()
    assert verify_checkpoint(checkpoint, origin=view.origin, keys=keys).size == 4


def test_the_border_is_told_of_the_roster_first(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.sync()
        desk.publish()
        desk.sync()
    kinds = [message.WhichOneof("kind") for message in messages(signed)]
    assert kinds == ["roster", "log"]
    names = {file.name for file in messages(signed)[0].roster.files}
    assert {"roster/metadata/1.root.json", "roster/metadata/1.kaz.json"} <= names


def test_publishing_again_changes_nothing(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.publish()
        before = sorted(path.name for path in signed.outbox.iterdir())
        head = (signed.folder / "log" / "kaz" / "checkpoint").read_bytes()
        assert desk.publish(Y2018).logged == ()
        assert desk.publish(Y2018, "VICTIMS").logged == ()
    assert sorted(path.name for path in signed.outbox.iterdir()) == before
    assert (signed.folder / "log" / "kaz" / "checkpoint").read_bytes() == head


def test_period_and_table_choose_what_is_published(signed: DeskHome) -> None:
    signed.sign("2019")
    with signed.open() as desk:
        assert [row.slice_name for row in desk.publish(Y2018, "victims_sex").logged] == ["2018 VICTIMS_SEX"]
        assert len(desk.publish(parse_period("2019")).logged) == 4
        assert len(desk.publish().logged) == 3
        with pytest.raises(UsageError, match="2021 was never drafted"):
            desk.publish(parse_period("2021"))
    check_one_truth(signed, 8)


def test_what_is_named_and_lacks_a_signature_is_an_error_that_says_who_signed(drafted: DeskHome) -> None:
    drafted.sign("2018", officers=(2,), table_id="VICTIMS")
    with drafted.open() as desk:
        with pytest.raises(BadSignatureError, match=r"1 of 2 officers signed \(Chingiz\)"):
            desk.publish(Y2018, "VICTIMS")
        assert desk.publish(Y2018).logged == ()
        (listed, *_rest) = desk.list()
    assert (listed.signed_by, listed.needed, listed.where) == (("Chingiz",), 2, "1 of 2")
    assert not (drafted.folder / "log").exists()


def signature_files(home: DeskHome, table_id: str = "VICTIMS") -> list[Path]:
    return sorted((home.folder / "drafts" / "2018" / table_id / "signatures").iterdir())


def spoil_copy(home: DeskHome) -> None:
    """One officer's signature under a second file name."""
    (only,) = signature_files(home)
    shutil.copy(only, only.with_name("another.sig.json"))


def spoil_stranger(home: DeskHome) -> None:
    sign_draft(read_draft(home.folder / "drafts" / "2018" / "VICTIMS"), new_signer("ed25519"))


def spoil_other_statement(home: DeskHome) -> None:
    """The second officer's signature over another draft, carried into the wrong folder."""
    home.sign("2018", officers=(1,), table_id="VICTIMS_SEX")
    (other,) = signature_files(home, "VICTIMS_SEX")
    shutil.copy(other, signature_files(home)[0].with_name(other.name))


def spoil_bits(home: DeskHome) -> None:
    """The second officer's signature, with the digest of this draft and the signature of another."""
    spoil_other_statement(home)
    payload = read_draft(home.folder / "drafts" / "2018" / "VICTIMS").payload_id
    other = read_draft(home.folder / "drafts" / "2018" / "VICTIMS_SEX").payload_id
    for path in signature_files(home):
        path.write_bytes(path.read_bytes().replace(other.encode(), payload.encode()))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_copy, "1 of 2 officers signed"),
        (spoil_stranger, "is no officer's in the roster"),
        (spoil_other_statement, "signed something else"),
        (spoil_bits, "the signature of Bolat does not match"),
    ],
)
def test_a_second_signature_that_is_none_does_not_count_and_does_not_spoil_a_third(
    drafted: DeskHome, spoil: Callable[[DeskHome], None], words: str
) -> None:
    drafted.sign("2018", officers=(0,), table_id="VICTIMS")
    spoil(drafted)
    with drafted.open() as desk:
        with pytest.raises(BadSignatureError, match=words):
            desk.publish(Y2018, "VICTIMS")
        drafted.sign("2018", officers=(2,), table_id="VICTIMS")
        assert len(desk.publish(Y2018, "VICTIMS").logged) == 1
    check_one_truth(drafted, 1)


def test_one_officer_with_two_keys_counts_once(drafted: DeskHome) -> None:
    second = new_signer("ed25519")
    card = officer_card("KAZ", "AIGERIM", second)
    files = drafted.ceremony.new_page(drafted.ceremony.files, "KAZ", cards=[card], at=AT)
    with drafted.open() as desk:
        assert desk._store.adopt(files, at=AT).changed
        drafted.sign("2018", officers=(0,), table_id="VICTIMS")
        sign_draft(read_draft(drafted.folder / "drafts" / "2018" / "VICTIMS"), second)
        with pytest.raises(BadSignatureError, match="1 of 2"):
            desk.publish(Y2018, "VICTIMS")


def test_an_officer_refused_from_now_on_no_longer_counts(signed: DeskHome) -> None:
    files = signed.ceremony.new_page(
        signed.ceremony.files, "KAZ", cards=[], at=AT, refuse={signed.officers[1].keyid: 1}
    )
    with signed.open() as desk:
        assert desk._store.adopt(files, at=AT).changed
        assert len(desk.publish(Y2018, "VICTIMS").logged) == 1
        with pytest.raises(BadSignatureError, match="no officer's"):
            desk.publish(Y2018, "VICTIMS_SEX")
    check_one_truth(signed, 1)


@pytest.mark.parametrize("name", ["data.csv", "statement.json"])
def test_a_folder_that_is_not_what_was_drafted_is_not_published(signed: DeskHome, name: str) -> None:
    other = signed.folder / "drafts" / "2019" / "VICTIMS"
    signed.sign("2019")
    mine = signed.folder / "drafts" / "2018" / "VICTIMS"
    shutil.copy(other / name, mine / name)
    with signed.open() as desk, pytest.raises(TallystickError):
        desk.publish(Y2018, "VICTIMS")
    shutil.rmtree(mine)
    shutil.copytree(other, mine)
    with signed.open() as desk, pytest.raises(BadSignatureError, match="not what was drafted"):
        desk.publish(Y2018, "VICTIMS")


def test_outside_a_demo_federation_nothing_is_published_and_the_reason_is_told(tmp_path: Path) -> None:
    home = make_desk_home(tmp_path / "home", {2018: 86}, demo=False)
    with home.open() as desk:
        desk.draft(Y2018)
    home.sign("2018")
    with home.open() as desk, pytest.raises(DisclosureError, match="likelihood audit was not run"):
        desk.publish()
    assert not (home.folder / "log").exists()


def test_a_refused_draft_leaves_the_folder_and_is_not_published(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.refuse(Y2018, "victims_sex", "the shelter's figures are wrong")
        again = desk.refuse(Y2018, "VICTIMS_SEX", "once more")
        assert again.reason == "the shelter's figures are wrong"
        with pytest.raises(UsageError, match="shelter's figures"):
            desk.publish(Y2018, "VICTIMS_SEX")
        assert [row.table_id for row in desk.publish(Y2018).logged] == ["VICTIMS", "VICTIMS_AGE", "VICTIMS_FORM"]
        desk.draft(Y2018)
    assert not (signed.folder / "drafts" / "2018" / "VICTIMS_SEX").exists()
    everything = b"".join(path.read_bytes() for path in signed.home.rglob("*") if path.is_file())
    assert b"shelter" not in everything
    check_one_truth(signed, 3)


def test_what_is_logged_can_no_longer_be_refused(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.publish()
        with pytest.raises(StoreError, match="logged and cannot become refused"):
            desk.refuse(Y2018, "VICTIMS", "too late")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_a_refusal_needs_a_reason(drafted: DeskHome, reason: str) -> None:
    with drafted.open() as desk, pytest.raises(UsageError):
        desk.refuse(Y2018, "VICTIMS", reason)


def test_log_keys_that_the_roster_does_not_name_sign_nothing(signed: DeskHome) -> None:
    path = signed.folder / "secrets" / "log-ed25519.pem"
    mine = path.read_bytes()
    path.write_bytes(encrypted_pem(new_signer("ed25519").private, PHRASE))
    with signed.open() as desk, pytest.raises(KeyNotTrustedError, match="log keys of this home"):
        desk.publish()
    path.write_bytes(mine)
    with signed.open() as desk:
        desk.publish()
    check_one_truth(signed, 4)


def test_large_releases_go_in_batches_and_all_of_them_go(signed: DeskHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "BATCH_BYTES", 6000)
    signed.sign("2018-2020")
    with signed.open() as desk:
        desk.publish()
    updates = [message.log for message in messages(signed) if message.WhichOneof("kind") == "log"]
    assert [(update.first_index, len(update.entries)) for update in updates] == [(0, 2), (2, 2), (4, 1), (5, 1)]
    check_one_truth(signed, 6)


class BoomError(Exception):
    """What a write that fails raises here."""


FAILING = [
    (TileLog, "append", 1),
    (TileLog, "_persist", 1),
    (SpoolWriter, "put", 1),
    (SpoolWriter, "put", 2),
    *((Database, "commit", nth) for nth in (1, 4, 5, 6, 7)),
]
"""Every kind of durable write of a publish, and which of them fails."""


@pytest.mark.parametrize("persisted", [False, True], ids=["failed", "failed but persisted"])
@pytest.mark.parametrize(("owner", "name", "nth"), FAILING)
def test_a_write_that_fails_is_made_good_by_the_next_publish(
    signed: DeskHome, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, nth: int, persisted: bool
) -> None:
    real = getattr(owner, name)
    calls = [0]

    def failing(*args: Any, **more: Any) -> Any:
        calls[0] += 1
        if calls[0] == nth:
            if persisted:
                real(*args, **more)
            raise BoomError
        return real(*args, **more)

    with signed.open() as desk:
        monkeypatch.setattr(owner, name, failing)
        with pytest.raises(BoomError):
            desk.publish()
        monkeypatch.undo()
    with signed.open() as again:
        again.publish()
        assert again.publish().logged == ()
    check_one_truth(signed, 4)


@pytest.mark.parametrize("persisted", [False, True])
def test_a_draft_between_signatures_and_log_can_be_refused_only_if_the_log_has_not_taken_it(
    signed: DeskHome, monkeypatch: pytest.MonkeyPatch, persisted: bool
) -> None:
    secrets = signed.folder / "secrets" / "log-mldsa44.pem"
    secrets.rename(signed.home / "away.pem")
    with signed.open() as desk:
        if not persisted:
            monkeypatch.setattr(TileLog, "append", lambda *_args, **_more: (_ for _ in ()).throw(BoomError))
        with pytest.raises((TallystickError, BoomError)):
            desk.publish(Y2018, "VICTIMS")
        monkeypatch.undo()
        state = next(one.release.state for one in desk.list() if one.release.table_id == "VICTIMS")
    assert state is S.SIGNED
    (signed.home / "away.pem").rename(secrets)
    with signed.open() as desk:
        if persisted:
            with pytest.raises(StoreError, match="logged and cannot become refused"):
                desk.refuse(Y2018, "VICTIMS", "second thoughts")
        else:
            assert desk.refuse(Y2018, "VICTIMS", "second thoughts").state is S.REFUSED
        desk.publish()
    check_one_truth(signed, 4 if persisted else 3)


def keep(home: DeskHome, name: str) -> Path:
    """Keep a copy of something of the desk, as last night's backup."""
    kept = home.home / f"backup-{name}"
    source = home.folder / name
    if source.is_dir():
        shutil.copytree(source, kept)
    else:
        shutil.copy(source, kept)
    return kept


def put_back(home: DeskHome, name: str, kept: Path) -> None:
    target = home.folder / name
    for path in home.folder.glob(f"{name}-*"):
        path.unlink()
    if kept.is_dir():
        shutil.rmtree(target)
        shutil.copytree(kept, target)
    else:
        shutil.copy(kept, target)


def test_a_database_from_last_night_takes_up_what_the_log_holds_and_no_second_entry_comes_to_be(
    signed: DeskHome,
) -> None:
    kept = keep(signed, "desk.db")
    with signed.open() as desk:
        desk.publish()
    put_back(signed, "desk.db", kept)
    signed.sign("2018", officers=(2,))
    with signed.open() as desk:
        assert [row.log_index for row in desk.publish().logged] == [0, 1, 2, 3]
    check_one_truth(signed, 4)


def test_a_database_that_never_knew_of_a_logged_release_stops_everything(fresh: DeskHome) -> None:
    with fresh.open():
        pass
    kept = keep(fresh, "desk.db")
    with fresh.open() as desk:
        desk.draft(Y2018)
    fresh.sign("2018")
    with fresh.open() as desk:
        desk.publish()
    put_back(fresh, "desk.db", kept)
    shutil.rmtree(fresh.folder / "drafts")
    with fresh.open() as desk:
        for action in (lambda: desk.draft(Y2018), desk.publish):
            with pytest.raises(StoreError, match="entry 0 of the log is not known"):
                action()
        assert desk.list() == ()


def test_a_log_from_last_night_or_a_lost_one_is_not_written_on(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.publish(Y2018, "VICTIMS")
    kept = keep(signed, "log")
    with signed.open() as desk:
        desk.publish()
    put_back(signed, "log", kept)
    with signed.open() as desk, pytest.raises(StoreError, match="knows 4 entries of the log"):
        desk.publish()
    shutil.rmtree(signed.folder / "log")
    with signed.open() as desk, pytest.raises(StoreError, match="it was lost"):
        desk.publish()


def test_a_lost_database_is_not_replaced_by_an_empty_one(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.publish()
    (signed.folder / "desk.db").unlink()
    with pytest.raises(StoreError, match="but this desk has a log"):
        signed.open()


def test_a_log_of_another_federation_is_not_written_on(signed: DeskHome) -> None:
    with signed.open() as desk:
        desk.publish(Y2018, "VICTIMS")
        roster = replace(desk._bench.roster(), federation_id=hashlib.sha256(b"other").hexdigest())
        other = Desk(replace(desk._bench, roster=lambda: roster), desk._store, Phrase())
        with pytest.raises(StoreError, match="/log holds the log tallystick/"):
            other.publish()


def test_an_envelope_that_was_put_together_is_the_only_one_there_will_ever_be(
    signed: DeskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_args: Any, **_more: Any) -> Any:
        raise BoomError

    with signed.open() as desk:
        monkeypatch.setattr(TileLog, "append", stop)
        with pytest.raises(BoomError):
            desk.publish(Y2018, "VICTIMS")
        monkeypatch.undo()
        kept = next(one.release.envelope for one in desk.list() if one.release.state is S.SIGNED)
        signed.sign("2018", officers=(1, 2), table_id="VICTIMS")
        desk.publish(Y2018, "VICTIMS")
    assert TileLog(signed.folder / "log", "kaz").entries(0, 1) == [kept]
