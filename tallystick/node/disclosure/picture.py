"""The public picture: every figure and every gap of the slices that hang together, as an attacker sees them.

Slices hang together when they count the same unit of the same universe in the same three-year block. The yearly tables
of a year share persons with each other and, through "a block is the sum of its years", with the block's tables; blocks
are disjoint, so no relation leads from one to another, and perpetrators are not among the victims. Without a table of
the block each year stands alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, TableDefinition
from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, block_of
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.readings import ReadingOf
from tallystick.node.disclosure.safe import ReleasedSlice
from tallystick.node.tables.cubes import Counts

__all__ = [
    "Level",
    "Picture",
    "Relation",
    "SliceView",
    "Status",
    "drafted_view",
    "in_relation",
    "pictures",
    "released_view",
]


class Status(IntEnum):
    """Why a cell looks as it does; the audit grants the attacker to know it, although one code is published."""

    SHOWN = 0
    PRIMARY = 1
    ADDED = 2


@dataclass(frozen=True)
class Level:
    """The rows of a table that keep the same dimensions: its inner cells, or one of its margins.

    Attributes:
        axes: Positions of the kept dimensions in the table's dimensions.
        rows: Positions of the rows in the table, in code order.
    """

    axes: tuple[int, ...]
    rows: range


Relation = CellKey
"""A group of rows of one level, written as a row key with ``_T`` where the group runs over all codes, and with
``A+B+C`` where it runs over these. It says what it is by itself: it is kept with a release for good."""


def in_relation(key: CellKey, relation: Relation) -> bool:
    """Tell whether a row of the relation's level belongs to it."""
    return all(said in {TOTAL, code} or code in said.split("+") for code, said in zip(key, relation, strict=True))


@dataclass(frozen=True, eq=False)
class SliceView:
    """One slice as it stands in the picture.

    Attributes:
        table: Its definition.
        period: Year or block.
        keys: Row keys in catalogue order.
        values: Published figures, shape (rows,); what stands at a withheld row is never read by the audit.
        status: ``Status`` of each row, shape (rows,).
        taken_from: For every ``ADDED`` row the relation from which it was taken.
        draft: Whether rows may still be withheld.
    """

    table: TableDefinition
    period: Period
    keys: tuple[CellKey, ...]
    values: Counts = field(repr=False)
    status: NDArray[np.int8] = field(repr=False)
    taken_from: Mapping[int, Relation] = field(repr=False)
    draft: bool

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """Inner cells first, then the table's own margins, as the rows are written."""
        found: list[Level] = []
        start = 0
        for row, key in enumerate(self.keys):
            axes = tuple(place for place, code in enumerate(key) if code != TOTAL)
            following = self.keys[row + 1] if row + 1 < len(self.keys) else None
            ends = following is None or tuple(p for p, code in enumerate(following) if code != TOTAL) != axes
            if ends:
                found.append(Level(axes, range(start, row + 1)))
                start = row + 1
        return tuple(found)

    def several(self, level: Level) -> bool:
        """Tell whether a person may stand in several rows of a level: its rows do not add up."""
        return any(self.table.dimension_ids[place] in self.table.multiple for place in level.axes)

    def members(self, level: Level, relation: Relation) -> list[int]:
        """Return the rows of ``level`` that belong to ``relation``."""
        return [row for row in level.rows if in_relation(self.keys[row], relation)]

    def with_withheld(self, taken_from: Mapping[int, Relation]) -> "SliceView":
        """Return the same slice with these rows (and, of the added ones, only these) withheld on top of the primary."""
        status = np.where(self.status == Status.ADDED, np.int8(Status.SHOWN), self.status)
        status[list(taken_from)] = Status.ADDED
        return SliceView(self.table, self.period, self.keys, self.values, status, dict(taken_from), self.draft)


