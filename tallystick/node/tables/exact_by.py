"""One exact table for the register's own officers: by one to three dimensions, of all years or some."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.node.tables.axes import Axis, make_axes
from tallystick.node.tables.count_cache import (
    CountingStore,
    counted_blocks,
    kept_count,
    repeated_persons,
    years_held,
)
from tallystick.node.tables.exact_tables import WIDEST, CubeCounter

__all__ = ["ExactTable", "exact_table"]

_MOST_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class ExactTable:
    """Exact figures; they never leave the desk.

    Attributes:
        axes: The dimensions in the order asked.
        counts: Persons, one axis each.
    """

    axes: tuple[Axis, ...]
    counts: NDArray[np.int64]

    @property
    def persons(self) -> int:
        """How many persons the table holds."""
        return int(self.counts.sum())

    def rows(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], int]]:
        """Yield codes, labels and persons of every cell that is not empty, in code order."""
        for places in np.argwhere(self.counts):
            at = tuple(places.tolist())
            codes = tuple(axis.codes[place] for axis, place in zip(self.axes, at, strict=True))
            labels = tuple(axis.labels[place] for axis, place in zip(self.axes, at, strict=True))
            yield codes, labels, int(self.counts[at])


def exact_table(
    store: CountingStore, by: Sequence[str], *, years: Sequence[int] | None = None, detail: bool = False
) -> ExactTable:
    """Count the register's persons by one to three dimensions; a person counts once a year.

    Args:
        store: The register.
        by: Of ``AXES``, one to three.
        years: Only these; None for all.
        detail: Every country, age band and agency, not groups of them.

    Raises:
        UsageError: More cells than anybody could read.
    """
    wanted = tuple(by) if years is None or "YEAR" in by else (*by, "YEAR")
    if len(wanted) <= WIDEST and not detail:
        tables = kept_count(store).counter.tables()
        axes = tuple(tables.axes[name] for name in wanted)
        if not any(axis.lumped for axis in axes):
            return _of_years(ExactTable(axes, tables.table(wanted)), by, years)
    return _of_years(_counted(store, wanted, years, detail=detail), by, years)


def _counted(store: CountingStore, wanted: Sequence[str], years: Sequence[int] | None, *, detail: bool) -> ExactTable:
    """Count anew by the axes wanted alone; four are possible where one of them is the year."""
    with store.snapshot():
        axes = _axes(store, wanted, years, detail=detail)
        counter = CubeCounter(axes)
        for columns, counts in counted_blocks(store):
            counter.add(columns, counts & _within(columns["year"], years))
        again = repeated_persons(store, store.same_person())
    for row in again.values():
        columns = {axis.column: row[axis.column].reshape(1) for axis in axes} | {"year": row["year"].reshape(1)}
        counter.add(columns, _within(columns["year"], years), sign=-1)
    order = [wanted.index(axis.id) for axis in axes]
    counts = counter.cubes[0].reshape([len(axis) for axis in axes])
    by_place = sorted(range(len(axes)), key=order.__getitem__)
    return ExactTable(tuple(axes[one] for one in by_place), counts.transpose(by_place))


def _axes(
    store: CountingStore, wanted: Sequence[str], years: Sequence[int] | None, *, detail: bool
) -> tuple[Axis, ...]:
    held = [year for year in years_held(store) if years is None or year in years]
    fine = make_axes(held, store.agency_numbers(), detail=True)
    made = fine if detail else make_axes(held, store.agency_numbers())
    axes = tuple(
        every if axis.lumped else axis for axis, every in zip(made, fine, strict=True) if axis.id in set(wanted)
    )
    cells = math.prod(max(len(axis), 1) for axis in axes)
    if cells > _MOST_CELLS:
        raise UsageError(
            _("this table has {count} cells").format(count=cells), hint=_("leave out --detail, or a dimension")
        )
    return axes


def _within(column: NDArray[np.uint16], years: Sequence[int] | None) -> NDArray[np.bool_]:
    return np.ones(len(column), dtype=bool) if years is None else np.isin(column, np.asarray(years))


def _of_years(table: ExactTable, by: Sequence[str], years: Sequence[int] | None) -> ExactTable:
    """Keep the years asked for; where the table is not by year, add them up."""
    if years is None:
        return table
    at = [axis.id for axis in table.axes].index("YEAR")
    year = table.axes[at]
    kept = [place for place, code in enumerate(year.codes) if int(code) in years]
    counts = table.counts.take(kept, axis=at)
    if "YEAR" not in by:
        return ExactTable(table.axes[:at] + table.axes[at + 1 :], counts.sum(axis=at))
    codes = tuple(year.codes[place] for place in kept)
    shorter = replace(year, codes=codes, labels=codes)
    return ExactTable((*table.axes[:at], shorter, *table.axes[at + 1 :]), counts)
