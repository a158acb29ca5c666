"""The three commands as they are typed: query, verify, pack; exit codes as scripts see them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.cli.main import main
from tallystick.config.files import make_dir
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.pack import export_pack, words_path
from tallystick.keys.roster_store import RosterStore
from tests.support.federation import AT, Federation

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def federation() -> Federation:
    found = Federation.make(("KAZ", "KGZ"))
    found.release("KAZ", "VICTIMS", "2018", {(): 60})
    found.release("KAZ", "VICTIMS_SEX", "2018", {("F",): 40})
    return found


@pytest.fixture(scope="module")
def home(federation: Federation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("home")
    border = make_dir(found / "border")
    (border / "border.toml").write_text('state = "KAZ"\nname = "Agency"\nlisten = "127.0.0.1:7001"\ndemo = true\n')
    archive, state = Archive(border / "archive"), federation.state("KAZ")
    archive.accept("kaz", state.view(), state.entries, federation.verified("KAZ"), state.data)
    RosterStore(border / "roster").adopt(federation.roster_files, at=AT, anchor=federation.anchor)
    return found


@pytest.fixture(scope="module")
def pack(home: Path, federation: Federation) -> Path:
    export_pack(Archive(home / "border" / "archive"), federation.roster_files, home / "pack", federation.roster)
    return home / "pack"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def typed(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tallystick", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return typed


def release_in(pack: Path) -> Path:
    return min((pack / "kaz" / "releases").glob("*.dsse.json"))


def test_query_shows_figures_absence_and_sources(run: Run, home: Path) -> None:
    code, out, err = run("query", "victims_sex", "--home", home)
    assert (code, err) == (0, "")
    assert "KAZ    2018    F    40 ± 3    37..43   1" in out
    assert "KGZ    2018         missing" in out
    assert max(map(len, out.splitlines())) <= 80


def test_query_by_archive_finds_the_roster_beside_it_or_says_where_it_looked(
    run: Run, home: Path, tmp_path: Path
) -> None:
    code, out, _err = run("query", "VICTIMS", "--archive", home / "border" / "archive", "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["value"] == 60
    code, _out, err = run("query", "VICTIMS", "--archive", tmp_path)
    assert code == 50
    assert "hint: looked in:" in err


def test_query_prints_csv_and_writes_a_workbook_once(run: Run, home: Path, tmp_path: Path) -> None:
    code, out, _err = run("query", "VICTIMS", "--home", home, "--csv", "--sum-over", "state")
    assert code == 0
    assert out.splitlines()[1].startswith(",2018,A,sum,60,57,63,1.0,")
    code, out, _err = run("query", "VICTIMS", "--home", home, "--xlsx", tmp_path / "x.xlsx")
    assert code == 0
    code, _out, err = run("query", "VICTIMS", "--home", home, "--xlsx", tmp_path / "x.xlsx")
    assert code == 50
    assert "already exists" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("VICTIMS", "--period", "2017-2019"), 2, "hint: the block that holds 2017 is 2015-2017"),
        (("VICTIMS", "--where", "SEX"), 2, "write DIMENSION=CODE"),
        (("VICTIMS_SEX", "--where", "SEX=F", "--where", "sex=M"), 2, "each dimension once"),
        (("VICTIMS", "--state", "XYZ"), 2, "hint: there are: KAZ, KGZ"),
        (("VICTIMS", "--csv", "--json"), 2, "choose one of"),
        (("NOPE",), 10, "no table is called NOPE"),
    ],
)
def test_a_question_with_a_mistake_says_how_to_mend_it(
    run: Run, home: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ended, out, err = run("query", *arguments, "--home", home)
    assert (ended, out) == (code, "")
    assert words in err


def test_query_without_a_home_says_so(run: Run, tmp_path: Path) -> None:
    code, _out, err = run("query", "VICTIMS", "--home", tmp_path)
    assert code == 10
    assert "hint: make a home first" in err


def test_a_pack_is_exported_once_with_its_words_beside_it(run: Run, home: Path, tmp_path: Path) -> None:
    code, out, _err = run("pack", "export", tmp_path / "pack", "--home", home)
    assert code == 0
    assert "tallystick verify" in out
    assert len((tmp_path / "pack.words").read_text().split()) == 24
    code, _out, err = run("pack", "export", tmp_path / "pack", "--home", home)
    assert code == 50
    assert "hint: choose another folder" in err
    code, out, _err = run("pack", "export", tmp_path / "second", "--home", home, "--json")
    assert json.loads(out)["releases"] == 2


def test_verify_of_a_pack_says_what_was_checked(run: Run, pack: Path) -> None:
    code, out, err = run("verify", pack, "--root", words_path(pack), "--at", "2021-06-30")
    assert (code, err) == (0, "")
    assert "2 releases with 4 officers' signatures" in " ".join(out.split())
    assert "no log here of: KGZ" in out
    assert max(map(len, out.splitlines())) <= 80
    code, out, _err = run("verify", pack, "--root", words_path(pack).read_text(), "--json")
    assert json.loads(out)["logs"][0]["releases"] == 2


def test_verify_of_one_release_says_who_signed_what(run: Run, pack: Path) -> None:
    path = release_in(pack)
    code, out, err = run("verify", path, "--root", pack / "roster" / "metadata" / "1.root.json")
    assert (code, err) == (0, "")
    assert "Aigerim of KAZ" in out
    assert "keyed, peer (D=3, V=1" in out
    code, out, _err = run("verify", path, "--root", words_path(pack), "--json")
    assert json.loads(out)["release"]["payload_id"] == path.name.removesuffix(".dsse.json")


def test_verify_without_root_ends_with_31_and_says_why(run: Run, pack: Path) -> None:
    for path in (pack, release_in(pack)):
        code, out, err = run("verify", path)
        assert code == 31
        assert out.startswith("fits together:")
        assert "self-consistent, not anchored" in err
        assert "hint: give the federation's words" in err
        code, out, _err = run("verify", path, "--json")
        assert code == 31
        assert json.loads(out)["anchored"] is False


def test_verify_under_another_federations_words_ends_with_30(run: Run, pack: Path, tmp_path: Path) -> None:
    other = Federation.make(("KAZ",))
    for path in (pack, release_in(pack)):
        code, out, err = run("verify", path, "--root", other.roster.words)
        assert (code, out) == (30, "")
        assert "another federation" in err


def spoil(pack: Path, home: Path, name: str) -> Path:
    import shutil

    copy = home / name
    shutil.copytree(pack, copy)
    return copy


def test_one_digit_changed_is_refused_with_30_and_the_reason(run: Run, pack: Path, tmp_path: Path) -> None:
    copy = spoil(pack, tmp_path, "copy")
    data = next(path for path in (copy / "kaz" / "data" / "sha256").iterdir() if b",40,A,F" in path.read_bytes())
    data.write_bytes(data.read_bytes().replace(b",40,A,F", b",41,A,F"))
    for path in (copy, *(copy / "kaz" / "releases").glob("*.dsse.json")):
        code, _out, err = run("verify", path, "--root", words_path(pack))
        if code == 0:
            continue
        assert code == 30
        assert "the file was changed after signing" in err
        break
    assert code == 30


def test_each_file_that_one_release_rests_on_is_needed_and_checked(run: Run, pack: Path, tmp_path: Path) -> None:
    copy = spoil(pack, tmp_path, "copy")
    path = release_in(copy)
    digest = json.loads(run("verify", path, "--root", words_path(pack), "--json")[1])["release"]["data_sha256"]
    receipt = path.with_name(path.name.replace(".dsse.json", ".tlog-proof"))
    for needed in (path, receipt, copy / "kaz" / "data" / "sha256" / digest):
        original = needed.read_bytes()
        needed.write_bytes(original[:-2] + bytes([original[-2] ^ 1]) + original[-1:])
        assert run("verify", path, "--root", words_path(pack))[0] == 30, needed
        needed.unlink()
        assert run("verify", path, "--root", words_path(pack))[0] in {2, 50}, needed
        needed.write_bytes(original)
    assert run("verify", path, "--root", words_path(pack))[0] == 0


def test_a_release_outside_its_pack_is_checked_with_a_roster_of_ones_own(run: Run, pack: Path, tmp_path: Path) -> None:
    import shutil

    path = release_in(pack)
    for name in (path.name, path.name.replace(".dsse.json", ".tlog-proof")):
        shutil.copy(path.with_name(name), tmp_path / name)
    words = words_path(pack)
    code, _out, err = run("verify", tmp_path / path.name, "--root", words)
    assert code == 30
    assert "hint: give the folder of one with --roster" in err
    digest = json.loads(run("verify", path, "--root", words, "--json")[1])["release"]["data_sha256"]
    shutil.copy(pack / "kaz" / "data" / "sha256" / digest, tmp_path / "data.csv")
    code, out, _err = run("verify", tmp_path / path.name, "--root", words, "--roster", pack)
    assert code == 0
    assert "KAZ, entry" in out
    code, _out, _err = run("verify", pack, "--root", words, "--roster", pack / "roster")
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere",), 2, "no such file"),
        (("PACK", "--root", "one two three"), 30, "3 words where 24 belong"),
        (("PACK", "--root", "nowhere"), 2, "no such file, and not 24 words"),
        (("PACK", "--at", "yesterday"), 2, "is not a time"),
        (("PACK", "--at", "0001-01-01T00:00:00+14:00"), 2, "is not a time"),
        (("PACK", "--at", "9999-12-31T23:59:59-14:00"), 2, "is not a time"),
        (("PACK/kaz/checkpoint",), 30, "is not a release"),
    ],
)
def test_a_mistake_in_verify_is_told(run: Run, pack: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    typed = [text.replace("PACK", str(pack)) for text in arguments]
    ended, _out, err = run("verify", *typed)
    assert ended == code
    assert words in err


def test_verify_loads_no_database_no_numbers_no_wire(pack: Path) -> None:
    script = (
        "import sys; sys.argv = ['tallystick', 'verify', *sys.argv[1:]]\n"
        "from tallystick.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'sqlite3', 'numpy', 'highspy', 'grpc', 'openpyxl', 'rich.table', 'structlog'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for path in (pack, release_in(pack)):
        command = [sys.executable, "-c", script, str(path), "--root", str(words_path(pack))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
