"""An XLSX workbook as rows of text: what is stored, never what could be run; checked before openpyxl sees a byte.

A formula gives the value that was stored with it; one without is a fault of its row. Macros, external links and
pictures are never opened.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tallystick.config.errors import MalformedError, TallystickError, UsageError
from tallystick.config.i18n import _
from tallystick.node.intake.archive import Contents, inspect
from tallystick.node.intake.cleaning import known_heading
from tallystick.node.intake.rows import COLUMN_LIMIT, Advance, Grid, Layout, Row

__all__ = ["cell_text", "is_workbook", "open_workbook_grid"]

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ROWS = 1_048_576
"""Rows that a sheet can have."""
_BATCH = 1000
_LOOKED_AT = 40
_EXACT = 10**15
"""Beyond this a number in a workbook is not exact."""


def is_workbook(path: Path) -> bool:
    """Tell by its first bytes whether a file is a workbook, whatever its name.

    Raises:
        MalformedError: It is an old or a protected workbook, which cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(4)
    if start == _OLE:
        raise MalformedError(
            _("{path}: an old workbook (.xls) or one with a password").format(path=path),
            hint=_("open it in a spreadsheet, take the password off, save it as .xlsx"),
        )
    return start == _ZIP


def cell_text(value: object) -> str:
    """Return a stored value as the text that a CSV file would hold; whole numbers without a decimal point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        whole = not (value.hour or value.minute or value.second or value.microsecond)
        return value.date().isoformat() if whole else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return str(value).strip()


def _load(stream: BinaryIO, path: Path, *, values: bool) -> Any:  # noqa: ANN401 - openpyxl's read-only workbook
    from openpyxl import load_workbook  # noqa: PLC0415 - half of imports are CSV

    with _guarded(path):
        return load_workbook(stream, read_only=True, data_only=values, keep_links=False, keep_vba=False)


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Turn whatever a damaged workbook makes of its reader into one refusal; silence its warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except TallystickError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl and expat raise nearly anything on what is not a workbook
        raise MalformedError(
            _("{path}: the workbook cannot be read ({reason})").format(path=path, reason=type(error).__name__),
            hint=_("open it in a spreadsheet and save it again as .xlsx"),
        ) from None


@contextmanager
def open_workbook_grid(
    path: Path, size: int, layout: Layout, is_known: Callable[[str], bool], advance: Advance
) -> Iterator[Grid]:
    """Open one sheet of a workbook from its first row, titles included.

    Args:
        path: A file that ``is_workbook``.
        size: Its size in bytes.
        layout: Names the sheet, or none: then the one whose headings are known is taken, else the first.
        is_known: Tells whether a heading is one.
        advance: Told now and then how many more bytes were read.

    Raises:
        MalformedError: A bomb, damaged, or not a workbook.
        UsageError: There is no such sheet.
    """
    if layout.encoding is not None:
        raise UsageError(_("{path} is a workbook: it has no encoding").format(path=path), hint=_("leave it out"))
    with path.open("rb") as stream:
        contents = inspect(stream, path)
        book = _load(stream, path, values=True)
        try:
            sheet, notes = _choose(book, layout.sheet, is_known, path)
            # openpyxl tells in which part a sheet stands nowhere else.
            part = contents.part(sheet._worksheet_path)  # noqa: SLF001 - see above
            formulas = _load(stream, path, values=False)[sheet.title] if part.formulas else None
            rows = _filled(_rows(sheet, formulas, path, _Meter(stream, size, advance)), part.merged)
            yield Grid(rows, size, Layout(sheet.title), part.merged, (*notes, *_said(contents)))
        finally:
            book.close()


def _said(contents: Contents) -> Iterator[str]:
    if contents.macros:
        yield _("the workbook holds macros: they were not run")
    if contents.links:
        yield _("the workbook links to other files: they were not opened")


def _choose(
    book: Any,  # noqa: ANN401 - openpyxl's read-only workbook
    wanted: str | None,
    is_known: Callable[[str], bool],
    path: Path,
) -> tuple[Any, tuple[str, ...]]:
    """Take the sheet that was named, else the visible one with most known headings; say which were left."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if wanted is not None and wanted not in sheets:
        raise UsageError(
            _("{path} has no sheet '{name}'").format(path=path, name=wanted[:40]),
            hint=_("there are: {names}").format(names=", ".join(sheets)),
        )
    if not sheets:
        raise MalformedError(_("{path}: the workbook has no sheets").format(path=path))
    if wanted is None:
        shown = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible"] or list(sheets.values())
        with _guarded(path):
            wanted = max(shown, key=lambda sheet: _known_in(sheet, is_known)).title
    left = [name for name in sheets if name != wanted]
    notes = (_("sheet '{name}' is read; not read: {others}").format(name=wanted, others=", ".join(left)),)
    return sheets[wanted], notes if left else ()


