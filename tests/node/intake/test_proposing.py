# ruff: noqa: E501 - made-up cases read best as they would stand in a sheet
"""Made-up registers of the region: every column that is taken is taken rightly, and nothing of a person comes out."""

import tomllib
from pathlib import Path

import pytest

from tallystick.config.errors import MalformedError
from tallystick.node.intake.applying import load_mapping
from tallystick.node.intake.mapping_text import mapping_text
from tallystick.node.intake.proposing import Proposal, propose
from tallystick.node.intake.reading import open_sheet
from tallystick.node.intake.rows import Layout, Row
from tallystick.node.intake.survey import survey
from tests.support.agency_registers import REGISTERS, AgencyRegister, text, workbook

YEAR = 2026


def proposed(path: Path, data: bytes, encoding: str | None = None) -> Proposal:
    path.write_bytes(data)
    return propose(survey(path, Layout(None, encoding), lambda _count: None), YEAR)


def imported(folder: Path, data: bytes, mapping: str) -> list[Row]:
    (folder / "file").write_bytes(data)
    (folder / "mapping.toml").write_text(mapping)
    made = load_mapping(folder / "mapping.toml")
    with open_sheet(folder / "file", lambda _heading: False, lambda _count: None, made) as sheet:
        return [row._replace(cells=tuple(zip(sheet.header, row.cells, strict=True))) for row in sheet.rows]  # type: ignore[arg-type]


def test_of_all_registers_nothing_is_taken_wrongly_and_nearly_everything_rightly(tmp_path: Path) -> None:
    right = left = 0
    for register in REGISTERS:
        proposal = proposed(tmp_path / "register", register.data, register.encoding)
        found = {one.column.heading: one.field or "" for one in proposal.columns}
        assert set(found) == set(register.truth), register.name
        wrong = {heading: field for heading, field in found.items() if field and field != register.truth[heading]}
        assert wrong == {}, register.name
        right += sum(bool(field) for field in found.values())
        left += sum(bool(register.truth[heading]) and not field for heading, field in found.items())
        assert proposal.survey.rows == register.rows, register.name
    assert (right, left) == (84, 1)


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.name)
def test_the_proposal_is_a_mapping_that_reads_its_register_whole_and_names_nobody(
    tmp_path: Path, register: AgencyRegister
) -> None:
    proposal = proposed(tmp_path / "register", register.data, register.encoding)
    written = mapping_text(proposal, {"org_Name": "Agency"}, date="2026-01-01")
    assert [secret for secret in register.secrets if secret in written] == []
    rows = imported(tmp_path, register.data, written)
    assert [(row.fault, row.refused) for row in rows if row.fault or row.refused] == []
    assert len(rows) == register.rows


def test_police_register_row_by_row(tmp_path: Path) -> None:
    register = REGISTERS[0]
    proposal = proposed(tmp_path / "register", register.data)
    rows = imported(tmp_path, register.data, mapping_text(proposal, {"org_Name": "Agency"}, date="2026-01-01"))
    cells = [dict(row.cells) for row in rows]  # type: ignore[arg-type]
    assert [row.number for row in rows] == [7, 8, 9, 10, 11]
    assert [one["prs_Gender"] for one in cells] == ["Feminine", "Feminine", "Masculine", "Feminine", "Feminine"]
    assert [one["prs_Birthdate"] for one in cells] == ["1998-03-12", "", "1987-06-05", "2004-01-01", ""]
    assert [one["ext_BirthYear"] for one in cells] == ["", "1998", "", "", "2001"]
    assert cells[2]["prs_Citizenship"] == "RUS;KAZ"
    assert cells[4]["vic_TypeOfExploitation"] == "SexualExploitation;ForcedBegging"
    changed = {(row.number, change.field) for row in rows for change in row.changes}
    assert changed == {(8, "prs_Birthdate"), (9, "prs_Birthdate"), (9, "prs_Citizenship"), (10, "prs_Gender"), (11, "prs_Birthdate"), (11, "vic_TypeOfExploitation")}  # fmt: skip
    assert all(not change.value for row in rows for change in row.changes if change.field == "prs_Birthdate")


HEAD = ["№ дела", "Год регистрации", "Пол"]


def of(*rows: list[str], head: list[str] = HEAD) -> bytes:
    return text([head, *rows], ";", "utf-8")


def field_of(proposal: Proposal, heading: str) -> str | None:
    return next(one.field for one in proposal.columns if one.column.heading == heading)


