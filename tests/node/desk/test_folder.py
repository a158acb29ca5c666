"""A draft folder: whole or not there, and no part may be changed, swapped or miscounted unseen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import MalformedError, StoreError, TallystickError, UsageError
from tallystick.node.desk.folder import (
    DetachedSignature,
    find_drafts,
    read_draft,
    read_signatures,
    remove_draft,
    write_draft,
    write_signature,
)
from tests.support.drafts import observations, sample_draft, statement_for
from tests.support.killing import every_step, run_and_kill


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sample_draft(tmp_path)


def test_a_folder_reads_back(folder: Path) -> None:
    draft = read_draft(folder)
    assert draft.statement.predicate.table.id == "VICTIMS_SEX"
    assert [cell.value for cell in draft.table.observations] == [61, 25, None, None]
    assert draft.payload == (folder / "statement.json").read_bytes()
    assert draft.briefing["persons_shown"] == 98
    assert read_signatures(folder) == ()


def test_one_changed_digit_in_the_data_is_refused(folder: Path) -> None:
    data = (folder / "data.csv").read_bytes()
    (folder / "data.csv").write_bytes(data.replace(b",61,", b",62,"))
    with pytest.raises(MalformedError, match=r"data\.csv is not the data"):
        read_draft(folder)


def test_a_statement_over_another_period_than_its_data_is_refused(folder: Path) -> None:
    data = (folder / "data.csv").read_bytes()
    seen = observations(load_shipped(), "VICTIMS_SEX", {"F": 61, "M": 25})
    for period, state in (("2019", "KAZ"), ("2018", "TUR")):
        payload = statement_for(data, seen, "VICTIMS_SEX", period, state).to_payload()
        (folder / "statement.json").write_bytes(payload)
        with pytest.raises(MalformedError, match="speaks of"):
            read_draft(folder)


def test_a_statement_that_miscounts_what_is_withheld_is_refused(folder: Path) -> None:
    data = (folder / "data.csv").read_bytes()
    wrong = observations(load_shipped(), "VICTIMS_SEX", {"F": 61})
    (folder / "statement.json").write_bytes(statement_for(data, wrong, "VICTIMS_SEX", "2018").to_payload())
    with pytest.raises(MalformedError, match="miscounts"):
        read_draft(folder)


def test_a_statement_of_an_unknown_kind_is_not_shown_as_something_else(folder: Path) -> None:
    document = json.loads((folder / "statement.json").read_bytes()) | {"predicateType": "urn:x-other"}
    (folder / "statement.json").write_text(json.dumps(document))
    with pytest.raises(MalformedError, match="urn:x-other"):
        read_draft(folder)


def test_a_briefing_of_another_draft_is_refused(folder: Path) -> None:
    (folder / "briefing.json").write_text(json.dumps({"payload_sha256": "00" * 32, "persons_shown": 100}))
    with pytest.raises(MalformedError, match="another draft"):
        read_draft(folder)


def test_a_folder_without_briefing_can_still_be_read(folder: Path) -> None:
    (folder / "briefing.json").unlink()
    assert read_draft(folder).briefing == {}


def test_no_draft_is_a_plain_answer(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no draft lies here"):
        read_draft(tmp_path)


def test_a_link_in_the_place_of_the_data_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "data.csv").rename(tmp_path / "elsewhere.csv")
    (folder / "data.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(StoreError):
        read_draft(folder)


def test_another_catalogue_travels_with_the_folder(tmp_path: Path) -> None:
    shipped = load_shipped()
    other = shipped.model_copy(update={"version": 7})
    reference = {"version": 7, "sha256": other.sha256}
    folder = sample_draft(tmp_path, catalogue=reference)
    with pytest.raises(MalformedError, match="catalogue"):
        read_draft(folder)
    (folder / "catalogue.json").write_bytes(other.to_bytes())
    assert read_draft(folder).catalogue == other
    (folder / "catalogue.json").write_bytes(shipped.to_bytes())
    with pytest.raises(MalformedError, match="not the catalogue"):
        read_draft(folder)


def parts(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("statement.json", "data.csv", "briefing.json")]


def test_writing_again_is_the_same_or_refused(folder: Path) -> None:
    held = parts(folder)
    assert not write_draft(folder, *held, load_shipped())
    (folder / "data.csv").write_bytes(b"changed")
    with pytest.raises(StoreError, match=r"data\.csv is not what was drafted"):
        write_draft(folder, *held, load_shipped())
    assert (folder / "data.csv").read_bytes() == b"changed"


def test_another_catalogue_is_written_too(tmp_path: Path, folder: Path) -> None:
    other = load_shipped().model_copy(update={"version": 7})
    write_draft(tmp_path / "new", *parts(folder), other)
    assert (tmp_path / "new" / "catalogue.json").read_bytes() == other.to_bytes()


def test_a_kill_at_any_write_leaves_no_half_draft_and_writing_again_completes(folder: Path, tmp_path: Path) -> None:
    held = parts(folder)
    for step in every_step():
        target = tmp_path / f"try{step}" / "VICTIMS_SEX"
        finished = run_and_kill(lambda target=target: write_draft(target, *held, load_shipped()), step)
        if target.exists():
            assert parts(target) == held
        write_draft(target, *held, load_shipped())
        assert parts(target) == held
        assert [path.name for path in target.parent.iterdir()] == ["VICTIMS_SEX"]
        if finished:
            break


def test_a_kill_while_removing_leaves_a_whole_draft_or_none_in_sight(tmp_path: Path) -> None:
    for step in every_step():
        folder = sample_draft(tmp_path / f"try{step}")
        finished = run_and_kill(lambda folder=folder: remove_draft(folder), step)
        if folder.exists():
            read_draft(folder)
        remove_draft(folder)
        assert list(folder.parent.iterdir()) == []
        if finished:
            break


def signature(keyid: str = "ab" * 32, sig: bytes = b"s" * 64) -> DetachedSignature:
    return DetachedSignature.model_construct(
        format="tallystick-signature-1", payload_sha256="cd" * 32, algorithm="ed25519", keyid=keyid, sig=sig
    )


def test_a_signature_reads_back_and_a_second_by_the_same_key_replaces_it(folder: Path) -> None:
    write_signature(folder, signature())
    write_signature(folder, signature(sig=b"t" * 70))
    write_signature(folder, signature(keyid="aa" * 32))
    assert [(one.keyid[:2], one.sig[:1]) for one in read_signatures(folder)] == [("aa", b"s"), ("ab", b"t")]


@pytest.mark.parametrize("junk", [b"", b"{}", b"[" * 5000, b"\xff", b"x" * 20_000])
def test_a_file_that_is_no_signature_is_named(folder: Path, junk: bytes) -> None:
    (folder / "signatures").mkdir()
    (folder / "signatures" / "x.sig.json").write_bytes(junk)
    with pytest.raises(TallystickError, match=r"x\.sig\.json"):
        read_signatures(folder)


def test_a_flood_of_signatures_is_refused(folder: Path) -> None:
    for number in range(17):
        write_signature(folder, signature(keyid=f"{number:064x}"))
    with pytest.raises(MalformedError):
        read_signatures(folder)


def test_drafts_are_found_below_and_hidden_ones_are_not(tmp_path: Path) -> None:
    one, two = sample_draft(tmp_path), sample_draft(tmp_path, "VICTIMS", "2019", {"": 80})
    sample_draft(tmp_path / ".making")
    assert find_drafts(tmp_path) == (one, two)
    assert find_drafts(one) == (one,)
    with pytest.raises(UsageError):
        find_drafts(tmp_path / "nowhere")


def test_an_officers_computer_needs_neither_numpy_nor_a_database() -> None:
    modules = "tallystick.node.desk.folder, tallystick.node.desk.signing, tallystick.node.desk.showing"
    heavy = "{'numpy', 'sqlcipher3', 'sqlite_utils', 'highspy', 'grpc'}"
    code = f"import {modules}, sys; sys.exit(','.join(sorted({heavy} & set(sys.modules))) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