def _known_in(sheet: Any, is_known: Callable[[str], bool]) -> tuple[int, bool]:  # noqa: ANN401 - a read-only sheet
    """Return the most known headings in a row near the top, and whether there is anything at all."""
    sheet.reset_dimensions()  # what a file declares may be the whole sheet, and every row would be filled up to it
    rows = sheet.iter_rows(max_row=_LOOKED_AT, values_only=True)
    texts = [[cell_text(value) for value in row] for row in rows]
    known = max((sum(is_known(known_heading(text, is_known)) for text in row if text) for row in texts), default=0)
    return known, any(any(row) for row in texts)


class _Meter:
    """Tells how far into the file the reader is; openpyxl reads one sheet's bytes in order."""

    def __init__(self, stream: BinaryIO, size: int, advance: Advance) -> None:
        self._stream, self._size, self._advance = stream, size, advance
        self._told = 0

    def tell(self, *, done: bool = False) -> None:
        position = self._size if done else min(self._stream.tell(), self._size)
        if position > self._told:
            self._advance(position - self._told)
            self._told = position


def _rows(sheet: Any, formulas: Any, path: Path, meter: _Meter) -> Iterator[Row]:  # noqa: ANN401 - read-only sheets
    """Yield rows that are not empty, in batches, so that nothing of the reader's warnings is seen outside."""
    sheet.reset_dimensions()
    stored = sheet.iter_rows(max_row=_ROWS)
    if formulas is None:
        written: Iterator[Sequence[Any]] = itertools.repeat(())
    else:
        formulas.reset_dimensions()
        written = formulas.iter_rows(max_row=_ROWS)
    both = enumerate(zip(stored, written, strict=False), start=1)
    while True:
        with _guarded(path):
            batch = list(itertools.islice(both, _BATCH))
            found = [row for number, (cells, texts) in batch if cells and (row := _row(number, cells, texts))]
        meter.tell(done=not batch)
        if not batch:
            return
        yield from found


def _row(number: int, cells: Sequence[Any], written: Sequence[Any]) -> Row | None:
    if len(cells) > COLUMN_LIMIT and any(cell.value is not None for cell in cells[COLUMN_LIMIT:]):
        fault = _("it has {count} cells, more than {limit}").format(count=len(cells), limit=COLUMN_LIMIT)
        return Row(number, (), fault)
    texts = [cell_text(cell.value) for cell in cells[:COLUMN_LIMIT]]
    for cell, text in zip(cells, texts, strict=False):
        if text and cell.data_type == "e":
            fault = _("cell {cell} holds the error {error}: mend it in the spreadsheet")
            return Row(number, (), fault.format(cell=cell.coordinate, error=text[:10]))
    for cell, text in zip(written, texts, strict=False):
        if not text and cell.data_type == "f":
            fault = _("cell {cell} holds a formula without a stored value: open the file in a spreadsheet and save it")
            return Row(number, (), fault.format(cell=cell.coordinate))
    while texts and not texts[-1]:
        texts.pop()
    return Row(number, tuple(texts)) if any(texts) else None


def _filled(rows: Iterator[Row], merged: Sequence[tuple[int, int, int, int]]) -> Iterator[Row]:
    """Give every row of a cell that was merged downwards the value that the sheet shows beside it."""
    down = sorted(area for area in merged if area[2] > area[0])
    active: dict[tuple[int, int, int, int], str] = {}
    at = 0
    for row in rows:
        while at < len(down) and down[at][0] <= row.number:
            active[down[at]] = ""
            at += 1
        if not active or row.fault:
            yield row
            continue
        cells = list(row.cells)
        for area in list(active):
            first, column, last, _right = area
            if row.number > last:
                del active[area]
            elif row.number == first:
                active[area] = cells[column - 1] if column <= len(cells) else ""
            elif active[area]:
                cells += [""] * (column - len(cells))
                cells[column - 1] = cells[column - 1] or active[area]
        yield row._replace(cells=tuple(cells))