def drafted_view(
    catalogue: Catalogue, table: TableDefinition, period: Period, figures: Counts, profile: Profile
) -> SliceView:
    """Return a slice of the draft after the threshold; ``figures`` are perturbed, shape (rows,)."""
    primary = figures < profile.threshold
    status = np.where(primary, np.int8(Status.PRIMARY), np.int8(Status.SHOWN))
    return SliceView(table, period, catalogue.cells(table), figures, status, {}, draft=True)


def released_view(catalogue: Catalogue, released: ReleasedSlice) -> SliceView:
    """Return a released slice as it stands.

    Raises:
        DisclosureError: Its rows are not those of the catalogue's table.
    """
    table = catalogue.table(released.table_id)
    keys = catalogue.cells(table)
    rows = {observation.key: observation for observation in released.observations}
    place = {key: row for row, key in enumerate(keys)}
    if set(rows) != set(keys) or not set(released.added) <= set(keys):
        raise DisclosureError(
            _("{table} {period}: the released rows are not those of the catalogue").format(
                table=table.id, period=released.period.text
            )
        )
    values = np.array([-1 if rows[key].value is None else rows[key].value for key in keys], dtype=np.int64)
    status = np.array([Status.PRIMARY if rows[key].withheld else Status.SHOWN for key in keys], dtype=np.int8)
    taken_from = {place[key]: relation for key, relation in released.added.items()}
    status[list(taken_from)] = Status.ADDED
    return SliceView(table, released.period, keys, values, status, taken_from, draft=False)


@dataclass(frozen=True, eq=False)
class Picture:
    """Slices that hang together; cells are numbered slice by slice in the order given.

    Attributes:
        catalogue: Gives the codes.
        slices: In canonical order: by period, then as the catalogue lists the tables.
        years: The calendar years over which persons are spread.
        reading: Gives what a table's dimension reads of a person.
    """

    catalogue: Catalogue
    slices: tuple[SliceView, ...]
    years: tuple[int, ...]
    reading: ReadingOf

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Number of the first cell of every slice."""
        sizes = [len(view.keys) for view in self.slices]
        return tuple(sum(sizes[:place]) for place in range(len(sizes)))

    @cached_property
    def status(self) -> NDArray[np.int8]:
        """Status of every cell, shape (cells,)."""
        return np.concatenate([view.status for view in self.slices])

    @cached_property
    def values(self) -> Counts:
        """Figure of every cell, shape (cells,)."""
        return np.concatenate([view.values for view in self.slices])

    def owner(self, cell: int) -> tuple[int, int]:
        """Return ``(slice number, row)`` of a cell."""
        number = max(place for place, start in enumerate(self.starts) if start <= cell)
        return number, cell - self.starts[number]

    def replaced(self, slices: Iterable[SliceView]) -> "Picture":
        """Return the picture with other versions of the same slices."""
        return replace(self, slices=tuple(slices))


def pictures(catalogue: Catalogue, views: Sequence[SliceView], reading: ReadingOf) -> list[Picture]:
    """Group slices that hang together; only groups that hold something of the draft are returned.

    Args:
        catalogue: Gives the codes.
        views: Slices of one state.
        reading: The state's readings (``register_readings``).
    """
    order = {table.id: place for place, table in enumerate(catalogue.tables)}
    groups: dict[tuple[str, str, Period], list[SliceView]] = {}
    for view in sorted(views, key=lambda view: (view.period, order[view.table.id])):
        place = (view.table.universe, view.table.unit, block_of(view.period.first))
        groups.setdefault(place, []).append(view)
    found: list[Picture] = []
    for (_universe, _unit, block), group in sorted(groups.items()):
        if any(view.period.is_block for view in group):
            found.append(Picture(catalogue, tuple(group), block.years, reading))
            continue
        for year in sorted({view.period.first for view in group}):
            here = tuple(view for view in group if view.period.first == year)
            found.append(Picture(catalogue, here, (year,), reading))
    return [picture for picture in found if any(view.draft for view in picture.slices)]
