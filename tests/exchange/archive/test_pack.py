"""A pack is whole, verifies, and every file of it matters: change a byte or leave a file out and it shows."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.config.errors import (
    BadProofError,
    KeyNotTrustedError,
    MalformedError,
    StoreError,
    TallystickError,
    UnanchoredError,
    VerificationError,
)
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.check import examine_tree, verify_tree
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.keys.envelope import Signature, assemble
from tallystick.keys.words import Anchor, parse_anchor
from tests.support.federation import AT, Federation

UNKNOWN = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:other:thing","subject":[]}'


def fill(archive: Archive, federation: Federation) -> None:
    for state in federation.states.values():
        if state.entries:
            archive.accept(state.cc, state.view(), state.entries, federation.verified(state.code), state.data)


@pytest.fixture(scope="module")
def federation() -> Federation:
    found = Federation.make(("KAZ", "KGZ", "PAK", "TUR"))
    for code in ("KAZ", "KGZ", "TUR"):
        for period in ("2018", "2019", "2020"):
            found.release(code, "VICTIMS", period, {(): 80})
            found.release(code, "VICTIMS_SEX", period, {("F",): 44, ("M",): 36})
        found.release(code, "VICTIMS_CORRIDOR", "2018-2020", lambda key: 9 if "_T" in key else None)
    found.state("KGZ").entries.append(assemble(UNKNOWN, [Signature("k", b"s")]))
    return found


@pytest.fixture(scope="module")
def made(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack")
    archive = Archive(folder / "archive")
    fill(archive, federation)
    export_pack(archive, federation.roster_files, folder / "pack", federation.roster)
    return folder / "pack"


@pytest.fixture
def pack(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "pack")
    shutil.copy(words_path(made), words_path(tmp_path / "pack"))
    return tmp_path / "pack"


def test_a_pack_verifies_from_its_words_alone_and_says_what_was_checked(pack: Path, federation: Federation) -> None:
    report = verify_tree(pack, parse_anchor(str(words_path(pack))), AT)
    assert report.anchored
    assert [log.state for log in report.logs] == ["KAZ", "KGZ", "TUR"]
    assert report.total("releases") == 21
    assert report.total("size") == 22
    assert report.total("officer_signatures") == 42
    assert report.total("envelopes") == report.total("receipts") == 22
    assert report.total("policy") == 3
    assert report.total("hash_tiles") == report.total("bundles") == 3
    assert report.total("figures") == 3 * (3 * 3 + 24)
    assert any("no log here of: PAK" in note for note in report.notes)
    assert any("urn:other:thing" in note for note in report.notes)
    assert any("not witnessed" in note for note in report.notes)
    assert json.loads(json.dumps(report.to_dict()))["verified"] is True
    assert len(report.rows()) == 7


def test_without_the_words_it_is_self_consistent_and_not_anchored(pack: Path) -> None:
    with pytest.raises(UnanchoredError, match="self-consistent, not anchored") as caught:
        verify_tree(pack, None, AT)
    assert caught.value.exit_code == 31
    assert not examine_tree(pack, None, AT).anchored


def test_a_self_consistent_fake_federation_does_not_pass_under_the_right_words(
    pack: Path, federation: Federation
) -> None:
    other = Federation.make(("KAZ", "KGZ"))
    with pytest.raises(KeyNotTrustedError, match="another federation"):
        verify_tree(pack, other.anchor, AT)


def test_an_expired_roster_is_noted_and_its_releases_hold(pack: Path, federation: Federation) -> None:
    report = verify_tree(pack, federation.anchor, datetime(2040, 1, 1, tzinfo=UTC))
    assert any("expired on 2024" in note for note in report.notes)


def every_file(pack: Path) -> Iterator[Path]:
    for path in sorted(pack.rglob("*")):
        if path.is_file() and "snapshot" not in path.name and "timestamp" not in path.name:
            yield path


def test_each_file_with_one_byte_changed_is_refused(pack: Path, federation: Federation) -> None:
    passed = []
    for path in every_file(pack):
        original = path.read_bytes()
        for at in (0, len(original) // 2, len(original) - 2):
            path.write_bytes(original[:at] + bytes([original[at] ^ 1]) + original[at + 1 :])
            with suppress(VerificationError):
                verify_tree(pack, federation.anchor, AT)
                passed.append((path.name, at))
        path.write_bytes(original)
    verify_tree(pack, federation.anchor, AT)
    assert all(name.endswith(".policy") and at < 100 for name, at in passed), "only a policy's comment is free"


def test_each_file_left_out_is_noticed(pack: Path, federation: Federation) -> None:
    passed = []
    for path in every_file(pack):
        original = path.read_bytes()
        path.unlink()
        with suppress(VerificationError):
            report = verify_tree(pack, federation.anchor, AT)
            passed.append(path.name)
        path.write_bytes(original)
    assert passed == ["kaz.policy", "kgz.policy", "tur.policy", "1.pak.json"]
    assert any("no page in the roster of: PAK" in note for note in report.notes)


def test_each_file_doubled_under_a_wrong_name_is_noticed(pack: Path, federation: Federation) -> None:
    for path, name in (
        (next((pack / "kaz" / "releases").glob("*.dsse.json")), "0" * 64 + ".dsse.json"),
        (next((pack / "kaz" / "releases").glob("*.tlog-proof")), "0" * 64 + ".tlog-proof"),
        (next((pack / "kaz" / "data" / "sha256").iterdir()), "0" * 64),
        (pack / "kaz" / "tile" / "0" / "000.p" / "7", "5"),
        (pack / "kaz" / "tile" / "entries" / "000.p" / "7", "6"),
        (pack / "kaz" / "tile" / "entries" / "000.p" / "7", "9"),
        (pack / "policies" / "kaz.policy", "pak.policy"),
    ):
        copy = path.with_name(name)
        shutil.copy(path, copy)
        with pytest.raises(VerificationError):
            verify_tree(pack, federation.anchor, AT)
        copy.unlink()


def spoil_swap_receipts(pack: Path) -> None:
    one, two, *_rest = sorted((pack / "kaz" / "releases").glob("*.tlog-proof"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


def spoil_swap_states(pack: Path) -> None:
    for name in ("tile", "checkpoint", "releases", "data"):
        shutil.move(pack / "kaz" / name, pack / "x")
        shutil.move(pack / "tur" / name, pack / "kaz" / name)
        shutil.move(pack / "x", pack / "tur" / name)


def spoil_digit(pack: Path) -> None:
    path = next(path for path in (pack / "kaz" / "data" / "sha256").iterdir() if b",80,A,F" in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(b",80,A,F", b",81,A,F"))


def spoil_signature(pack: Path) -> None:
    path = next((pack / "kaz" / "releases").glob("*.dsse.json"))
    envelope = json.loads(path.read_bytes())
    envelope["signatures"] = envelope["signatures"][:1]
    path.write_bytes(json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode())


def spoil_policy(pack: Path) -> None:
    shutil.copy(pack / "policies" / "tur.policy", pack / "policies" / "kaz.policy")


def spoil_stranger(pack: Path) -> None:
    shutil.copytree(pack / "kaz", pack / "xyz")


def spoil_link(pack: Path) -> None:
    path = next((pack / "kaz" / "data" / "sha256").iterdir())
    path.rename(pack.parent / "elsewhere")
    path.symlink_to(pack.parent / "elsewhere")


def spoil_folder_link(pack: Path) -> None:
    (pack / "kaz").rename(pack.parent / "elsewhere")
    (pack / "kaz").symlink_to(pack.parent / "elsewhere")


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "two receipts swapped": (spoil_swap_receipts, "tlog-proof: it is of entry"),
    "two states swapped": (spoil_swap_states, "kaz/checkpoint"),
    "one digit changed": (spoil_digit, "kaz, entry 0: data file: its digest is"),
    "a signature taken off": (spoil_signature, "not the bytes that stand in the log"),
    "another log's policy": (spoil_policy, "policies/kaz.policy: it names other keys"),
    "a state that the roster does not name": (spoil_stranger, "names no state xyz"),
    "a link instead of a file": (spoil_link, "is a link"),
    "a link instead of a folder": (spoil_folder_link, "is a link"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_pack_is_refused_with_the_place(pack: Path, federation: Federation, name: str) -> None:
    spoil, words = SPOILED[name]
    spoil(pack)
    with pytest.raises(VerificationError) as caught:
        verify_tree(pack, federation.anchor, AT)
    assert words in caught.value.message


def tiles_of(pack: Path) -> list[Path]:
    return sorted(path for path in (pack / "kaz" / "tile").rglob("*") if path.is_file())


def test_any_one_and_any_two_forged_tiles_are_refused(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 80})
    state = federation.state("KAZ")
    state.entries += [assemble(UNKNOWN, [Signature("k", str(number).encode())]) for number in range(600)]
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    pack = tmp_path / "pack"
    export_pack(archive, federation.roster_files, pack, federation.roster)
    shutil.rmtree(pack / "kaz" / "releases")
    verify_tree(pack, federation.anchor, AT)
    tiles = tiles_of(pack)
    assert len(tiles) == 3 + 3 + 1
    originals = {path: path.read_bytes() for path in tiles}
    for first in tiles:
        for second in tiles:
            for path in {first, second}:
                path.write_bytes(originals[path][:-1] + bytes([originals[path][-1] ^ 1]))
            with pytest.raises((BadProofError, MalformedError)):
                verify_tree(pack, federation.anchor, AT)
            for path in {first, second}:
                path.write_bytes(originals[path])


def test_a_release_by_a_stranger_cannot_enter_a_pack_even_if_the_log_took_it(tmp_path: Path) -> None:
    federation, strangers = Federation.make(("KAZ",)), Federation.make(("KAZ",))
    strangers.roster = replace(strangers.roster, federation_id=federation.roster.federation_id)
    federation.state("KAZ").entries.append(strangers.release("KAZ", "VICTIMS", "2018", {(): 80}))
    federation.state("KAZ").data = strangers.state("KAZ").data
    archive = Archive(tmp_path / "archive")
    archive.accept(
        "kaz", federation.state("KAZ").view(), federation.state("KAZ").entries, (), federation.state("KAZ").data
    )
    with pytest.raises(KeyNotTrustedError):
        export_pack(archive, federation.roster_files, tmp_path / "pack", federation.roster)
    assert not (tmp_path / "pack").exists()


def test_a_slice_released_twice_is_refused_with_both_as_evidence(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 80})
    federation.release("KAZ", "VICTIMS", "2018", {(): 81})
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    export_pack(archive, federation.roster_files, tmp_path / "pack", federation.roster)
    with pytest.raises(VerificationError, match="kaz, entry 1") as caught:
        verify_tree(tmp_path / "pack", federation.anchor, AT)
    assert len(caught.value.evidence) == 2  # type: ignore[attr-defined]


def test_an_older_receipt_holds_under_its_own_head(tmp_path: Path) -> None:
    from tallystick.exchange.formats.merkle import inclusion_proof, leaf_hash
    from tallystick.exchange.formats.tlogproof import encode_proof

    federation = Federation.make(("KAZ",))
    federation.release("KAZ", "VICTIMS", "2018", {(): 80})
    federation.release("KAZ", "VICTIMS", "2019", {(): 80})
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    export_pack(archive, federation.roster_files, tmp_path / "pack", federation.roster)
    state = federation.state("KAZ")
    proof = inclusion_proof([leaf_hash(state.entries[0])], 0, 1)
    name = federation.state("KAZ").payload_ids["VICTIMS", "2018"]
    path = tmp_path / "pack" / "kaz" / "releases" / f"{name}.tlog-proof"
    path.write_bytes(encode_proof(0, proof, state.checkpoint(1)))
    assert verify_tree(tmp_path / "pack", federation.anchor, AT).total("checkpoints") == 2
    path.write_bytes(encode_proof(0, (b"x" * 32,), state.checkpoint()))
    with pytest.raises(BadProofError, match="leads to another root"):
        verify_tree(tmp_path / "pack", federation.anchor, AT)


def test_strange_and_private_files_are_named_as_not_checked(pack: Path, federation: Federation) -> None:
    (pack / "README.txt").write_text("hello")
    (pack / "index.sqlite").write_text("hello")
    notes = verify_tree(pack, federation.anchor, AT).notes
    assert any("not part of a pack and not checked: README.txt" in note for note in notes)
    assert any("derived or private" in note and "index.sqlite" in note for note in notes)


def test_an_archive_is_verified_like_a_pack_with_the_roster_of_its_node(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    with pytest.raises(MalformedError, match="there is no roster"):
        verify_tree(archive.tree, federation.anchor, AT)
    report = verify_tree(archive.tree, federation.anchor, AT, roster_files=federation.roster_files)
    assert report.total("releases") == 21
    assert any("no receipts" in note for note in report.notes)


def test_a_pack_is_not_written_over_anything(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("full", "file"):
        with pytest.raises(StoreError, match="is there already") as caught:
            export_pack(archive, federation.roster_files, tmp_path / name, federation.roster)
        assert caught.value.hint
    assert (tmp_path / "full" / "precious").read_text() == "x"
    (tmp_path / "empty").mkdir()
    summary = export_pack(archive, federation.roster_files, tmp_path / "empty", federation.roster)
    assert (summary.states, summary.releases, summary.data_files) == (3, 21, 21)
    words_path(tmp_path / "other").write_text("other words\n")
    with pytest.raises(StoreError, match="holds other words"):
        export_pack(archive, federation.roster_files, tmp_path / "other", federation.roster)


def test_an_export_that_was_broken_off_leaves_nothing_in_the_way(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    (tmp_path / ".pack.partial" / "old").mkdir(parents=True)
    export_pack(archive, federation.roster_files, tmp_path / "pack", federation.roster)
    assert not (tmp_path / ".pack.partial").exists()
    verify_tree(tmp_path / "pack", federation.anchor, AT)


def test_a_pack_of_an_archive_with_missing_data_is_refused(tmp_path: Path, federation: Federation) -> None:
    archive = Archive(tmp_path / "archive")
    fill(archive, federation)
    next((archive.tree / "kaz" / "data" / "sha256").iterdir()).unlink()
    with pytest.raises(StoreError, match="would not be whole"):
        export_pack(archive, federation.roster_files, tmp_path / "pack", federation.roster)
    assert not (tmp_path / "pack").exists()


def test_folders_without_end_end_in_words(pack: Path, federation: Federation) -> None:
    (pack / "/".join("a" * 40)).mkdir(parents=True)
    with pytest.raises(MalformedError, match="too deep"):
        verify_tree(pack, federation.anchor, AT)


def test_errors_of_any_bytes_are_ours(pack: Path, federation: Federation) -> None:
    for path in (pack / "kaz" / "checkpoint", next((pack / "kaz" / "releases").glob("*.tlog-proof"))):
        for junk in (b"", b"\xff" * 100, b"{" * 5000, base64.b64encode(b"x" * 60_000)):
            original = path.read_bytes()
            path.write_bytes(junk)
            with pytest.raises(TallystickError):
                verify_tree(pack, Anchor(federation.anchor), AT)
            path.write_bytes(original)
