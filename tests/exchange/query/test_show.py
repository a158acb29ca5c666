"""How answers are shown: 80 columns, nothing that a spreadsheet runs, nothing lost in JSON."""

import csv
import io
import itertools
import json
from dataclasses import replace
from types import MappingProxyType

import pytest
from openpyxl import load_workbook

from tallystick.exchange.query import Answer
from tallystick.exchange.query.compared import compared
from tallystick.exchange.query.notes import notes_for
from tallystick.exchange.query.question import Question, resolve
from tallystick.exchange.query.sheets import to_csv, to_xlsx
from tallystick.exchange.query.text import render
from tests.exchange.query.conftest import Ask
from tests.support.federation import Federation

EVIL = '=HYPERLINK("http://x";"y")'


@pytest.fixture
def answer(question: Ask) -> Answer:
    found = question("VICTIMS_SEX")
    evil = {
        identity: replace(
            one, officers=(EVIL, "+1", "-1", "@x"), metadata={**one.metadata, "sources": "=cmd|' /C calc'!A0"}
        )
        for identity, one in found.provenance.items()
    }
    return replace(found, provenance=MappingProxyType(evil))


QUESTIONS = [
    ("VICTIMS", {}),
    ("VICTIMS_SEX", {}),
    ("VICTIMS_SEX_AGE", {"sum_over": ("STATE",)}),
    ("VICTIMS_CORRIDOR", {}),
    ("VICTIMS_CORRIDOR", {"sum_over": ("STATE", "PERIOD", "CITIZENSHIP", "EXPLOITATION_AREA")}),
    ("VICTIMS_SEX", {"sum_over": ("STATE", "PERIOD", "SEX")}),
]


@pytest.mark.parametrize(("table", "more"), QUESTIONS)
def test_every_line_fits_in_80_columns(
    question: Ask, federation: Federation, table: str, more: dict[str, object]
) -> None:
    lines = render(question(table, **more), federation.catalogue, 4)
    assert max(len(line) for line in lines) <= 80
    assert not any(first == second == "" for first, second in itertools.pairwise(lines))
    assert lines[0].startswith("Detected victims")


def test_absence_is_in_words_and_never_a_number(question: Ask, federation: Federation) -> None:
    lines = render(question("VICTIMS_SEX"), federation.catalogue, 4)
    assert "IRN    2018         not released" in lines
    assert "TUR    2018         missing" in lines
    (withheld,) = [line for line in lines if line.startswith("KGZ    2018    M ")]
    assert withheld.split() == ["KGZ", "2018", "M", "withheld", "0..7", "4"]


def test_a_sum_says_what_is_not_in_it(question: Ask, federation: Federation) -> None:
    text = " ".join(render(question("VICTIMS_SEX", sum_over=("STATE",)), federation.catalogue, 4))
    assert "2 of 4" in text
    assert "not in the sum for 2018: not released: IRN; missing: TUR" in text
    assert "46 + " not in text


def test_the_sources_are_numbered_and_named(question: Ask, federation: Federation) -> None:
    lines = render(question("VICTIMS", states=("KGZ",)), federation.catalogue, 1)
    identity = federation.state("KGZ").payload_ids["VICTIMS", "2018"]
    assert any(line.startswith(f"1  VICTIMS KGZ 2018 {identity[:8]} #0 keyed/peer; ") for line in lines)
    assert "From (not witnessed; log entry after #):" in lines


def test_an_unbounded_cell_says_no_upper_bound(question: Ask, federation: Federation) -> None:
    found = question("VICTIMS", states=("KGZ",))
    row = replace(found.rows[0], kind="withheld", value=None, low=0, high=None)
    assert any("no upper bound" in line for line in render(replace(found, rows=(row,)), federation.catalogue, 1))


def test_csv_has_every_row_and_runs_nothing(answer: Answer) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(answer))))
    assert len(rows) == len(answer.rows)
    shown = next(row for row in rows if row["kind"] == "shown")
    assert (shown["state"], shown["SEX"], shown["value"], shown["low"], shown["high"]) == ("KAZ", "F", "40", "37", "43")
    absent = next(row for row in rows if row["kind"] == "missing")
    assert (absent["state"], absent["value"], absent["low"], absent["high"]) == ("TUR", "", "", "")
    assert "not witnessed" in shown["status"]
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    assert shown["officers"].startswith("'=")
    assert all(part.strip().startswith("'") for part in shown["officers"].split("; "))


