"""One case at a time, as a record officer works: add, find, show, edit, close, and who read whose identity."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_case import make_home
from tests.support.terminal import Outcome, run, run_on_terminal

FIELDS: dict[str, Any] = {
    "ext_CaseId": "P-1",
    "ext_RegistrationDate": "2019-05-02",
    "prs_FirstName": "Айгүл",
    "prs_SecondName": "Test",
    "Gender": "Feminine",
    "prs_Citizenship": ["KGZ"],
    "vic_TypeOfExploitation": ["SexualExploitation"],
    "cas_Status": "Active",
    "ext_CountryOfExploitation": "KAZ",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_home(tmp_path / "home")
    monkeypatch.setenv("TALLYSTICK_HOME", str(made))
    monkeypatch.delenv("SUDO_USER", raising=False)
    return made


def added(home: Path, *, agency: str = "Police", **changes: Any) -> Outcome:
    file = home / "case.json"
    file.write_text(json.dumps({**FIELDS, **changes}))
    return run("case", "add", "--agency", agency, "--from", file)


def shown(*words: object) -> Any:
    found = run("case", *words, "--json")
    assert found.code == 0, found.err
    return json.loads(found.out)


def wide(found: Outcome) -> int:
    return max(map(len, found.out.splitlines()), default=0)


def test_a_case_is_added_found_shown_and_counted(home: Path) -> None:
    done = added(home)
    assert (done.code, done.err) == (0, "")
    assert "Case P-1 of Police is in the register (run 1)." in done.out
    assert "P-1     Police  2019  F    _U   KGZ   KAZ   SX     Active" in run("case", "find", "P").out
    case = shown("show", "P-1")
    assert case["classification"]["form of exploitation"] == "sexual exploitation"
    assert "identity" not in case
    assert case["has_identity"]
    assert shown("count", "--by", "sex")["rows"] == [{"SEX": "F", "persons": 1}]
    assert shown("runs")[0]["source"].startswith("case add by ")


def test_what_a_file_could_not_bring_cannot_be_added_either(home: Path) -> None:
    assert added(home).code == 0
    twice = added(home)
    assert twice.code == 50
    assert "holds a case of that number" in twice.err
    wrong = added(home, ext_CaseId="P-2", Gender="Femle", prs_Birthdate="31/12/1999")
    assert wrong.code == 30
    assert "prs_Gender Femle: not in the code list" in wrong.err
    assert "31/12/1999" not in wrong.err + wrong.out
    for text in ("[]", "{", '{"colour": 1}', '{"prs_Gender": {}}', '{"Gender": 1, "prs_Gender": 2}'):
        (home / "case.json").write_text(text)
        assert run("case", "add", "--from", home / "case.json").code in {2, 30}
    assert run("case", "add").code == 2
    assert len(shown("find")) == 1


def test_an_edit_is_a_version_with_who_and_which_fields(home: Path) -> None:
    added(home)
    done = run("case", "edit", "P-1", "--set", "cas_Status=FollowUp", "--set", "Gender=Masculine")
    assert "is now version 2 (run 2)" in done.out
    assert "Nothing differs" in run("case", "edit", "P-1", "--set", "Gender=Masculine").out
    (home / "change.json").write_text(json.dumps({"prs_FirstName": "Асель"}))
    assert shown("edit", "P-1", "--from", home / "change.json")["version"] == 3
    history = run("case", "show", "P-1", "--history")
    assert wide(history) <= 80
    assert "Айгүл" not in history.out
    versions = shown("show", "P-1", "--history")["history"]
    assert [one["changed"] for one in versions] == [[], ["cas_Status", "prs_Gender"], ["prs_FirstName"]]
    assert versions[1]["by"].startswith("case edit by ")
    assert shown("count", "--by", "SEX")["rows"] == [{"SEX": "M", "persons": 1}]


def test_a_sealed_value_is_refused_on_the_command_line(home: Path) -> None:
    added(home)
    refused = run("case", "edit", "P-1", "--set", "prs_FirstName=Асель")
    assert refused.code == 2
    assert "does not belong on a command line" in refused.err
    assert "Асель" not in refused.err
    assert run("case", "edit", "P-1", "--set", "Gender=Femle").code == 2
    assert run("case", "edit", "P-1", "--set", "ext_CaseId").code == 2
    assert run("case", "edit", "P-1").code == 2
    assert run("case", "edit", "P-9", "--set", "Gender=Feminine").code == 2


def test_a_closed_case_counts_on_and_can_be_opened_again(home: Path) -> None:
    added(home)
    assert "CONVICTION" in run("case", "close", "P-1", "--outcome", "what").err
    assert run("case", "close", "P-1", "--outcome", "LOST", "--date", "31/12/2020").code == 2
    done = run("case", "close", "P-1", "--outcome", "referred", "--date", "2020-01-05")
    assert "referred to another organisation" in done.out
    assert [line["status"] for line in shown("find", "--status", "closedreferred")] == ["ClosedReferred"]
    assert shown("find", "--status", "Active") == []
    identity = shown("show", "P-1", "--identity")["identity"]
    assert (identity["ext_CaseOutcome"], identity["ext_ClosureDate"]) == ("REFERRED", "2020-01-05")
    assert shown("count", "--by", "SEX")["persons"] == 1
    run("case", "edit", "P-1", "--set", "cas_Status=Active")
    assert len(shown("find", "--status", "Active")) == 1


def test_every_reading_of_an_identity_leaves_a_line_without_the_searched_name(home: Path) -> None:
    assert "No identity was opened" in run("case", "journal").out
    added(home)
    added(home, ext_CaseId="P-2", prs_FirstName="Марина", agency="Police")
    shown("show", "P-1")
    assert shown("journal") == []
    assert "Айгүл" in run("case", "show", "P-1", "--identity").out
    (home / "name").write_text("айг\n")
    assert [line["number"] for line in shown("find", "--name-file", home / "name")] == ["P-1"]
    assert shown("find", "--name-file", home / "name", "--agency", "Shelter") == []
    lines = shown("journal")
    assert [(line["action"], line["number"], line["records"]) for line in lines] == [
        ("find", "", 2),
        ("find", "", 2),
        ("show", "P-1", 1),
    ]
    assert "айг" not in json.dumps(lines, ensure_ascii=False).casefold()
    assert wide(run("case", "journal")) <= 80
    assert run("case", "find", "--name").code == 2


def test_a_number_that_several_agencies_use_is_asked_back(home: Path) -> None:
    added(home)
    added(home, agency="Shelter")
    assert "Police, Shelter" in run("case", "show", "P-1").err
    assert shown("show", "P-1", "--agency", "Shelter")["agency"] == "Shelter"


@pytest.mark.parametrize(
    "words", [("--sex", "X"), ("--form", "Z"), ("--year", "20"), ("--role", "boss"), ("--limit", "0")]
)
def test_a_question_that_cannot_be_asked_is_refused(home: Path, words: tuple[str, ...]) -> None:
    assert home.exists()
    assert run("case", "find", *words).code == 2


def test_tables_fit_the_screen_and_go_to_a_new_file(home: Path, tmp_path: Path) -> None:
    assert run("case", "generate", "--years", "2018-2020").code == 0
    assert home.exists()
    for by in ("SEX,AGE", "YEAR,CITIZENSHIP", "CITIZENSHIP,EXPLOITATION_AREA,FORM", "AGENCY"):
        for more in ((), ("--detail",), ("--years", "2019")):
            found = run("case", "count", "--by", by, *more)
            assert wide(found) <= 80
            assert "never to be passed on" in found.out
    assert wide(run("case", "find", "--sex", "F", "--year", "2018-2019")) <= 80
    file = tmp_path / "table.csv"
    assert run("case", "count", "--by", "SEX,AGE", "--csv", file).code == 0
    assert file.read_text(encoding="utf-8-sig").splitlines()[:2] == [
        "SEX,SEX_label,AGE,AGE_label,persons",
        "F,female,Y0T17,0-17 years,38",
    ]
    assert run("case", "count", "--by", "SEX,AGE", "--csv", file).code == 50
    assert run("case", "count", "--by", "COLOUR").code == 2
    assert run("case", "count", "--years", "2019").code == 2


def test_a_case_is_typed_field_by_field(home: Path) -> None:
    replies = {
        "name: ": "Police",
        "ext_CaseId: ": "T-1",
        "ext_RegistrationDate: ": "2019-13-01",
        "ext_RegistrationYear: ": "2019",
        "prs_Gender: ": "1",
        "prs_Citizenship: ": ".",
        "[y/N]: ": "y",
    }
    asked: list[str] = []

    def answer(screen: str) -> str | None:
        for prompt, reply in replies.items():
            if screen.endswith(prompt):
                asked.append(prompt)
                return "" if asked.count(prompt) > 1 and prompt == "ext_RegistrationDate: " else reply
        return "" if screen.endswith(": ") else None

    done = run_on_terminal("case", "add", "--home", home, answer=answer)
    assert done.code == 0, done.out
    assert "not taken: there is no such day" in done.out
    assert "It will count as:" in done.out
    assert "Case T-1 of Police is in the register" in done.out
    assert shown("find")[0]["sex"] == "F"


def test_cancelling_saves_nothing(home: Path) -> None:
    def answer(screen: str) -> str | None:
        return "!" if screen.endswith("ext_CaseId: ") else "Police" if screen.endswith("name: ") else None

    done = run_on_terminal("case", "add", "--home", home, answer=answer)
    assert done.code == 0
    assert "Cancelled; nothing was saved." in done.out
    assert shown("find") == []


def test_two_cases_of_one_person_count_once(home: Path) -> None:
    added(home)
    added(home, agency="Shelter", ext_CaseId="S-7")
    assert "one person's cases now" in run("case", "link", "P-1", "S-7").out
    assert shown("count", "--by", "YEAR")["persons"] == 1
    assert run("case", "link", "P-1", "S-7").code == 50
    assert run("case", "link", "P-1").code == 2
    assert shown("show", "S-7", "--history")["history"][-1]["by"].startswith("case link by ")
    assert "a person of its own again" in run("case", "link", "S-7", "--undo").out
    assert shown("count", "--by", "YEAR")["persons"] == 2
