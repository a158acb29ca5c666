"""The roster folder: a crash at any write leaves a roster that holds, and what lies there is read within bounds."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.config.errors import MalformedError, StoreError, UnanchoredError, VerificationError
from tallystick.keys.merge import merge
from tallystick.keys.roster_store import RosterStore, read_roster_folder
from tallystick.keys.signer import new_signer
from tallystick.keys.tuf_files import LIMITS
from tallystick.keys.tuf_keys import OfflineKey
from tests.support.killing import every_step, run_and_kill
from tests.support.rosters import AT, Files, officer_card, resigned, three_states

KILLS = ("rename", "unlink", "mkdir")


def adopted(folder: Path, files: Files | None = None) -> RosterStore:
    ceremony, store = three_states(), RosterStore(folder)
    store.adopt(ceremony.files if files is None else files, at=AT, anchor=ceremony.anchor)
    return store


def test_what_was_adopted_is_loaded_again(tmp_path: Path) -> None:
    store = adopted(tmp_path / "roster")
    assert store.adopted
    roster = store.load(None, AT)
    assert roster.federation_id == three_states().anchor
    assert store.load(three_states().anchor, AT) == roster
    assert {name.split("/")[0] for name in store.files()} == {"metadata", "targets"}
    assert not store.adopt(three_states().files, at=AT).changed


def test_nothing_is_adopted_without_an_anchor(tmp_path: Path) -> None:
    store = RosterStore(tmp_path / "roster")
    with pytest.raises(UnanchoredError):
        store.adopt(three_states().files, at=AT)
    assert not store.adopted
    with pytest.raises(VerificationError):
        store.load(None, AT)


def test_only_the_current_index_stays(tmp_path: Path) -> None:
    store = adopted(tmp_path)
    store.adopt(three_states().new_page(three_states().files, "KAZ"), at=AT)
    names = sorted(path.name for path in (tmp_path / "metadata").iterdir())
    assert [name for name in names if "snapshot" in name] == ["6.snapshot.json"]


def test_modes_let_the_group_read_and_nobody_else(tmp_path: Path) -> None:
    adopted(tmp_path / "roster")
    assert (tmp_path / "roster" / "metadata").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "roster" / "metadata" / "1.root.json").stat().st_mode & 0o777 == 0o640


def test_a_kill_at_any_write_of_the_first_adoption_leaves_nothing_or_all_of_it(tmp_path: Path) -> None:
    whole = adopted(tmp_path / "whole").files()
    for step in every_step(80):
        folder = tmp_path / str(step)
        done = run_and_kill(lambda folder=folder: adopted(folder) and None, step, KILLS)
        store = RosterStore(folder)
        if store.adopted:
            assert store.files() == whole
        adopted(folder)
        assert store.files() == whole
        if done:
            assert step > 5
            return


def test_a_kill_at_any_write_of_a_change_leaves_a_roster_that_holds(tmp_path: Path) -> None:
    """The change holds everything: a new root and targets, a re-keyed state whose page is set aside, another page."""
    ceremony = three_states()
    thief = ceremony.new_page(ceremony.files, "KAZ")
    fresh = [new_signer("ed25519") for _ in range(3)]
    keys = tuple(sorted((OfflineKey("ed25519", key.public) for key in fresh), key=lambda key: key.tuf_keyid))
    newer = ceremony.new_targets(
        ceremony.new_root(ceremony.files),
        lambda page: replace(
            page,
            grants=tuple(
                replace(grant, keys=keys, versions_from=2) if grant.code == "KAZ" else grant for grant in page.grants
            ),
        ),
    )
    page = replace(ceremony.chains().states["kaz"][-1].page, version=2)
    newer = ceremony.new_page(newer, "KGZ", cards=[officer_card("KGZ", "New")]) | resigned(page, "kaz", fresh[:2])
    wanted = merge(merge({}, thief, at=AT, anchor=ceremony.anchor).files, newer, at=AT).files

    for step in every_step(80):
        store = adopted(tmp_path / str(step), thief)
        done = run_and_kill(lambda store=store: store.adopt(newer, at=AT) and None, step, KILLS)
        assert store.load(ceremony.anchor, AT).states
        store.adopt(newer, at=AT)
        assert store.files() == wanted
        if done:
            assert step > 5
            return


def test_two_writers_take_turns(tmp_path: Path) -> None:
    ceremony = three_states()
    store = adopted(tmp_path)
    changes = [ceremony.new_page(ceremony.files, code) for code in ("KAZ", "KGZ", "TUR")]
    threads = [threading.Thread(target=store.adopt, args=(files,), kwargs={"at": AT}) for files in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.version for entry in store.load(None, AT).states.values()} == {2}


def test_a_stray_file_is_named_and_a_hidden_one_passed_over(tmp_path: Path) -> None:
    store = adopted(tmp_path)
    (tmp_path / "metadata" / ".2.kaz.json.tmp").write_bytes(b"half")
    assert store.load(None, AT).states
    (tmp_path / "metadata" / "1.root.json~").write_bytes(b"")
    with pytest.raises(MalformedError, match=r"1\.root\.json~"):
        store.files()


def test_a_link_a_pipe_or_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    for number, make in enumerate((lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, Path.mkdir)):
        folder = tmp_path / str(number)
        adopted(folder)
        make(folder / "metadata" / "2.kaz.json")
        with pytest.raises(StoreError):
            read_roster_folder(folder)


def test_too_many_or_too_large_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adopted(tmp_path)
    (tmp_path / "metadata" / "2.kaz.json").write_bytes(b" " * (LIMITS.state + 1))
    with pytest.raises(MalformedError, match="larger than"):
        read_roster_folder(tmp_path)
    (tmp_path / "metadata" / "2.kaz.json").unlink()
    monkeypatch.setattr("tallystick.keys.roster_store.LIMITS", replace(LIMITS, files=3))
    with pytest.raises(MalformedError, match="more than 3 files"):
        read_roster_folder(tmp_path)


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_roster_folder(tmp_path / "nowhere") == {}