def test_a_workbook_holds_text_and_numbers_but_no_formula(answer: Answer) -> None:
    book = load_workbook(io.BytesIO(to_xlsx(answer)))
    assert book.sheetnames == ["figures", "sources", "notes"]
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds
    figures = list(book["figures"].iter_rows(values_only=True))
    header = list(figures[0])
    assert len(figures) == 1 + len(answer.rows)
    first = dict(zip(header, next(row for row in figures if row[header.index("kind")] == "shown"), strict=True))
    assert (first["value"], first["low"], first["high"]) == (40, 37, 43)
    assert str(first["officers"]).startswith("=HYPERLINK")
    cells = [cell for row in book["sources"].iter_rows() for cell in row if str(cell.value).startswith("=")]
    assert cells
    assert all(cell.quotePrefix for cell in cells)
    assert [row[0] for row in book["notes"].iter_rows(values_only=True)][1:] == list(answer.notes)


def test_json_holds_everything_that_a_row_has(question: Ask) -> None:
    found = json.loads(json.dumps(question("VICTIMS_SEX").to_dict()))
    shown = next(row for row in found["rows"] if row["kind"] == "shown")
    assert shown["key"] == {"SEX": "F"}
    assert found["provenance"][shown["release"]]["method"]["parameters"]["D"] == 3
    assert next(row for row in found["rows"] if row["kind"] == "missing")["value"] is None


def beside(answer: Answer, explanation: str = "counted by the date of the verdict") -> Answer:
    """The same answer, with a figure that is public elsewhere beside every first cell."""
    one = {"key": ["F"], "official": "46", "source": "UNODC", "explanation": explanation}
    told = {
        identity: replace(found, metadata={**found.metadata, "comparisons": [one]})
        for identity, found in answer.provenance.items()
    }
    return replace(answer, provenance=MappingProxyType(told))


def test_what_the_issuer_compared_stands_in_every_sheet(question: Ask) -> None:
    found = beside(question("VICTIMS_SEX"))
    words = "official 46 (UNODC), here 40 ± 3: counted by the date of the verdict"
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert [
        row["comparisons"] for row in rows if (row["state"], row["period"], row["SEX"]) == ("KAZ", "2018", "F")
    ] == [words]
    assert {row["comparisons"] for row in rows if row["SEX"] != "F"} == {""}
    sheet = load_workbook(io.BytesIO(to_xlsx(found)))["comparisons"]
    lines = list(sheet.iter_rows(values_only=True))
    assert lines[1][1:] == ("KAZ", "2018", "F", "46", "UNODC", "40 ± 3", "counted by the date of the verdict")
    assert len(lines) == 1 + sum(row["SEX"] == "F" and row["kind"] in {"shown", "withheld"} for row in rows)


def test_an_explanation_runs_in_no_spreadsheet(question: Ask) -> None:
    found = beside(question("VICTIMS_SEX"), EVIL)
    book = load_workbook(io.BytesIO(to_xlsx(found)))
    assert "f" not in {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    cells = [cell for row in book["comparisons"].iter_rows() for cell in row if cell.value == EVIL]
    assert cells
    assert all(cell.quotePrefix for cell in cells)


def test_comparisons_are_notes_and_too_many_are_counted(question: Ask, federation: Federation) -> None:
    found = beside(question("VICTIMS_SEX"))
    wanted = resolve(Question("VICTIMS_SEX"), federation.catalogue, federation.roster)
    notes = notes_for(wanted, found.rows, found.provenance, {})
    assert "KAZ 2018 F: official 46 (UNODC), here 40 ± 3: counted by the date of the verdict" in notes
    many = notes_for(wanted, [row for row in found.rows if row.key == ("F",)] * 20, found.provenance, {})
    assert any("more figures that are public elsewhere" in note for note in many)
    summed = question("VICTIMS_SEX", sum_over=("STATE",))
    assert compared(summed.rows, "VICTIMS_SEX", beside(summed).provenance) == ()
