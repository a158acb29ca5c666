"""What every reader of files gives: rows with their spreadsheet numbers, and what is known about the file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tallystick.config.i18n import _

__all__ = ["COLUMN_LIMIT", "LINE_LIMIT", "Advance", "Change", "Grid", "Layout", "Row", "Sheet"]

LINE_LIMIT = 1 << 20
"""Longest line of text, in characters."""
COLUMN_LIMIT = 1000

Advance = Callable[[int], None]


class Change(NamedTuple):
    """A value that was not taken as it stood; ``value`` and ``became`` are empty where the field is sealed."""

    field: str
    value: str
    became: str
    reason: str


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        number: As a spreadsheet counts, from 1.
        cells: Their texts; empty where the row has a fault.
        fault: Why it cannot be taken at all.
        changes: What was not taken as it stood.
        refused: Values that the mapping gives no meaning; the row is rejected with each of them named.
    """

    number: int
    cells: tuple[str, ...]
    fault: str = ""
    changes: tuple[Change, ...] = ()
    refused: tuple[Change, ...] = ()

    def fitted(self, width: int) -> "Row":
        """Return the row with exactly ``width`` cells, or with a fault where something stands beyond the headings."""
        if self.fault or len(self.cells) == width:
            return self
        if any(self.cells[width:]):
            fault = _("it has {count} cells, the headings are {width}").format(count=len(self.cells), width=width)
            return Row(self.number, (), fault)
        return self._replace(cells=(*self.cells, *[""] * width)[:width])


@dataclass(frozen=True)
class Sheet:
    """An open file: its headings, and its rows to be read once; ``notes`` say what a person should know of it."""

    header: tuple[str, ...]
    rows: Iterator[Row]
    size: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a file is to be read where that is known; None where the file itself must tell.

    Attributes:
        sheet: Name of the workbook's sheet.
        encoding: Python's name of the text's encoding.
        delimiter: What separates the cells of a line of text.
    """

    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None


@dataclass(frozen=True)
class Grid:
    """A file from its first row on, titles included, to be read once.

    Attributes:
        rows: Rows of any width that are not empty.
        size: Bytes of the file.
        layout: How it was read in the end.
        merged: Merged areas as ``(first row, first column, last row, last column)``, all counted from 1.
        notes: What a person should know of it.
    """

    rows: Iterator[Row]
    size: int
    layout: Layout
    merged: tuple[tuple[int, int, int, int], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def sheet(self) -> str:
        """Return the sheet's name, empty for text."""
        return self.layout.sheet or ""
