"""The table of parsers, continued: what an agency, an officer or an operator brings to the desk."""

import io
from datetime import date
from functools import cache
from pathlib import Path

from openpyxl import Workbook

from tallystick.config.errors import TallystickError
from tallystick.node.intake import fields, reading, values
from tallystick.node.intake.entry import read_answer
from tests.fuzz.feeding import file, given, text
from tests.fuzz.parsers import Parser

__all__ = ["EXPLAINED", "PARSERS"]


def _is_known(heading: str) -> bool:
    return fields.token(heading) in fields.header_names()


def sheet_rows(path: Path) -> object:
    with reading.open_sheet(path, _is_known, lambda _bytes: None) as sheet:
        return [len(row.cells) for row in sheet.rows]


def every_value(data: bytes, _room: Path) -> object:
    return [_or_bad(rule, data.decode("utf-8", "replace")) for rule in fields.field_rules().values()]


def _or_bad(rule: fields.FieldRule, cell: str) -> object:
    try:
        return values.parse_value(rule, cell)
    except values.BadValueError:
        return None


def seed_sheets() -> list[bytes]:
    head = "vic_CaseID,vic_Gender,vic_YearOfBirth,exp_CountryOfExploitation,ext_RegistrationDate\n"
    line = "7,Female,1998,KAZ,2019-04-01\n"
    return [
        (head + line * 3).encode(),
        b"\xef\xbb\xbf" + (head + line).encode(),
        (head + line).encode("utf-16"),
        workbook(),
    ]


@cache
def workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows or (
        ("Register of 2019",),
        ("vic_CaseID", "vic_Gender"),
        (7, "Female"),
        ("=1+1", date(2019, 4, 1)),
    ):
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _answers(typed: str) -> object:
    return [read_answer(rule, typed) for rule in fields.field_rules().values() if rule.tokens]


BAD = (TallystickError, values.BadValueError)


PARSERS: tuple[Parser, ...] = (
    Parser("sheet", file(sheet_rows), seed_sheets),
    Parser(
        "values", every_value, given("Female", "2019-04-01", "KAZ; KGZ", "1 998"), ("node.intake.values.parse_value",)
    ),
    Parser("answer", text(_answers), given("2", "1; 3", "Female"), ("node.intake.entry.read_answer",), BAD),
    Parser(
        "country",
        text(values.parse_country),
        given("KAZ", "Kazakhstan", "NA"),
        ("node.intake.values.parse_country",),
        BAD,
    ),
    Parser(
        "date",
        text(values.parse_date),
        given("2019-04-01", "1.4.2019", "1998"),
        ("node.intake.values.parse_date",),
        BAD,
    ),
)
"""One entry a parser."""

EXPLAINED: dict[str, str] = {}
"""Why a function of such a name is not in the table."""
