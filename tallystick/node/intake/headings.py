"""Where a register's headings stand: below titles, in one row or in two under merged cells."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.node.intake.characters import folded, mended, without_direction_marks
from tallystick.node.intake.rows import COLUMN_LIMIT, Grid, Row
from tallystick.node.intake.spellings import fields_called, is_row_number

__all__ = ["Headings", "column_letter", "find_headings", "is_numbering", "look_for_headings"]

LOOKED_AT = 60
_SURE = 90
_NAMED = 6


@dataclass(frozen=True)
class Headings:
    """A register's columns and what stands below them.

    Attributes:
        names: What each column is called; ``(column F)`` where nothing stands, ``... (2)`` where it stands twice.
        height: Rows that they take, 1 or 2.
        number: Spreadsheet number of the last of these rows.
        rows: The rows below, to be read once.
    """

    names: tuple[str, ...]
    height: int
    number: int
    rows: Iterator[Row]


def column_letter(place: int) -> str:
    """Return what a spreadsheet calls the column at ``place``, counted from 0."""
    letters, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def is_numbering(row: Row) -> bool:
    """Tell whether a row only numbers the columns (1, 2, 3, ...), as forms do below their headings."""
    texts = [text for text in row.cells if text]
    return len(texts) > 2 and texts == [str(number) for number in range(1, len(texts) + 1)]


def _spans(grid: Grid, number: int) -> dict[int, int]:
    """Return, for each column that a merged cell of this row covers, the column where the cell begins."""
    spans = {}
    for top, left, bottom, right in grid.merged:
        if top <= number <= bottom and right - left < COLUMN_LIMIT:
            spans.update(dict.fromkeys(range(left - 1, right), left - 1))
    return spans


def _upper(grid: Grid, row: Row, width: int, lower: Row | None) -> list[str]:
    """Return the upper row's text for each column: as merged, or where nothing is merged, as written to the left."""
    cells = [*row.cells, *[""] * (width - len(row.cells))]
    spans = _spans(grid, row.number)
    if spans:
        return [cells[spans.get(place, place)] for place in range(width)]
    below = [*lower.cells, *[""] * (width - len(lower.cells))] if lower else [""] * width
    filled, last = [], ""
    for place in range(width):
        last = cells[place] or (last if below[place] else "")
        filled.append(last)
    return filled


def _names(grid: Grid, rows: Sequence[Row]) -> tuple[str, ...]:
    width = max(len(row.cells) for row in rows)
    if len(rows) == 1:
        found = [*rows[0].cells]
    else:
        lower = [*rows[1].cells, *[""] * (width - len(rows[1].cells))]
        pairs = zip(_upper(grid, rows[0], width, rows[1]), lower, strict=True)
        found = [": ".join(dict.fromkeys(text for text in pair if text)) for pair in pairs]
    plain = [" ".join(mended(without_direction_marks(text)).split()) for text in found]
    while plain and not plain[-1]:
        plain.pop()
    return _distinct([text or f"({_('column')} {column_letter(place)})" for place, text in enumerate(plain)])


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[folded(name)] += 1
        distinct.append(name if seen[folded(name)] == 1 else f"{name} ({seen[folded(name)]})")
    return tuple(distinct)


def _is_grouped(grid: Grid, upper: Row, lower: Row) -> bool:
    """Tell whether an upper row groups the columns of the row below it."""
    if lower.number != upper.number + 1:
        return False
    if grid.merged:
        areas = [area for area in grid.merged if area[0] == upper.number]
        width = max(len(upper.cells), len(lower.cells))
        across = any(right > left and right - left + 1 < width and top == bottom for top, left, bottom, right in areas)
        return across or any(bottom == lower.number for _top, _left, bottom, _right in areas)
    width = max(len(upper.cells), len(lower.cells))
    above = [*upper.cells, *[""] * (width - len(upper.cells))]
    below = [*lower.cells, *[""] * (width - len(lower.cells))]
    gaps = any(not text and under for text, under in zip(above, below, strict=True))
    wordy = not any(char.isdigit() for text in upper.cells for char in text)
    return gaps and wordy and sum(bool(text) for text in upper.cells) > 1


