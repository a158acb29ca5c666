"""``case map`` and ``case template`` as an officer types them."""

import json
from pathlib import Path

import pytest

from tests.support.agency_registers import REGISTERS, text
from tests.support.terminal import run, run_on_terminal

POLICE = REGISTERS[0]


def test_map_shows_what_is_taken_and_what_is_not_in_80_columns_and_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "register.xlsx").write_bytes(POLICE.data)
    done = run("case", "map", tmp_path / "register.xlsx", "-o", tmp_path / "m.toml", "--agency", "Police")
    assert (done.code, done.err) == (0, "")
    for part in ("5 rows below the headings in row 5", "prs_Gender", "Not taken in:", "a row number is no case number"):
        assert part in done.out
    assert 'org_Name = "Police"' in (tmp_path / "m.toml").read_text()
    assert [name for name in POLICE.secrets if name in done.out] == []
    paths = str(tmp_path)
    assert [line for line in done.out.splitlines() if len(line) > 80 and paths not in line] == []


def test_map_speaks_to_scripts_and_touches_no_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(POLICE.data)
    done = run("case", "map", tmp_path / "r", "-o", tmp_path / "m.toml", "--exploited-in", "kaz", "--json")
    said = json.loads(done.out)
    assert (said["rows"], said["missing"], said["heading_row"]) == (5, [], 5)
    assert said["constants"] == {"ext_CountryOfExploitation": "KAZ"}
    again = run("case", "map", tmp_path / "r", "-o", tmp_path / "m.toml")
    assert again.code != 0
    assert "already exists" in again.err


def test_map_says_when_a_register_is_not_ready_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(text([["Пол", "Год регистрации"], ["ж", "2020"]], ";", "utf-8"))
    done = run("case", "map", tmp_path / "r", "-o", tmp_path / "m.toml")
    assert "NOT READY: no column is taken as ext_CaseId" in done.out
    assert "gives each person a number that never changes" in " ".join(done.out.split())


def test_map_asks_at_a_terminal_and_takes_the_answers(tmp_path: Path) -> None:
    rows = [
        ["Код", "Год регистрации", "Пол"],
        ["a1", "2020", "ж"],
        ["a2", "2020", "м"],
        ["a3", "2020", "проч"],
        ["a4", "2020", "проч"],
    ]
    (tmp_path / "r").write_bytes(text(rows, ";", "utf-8"))

    def answer(shown: str) -> str | None:
        if shown.rstrip().endswith("Enter to skip:"):
            return "1" if "case number" in shown else "4" if "what is 'проч'" in shown else ""
        return "Shelter" if shown.rstrip().endswith("(Enter to skip):") else None

    done = run_on_terminal("case", "map", tmp_path / "r", "-o", tmp_path / "m.toml", answer=answer)
    assert done.code == 0, done.out
    written = (tmp_path / "m.toml").read_text()
    assert 'field = "ext_CaseId"' in written
    assert '"проч" = "NonSpecifiedUnknown"' in written
    assert 'org_Name = "Shelter"' in written


@pytest.mark.parametrize("language", ["ru", "en"])
def test_template_writes_a_workbook_once(tmp_path: Path, language: str) -> None:
    done = run("case", "template", "--lang", language, "-o", tmp_path / "t.xlsx")
    assert (done.code, (tmp_path / "t.xlsx").read_bytes()[:2]) == (0, b"PK")
    assert run("case", "template", "--lang", language, "-o", tmp_path / "t.xlsx").code != 0
    assert run("case", "template", "--lang", "xx", "-o", tmp_path / "u.xlsx").code == 2
