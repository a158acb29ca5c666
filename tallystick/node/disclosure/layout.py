"""Unseen joint counts as columns of an integer system, published cells as sums of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Final

import numpy as np

from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.node.disclosure.cliques import Clique, JunctionTree, junction_tree
from tallystick.node.disclosure.columns import Columns, Ints, clique_size
from tallystick.node.disclosure.picture import Level, Picture, SliceView
from tallystick.node.disclosure.readings import NONE, Axis, Spec, Support, code_axis
from tallystick.node.tables.mapping import Reading

__all__ = ["UNBOUNDED", "YEAR", "Constraint", "Ints", "Layout", "LinkedSystem", "assemble", "lay_out"]

UNBOUNDED: Final = 10**7
"""Stands for "no upper limit", in persons; larger than any state's register and exact in a solver's arithmetic."""

YEAR: Final = "*YEAR*"
_LARGEST_CLIQUE: Final = 50_000


@dataclass(frozen=True)
class Constraint:
    """``low <= sum(weight * column) <= high``."""

    weights: Mapping[int, int]
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything stands.

    Attributes:
        axes: What a person can be, by the axis' name.
        tree: Cliques of axes.
        columns: The joint counts.
        periods: For every cell its period, as a spec.
        places: For every cell and every clique that holds its axes, the columns whose sum the cell is.
        ties: Constraints that make the cliques agree on what they share, and codes cover whom they apply to.
    """

    axes: Mapping[str, Axis]
    tree: JunctionTree
    columns: Columns
    periods: tuple[Spec, ...]
    places: tuple[Mapping[int, Ints], ...]
    ties: tuple[Constraint, ...]

    @cached_property
    def members(self) -> tuple[Ints, ...]:
        """For every cell the columns of its first clique."""
        return tuple(next(iter(place.values())) for place in self.places)

    def everybody(self, cell: int, clique: int) -> Ints:
        """Return the columns of all persons of a cell's period in one clique."""
        return self.columns.where(clique, self.periods[cell])

    def together(self, one: int, other: int) -> int | None:
        """Return a clique that holds both cells, or None."""
        return next((clique for clique in self.places[one] if clique in self.places[other]), None)


@dataclass(frozen=True, eq=False)
class LinkedSystem:
    """All constraints on all columns, in whole numbers.

    Attributes:
        matrix: Coefficients, shape (rows, columns).
        row_low: Lower limits, shape (rows,).
        row_high: Upper limits, shape (rows,).
        column_low: Lower limits, shape (columns,).
        column_high: Upper limits, shape (columns,).
        members: For every cell its columns.
    """

    matrix: Ints = field(repr=False)
    row_low: Ints = field(repr=False)
    row_high: Ints = field(repr=False)
    column_low: Ints = field(repr=False)
    column_high: Ints = field(repr=False)
    members: tuple[Ints, ...] = field(repr=False)

    def holds(self, point: Ints) -> bool:
        """Tell whether a whole-number point satisfies every constraint, in exact arithmetic."""
        sums = self.matrix @ point
        rows_hold = bool((sums >= self.row_low).all() and (sums <= self.row_high).all())
        return rows_hold and bool((point >= self.column_low).all() and (point <= self.column_high).all())

    def counts(self, point: Ints) -> Ints:
        """Return the true count of every cell at ``point``, shape (cells,)."""
        return np.array([int(point[columns].sum()) for columns in self.members], dtype=np.int64)


def _axes(picture: Picture) -> dict[str, Axis]:
    """Return an axis for every dimension of the picture, for every code that is not listed, and for the years."""
    lists: dict[str, str] = {}
    years = tuple(str(year) for year in picture.years)
    axes = {YEAR: Axis(YEAR, years, Reading(YEAR, tuple(frozenset({year}) for year in years)))}
    for view in picture.slices:
        for dimension in view.table.dimensions:
            if lists.setdefault(dimension.id, dimension.codelist) != dimension.codelist:
                raise DisclosureError(
                    _("{table}: dimension {name} stands over two code lists, which cannot be audited together").format(
                        table=view.table.id, name=dimension.id
                    ),
                    hint=_("give the coarser dimension a name of its own in the catalogue"),
                )
            codes = picture.catalogue.codes(view.table, dimension.id)
            axis = axes[dimension.id] = Axis(dimension.id, codes, picture.reading(view.table, dimension.id))
            if not axis.listed and len(view.table.dimensions) > 1:
                raise DisclosureError(
                    _("{table}: a dimension with so many codes to choose from stands alone or not at all").format(
                        table=view.table.id
                    )
                )
            for code in codes:
                if not axis.listed and code != NONE:
                    name = code_axis(dimension.id, code)
                    axes[name] = Axis(name, (code,), Reading(name, (frozenset(), frozenset({code}))))
    return axes


def _supports(axes: Mapping[str, Axis]) -> list[Support]:
    """Return which values occur together: those that some register value gives, and "yes" only where any applies."""
    bases: dict[str, list[Axis]] = {}
    for axis in axes.values():
        bases.setdefault(axis.reading.base, []).append(axis)
    found: list[Support] = []
    for together in bases.values():
        listed = [axis for axis in together if axis.listed]
        if len(listed) > 1:
            pairs = zip(*(axis.by_register_value for axis in listed), strict=True)
            found.append((tuple(axis.name for axis in listed), frozenset(pairs)))
        for axis in together:
            for code in () if axis.listed else axis.codes:
                if code != NONE:
                    allowed = frozenset({(0, 0), (1, 0), (1, 1)})
                    found.append(((axis.name, code_axis(axis.name, code)), allowed))
    return found


