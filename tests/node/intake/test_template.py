"""The register to fill in: both languages, filled in as an officer would, taken in without a mapping."""

import io
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tallystick.config.codes import htcds_fields
from tallystick.node.intake.fields import Kind, field_rules
from tallystick.node.intake.template import FIRST_ROW, ID_ROW, template_bytes, template_fields
from tallystick.node.intake.values import parse_value
from tests.node.intake.conftest import Desk


def filled(language: str, *people: dict[str, Any]) -> bytes:
    book = load_workbook(io.BytesIO(template_bytes(language)))
    sheet = book.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[ID_ROW] if cell.value}
    for row, person in enumerate(people, start=FIRST_ROW):
        for name, value in person.items():
            sheet.cell(row, columns[name], value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "sex", "forms", "land"),
    [
        ("ru", "Женский", "Принудительный труд;Принудительный брак", "Киргизия"),
        ("en", "Feminine", "Forced labour; Forced marriage", "Kyrgyzstan"),
    ],
)
def test_a_filled_template_is_taken_in_and_its_example_is_not(
    desk: Desk, language: str, sex: str, forms: str, land: str
) -> None:
    one = {"ext_CaseId": "7", "ext_RegistrationDate": "05.03.2020", "prs_Gender": sex, "prs_Citizenship": land}
    other = {"ext_CaseId": "8", "ext_RegistrationYear": 2021, "ext_BirthYear": "1990", "prs_SecondName": "Петрова"}
    report = desk.take(filled(language, {**one, "vic_TypeOfExploitation": forms}, other))
    assert (report.stored.added, report.rows, report.first) == (2, 2, ())
    record = desk.record("7")
    assert (record.year, record.sex, record.citizenship, record.forms) == (2020, "F", "KGZ", {"FL", "OP"})
    assert desk.record("8").age == "Y30T38"


def test_an_empty_template_holds_no_case(desk: Desk) -> None:
    assert desk.take(template_bytes("ru")).rows == 0


@pytest.mark.parametrize("language", ["ru", "en"])
def test_whatever_a_list_offers_is_accepted(language: str) -> None:
    book = load_workbook(io.BytesIO(template_bytes(language)))
    sheet, lists = book.worksheets
    ids = {cell.column_letter: cell.value for cell in sheet[ID_ROW] if cell.value}
    offered = 0
    for validation in sheet.data_validations.dataValidation:
        place = str(validation.formula1).rpartition("!")[2].replace("$", "")
        letter = str(validation.sqref).partition(str(FIRST_ROW))[0]
        rule = field_rules()[str(ids[letter])]
        labels = [str(cell.value) for (cell,) in lists[place]]
        assert len({str(parse_value(rule, label)) for label in labels}) >= len(labels) - (rule.kind is Kind.FLAG)
        offered += 1
    coded = {Kind.CODE, Kind.CODES, Kind.COUNTRY, Kind.COUNTRIES, Kind.FLAG}
    assert offered == sum(rule.kind in coded for rule in template_fields())


def test_core_fields_come_first_and_nothing_of_a_victims_case_is_missing() -> None:
    names = [rule.id for rule in template_fields()]
    core = [facts["id"] for facts in htcds_fields() if facts["core"]]
    rest = [facts["id"] for facts in htcds_fields() if not facts["core"] and facts["id"] in names]
    assert max(names.index(name) for name in core) < min(names.index(name) for name in rest if name != "prs_MiddleName")
    left = set(field_rules()) - set(names)
    assert all(name.startswith("per_") or name.endswith("Year") or name == "hte_Type" for name in left)


def test_headings_are_locked_and_cells_to_fill_in_are_not(tmp_path: Path) -> None:
    sheet = load_workbook(io.BytesIO(template_bytes("ru"))).worksheets[0]
    assert sheet.protection.sheet
    assert all(cell.protection.locked for row in sheet.iter_rows(max_row=ID_ROW) for cell in row if cell.value)
    assert not sheet.column_dimensions["A"].protection.locked