def test_a_heading_against_its_contents_stays_open_and_no_name_is_shown(tmp_path: Path) -> None:
    proposal = proposed(tmp_path / "r", of(["1", "2020", "Иванова"], ["2", "2020", "Петрова"], ["3", "2021", "ж"]))
    assert field_of(proposal, "Пол") is None
    assert "Иванова" not in mapping_text(proposal, {}, date="2026-01-01")


def test_a_name_that_slipped_into_a_coded_column_is_neither_mapped_nor_shown(tmp_path: Path) -> None:
    rows = [[str(number), "2020", "ж"] for number in range(8)]
    proposal = proposed(tmp_path / "r", of(*rows, ["8", "2020", "Иванова Мария"], ["9", "2020", "прочее"], ["10", "2020", "прочее"]))  # fmt: skip
    written = mapping_text(proposal, {}, date="2026-01-01")
    assert "Иванова" not in written
    assert '# "прочее" = ""' in written
    refused = [row.refused for row in imported(tmp_path, of(["9", "2020", "прочее"]), written)]
    assert [(one.field, one.value, one.reason) for (one,) in refused] == [
        ("prs_Gender", "прочее", "not in the mapping's table")
    ]


def test_a_case_number_that_several_persons_share_is_not_taken(tmp_path: Path) -> None:
    proposal = proposed(tmp_path / "r", of(["7", "2020", "ж"], ["7", "2020", "м"]))
    assert field_of(proposal, "№ дела") is None
    assert proposal.missing() == ("ext_CaseId",)
    assert "STILL MISSING" in mapping_text(proposal, {}, date="2026-01-01")


@pytest.mark.parametrize(
    ("dates", "styles"),
    [
        (["03/04/2020", "25/04/2020"], ["DD/MM/YYYY"]),
        (["03/04/2020", "04/25/2020"], ["MM/DD/YYYY"]),
        (["03/04/2020", "05/06/2020"], None),
        (["13/04/2020", "04/13/2020"], None),
        (["01.02.20", "2020-02-01", "3.4.2020"], ["YYYY-MM-DD", "DD.MM.YYYY", "DD.MM.YY"]),
        (["1398/05/12"], ["SH YYYY/MM/DD"]),
    ],
)
def test_days_and_months_are_told_apart_or_asked(tmp_path: Path, dates: list[str], styles: list[str] | None) -> None:
    head = ["№ дела", "Дата регистрации", "Пол"]
    rows = [[str(number), day, "ж"] for number, day in enumerate(dates)]
    (_case, one, _sex) = proposed(tmp_path / "r", of(*rows, head=head)).columns
    assert (list(one.dates) if one.field else None) == styles


def test_two_columns_of_one_field_are_both_open(tmp_path: Path) -> None:
    proposal = proposed(tmp_path / "r", of(["1", "2020", "ж", "м"], head=[*HEAD, "Пол потерпевшего"]))
    assert [one.field for one in proposal.columns] == ["ext_CaseId", "ext_RegistrationYear", None, None]


def test_letters_of_two_alphabets_share_no_code_across_languages(tmp_path: Path) -> None:
    head = ["Dosya No", "Kayıt Yılı", "Cinsiyet"]
    turkish = proposed(tmp_path / "r", of(["1", "2020", "K"], ["2", "2020", "E"], head=head)).columns[2]
    alone = proposed(tmp_path / "r", of(["1", "2020", "K"], head=head)).columns[2]
    assert [(one.spelling, one.code) for one in turkish.meanings] == [("E", "Masculine"), ("K", "Feminine")]
    assert alone.field is None


def test_a_register_without_headings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="no row of headings"):
        proposed(tmp_path / "r", of(["a", "b", "c"], head=["x", "y", "z"]))


def test_a_file_with_other_headings_is_refused_with_the_difference(tmp_path: Path) -> None:
    good = of(["1", "2020", "ж"])
    written = mapping_text(proposed(tmp_path / "r", good), {}, date="2026-01-01")
    with pytest.raises(MalformedError, match="missing 'Пол'; not in the mapping 'Возраст'"):
        imported(tmp_path, of(["1", "2020", "5"], head=["№ дела", "Год регистрации", "Возраст"]), written)
    assert len(imported(tmp_path, of(["ж", "1", "2020"], head=["Пол", "№ дела", "Год регистрации"]), written)) == 1


def test_headings_with_quotes_and_control_characters_give_toml(tmp_path: Path) -> None:
    head = [*HEAD, 'a "b"\\\x7f\u202e#', "c\nd = [["]
    data = workbook([head, ["1", "2020", "ж", "x", "y"]])
    written = mapping_text(proposed(tmp_path / "r", data), {}, date="2026-01-01")
    assert len(tomllib.loads(written)["columns"]) == 5
    assert len(imported(tmp_path, data, written)) == 1
