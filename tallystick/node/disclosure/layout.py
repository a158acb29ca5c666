"""Unseen joint counts as columns of an integer system, published cells as sums of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.node.disclosure.cliques import Clique, JunctionTree, junction_tree
from tallystick.node.disclosure.picture import Level, Picture, SliceView

__all__ = ["UNBOUNDED", "Constraint", "Ints", "Layout", "LinkedSystem", "assemble", "lay_out"]

UNBOUNDED: Final = 10**7
"""Stands for "no upper limit", in persons; larger than any state's register and exact in a solver's arithmetic."""

_YEAR: Final = "*YEAR*"
_LARGEST_CLIQUE: Final = 50_000
Ints = NDArray[np.int64]


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
        tree: Cliques of dimensions.
        places: For every cell and every clique that holds its dimensions, the columns whose sum the cell is.
        everybody: For every cell and the same cliques, the columns of all persons of its period.
        ties: Constraints that make the cliques agree on what they share.
        columns: Number of joint counts.
    """

    tree: JunctionTree
    places: tuple[Mapping[int, Ints], ...]
    everybody: tuple[Mapping[int, Ints], ...]
    ties: tuple[Constraint, ...]
    columns: int

    @cached_property
    def members(self) -> tuple[Ints, ...]:
        """For every cell the columns of its first clique."""
        return tuple(next(iter(place.values())) for place in self.places)

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


def _codes(picture: Picture) -> dict[str, tuple[str, ...]]:
    """Return the codes of every dimension that the picture uses, the years among them."""
    lists: dict[str, str] = {}
    codes: dict[str, tuple[str, ...]] = {_YEAR: tuple(str(year) for year in picture.years)}
    for view in picture.slices:
        for dimension in view.table.dimensions:
            if lists.setdefault(dimension.id, dimension.codelist) != dimension.codelist:
                raise DisclosureError(
                    _("{table}: dimension {name} stands over two code lists, which cannot be audited together").format(
                        table=view.table.id, name=dimension.id
                    ),
                    hint=_("give the coarser dimension a name of its own in the catalogue"),
                )
            codes[dimension.id] = picture.catalogue.codes(view.table, dimension.id)
    return codes


def _dimensions(view: SliceView, level: Level) -> Clique:
    names = {view.table.dimension_ids[place] for place in level.axes}
    return frozenset(names if view.period.is_block else names | {_YEAR})


def _check_size(tree: JunctionTree, codes: Mapping[str, Sequence[str]], picture: Picture) -> None:
    largest = max(prod(len(codes[name]) for name in clique) for clique in tree.cliques)
    if largest > _LARGEST_CLIQUE:
        raise DisclosureError(
            _("{table} {period}: the linked tables have too many joint cells to be audited").format(
                table=picture.slices[-1].table.id, period=picture.slices[-1].period.text
            ),
            hint=_("draft fewer or coarser tables for this block"),
        )


class _Columns:
    """Numbers the joint cells of all cliques."""

    def __init__(self, tree: JunctionTree, codes: Mapping[str, Sequence[str]]) -> None:
        self._names = [tuple(sorted(clique)) for clique in tree.cliques]
        self._codes = codes
        self._grids: list[Ints] = []
        self.count = 0
        for names in self._names:
            shape = tuple(len(codes[name]) for name in names)
            self._grids.append(np.arange(self.count, self.count + prod(shape), dtype=np.int64).reshape(shape))
            self.count += prod(shape)

    def where(self, clique: int, fixed: Mapping[str, str]) -> Ints:
        """Return the columns of a clique in which the ``fixed`` dimensions have these codes."""
        index = tuple(
            self._codes[name].index(fixed[name]) if name in fixed else slice(None) for name in self._names[clique]
        )
        return np.sort(np.atleast_1d(self._grids[clique][index]).ravel())


def _ties(tree: JunctionTree, columns: _Columns, codes: Mapping[str, Sequence[str]]) -> list[Constraint]:
    found: list[Constraint] = []
    for left, right, shared in tree.edges:
        names = sorted(shared)
        for combination in product(*(codes[name] for name in names)):
            fixed = dict(zip(names, combination, strict=True))
            weights = dict.fromkeys(columns.where(left, fixed).tolist(), 1)
            weights |= dict.fromkeys(columns.where(right, fixed).tolist(), -1)
            found.append(Constraint(weights, 0, 0))
    return found


def lay_out(picture: Picture) -> Layout:
    """Choose the joint counts of a picture and express every cell in them.

    Raises:
        DisclosureError: The picture cannot be written as one system of bearable size.
    """
    codes = _codes(picture)
    sets = {_dimensions(view, level) for view in picture.slices for level in view.levels}
    tree = junction_tree(sets, {name: len(each) for name, each in codes.items()})
    _check_size(tree, codes, picture)
    columns = _Columns(tree, codes)
    places: list[Mapping[int, Ints]] = []
    everybody: list[Mapping[int, Ints]] = []
    for view in picture.slices:
        year = {} if view.period.is_block else {_YEAR: view.period.text}
        for level in view.levels:
            homes = tree.homes(_dimensions(view, level))
            everybody += [{clique: columns.where(clique, year) for clique in homes}] * len(level.rows)
            for row in level.rows:
                kept = {view.table.dimension_ids[place]: view.keys[row][place] for place in level.axes}
                places.append({clique: columns.where(clique, kept | year) for clique in homes})
    ties = tuple(_ties(tree, columns, codes))
    return Layout(tree, tuple(places), tuple(everybody), ties, columns.count)


def assemble(
    layout: Layout, low: Ints, high: Ints, constraints: Sequence[Constraint], extra: Sequence[tuple[int, int]] = ()
) -> LinkedSystem:
    """Put bounds of cells and further constraints into one system.

    Args:
        layout: The columns.
        low: Smallest count of every cell, shape (cells,).
        high: Largest count of every cell, shape (cells,).
        constraints: What else is known; columns from ``layout.columns`` on are the extra ones.
        extra: Limits of further columns.
    """
    width = layout.columns + len(extra)
    column_low = np.zeros(width, dtype=np.int64)
    column_high = np.full(width, UNBOUNDED, dtype=np.int64)
    for place, (least, most) in enumerate(extra, start=layout.columns):
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
