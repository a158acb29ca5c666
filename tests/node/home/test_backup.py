"""Backup and restore: what is copied, what ends, who stays erased, and what a restored desk may not do."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.config.errors import RollbackError, SignerError, StoreError, UsageError
from tallystick.keys.secrets import GENERATED
from tallystick.node.desk.restored import confirm_log, require_confirmed
from tallystick.node.home.backup import BackupReport, back_up
from tallystick.node.home.copies import find_copies
from tallystick.node.home.doctor import examine
from tallystick.node.home.recovery import make_sheets, write_sheets
from tallystick.node.home.restore import RestoreReport, restore
from tests.support.erasures import AT, NamedDesk, Phrase, make_named_desk

ALL = {f"case-{number}" for number in range(12)}


def quiet(_name: str, _done: int, _total: int) -> None:
    pass


@pytest.fixture
def desk(tmp_path: Path) -> NamedDesk:
    return make_named_desk(tmp_path / "home")


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    return tmp_path / "copies"


def save(desk: NamedDesk, copies: Path, **more: Path) -> BackupReport:
    return back_up(desk.home, copies, Phrase(), desk.clock, watch=quiet, **more)


def bring_back(desk: NamedDesk, copies: Path, to: Path, **more: object) -> tuple[NamedDesk, RestoreReport]:
    done = restore(copies, to, Phrase(), desk.clock, work=GENERATED, **more)  # type: ignore[arg-type]
    return NamedDesk(to, desk.sheets, desk.officers, desk.clock), done


def test_a_lost_home_comes_back_from_backup_and_passphrase(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    done = save(desk, copies)
    assert (done.cases, done.keys, done.pruned, done.repeated) == (12, 12, (), 0)
    shutil.rmtree(desk.home)
    again, report = bring_back(desk, copies, tmp_path / "new")
    assert (report.cases, report.erased) == (12, 0)
    assert set(again.names()) == ALL
    again.take_in([20, 3])
    assert set(again.names()) == {*ALL, "case-20"}
    again.erase(5)
    assert "case-5" not in again.names()
    present = {path.relative_to(again.folder).as_posix() for path in again.folder.rglob("*") if path.is_file()}
    assert {"fingerprints.json", "node-desk.card.json", "secrets/log-ed25519.pem", "secrets/identity.box"} <= present
    assert len(list((again.folder / "officers").iterdir())) == 3


def test_two_sheets_bring_a_home_back_whose_passphrase_is_lost_also_after_a_rotation(
    desk: NamedDesk, copies: Path, tmp_path: Path
) -> None:
    sheets = write_sheets(tmp_path, make_sheets("KAZ", desk.sheets), AT)
    desk.erase(3)
    save(desk, copies)

    class Forgotten(Phrase):
        def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
            assert new, "the old passphrase is lost"
            return b"an entirely new one"

    class New(Phrase):
        def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
            return b"an entirely new one"

    with pytest.raises(SignerError, match="two recovery sheets"):
        restore(copies, tmp_path / "new", Forgotten(), desk.clock, sheets=sheets[:1], work=GENERATED)
    restore(copies, tmp_path / "new", Forgotten(), desk.clock, sheets=sheets[1:], work=GENERATED)
    from tallystick.node.cases.opening import open_desk_secret, open_store
    from tests.support.erasures import names_in

    with open_store(tmp_path / "new", New()) as store:
        assert set(names_in(store)) == ALL - {"case-3"}
    assert open_desk_secret(tmp_path / "new" / "desk", "noise", New()) == desk.sheets["noise"]


def test_an_older_copy_does_not_bring_the_erased_back(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    save(desk, copies)
    lost = desk.home / "desk" / "tombstones"
    desk.clock.at += timedelta(days=2)
    desk.erase(3)
    desk.clock.at += timedelta(days=2)
    save(desk, copies)
    desk.erase(4)  # after the last backup: only the home's own file knows
    names = [("new", {}), ("old", {"at": AT}), ("told", {"at": AT, "tombstones": [lost]})]
    for name, more in names:
        again, report = bring_back(desk, copies, tmp_path / name, **more)
        gone = {"case-3", "case-4"} if name == "told" else {"case-3"}
        assert set(again.names()) == ALL - gone, name
        assert report.erased == (0 if name == "new" else len(gone))
    oldest = find_copies(copies, "keyring")[-1]
    shutil.rmtree(find_copies(copies, "keyring")[0].path)
    again, report = bring_back(desk, copies, tmp_path / "oldest")
    assert report.keyring == oldest.path
    assert set(again.names()) == ALL - {"case-3"}
    with again.store() as store:
        assert store.count() == 12


def test_a_home_put_back_by_hand_is_told_by_its_next_backup(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    shutil.copytree(desk.home, tmp_path / "by hand")
    desk.erase(3)
    save(desk, copies)
    shutil.rmtree(desk.home)
    shutil.copytree(tmp_path / "by hand", desk.home)
    assert "case-3" in desk.names(), "nothing here knows yet"
    desk.clock.at += timedelta(hours=1)
    assert save(desk, copies).repeated == 1
    assert set(desk.names()) == ALL - {"case-3"}


def test_a_copy_of_the_keyring_ends_after_thirty_five_days(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    first = save(desk, copies)
    assert first.expires_at == "2026-04-05T09:30:00Z"
    desk.clock.at += timedelta(days=35)
    with pytest.raises(StoreError, match="ended on 2026-04-05") as caught:
        bring_back(desk, copies, tmp_path / "new")
    assert not (tmp_path / "new" / "desk").exists()
    assert "--keyring-from" in (caught.value.hint or "")
    told = [one.what for one in examine(desk.home, desk.clock)["keyring backup"]]
    assert any(str(first.keyring) in what for what in told)
    second = save(desk, copies)
    assert second.pruned == (first.keyring,)
    assert not first.keyring.exists()
    assert first.register.exists()
    assert examine(desk.home, desk.clock)["keyring backup"] == []
    again, _report = bring_back(desk, copies, tmp_path / "new", at=AT)
    assert set(again.names()) == ALL


def test_nobody_lengthens_a_keyrings_life_or_alters_a_copy(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    done = save(desk, copies)
    manifest = done.keyring / "manifest.json"
    written = manifest.read_bytes()
    younger = done.keyring.with_name("keyring-20260310T093000Z")
    done.keyring.rename(younger)
    with pytest.raises(StoreError, match="its name is not what its manifest says"):
        bring_back(desk, copies, tmp_path / "new")
    document = json.loads(written)
    document["made_at"], document["expires_at"] = "2026-03-10T09:30:00Z", "2026-04-14T09:30:00Z"
    (younger / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="was altered"):
        bring_back(desk, copies, tmp_path / "new")
    younger.rename(done.keyring)
    manifest.write_bytes(written)
    for path in (done.keyring / "identity.secret", done.register / "desk" / "register.db"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(StoreError, match="is not what was copied"):
            bring_back(desk, copies, tmp_path / "new")
        path.write_bytes(whole)
    (done.register / "desk" / "planted.toml").write_text("x")
    with pytest.raises(StoreError, match="is not what was copied"):
        bring_back(desk, copies, tmp_path / "new")
    assert not (tmp_path / "new" / "desk").exists()


def test_nothing_is_written_over_and_no_backup_goes_into_the_home(desk: NamedDesk, copies: Path) -> None:
    save(desk, copies)
    with pytest.raises(StoreError, match="already exists"):
        save(desk, copies)
    with pytest.raises(StoreError, match="already exists"):
        bring_back(desk, copies, desk.home)
    with pytest.raises(UsageError, match="lies in the home"):
        save(desk, desk.home / "copies")
    assert set(desk.names()) == ALL


def test_the_keyring_goes_to_a_folder_of_its_own(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    apart = tmp_path / "stick"
    done = save(desk, copies, keyring_to=apart)
    assert done.keyring.parent == apart
    assert not find_copies(copies, "keyring")
    with pytest.raises(StoreError, match="no copy of the keyring"):
        bring_back(desk, copies, tmp_path / "new")
    again, _report = bring_back(desk, copies, tmp_path / "new", keyring_from=apart)
    assert set(again.names()) == ALL
    for path in copies.rglob("*"):
        assert "identity" not in path.name
        assert "keyring" not in path.name


def test_a_restored_desk_signs_nothing_until_its_log_was_compared(
    desk: NamedDesk, copies: Path, tmp_path: Path
) -> None:
    save(desk, copies)
    again, _report = bring_back(desk, copies, tmp_path / "new")
    with pytest.raises(StoreError, match="not compared with the peers"):
        require_confirmed(again.folder)
    assert any("not compared" in one.what for one in examine(again.home, again.clock)["keyring backup"])
    with pytest.raises(RollbackError, match="others hold 3 entries of this log, this desk only 0"):
        confirm_log(again.folder, "KAZ", 3)
    assert confirm_log(again.folder, "KAZ", 0) == 0
    require_confirmed(again.folder)
    with pytest.raises(StoreError, match="nothing is to be confirmed"):
        confirm_log(again.folder, "KAZ", 0)


def test_tombstones_of_another_home_are_refused(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    other = make_named_desk(tmp_path / "other")
    other.erase(3)
    save(other, copies)
    with pytest.raises(StoreError, match="not this register's tombstone"):
        save(desk, copies)
    assert set(desk.names()) == ALL


def test_passphrase_files_and_people_are_in_no_copy(desk: NamedDesk, copies: Path) -> None:
    (desk.folder / "passphrase").write_text("correct horse battery staple\n")
    settings = desk.folder / "desk.toml"
    settings.write_text('passphrase_file = "passphrase"\n' + settings.read_text())
    (desk.home / "people").mkdir()
    (desk.home / "people" / "officer.pem").write_text("x")
    save(desk, copies)
    names = {path.name for path in copies.rglob("*")}
    assert not names & {"passphrase", "people", "officer.pem", ".desk.lock", "backups.json"}
    for path in copies.rglob("*"):
        assert path.is_dir() or b"correct horse" not in path.read_bytes()


def test_a_copy_is_of_one_moment_while_another_command_writes(desk: NamedDesk, copies: Path, tmp_path: Path) -> None:
    def import_meanwhile(name: str, _done: int, _total: int) -> None:
        if name == "register" and not (tmp_path / "once").exists():
            (tmp_path / "once").touch()
            desk.take_in(range(100, 200))

    done = back_up(desk.home, copies, Phrase(), desk.clock, watch=import_meanwhile)
    assert len(desk.names()) == 12
    with desk.store() as store:
        assert store.count() == 112
    assert done.cases in {12, 112}
    assert done.keys == 112, "the keyring is copied after the register, so no key of its cases is missing"
    again, report = bring_back(desk, copies, tmp_path / "new")
    assert report.cases == done.cases
    assert set(again.names()) == ALL
