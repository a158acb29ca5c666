"""``tallystick known`` as a statistician at the desk types it."""

import csv
import json
from pathlib import Path

import pytest
from openpyxl import Workbook as Book

from tests.node.known.test_glotip import HEADINGS, a_row
from tests.support.desks import PHRASE, DeskHome, make_desk_home
from tests.support.terminal import Outcome, run

REAL = Path(__file__).parents[3] / "shared" / "data" / "unodc_glotip_2023_sample.xlsx"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> DeskHome:
    return make_desk_home(tmp_path_factory.mktemp("known") / "home", {2020: 90}, passphrase_file=Path("../phrase"))


@pytest.fixture
def home(template: DeskHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskHome:
    made = template.copy(tmp_path / "home")
    phrase = made.home / "phrase"
    phrase.write_bytes(PHRASE + b"\n")
    phrase.chmod(0o600)
    monkeypatch.setenv("TALLYSTICK_HOME", str(made.home))
    return made


def good(outcome: Outcome) -> str:
    assert outcome.code == 0, outcome.err
    if outcome.out.startswith(("{", "[")):
        return outcome.out
    assert all(len(line) <= 80 for line in outcome.out.splitlines() if "/" not in line), outcome.out
    return outcome.out


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    book = Book()
    assert book.active is not None
    book.active.append(HEADINGS)
    for row in (
        a_row(),
        a_row(sex="Female", value="70"),
        a_row(sex="Female", value="70"),
        a_row(indicator="Offences of trafficking in persons", value="111"),
        a_row(dimension="by citizenship", category="T\ufffdrkiye", value="<5"),
        a_row(state="KGZ", value="7"),
    ):
        book.active.append(row)
    path = tmp_path / "data_glotip_2023.xlsx"
    book.save(path)
    return path


def test_a_workbook_is_taken_named_and_taken_again_without_change(home: DeskHome, workbook: Path) -> None:
    first = " ".join(good(run("known", "import", str(workbook))).split())
    assert "source: UNODC GLOTIP 2023" in first
    assert "3 added, 0 changed, 0 unchanged" in first
    assert "says the same as row 3" in first
    assert "row 6, KAZ / Detected trafficking victims / by citizenship" in first
    again = json.loads(good(run("known", "import", str(workbook), "--state", "kaz", "--json")))
    assert (again["added"], again["unchanged"], again["other_states"]) == (0, 3, 1)
    assert len(again["not_taken"]) == 2
    listed = good(run("known", "list"))
    assert "UNODC GLOTIP 2023        3  2020-2020" in listed
    shown = good(run("known", "show", "2020"))
    assert "92  Detected trafficking victims" in shown
    assert "-> VICTIMS _T" in shown
    assert "no table of ours: counts offences, not persons" in shown


def test_another_state_s_rows_do_not_come_in(home: DeskHome, workbook: Path) -> None:
    outcome = run("known", "import", str(workbook), "--state", "KGZ")
    assert outcome.code == 2
    assert "this is KAZ's home, not KGZ's" in outcome.err


def test_from_the_workbook_to_what_officers_read(home: DeskHome, workbook: Path, tmp_path: Path) -> None:
    good(run("known", "import", str(workbook)))
    good(run("known", "add", "VICTIMS_AGE", "2020", "Y0T17", "<5", "--source", "Yearbook 2021, p. 3"))
    dry = good(run("release", "draft", "2020", "--dry-run"))
    assert "VICTIMS_SEX F: official 70 (UNODC GLOTIP 2023), here" in " ".join(dry.split())
    assert "nothing was frozen, nothing was drafted" in dry
    assert good(run("release", "list")).startswith("Nothing was drafted yet")
    said = good(run("known", "explain", "VICTIMS_SEX", "2020", "F", "by verdict", "--source", "UNODC GLOTIP 2023"))
    assert "PUBLIC" in said
    drafted = json.loads(good(run("release", "draft", "2020", "--json")))
    assert any(note.startswith("VICTIMS_AGE Y0T17: official <5") for note in drafted["unexplained"])
    assert not any(note.startswith("VICTIMS_SEX") for note in drafted["unexplained"])
    folder = home.folder / "drafts" / "2020" / "VICTIMS_SEX"
    screen = " ".join(good(run("release", "show", str(folder))).split())
    assert "BESIDE WHAT IS PUBLIC ELSEWHERE" in screen
    assert "female: official 70 (UNODC GLOTIP 2023), here" in screen
    assert ": by verdict" in screen
    compared = good(run("known", "compare", "2020"))
    assert "VICTIMS_SEX 2020 (drafted)" in compared
    assert "F: by verdict" in compared
    late = good(run("known", "explain", "VICTIMS", "2020", "_T", "late", "--source", "UNODC GLOTIP 2023"))
    assert "does not change any more" in late
    assert "does not travel with this release" in good(run("known", "compare", "2020", "--table", "victims"))


def test_a_comparison_goes_into_a_file_and_never_over_another(home: DeskHome, workbook: Path, tmp_path: Path) -> None:
    good(run("known", "import", str(workbook), "--source", "=1+1"))
    target = tmp_path / "compared.csv"
    good(run("known", "compare", "2020", "--csv", str(target)))
    rows = list(csv.DictReader(target.open(encoding="utf-8-sig", newline="")))
    assert [(row["table"], row["key"], row["official"], row["here"]) for row in rows] == [
        ("VICTIMS", "_T", "92", "not drafted"),
        ("VICTIMS_SEX", "F", "70", "not drafted"),
    ]
    assert {row["source"] for row in rows} == {"'=1+1"}
    assert run("known", "compare", "2020", "--csv", str(target)).code == 50
    found = json.loads(good(run("known", "compare", "2020", "--json")))["comparisons"]
    assert [one["official"] for one in found] == ["92", "70"]


def test_what_was_typed_wrong_can_be_taken_away(home: DeskHome) -> None:
    book = ("--source", "Yearbook")
    good(run("known", "add", "VICTIMS", "2020", "_T", "29", *book))
    assert "29 before, now 92" in good(run("known", "add", "VICTIMS", "2020", "_T", "92", *book))
    assert "1 figures taken away" in good(run("known", "remove", "VICTIMS", "2020", "_T", *book))
    assert "No figures of others are known" in good(run("known", "list"))
    assert run("known", "remove", "VICTIMS", "2020", *book).code == 2
    assert run("known", "show", "20x0").code == 2
    assert "No figures" in good(run("known", "show", "2020"))
    assert "No figure of others stands" in good(run("known", "compare", "2020"))


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data/unodc_glotip_2023_sample.xlsx is not here")
def test_the_real_workbook_s_figures_stand_beside_ours(home: DeskHome) -> None:
    good(run("known", "import", str(REAL)))
    found = json.loads(good(run("known", "compare", "2020", "--json")))["comparisons"]
    officials = {(one["table"], one["key"]): one["official"] for one in found}
    assert officials["VICTIMS", "_T"] == "92"
    assert officials["VICTIMS_FORM", "FL"] == "21"
    assert officials["VICTIMS_FORM", "SX"] == "67"
