"""UNODC's GLOTIP workbook: what states told UNODC, one figure a row, some of it hidden as ``<5``.

Every row ends as one of three: taken, a duplicate that says the same as an earlier row, or reported with its row number
and the reason. Two rows that say different things about the same are both reported: nobody can tell which holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tallystick.config.codes import country_names
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.node.intake.reading import Layout, Row, open_grid, sha256_of
from tallystick.node.known.countries import country_of, is_misencoded
from tallystick.node.known.figure import Glotip, KnownFigure, parse_official

__all__ = ["COLUMNS", "Reported", "Workbook", "read_workbook"]

COLUMNS = ("Iso3_code", "Indicator", "Dimension", "Category", "Sex", "Age", "Year", "Unit of measurement", "txtVALUE")
ROW_LIMIT = 200_000
_TITLES = 20
_CELL_LIMIT = 500
_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_INDICATORS = frozenset(
    {
        "Detected trafficking victims",
        "Offences of trafficking in persons",
        "Persons brought into formal contact",
        "Persons prosecuted",
        "Persons convicted",
    }
)
_DIMENSIONS = frozenset({"Total", "by form of exploitation", "by citizenship", "by country of repatriation"})
_FORMS = frozenset({"Forced labour", "Sexual exploitation", "Other forms of exploitation"})
_SEXES = frozenset({"Total", "Female", "Male", "Other", "Unknown"})
_AGES = frozenset({"Total", "0 to 17 years", "18 years or over", "Unknown"})
_NO_COUNTRY = frozenset({"Nationals", "Abroad", "Unknown"})
"""What stands in place of a country's name and is understood."""


class Reported(NamedTuple):
    """A row that was not taken: where, what it says, and why; ``duplicate`` where an earlier row says the same."""

    row: int
    what: str
    reason: str
    duplicate: bool = False


@dataclass(frozen=True)
class Workbook:
    """What was found in a workbook.

    Attributes:
        figures: By state (alpha-3), what was taken, in the order of rows.
        reported: What was not, in the order of rows.
        rows: Rows read below the headings; each is in one of the two above or of another state.
        others: Rows of states that were not asked for.
        sheet: Name of the sheet.
        sha256: Digest of the file.
    """

    figures: Mapping[str, tuple[KnownFigure, ...]]
    reported: tuple[Reported, ...]
    rows: int
    others: int
    sheet: str
    sha256: str

    @property
    def duplicates(self) -> int:
        """How many rows only repeat what an earlier one says."""
        return sum(one.duplicate for one in self.reported)


class _Fault(Exception):  # noqa: N818 - never leaves this module
    """Why a row cannot be taken."""


class _Found(NamedTuple):
    row: int
    official: str


Key = tuple[str, int, Glotip]


@dataclass
class _Reading:
    """A workbook being read; ``seen`` keeps every row of a key, so that contradictions show."""

    wanted: str | None
    at: Mapping[str, int]
    seen: dict[Key, list[_Found]] = field(default_factory=lambda: defaultdict(list))
    reported: list[Reported] = field(default_factory=list)
    rows: int = 0
    others: int = 0

    def take(self, row: Row) -> None:
        self.rows += 1
        cells = dict.fromkeys(self.at, "") | {
            name: row.cells[at] for name, at in self.at.items() if at < len(row.cells)
        }
        state = cells["Iso3_code"].strip()
        if self.wanted is not None and state != self.wanted:
            self.others += 1
            return
        try:
            key, official = _parse(cells, state, row.fault)
        except _Fault as fault:
            self.reported.append(Reported(row.number, _words(cells)[:_CELL_LIMIT], str(fault)))
        else:
            self.seen[key].append(_Found(row.number, official))


def read_workbook(
    path: Path, source: str, state: str | None = None, advance: Callable[[int], None] = lambda _bytes: None
) -> Workbook:
    """Read the figures of one state, or of all, from a GLOTIP workbook (or the same table as CSV).

    Args:
        path: The file.
        source: How the figures' source shall be called.
        state: Alpha-3; None for every state in it.
        advance: Told now and then how many more bytes were read.

    Raises:
        MalformedError: Not a workbook, too large, or without the workbook's headings.
        StoreError: It cannot be read.
    """
    with open_grid(path, Layout(), lambda heading: heading.strip() in COLUMNS, advance) as grid:
        rows = iter(grid.rows)
        reading = _Reading(state, _headings(rows, path))
        for row in rows:
            reading.take(row)
            if reading.rows > ROW_LIMIT:
                raise MalformedError(_("{path}: more than {limit} rows").format(path=path, limit=ROW_LIMIT))
        sheet = grid.sheet
    sha256 = sha256_of(path)
    where = f"{path.name}, {sheet}" if sheet else path.name
    figures = _settle(reading, source, where, sha256)
    reported = tuple(sorted(reading.reported))
    return Workbook(figures, reported, reading.rows, reading.others, sheet, sha256)


