"""An agency's file as rows of text: CSV or XLSX by what it holds, streamed, bounded, numbered as a spreadsheet does."""

import hashlib
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.i18n import _
from tallystick.node.intake.cleaning import cleaned_rows, known_heading
from tallystick.node.intake.rows import COLUMN_LIMIT, LINE_LIMIT, Advance, Change, Grid, Layout, Row, Sheet
from tallystick.node.intake.textfile import open_text_grid, open_text_sheet
from tallystick.node.intake.workbook import is_workbook, open_workbook_grid

__all__ = [
    "LINE_LIMIT",
    "Advance",
    "Change",
    "Grid",
    "Layout",
    "Row",
    "Sheet",
    "SheetMapping",
    "open_grid",
    "open_sheet",
    "sha256_of",
]

TITLE_LIMIT = 50
"""Rows of a workbook among which the headings are looked for."""


class SheetMapping(Protocol):
    """What an agency's own headings and spellings mean (``mapping.toml``)."""

    @property
    def layout(self) -> Layout:
        """Return how its files are to be read."""
        ...

    def knows(self, heading: str) -> bool:
        """Tell whether the mapping names this heading."""
        ...

    def apply(self, grid: Grid, path: Path) -> Sheet:
        """Return the rows under HTCDS headings.

        Raises:
            MalformedError: The headings are not those that the mapping was made for.
        """
        ...


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _require_regular(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError as error:
        raise StoreError(_("cannot read {path}: {reason}").format(path=path, reason=error.strerror)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise StoreError(_("{path} is not a regular file").format(path=path))
    if facts.st_size == 0:
        raise MalformedError(_("{path} is empty").format(path=path))
    return facts.st_size


@contextmanager
def open_grid(path: Path, layout: Layout, is_known: Callable[[str], bool], advance: Advance) -> Iterator[Grid]:
    """Open a file from its first row, titles included.

    Args:
        path: A regular file.
        layout: What the caller knows about it.
        is_known: Tells whether a heading is one; used to find delimiter and sheet where ``layout`` does not say.
        advance: Told now and then how many more bytes were read.

    Raises:
        StoreError: It cannot be read.
        MalformedError: Empty, or neither text nor a workbook.
    """
    size = _require_regular(path)
    opened = open_workbook_grid if is_workbook(path) else open_text_grid
    with opened(path, size, layout, is_known, advance) as grid:
        yield grid


@contextmanager
def open_sheet(
    path: Path, is_known: Callable[[str], bool], advance: Advance, mapping: SheetMapping | None = None
) -> Iterator[Sheet]:
    """Open a CSV file or a workbook and read its headings.

    Args:
        path: A regular file.
        is_known: Tells whether a heading is one; used to find the delimiter, the sheet and the row of headings.
        advance: Told now and then how many more bytes were read.
        mapping: Turns the agency's own columns into HTCDS's; None where the file has HTCDS's own.

    Raises:
        StoreError: It cannot be read.
        MalformedError: Empty, neither text nor a workbook, without headings, or with others than the mapping's.
    """
    if mapping is not None:
        with open_grid(path, mapping.layout, mapping.knows, advance) as grid:
            yield mapping.apply(grid, path)
        return
    size = _require_regular(path)
    if is_workbook(path):
        with open_workbook_grid(path, size, Layout(), is_known, advance) as grid:
            sheet = _under_headings(grid, path, is_known)
            yield cleaned_rows(sheet)
    else:
        with open_text_sheet(path, size, is_known, advance) as sheet:
            yield cleaned_rows(sheet)


def _under_headings(grid: Grid, path: Path, is_known: Callable[[str], bool]) -> Sheet:
    """Find the row with the most known headings among the first ones; what stands above it are titles."""
    best, best_known = Row(0, ()), 0
    seen: list[Row] = []
    for row in grid.rows:
        seen.append(row)
        known = sum(is_known(known_heading(cell, is_known)) for cell in row.cells)
        if known > best_known:
            best, best_known = row, known
        if len(seen) == TITLE_LIMIT:
            break
    header = tuple(known_heading(cell, is_known) for cell in best.cells)
    while header and not header[-1]:
        header = header[:-1]
    if not header or len(header) > COLUMN_LIMIT:
        raise MalformedError(
            _("{path}: no row of sheet '{sheet}' holds known headings").format(path=path, sheet=grid.sheet),
            hint=_("an agency's own headings need a mapping: tallystick case map FILE"),
        )
    below = [row for row in seen if row.number > best.number]
    return Sheet(header, _fitted(below, grid.rows, len(header)), grid.size, grid.notes)


def _fitted(buffered: list[Row], rows: Iterator[Row], width: int) -> Iterator[Row]:
    for source in (iter(buffered), rows):
        for row in source:
            yield row.fitted(width)
