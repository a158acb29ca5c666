"""What a pack can be made to look like, judged by the command that an auditor types."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.cli.main import main
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.keys.envelope import Signature, assemble
from tallystick.keys.roster import roster_digest
from tallystick.keys.roster_store import RosterStore
from tests.support.federation import AT, Federation
from tests.support.wire import NOW, Wire

Run = Callable[..., tuple[int, str, str]]
LATER = b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"urn:x-tallystick:remark:1","subject":[]}'


def pack_of(folder: Path, federation: Federation) -> Path:
    archive = Archive(folder / "archive")
    for code, state in federation.states.items():
        if state.entries:
            archive.accept(state.cc, state.view(), state.entries, federation.verified(code), state.data)
    export_pack(archive, federation.roster_files, folder / "pack", federation.roster)
    return folder / "pack"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    federation = Federation.make(("KAZ", "KGZ"))
    federation.release("KAZ", "VICTIMS", "2018", {(): 60})
    federation.state("KAZ").entries.append(assemble(LATER, [Signature("k", b"s")]))
    return pack_of(tmp_path_factory.mktemp("verify"), federation)


@pytest.fixture
def pack(made: Path, tmp_path: Path) -> Path:
    shutil.copy(words_path(made), words_path(tmp_path / "pack"))
    return Path(shutil.copytree(made, tmp_path / "pack"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def typed(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tallystick", "verify", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return typed


def release(pack: Path, *, unknown: bool) -> Path:
    found = {b"predicateType" not in path.read_bytes() and len(path.read_bytes()) < 1000: path
             for path in (pack / "kaz" / "releases").glob("*.dsse.json")}  # fmt: skip
    return found[unknown]


@pytest.mark.parametrize("at", ["2030-01-01", "2040-06-30T12:00:00Z"])
@pytest.mark.parametrize("whole", [True, False])
def test_an_expired_roster_is_noted_and_its_releases_still_verify(run: Run, pack: Path, at: str, whole: bool) -> None:
    target = pack if whole else release(pack, unknown=False)
    code, out, err = run(target, "--root", words_path(pack), "--at", at)
    assert (code, err) == (0, "")
    assert "the roster expired on 2024-05-31" in " ".join(out.split())
    code, out, _err = run(target, "--root", words_path(pack), "--at", at, "--json")
    assert (code, json.loads(out)["roster"]["expired"]) == (0, True)


def test_an_expired_roster_takes_no_change_and_releases_of_both_sides_stay(run: Run, tmp_path: Path) -> None:
    """The auditor holds an old roster; the pack brings a rotation that came after the roster's end."""
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 1)
    mine = RosterStore(tmp_path / "mine")
    mine.adopt(wire.roster_files, at=NOW, anchor=wire.ceremony.anchor)
    files = wire.ceremony.indexed(wire.ceremony.new_page(wire.roster_files, "KAZ", at=NOW))
    wire.adopt(files)
    archive = Archive(tmp_path / "archive")
    kaz = wire.federation.state("KAZ")
    archive.accept("kaz", kaz.view(), kaz.entries, wire.federation.verified("KAZ"), kaz.data)
    export_pack(archive, wire.roster_files, tmp_path / "pack", wire.federation.roster)
    words = words_path(tmp_path / "pack")
    code, out, _err = run(tmp_path / "pack", "--root", words, "--roster", tmp_path / "mine", "--at", "2060-01-01")
    assert code == 0
    assert "1 releases" in out or "1 release" in out
    assert "it takes no change any more" in " ".join(out.split())
    assert roster_digest(mine.files()) != roster_digest(wire.roster_files)


def test_a_kind_of_entry_that_comes_later_is_kept_and_named_and_no_error(run: Run, pack: Path) -> None:
    code, out, _err = run(pack, "--root", words_path(pack))
    assert code == 0
    assert "urn:x-tallystick:remark:1" in out
    code, out, _err = run(release(pack, unknown=True), "--root", words_path(pack))
    assert code == 0
    assert "urn:x-tallystick:remark:1" in " ".join(out.split())
    assert "officers" not in out


def test_a_later_kind_that_is_not_in_the_log_is_refused(run: Run, pack: Path) -> None:
    path = release(pack, unknown=True)
    path.write_bytes(path.read_bytes().replace(b'"k"', b'"x"'))
    code, _out, err = run(path, "--root", words_path(pack))
    assert code == 30
    assert path.name in err


@pytest.mark.parametrize("whole", [True, False])
def test_a_consistent_fake_federation_is_refused_by_the_words_and_unanchored_without(
    run: Run, pack: Path, tmp_path: Path, whole: bool
) -> None:
    """Same states, same people's names, same figures; every signature holds; only the words differ."""
    fake = Federation.make(("KAZ", "KGZ"))
    fake.release("KAZ", "VICTIMS", "2018", {(): 61})
    forged = pack_of(tmp_path / "fake", fake)
    target = forged if whole else next((forged / "kaz" / "releases").glob("*.dsse.json"))
    code, out, err = run(target, "--root", words_path(pack))
    assert (code, out) == (30, "")
    assert "another federation" in err
    code, _out, err = run(target)
    assert code == 31
    assert "self-consistent, not anchored" in err
    code, _out, err = run(target, "--root", words_path(pack), "--roster", pack / "roster")
    assert code == 30


def test_a_pack_judged_a_year_early_or_late_says_the_same_of_its_releases(run: Run, pack: Path) -> None:
    seen = set()
    for year in (AT.year - 1, AT.year, AT.year + 1):
        code, out, _err = run(pack, "--root", words_path(pack), "--at", f"{year}-06-01", "--json")
        found = json.loads(out)
        seen.add((code, json.dumps(found["logs"], sort_keys=True)))
    assert len(seen) == 1