def _headings(rows: Iterator[Row], path: Path) -> dict[str, int]:
    """Find the row of headings among the first ones; return each column's place."""
    for row, _number in zip(rows, range(_TITLES), strict=False):
        names = [cell.strip() for cell in row.cells]
        if set(COLUMNS) <= set(names):
            return {name: names.index(name) for name in COLUMNS}
    raise MalformedError(
        _("{path}: not a GLOTIP workbook; it has not the columns {columns}").format(
            path=path, columns=", ".join(COLUMNS)
        ),
        hint=_("a figure from elsewhere can be typed: tallystick known add TABLE YEAR KEY VALUE --source TEXT"),
    )


def _parse(cells: Mapping[str, str], state: str, fault: str) -> tuple[Key, str]:
    """Return what a row is about and its figure.

    Raises:
        _Fault: It cannot be taken; the reader's own ``fault``, where it has one.
    """
    if fault:
        raise _Fault(fault)
    if state not in country_names():
        raise _Fault(_("no state of ISO 3166-1 has this code"))
    for name, known in (("Indicator", _INDICATORS), ("Dimension", _DIMENSIONS), ("Sex", _SEXES), ("Age", _AGES)):
        if cells[name] not in known:
            raise _Fault(_("{column}: a value that the workbook did not have before").format(column=name))
    _check_category(cells["Dimension"], cells["Category"])
    if cells["Unit of measurement"] != "Counts":
        raise _Fault(_("not a count"))
    year = cells["Year"]
    if not (year.isascii() and year.isdigit() and _FIRST_YEAR <= int(year) <= _LAST_YEAR):
        raise _Fault(_("not a year"))
    official = parse_official(cells["txtVALUE"])
    if official is None:
        raise _Fault(_("neither a whole number nor '<5'"))
    subject = Glotip(cells["Indicator"], cells["Dimension"], cells["Category"], cells["Sex"], cells["Age"])
    return (state, int(year), subject), official


def _words(cells: Mapping[str, str]) -> str:
    """Say what a row is about as it stands, without its totals."""
    parts = [cells[name] or "?" for name in ("Iso3_code", *COLUMNS[1:7])]
    return " / ".join(part for part in parts if part != "Total")


def _check_category(dimension: str, category: str) -> None:
    if not category:
        raise _Fault(_("no category is given"))
    if dimension == "Total":
        known = category == "Total"
    elif dimension == "by form of exploitation":
        known = category in _FORMS
    elif is_misencoded(category):
        raise _Fault(_("the country's name is broken by its encoding"))
    else:
        known = category in _NO_COUNTRY or country_of(category) is not None
    if not known:
        raise _Fault(_("no country or category by that name"))


def _settle(reading: _Reading, source: str, where: str, sha256: str) -> dict[str, tuple[KnownFigure, ...]]:
    """Make figures of what was seen once, or several times alike; report the rest."""
    figures: dict[str, list[tuple[int, KnownFigure]]] = defaultdict(list)
    for (state, year, subject), found in reading.seen.items():
        what = f"{state} / {subject.words} / {year}"
        if len({one.official for one in found}) > 1:
            _contradiction(reading.reported, what, found)
            continue
        first, *again = found
        place = _("{where}, row {row}").format(where=where, row=first.row)
        figure = KnownFigure(source, Period(year, year), subject, first.official, sha256, place)
        figures[state].append((first.row, figure))
        for one in again:
            reading.reported.append(
                Reported(one.row, what, _("says the same as row {row}").format(row=first.row), True)
            )
    return {
        state: tuple(figure for _row, figure in sorted(of_state, key=lambda one: one[0]))
        for state, of_state in figures.items()
    }


def _contradiction(reported: list[Reported], what: str, found: Sequence[_Found]) -> None:
    for one in found:
        other = next(row for row, official in found if official != one.official)
        reported.append(Reported(one.row, what, _("row {row} says otherwise about the same").format(row=other)))
