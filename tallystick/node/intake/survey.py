"""A register looked through once: its columns, and how often each text stands in them; never shown whole."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tallystick.node.intake.headings import Headings, column_letter, is_numbering, look_for_headings
from tallystick.node.intake.reading import open_grid
from tallystick.node.intake.rows import Advance, Layout
from tallystick.node.intake.spellings import fields_called

__all__ = ["DISTINCT", "Survey", "SurveyedColumn", "survey"]

DISTINCT = 5000
"""Different texts that are counted per column; beyond, the column holds no codes."""
_SURE = 90


@dataclass
class SurveyedColumn:
    """One column of a register.

    Attributes:
        place: Its place, counted from 0.
        heading: What it is called.
        filled: Cells that are not empty.
        texts: How often each text stands there, as far as it was counted.
        overflown: There are more different texts than were counted.
    """

    place: int
    heading: str
    filled: int = 0
    texts: Counter[str] = field(default_factory=Counter, repr=False)
    overflown: bool = False

    @property
    def letter(self) -> str:
        """Return what a spreadsheet calls it."""
        return column_letter(self.place)

    def add(self, text: str) -> None:
        """Count one cell."""
        self.filled += 1
        if text in self.texts or len(self.texts) < DISTINCT:
            self.texts[text] += 1
        else:
            self.overflown = True

    @property
    def repeats(self) -> int:
        """Return how many cells repeat a text that stood before."""
        return sum(count - 1 for count in self.texts.values())


@dataclass(frozen=True)
class Survey:
    """What was seen of a register.

    Attributes:
        path: The file.
        kind: ``csv`` or ``xlsx``.
        layout: How it was read.
        height: Rows that its headings take.
        heading_row: Spreadsheet number of the last of them.
        columns: Its columns, in order.
        rows: Rows below the headings.
        faults: Rows among them that cannot be read.
        notes: What a person should know of the file.
    """

    path: Path
    kind: str
    layout: Layout
    height: int
    heading_row: int
    columns: Sequence[SurveyedColumn]
    rows: int
    faults: int
    notes: Sequence[str]


def survey(path: Path, layout: Layout, advance: Advance) -> Survey:
    """Look through a register.

    Raises:
        StoreError: It cannot be read.
        MalformedError: It has no headings, or is no register at all.
    """
    with open_grid(path, layout, lambda heading: fields_called(heading)[1] >= _SURE, advance) as grid:
        headings = look_for_headings(grid, path)
        columns = [SurveyedColumn(place, name) for place, name in enumerate(headings.names)]
        rows, faults = _count(headings, columns)
        kind = "csv" if grid.layout.sheet is None else "xlsx"
        facts = (path, kind, grid.layout, headings.height, headings.number)
        return Survey(*facts, columns, rows, faults, grid.notes)


def _count(headings: Headings, columns: Sequence[SurveyedColumn]) -> tuple[int, int]:
    rows = faults = 0
    for row in headings.rows:
        found = row.fitted(len(columns))
        if is_numbering(found):
            continue
        rows += 1
        if found.fault:
            faults += 1
            continue
        for column, text in zip(columns, found.cells, strict=True):
            if text:
                column.add(text)
    return rows, faults
