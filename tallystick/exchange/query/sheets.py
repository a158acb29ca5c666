"""An answer for spreadsheets: CSV and XLSX with everything in them, and nothing that becomes a formula.

Officers' names and sources are other people's words. In CSV what a spreadsheet would run gets an apostrophe before
it (``config.formulas``), in XLSX it is stored as text and marked to stay so.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tallystick.config.formulas import harmless, is_formula
from tallystick.config.i18n import _
from tallystick.exchange.formats.comparing import key_text
from tallystick.exchange.query.answer import Answer, Row
from tallystick.exchange.query.compared import Compared, compared, compared_in

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["to_csv", "to_xlsx"]

Cell = str | int | float | None
_FIXED = (
    "kind",
    "value",
    "low",
    "high",
    "noise_sd",
    "withheld_cells",
    "basis",
    "states",
    "not_released",
    "missing",
    "unit",
    "releases",
    "log_indices",
    "officers",
    "methods",
    "status",
    "comparisons",
)
_COMPARED = ("release", "state", "period", "key", "official", "source", "here", "explanation")
_SOURCES = (
    "release",
    "state",
    "table",
    "period",
    "revision",
    "log_index",
    "officers",
    "status",
    "method",
    "profile",
    "parameters",
    "handling",
    "unit",
    "reference_date_basis",
    "cut_off",
    "sources",
    "legal_definition",
    "censored",
    "notes",
)


def _join(values: Iterable[object]) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values))


def _row(answer: Answer, row: Row) -> list[Cell]:
    found = [answer.provenance[identity] for identity in row.releases]
    return [
        row.state or "",
        row.period,
        row.freq,
        *row.key,
        row.kind,
        row.value,
        row.low,
        row.high,
        row.noise_sd,
        row.withheld,
        row.basis,
        _join(row.states),
        _join(row.not_released),
        _join(row.missing),
        answer.unit,
        _join(row.releases),
        "; ".join(str(one.log_index) for one in found),
        _join(name for one in found for name in one.officers),
        _join(f"{one.method['id']}/{one.method['profile']}" for one in found),
        _join(one.status for one in found),
        _join(one.words for one in compared_in(row, answer.table, answer.provenance)),
    ]


def _header(answer: Answer) -> list[Cell]:
    return ["state", "period", "freq", *answer.dimensions, *_FIXED]


def _sources(answer: Answer) -> Iterable[list[Cell]]:
    for one in answer.provenance.values():
        told = one.metadata
        parameters = _join(f"{name}={value}" for name, value in sorted(one.method["parameters"].items()))
        lead: list[Cell] = [
            one.payload_id,
            one.state,
            one.table,
            one.period,
            one.revision,
            one.log_index,
            _join(one.officers),
        ]
        method: list[Cell] = [one.status, one.method["id"], one.method["profile"], parameters, one.handling]
        names = ("unit", "reference_date_basis", "cut_off", "sources", "legal_definition", "censored", "notes")
        yield [*lead, *method, *("" if told.get(name) is None else str(told[name]) for name in names)]


def _compared(one: Compared) -> list[Cell]:
    return [one.release, one.state, one.period, key_text(one.key), one.official, one.source, one.here, one.explanation]


def to_csv(answer: Answer) -> str:
    """Return the rows as CSV (RFC 4180, UTF-8), one line per figure, provenance in the last columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_header(answer))
    for row in answer.rows:
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in _row(answer, row)])
    return out.getvalue()


def to_xlsx(answer: Answer) -> bytes:
    """Return a workbook with the sheets figures, sources and notes, and comparisons where there are any."""
    from openpyxl import Workbook  # noqa: PLC0415 - only whoever wants a workbook loads it

    book = Workbook()
    figures = book.active
    if figures is None:
        figures = book.create_sheet()
    figures.title = "figures"
    _fill(figures, _header(answer), (_row(answer, row) for row in answer.rows))
    _fill(book.create_sheet("sources"), list(_SOURCES), _sources(answer))
    _fill(book.create_sheet("notes"), [_("note")], ([note] for note in answer.notes))
    beside = compared(answer.rows, answer.table, answer.provenance)
    if beside:
        _fill(book.create_sheet("comparisons"), list(_COMPARED), map(_compared, beside))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: "Worksheet", header: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> None:
    for number, cells in enumerate((header, *rows), 1):
        for column, value in enumerate(cells, 1):
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"
                cell.quotePrefix = is_formula(value)
    sheet.freeze_panes = "A2"
