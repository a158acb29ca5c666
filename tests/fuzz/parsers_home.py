"""The table of parsers, continued: what an agency, an officer or an operator brings to the desk."""

import io
from datetime import date
from functools import cache
from pathlib import Path

from openpyxl import Workbook

from tallystick.config.errors import TallystickError
from tallystick.node.intake import fields, reading, values
from tallystick.node.intake.applying import load_mapping
from tallystick.node.intake.datestyles import STYLES, YEAR, read_date
from tallystick.node.intake.entry import read_answer
from tallystick.node.intake.mapping import read_mapping_file
from tallystick.node.known.figure import parse_official
from tallystick.node.known.glotip import COLUMNS, read_workbook
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


def _glotip() -> list[bytes]:
    row = ("KAZ", "Detected trafficking victims", "Total", "Total", "Total", "Total", "2019", "Counts", "<5")
    return [workbook(("UNODC",), COLUMNS, row, row), "\n".join(map(",".join, (COLUMNS, row))).encode()]


MAPPING = """format = "tallystick-mapping-1"

[file]
kind = "csv"
heading_rows = 1

[constants]
org_Name = "Police"

[[columns]]
heading = "Пол"
field = "prs_Gender"
[columns.values]
"жен." = "Feminine"

[[columns]]
heading = "No"
field = "ext_CaseId"

[[columns]]
heading = "Year"
field = "ext_RegistrationYear"
"""


def _dated(typed: str) -> object:
    return [read_date(style, typed, (1950, 2021)) for style in (*STYLES, YEAR)]


PARSERS: tuple[Parser, ...] = (
    Parser("sheet", file(sheet_rows), seed_sheets),
    Parser("glotip", file(lambda path: read_workbook(path, "UNODC")), _glotip, ("node.known.glotip.read_workbook",)),
    Parser(
        "values", every_value, given("Female", "2019-04-01", "KAZ; KGZ", "1 998"), ("node.intake.values.parse_value",)
    ),
    Parser("answer", text(_answers), given("2", "1; 3", "Female"), ("node.intake.entry.read_answer",), BAD),
    Parser("mapping.toml", file(read_mapping_file), given(MAPPING), ("node.intake.mapping.read_mapping_file",)),
    Parser("mapping", file(load_mapping), given(MAPPING), ("node.intake.applying.load_mapping",)),
    Parser(
        "date-styles", text(_dated), given("23.11.96", "1375/02/30", "1998 г.р."), ("node.intake.datestyles.read_date",)
    ),
    Parser("official", text(parse_official), given("92", "<5"), ("node.known.figure.parse_official",)),
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
