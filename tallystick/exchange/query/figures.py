"""From published cells to figures with bounds: what a cell can be, and which margin stands for a sum."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, TableDefinition
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.query.slices import Slice, SliceReader

__all__ = ["Figure", "Figures", "Kind", "family", "sum_of"]

Kind = Literal["shown", "withheld", "sum", "not_released", "missing"]


@dataclass(frozen=True)
class Figure:
    """What is known of one number.

    Attributes:
        kind: ``shown`` (one published figure), ``withheld`` (one withheld cell), ``sum`` of several of them.
        value: The published figure, or the sum of those shown; None where none is.
        low: Smallest true count that fits.
        high: Largest, or None where nothing published bounds it.
        variance: Of the noise in ``value``; None where the method does not tell.
        basis: Where it comes from, in words.
        used: The releases it rests on.
        withheld: Withheld cells in it.
    """

    kind: Kind
    value: int | None
    low: int
    high: int | None
    variance: int | None
    basis: str
    used: tuple[Slice, ...]
    withheld: int = 0


def sum_of(figures: Sequence[Figure], basis: str) -> Figure:
    """Add figures of disjoint sets of persons or reports: intervals add, and so do variances of keyed noise.

    Withheld figures have no value; what is shown is summed and the interval covers the rest.
    """
    shown = [figure for figure in figures if figure.value is not None]
    variances = [figure.variance for figure in shown]
    highs = [figure.high for figure in figures]
    return Figure(
        kind="sum",
        value=sum(figure.value or 0 for figure in shown) if shown else None,
        low=sum(figure.low for figure in figures),
        high=None if None in highs else sum(high or 0 for high in highs),
        variance=None if None in variances else sum(one or 0 for one in variances),
        basis=basis,
        used=tuple(dict.fromkeys(used for figure in figures for used in figure.used)),
        withheld=sum(figure.withheld for figure in figures),
    )


def family(catalogue: Catalogue, table: TableDefinition) -> tuple[TableDefinition, ...]:
    """Return ``table`` and those whose figures are margins of it: same people, fewer dimensions, same name before.

    ``VICTIMS`` and ``VICTIMS_SEX`` are margins of ``VICTIMS_SEX_AGE``; the total of convictions is no margin of a
    table of victims, so the id must begin with the other's first word.
    """
    first = table.id.split("_")[0]
    axes = {dimension.id: dimension.codelist for dimension in table.dimensions}
    margins = [
        other
        for other in catalogue.tables
        if other.id != table.id
        and (other.universe, other.unit) == (table.universe, table.unit)
        and other.id.split("_")[0] == first
        and len(other.dimensions) < len(axes)
        and all(axes.get(dimension.id) == dimension.codelist for dimension in other.dimensions)
    ]
    return (table, *margins)


class Figures:
    """Figures of one table of the catalogue, in any state and period.

    Args:
        catalogue: The federation's.
        table: The table that is asked about.
        reader: Where slices come from.
    """

    def __init__(self, catalogue: Catalogue, table: TableDefinition, reader: SliceReader) -> None:
        self._catalogue = catalogue
        self._table = table
        self._reader = reader
        self._margins = {other.dimension_ids: other for other in family(catalogue, table)[1:]}
        self._others: dict[str, Figures] = {}
        self._known: dict[tuple[Slice, CellKey], Figure | None] = {}
        # Words are looked up once: a question is asked of thousands of cells.
        self._published, self._withheld = _("published"), _("withheld")
        self._elsewhere, self._years = _("{table}, published"), _("{table}, sum of its years")

    def cell(self, found: Slice, key: CellKey) -> Figure:
        """Return one row of a slice: a figure with its reach, or a withheld cell with its interval."""
        value = found.cells[key]
        if value is not None:
            reach = found.reach
            high = None if reach is None else value + reach
            low = 0 if reach is None else max(value - reach, 0)
            return Figure("shown", value, low, high, found.variance, self._published, (found,))
        return Figure("withheld", None, 0, self._upper(found, key), None, self._withheld, (found,), 1)

    def _upper(self, found: Slice, key: CellKey) -> int | None:
        """Bound a withheld cell by the threshold and by every published figure that contains it."""
        bounds = [found.highest_withheld]
        kept = [at for at, code in enumerate(key) if code != TOTAL]
        for size in range(len(kept)):
            for axes in combinations(kept, size):
                margin = self.margin(found, tuple(code if at in axes else TOTAL for at, code in enumerate(key)))
                bounds.append(margin.high if margin else None)
        known = [bound for bound in bounds if bound is not None]
        return min(known) if known else None

    def margin(self, found: Slice, key: CellKey) -> Figure | None:
        """Return the published figure for ``key``, in which ``_T`` stands for what is summed; None if there is none.

        Looked for in the table's own margins, then in the table of fewer dimensions for the same period, then, for
        a block, in that table's three years: a block is the sum of its years.
        """
        place = (found, key)
        if place not in self._known:
            self._known[place] = self.cell(found, key) if key in found.cells else self._margin(found, key)
        return self._known[place]

    def _margin(self, found: Slice, key: CellKey) -> Figure | None:
        table = self._table
        names = tuple(name for name, code in zip(table.dimension_ids, key, strict=True) if code != TOTAL)
        codes = tuple(code for code in key if code != TOTAL)
        other = self._margins.get(names)
        if other is None or found.table_id != table.id:
            return None
        if found.period.is_block and other.where != "block":
            return self._from_years(found, other, codes)
        margin = self._reader.get(found.state, other.id, found.period)
        return self._named(margin, codes) if margin else None

    def _from_years(self, found: Slice, other: TableDefinition, codes: CellKey) -> Figure | None:
        years = [self._reader.get(found.state, other.id, Period(year, year)) for year in found.period.years]
        parts = [self._named(year, codes) for year in years if year]
        if len(parts) != len(years) or None in parts:
            return None
        return sum_of([part for part in parts if part], self._years.format(table=other.id))

    def _named(self, margin: Slice, codes: CellKey) -> Figure | None:
        """Return a figure of another table of the family, saying whose it is."""
        if codes not in margin.cells:
            return None
        if margin.table_id not in self._others:
            other = self._catalogue.table(margin.table_id)
            self._others[margin.table_id] = Figures(self._catalogue, other, self._reader)
        figure = self._others[margin.table_id].margin(margin, codes)
        return replace(figure, basis=self._elsewhere.format(table=margin.table_id)) if figure else None

    def total(self, found: Slice, key: CellKey, inner: Iterable[CellKey]) -> Figure:
        """Return the figure for ``key`` with ``_T`` where it is summed: a published margin, else the sum of cells.

        Args:
            found: The slice.
            key: What is asked for.
            inner: The cells that make it up.
        """
        margin = self.margin(found, key)
        if margin is not None:
            return margin
        cells = [self.cell(found, cell) for cell in inner]
        return sum_of(cells, _("sum of {count} cells").format(count=len(cells)))