def _candidates(grid: Grid, rows: Sequence[Row]) -> Iterator[tuple[int, tuple[Row, ...], tuple[str, ...]]]:
    """Yield every place where headings can stand: index of the first row below, the rows, the names.

    A row that is grouped by the one above never stands alone: "Sex" below "Accused" is not the victim's.
    """
    for place, row in enumerate(rows):
        if row.fault:
            continue
        if not (place and not rows[place - 1].fault and _is_grouped(grid, rows[place - 1], row)):
            yield place + 1, (row,), _names(grid, (row,))
        if place + 1 < len(rows) and not rows[place + 1].fault and _is_grouped(grid, row, rows[place + 1]):
            both = (row, rows[place + 1])
            yield place + 2, both, _names(grid, both)


def _best(
    grid: Grid, rows: Sequence[Row], worth: Callable[[tuple[str, ...]], int]
) -> tuple[int, tuple[Row, ...], tuple[str, ...]] | None:
    found = [
        (worth(names), -position, one) for position, one in enumerate(_candidates(grid, rows)) for names in one[2:]
    ]
    value, _position, best = max(found, default=(0, 0, None))
    return best if value > 0 else None


def _known(names: tuple[str, ...]) -> int:
    return sum(is_row_number(name) or fields_called(name)[1] >= _SURE for name in names)


def look_for_headings(grid: Grid, path: Path) -> Headings:
    """Find the headings of a register that nobody has mapped yet: where most columns are called as known.

    Raises:
        MalformedError: No row near the top holds two known headings.
    """
    begun = list(itertools.islice(grid.rows, LOOKED_AT))
    best = _best(grid, begun, _known)
    if best is None or _known(best[2]) < 2 or len(best[2]) > COLUMN_LIMIT:
        raise MalformedError(
            _("{path}: no row of headings was found in its first {count} rows").format(path=path, count=LOOKED_AT),
            hint=_("headings must stand above the cases in one row or two; is another sheet meant (--sheet)?"),
        )
    return _made(best, begun, grid)


def _made(best: tuple[int, tuple[Row, ...], tuple[str, ...]], begun: Sequence[Row], grid: Grid) -> Headings:
    below, used, names = best
    return Headings(names, len(used), used[-1].number, itertools.chain(begun[below:], grid.rows))


def find_headings(grid: Grid, height: int, wanted: Sequence[str], path: Path, mapping: Path) -> Headings:
    """Find the headings that a mapping was made for, wherever they stand near the top.

    Raises:
        MalformedError: They are others; the difference is said.
    """
    begun = list(itertools.islice(grid.rows, LOOKED_AT))
    asked = {folded(name) for name in wanted}

    def worth(names: tuple[str, ...]) -> int:
        return len(asked & {folded(name) for name in names})

    best = _best(grid, [*begun], worth)
    names = best[2] if best else ()
    missing = [name for name in wanted if folded(name) not in {folded(found) for found in names}]
    strange = [name for name in names if folded(name) not in asked]
    if best is None or missing or strange or len(best[1]) != height:
        raise MalformedError(
            _(
                "{path}: its headings are not those of {mapping}: missing {missing}; not in the mapping {strange}"
            ).format(path=path, mapping=mapping.name, missing=_listed(missing), strange=_listed(strange)),
            hint=_("make a new mapping with tallystick case map, or add the columns to this one"),
        )
    return _made(best, begun, grid)


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(f"'{name[:40]}'" for name in names[:_NAMED])
    more = len(names) - _NAMED
    return _("{names} and {more} more").format(names=listed, more=more) if more > 0 else listed or "-"