def _cell_spec(axes: Mapping[str, Axis], view: SliceView, level: Level, row: int) -> Spec:
    """Return where the persons of one row are, its year among it."""
    spec: dict[str, frozenset[int]] = {} if view.period.is_block else dict(axes[YEAR].spec(view.period.text))
    for place in level.axes:
        spec |= axes[view.table.dimension_ids[place]].spec(view.keys[row][place])
    return spec


def _check_size(tree: JunctionTree, sizes: Mapping[str, int], supports: Sequence[Support], picture: Picture) -> None:
    if max(clique_size(clique, sizes, supports) for clique in tree.cliques) > _LARGEST_CLIQUE:
        raise DisclosureError(
            _("{table} {period}: the linked tables have too many joint cells to be audited").format(
                table=picture.slices[-1].table.id, period=picture.slices[-1].period.text
            ),
            hint=_("draft fewer or coarser tables for this block"),
        )


def _combinations(names: Clique, axes: Mapping[str, Axis]) -> Iterator[Spec]:
    ordered = sorted(names)
    for values in product(*(range(len(axes[name].values)) for name in ordered)):
        yield {name: frozenset({value}) for name, value in zip(ordered, values, strict=True)}


def _ties(tree: JunctionTree, columns: Columns, axes: Mapping[str, Axis]) -> Iterator[Constraint]:
    for left, right, shared in tree.edges:
        for fixed in _combinations(shared, axes):
            weights = dict.fromkeys(columns.where(left, fixed).tolist(), 1)
            weights |= dict.fromkeys(columns.where(right, fixed).tolist(), -1)
            if weights:
                yield Constraint(weights, 0, 0)


def _covers(tree: JunctionTree, columns: Columns, axes: Mapping[str, Axis]) -> Iterator[Constraint]:
    """Yield that codes which are not listed together cover everybody to whom any of them applies."""
    for axis in axes.values():
        if axis.listed:
            continue
        homes = {code: tree.homes(frozenset({axis.name, code_axis(axis.name, code)}))[0] for code in _real(axis)}
        shared = frozenset.intersection(*(tree.cliques[home] for home in homes.values())) - {axis.name}
        shared -= {code_axis(axis.name, code) for code in homes}
        for fixed in _combinations(shared, axes):
            weights: dict[int, int] = {}
            for code, home in homes.items():
                named = {axis.name: frozenset({1}), code_axis(axis.name, code): frozenset({1})}
                weights |= dict.fromkeys(columns.where(home, named | dict(fixed)).tolist(), 1)
            first = homes[_real(axis)[0]]
            for column in columns.where(first, {axis.name: frozenset({1})} | dict(fixed)).tolist():
                weights[column] = weights.get(column, 0) - 1
            yield Constraint(weights, 0, UNBOUNDED)


def _real(axis: Axis) -> list[str]:
    return [code for code in axis.codes if code != NONE]


def lay_out(picture: Picture) -> Layout:
    """Choose the joint counts of a picture and express every cell in them.

    Raises:
        DisclosureError: The picture cannot be written as one system of bearable size.
    """
    axes = _axes(picture)
    supports = _supports(axes)
    years = {
        period: axes[YEAR].spec(period.text) for period in {v.period for v in picture.slices} if not period.is_block
    }
    specs = [_cell_spec(axes, v, level, row) for v in picture.slices for level in v.levels for row in level.rows]
    periods = tuple(years.get(view.period, {}) for view in picture.slices for _key in view.keys)
    sets = {frozenset(spec) for spec in specs} | {frozenset(names) for names, _rows in supports}
    sizes = {name: len(axis.values) for name, axis in axes.items()}
    tree = junction_tree(sets, sizes)
    _check_size(tree, sizes, supports, picture)
    columns = Columns(tree, sizes, supports)
    homes = {names: tree.homes(names) for names in sets}
    places = tuple({clique: columns.where(clique, spec) for clique in homes[frozenset(spec)]} for spec in specs)
    ties = (*_ties(tree, columns, axes), *_covers(tree, columns, axes))
    return Layout(axes, tree, columns, periods, places, ties)


def assemble(
    layout: Layout, low: Ints, high: Ints, constraints: Sequence[Constraint], extra: Sequence[tuple[int, int]] = ()
) -> LinkedSystem:
    """Put bounds of cells and further constraints into one system.

    Args:
        layout: The columns.
        low: Smallest count of every cell, shape (cells,).
        high: Largest count of every cell, shape (cells,).
        constraints: What else is known; columns from ``layout.columns.count`` on are the extra ones.
        extra: Limits of further columns.
    """
    width = layout.columns.count + len(extra)
    column_low = np.zeros(width, dtype=np.int64)
    column_high = np.full(width, UNBOUNDED, dtype=np.int64)
    for place, (least, most) in enumerate(extra, start=layout.columns.count):
        column_low[place], column_high[place] = least, most
    rows: list[Constraint] = [*layout.ties, *constraints]
    members = layout.members
    for cell, columns in enumerate(members):
        if len(columns) == 1:
            column_low[columns] = np.maximum(column_low[columns], low[cell])
            column_high[columns] = np.minimum(column_high[columns], high[cell])
        elif low[cell] > 0 or high[cell] < UNBOUNDED:
            rows.append(Constraint(dict.fromkeys(columns.tolist(), 1), int(low[cell]), int(high[cell])))
    matrix = np.zeros((len(rows), width), dtype=np.int64)
    for number, row in enumerate(rows):
        matrix[number, list(row.weights)] = list(row.weights.values())
    row_low = np.array([row.low for row in rows], dtype=np.int64)
    row_high = np.array([row.high for row in rows], dtype=np.int64)
    return LinkedSystem(matrix, row_low, row_high, column_low, column_high, members)
