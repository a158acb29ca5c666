"""``tallystick case`` as a record officer types it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.cli.main import main
from tallystick.config.settings import DeskSettings, dump_settings
from tallystick.keys.secrets import GENERATED, FileSecrets, seal_secret
from tallystick.node.cases.opening import SECRET_PURPOSES, create_register

PHRASE = "correct horse battery staple"
CTDC = Path(__file__).parents[3] / "shared" / "data" / "ctdc_cases_k11.csv"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command; get exit code, what was shown, and what was complained about."""

    def typed(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tallystick", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return typed


def make_home(home: Path, *, demo: bool = True, state: str = "KAZ") -> Path:
    folder = home / "desk"
    (folder / "secrets").mkdir(parents=True)
    phrase = home / "phrase"
    phrase.write_text(PHRASE + "\n")
    phrase.chmod(0o600)
    settings = DeskSettings(state=state, name="Agency", demo=demo, passphrase_file=Path("../phrase"))
    (folder / "desk.toml").write_bytes(dump_settings(settings))
    keys = {name: name.encode().ljust(32, b".") for name in SECRET_PURPOSES}
    for name, purpose in SECRET_PURPOSES.items():
        sealed = seal_secret(keys[name], FileSecrets(phrase), purpose, work=GENERATED)
        (folder / "secrets" / f"{name}.secret").write_bytes(sealed)
    create_register(folder, keys["register"], keys["identity"])
    return home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_home(tmp_path / "home")
    monkeypatch.setenv("TALLYSTICK_HOME", str(made))
    return made


def test_generate_count_and_runs_tell_one_story(home: Path, run: Run) -> None:
    assert home.exists()
    code, out, _err = run("case", "generate", "--years", "2018-2020")
    assert code == 0
    assert "224 added, 0 unchanged (run 1)" in out
    assert "UNODC" in out
    assert "assumed" not in out
    assert "0 added, 224 unchanged (run 2)" in run("case", "generate", "--years", "2018-2020")[1]
    _code, out, _err = run("case", "count")
    assert "KAZ: 224 cases" in out
    assert "2020               92" in out
    _code, out, _err = run("case", "runs")
    assert "generate KAZ --seed 1" in out
    _code, out, _err = run("case", "runs", "2")
    assert "invented" in out
    assert run("case", "runs", "9")[0] == 2


def test_counting_opens_no_keyring(home: Path, run: Run) -> None:
    run("case", "generate", "--years", "2019")
    (home / "desk" / "keyring.db").unlink()
    (home / "desk" / "secrets" / "identity.secret").unlink()
    code, out, _err = run("case", "count", "--year", "2019", "--json")
    found = json.loads(out)
    assert (code, found["persons"], sum(found["breakdown"]["sex"].values())) == (0, 44, 44)
    several = [title for title in found["breakdown"] if "does not add up" in title]
    assert len(several) == 3
    alone = [codes for title, codes in found["breakdown"].items() if title not in several]
    assert all(sum(codes.values()) == 44 for codes in alone)
    assert found["facts"]["VICTIMS_SEX"]["unknown"]["SEX"] == found["breakdown"]["sex"]["unknown"]
    assert found["facts"]["VICTIMS_SEX"]["unit"] == "persons"
    _code, out, _err = run("case", "count", "--year", "2019")
    assert "KAZ 2019: 44 persons" in out
    assert "year of registration by the national authority" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_what_is_assumed_is_shown_and_in_the_json(tmp_path: Path, run: Run) -> None:
    home = make_home(tmp_path / "home", state="AFG")
    _code, out, _err = run("case", "generate", "--years", "2019-2020", "--home", home)
    assert "AFG 2019: UNODC published no total for any year" in out
    _code, out, _err = run("case", "generate", "--years", "2019-2020", "--home", home, "--json")
    assert json.loads(out)["totals"][0]["assumption"]


def test_invented_people_do_not_enter_a_real_register(tmp_path: Path, run: Run) -> None:
    home = make_home(tmp_path / "home", demo=False)
    code, _out, err = run("case", "generate", "--years", "2019", "--home", home)
    assert code == 2
    assert "not a DEMO" in err
    assert "--csv" in err
    code, _out, err = run(
        "case", "generate", "--years", "2019", "--state", "kgz", "--home", make_home(tmp_path / "two")
    )
    assert code == 2
    assert "KAZ's register, not KGZ's" in err


def test_a_generated_file_goes_round_through_import(home: Path, tmp_path: Path, run: Run) -> None:
    assert home.exists()
    file = tmp_path / "cases.csv"
    code, out, _err = run("case", "generate", "--years", "2019-2020", "--state", "kaz", "--n", "9", "--csv", file)
    assert code == 0
    assert "18 cases written" in out
    assert run("case", "generate", "--years", "2019", "--state", "KAZ", "--csv", file)[0] == 50
    assert run("case", "generate", "--years", "2019", "--csv", tmp_path / "x.csv")[0] == 2
    assert "dry run, nothing changed: 18 added" in run("case", "import", file, "--dry-run")[1]
    assert "18 added, 0 replaced, 0 unchanged, 0 rejected" in run("case", "import", file)[1]
    code, out, _err = run("case", "import", file, "--json")
    assert json.loads(out)["stored"]["unchanged"] == 18
    assert json.loads(out)["dry_run"] is False


def test_rejections_are_shown_in_eighty_columns_without_names(home: Path, tmp_path: Path, run: Run) -> None:
    assert home.exists()
    file = tmp_path / "bad.csv"
    rows = [f"{number},2019,Aida{number},30/02/19{number},Femle" for number in range(10, 30)]
    file.write_text(
        "ext_CaseId,ext_RegistrationYear,First Name,prs_Birthdate,Gender\n" + "\n".join([*rows, "1,2019,,,"])
    )
    code, out, _err = run("case", "import", file, "--agency", "Police")
    assert code == 0
    assert "1 added, 0 replaced, 0 unchanged, 20 rejected" in out
    assert "row 2, prs_Birthdate, (not shown): not a date; write 2020-03-01" in out
    assert "row 2, prs_Gender, Femle: not in the code list of prs_Gender" in out
    assert "10 of 40 shown; --report FILE writes all of them" in out
    assert "Aida" not in out
    assert "30/02" not in out
    assert max(map(len, out.splitlines())) <= 80
    report = tmp_path / "report.csv"
    assert f"All 40 are in {report}"[:30] in run("case", "import", file, "--agency", "Police", "--report", report)[1]
    assert len(report.read_text(encoding="utf-8-sig").splitlines()) == 41
    assert run("case", "import", file, "--report", report)[0] == 50


def test_mistakes_at_the_prompt_have_their_exit_codes(home: Path, tmp_path: Path, run: Run) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n")
    wrong.chmod(0o600)
    code, out, err = run("case", "count", "--passphrase-file", wrong)
    assert (code, out) == (20, "")
    assert "wrong passphrase" in err
    assert run("case", "count", "--home", tmp_path)[0] == 10
    assert run("case", "import", tmp_path / "absent.csv")[0] == 50
    assert run("case", "import", wrong, "--format", "pdf")[0] == 2
    assert run("case", "import", wrong)[0] == 30
    for years in ("20x8", "2020-2018", "", "1-9999"):
        assert run("case", "generate", "--years", years)[0] == 2
    (home / "desk" / "register.db").write_bytes(b"")
    code, _out, err = run("case", "count")
    assert code == 50
    assert "empty, not a register" in err


def test_fields_lists_every_column_and_marks_the_sealed_ones(run: Run) -> None:
    code, out, _err = run("case", "fields")
    assert code == 0
    assert "prs_FirstName" in out
    assert "ext_CaseId: the agency's own case number" in out
    assert max(map(len, out.splitlines())) <= 80
    _code, out, _err = run("case", "fields", "--json")
    found = {field["id"]: field["sealed"] for field in json.loads(out)}
    assert (len(found), found["prs_FirstName"], found["prs_Gender"]) == (101, True, False)


@pytest.mark.skipif(not CTDC.exists(), reason="../shared/data/ctdc_cases_k11.csv is not here")
def test_real_rows_are_labelled_and_the_others_left_to_their_states(home: Path, run: Run) -> None:
    assert home.exists()
    code, out, _err = run("case", "import", CTDC, "--format", "ctdc")
    assert code == 0
    assert "25046 rows read" in out
    assert "222 added" in out
    assert "left out: 13805 rows of other states, 11019 without a country" in out
    assert "already censored" in out
    assert "already censored" in run("case", "count", "--year", "2011")[1]


@pytest.mark.skipif(not CTDC.exists(), reason="../shared/data/ctdc_cases_k11.csv is not here")
def test_a_state_without_a_row_is_told_so(tmp_path: Path, run: Run) -> None:
    home = make_home(tmp_path / "home", state="IRN")
    assert "no row names IRN" in run("case", "import", CTDC, "--format", "ctdc", "--home", home)[1]
