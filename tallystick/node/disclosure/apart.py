"""When two cells are known not to be the same set of persons: what that asks of joint counts.

Equal sets have equal figures, so cells of one period with figures that are known to differ are different sets. Where
one clique holds both cells, that is a constraint on its columns: those in one and not in the other number at least one.

Cells of different cliques are tied only by what the cliques on the tree's path between them share. Suppose the two are
the same set A. If among the persons of some shared value some are in A and some are not, exchange the far side of the
path between one of each: every published count stays, and the sets differ. So a table of persons in which they differ
is missing only where at every edge of the path every shared value is wholly in A or wholly outside it. Hence, for cells
of which one is surely not empty:

- An edge that shares the period only: they can differ unless both are everybody.
- One edge, shared values of which each cell's definition takes the whole or nothing: where the definitions disagree the
  persons concerned number at least one; where one value alone is left open to both, its persons are not all in both.
- Two edges that meet in a clique of just the two things they share (years by citizenship group): a set that is a union
  of whole years and of whole groups is everybody or nobody, if years and groups hang together. They do if one group
  has somebody in every year that has anybody.
- Anything else: some shared value holds somebody inside and somebody outside.

The last two, and disagreements that leave values open to both, ask for more than is known. That is granted to the
attacker: it can make the audit stricter, never laxer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np

from tallystick.config.errors import DisclosureError
from tallystick.config.i18n import _
from tallystick.node.disclosure.cliques import Clique
from tallystick.node.disclosure.columns import Ints
from tallystick.node.disclosure.layout import UNBOUNDED, Constraint, Layout
from tallystick.node.disclosure.readings import Spec

__all__ = ["Apart"]

_SMALL = 1000


@dataclass(frozen=True)
class _Road:
    """The shortest way between two cells' cliques: the cliques, and what each edge shares."""

    cliques: tuple[int, ...]
    shared: tuple[Clique, ...]


def _at_least_one(*columns: Ints) -> Constraint:
    return Constraint(dict.fromkeys(np.concatenate(columns).tolist(), 1), 1, UNBOUNDED)


def _less(whole: Ints, part: Ints) -> Ints:
    return np.setdiff1d(whole, part, assume_unique=True)


@dataclass(eq=False)
class Apart:
    """Writes down what different figures ask for.

    Attributes:
        layout: The joint counts.
        low: Smallest count of every cell, shape (cells,).
        high: Largest count of every cell, shape (cells,).
        hubs: Cliques whose two axes must hang together for what was written so far.
    """

    layout: Layout
    low: Ints = field(repr=False)
    high: Ints = field(repr=False)
    hubs: set[tuple[int, str, str]] = field(default_factory=set, repr=False)
    _roads: dict[tuple[tuple[int, ...], tuple[int, ...]], _Road] = field(default_factory=dict, repr=False)

    def constraints(self, one: int, other: int, *, whole_possible: bool, grants: bool) -> Iterator[Constraint]:
        """Yield what it takes that two cells of a period with different figures are different sets.

        Args:
            one: A cell.
            other: Another, of another level or along codes of which several may apply.
            whole_possible: Whether both can be everybody, and the period's total is not published.
            grants: Whether to ask for more than is known where that is simpler.

        Raises:
            DisclosureError: It cannot be written down.
        """
        clique = self.layout.together(one, other)
        if clique is not None:
            left, right = self.layout.places[one][clique], self.layout.places[other][clique]
            apart = np.setxor1d(left, right, assume_unique=True)
            if len(apart) not in {0, len(left) + len(right)}:
                yield _at_least_one(apart)
            return
        road = self._road(one, other)
        period = frozenset(self.layout.periods[one])
        if any(shared <= period for shared in road.shared) or self._hub(road):
            if whole_possible:
                yield _at_least_one(self._outside(one, road.cliques[0]), self._outside(other, road.cliques[-1]))
        elif len(road.shared) == 1:
            yield from self._across(one, other, road, grants=grants)
        elif grants:
            yield from self._mixed(one, other, road)

    def _road(self, one: int, other: int) -> _Road:
        place = (tuple(self.layout.places[one]), tuple(self.layout.places[other]))
        if place not in self._roads:
            tree = self.layout.tree
            paths = [tree.path(left, right) for left, right in product(*place)]
            path = min(paths, key=lambda found: (len(found), found))
            shared = tuple(tree.cliques[a] & tree.cliques[b] for a, b in pairwise(path))
            self._roads[place] = _Road(path, shared)
        return self._roads[place]

    def _hub(self, road: _Road) -> bool:
        """Tell whether two edges meet in a clique of the two things they share, and remember it."""
        for clique, before, after in zip(road.cliques[1:], road.shared, road.shared[1:], strict=False):
            if (
                len(before) == len(after) == 1
                and before != after
                and before | after == self.layout.tree.cliques[clique]
            ):
                (left,), (right,) = sorted(before), sorted(after)
                self.hubs.add((clique, min(left, right), max(left, right)))
                return True
        return False

    def _outside(self, cell: int, clique: int) -> Ints:
        """Return the columns of the persons of a cell's period who are not in it."""
        return _less(self.layout.everybody(cell, clique), self.layout.places[cell][clique])

    def _split(self, cell: int, clique: int, shared: Clique) -> dict[tuple[int, ...], tuple[Ints, Ints]]:
        """Return, for each value of what is shared, the columns inside a cell and those outside it."""
        everybody, inside = self.layout.everybody(cell, clique), self.layout.places[cell][clique]
        found = {}
        for spec in self._values(clique, shared):
            here = np.intersect1d(self.layout.columns.where(clique, spec), everybody, assume_unique=True)
            if len(here):
                key = tuple(next(iter(spec[name])) for name in sorted(shared))
                within = np.intersect1d(here, inside, assume_unique=True)
                found[key] = (within, _less(here, within))
        return found

    def _values(self, clique: int, names: Clique) -> Iterator[Spec]:
        held = self.layout.columns.values(clique)
        ordered = sorted(names)
        for values in product(*(np.unique(held[name]).tolist() for name in ordered)):
            yield {name: frozenset({value}) for name, value in zip(ordered, values, strict=True)}

    def _across(self, one: int, other: int, road: _Road, *, grants: bool) -> Iterator[Constraint]:
        """Write it for two cliques side by side, value by value of what they share."""
        left = self._split(one, road.cliques[0], road.shared[0])
        right = self._split(other, road.cliques[-1], road.shared[0])
        disagree: list[Ints] = []
        open_to_both: list[tuple[Ints, Ints, Ints, Ints]] = []
        for key in sorted(left.keys() & right.keys()):
            (a_in, a_out), (b_in, b_out) = left[key], right[key]
            if len(a_in) and len(a_out) and len(b_in) and len(b_out):
                open_to_both.append((a_in, a_out, b_in, b_out))
            elif not len(a_in) or not len(b_in):
                disagree += [a_in, b_in]
            else:
                disagree += [a_out, b_out]
        if sum(map(len, disagree)):
            if grants or not open_to_both:
                yield _at_least_one(*disagree)
        elif len(open_to_both) == 1 or (open_to_both and grants):
            a_in, a_out, b_in, b_out = open_to_both[0]
            yield _at_least_one(a_in, b_in)
            yield _at_least_one(a_out, b_out)

    def _mixed(self, one: int, other: int, road: _Road) -> Iterator[Constraint]:
        """Grant that some value at one end of the path holds somebody inside a cell and somebody outside it."""
        ends = [(one, road.cliques[0], road.shared[0]), (other, road.cliques[-1], road.shared[-1])]
        for cell, clique, shared in sorted(ends, key=lambda end: bool(self.low[end[0]] == 0)):
            for inside, outside in self._split(cell, clique, shared).values():
                if len(inside) and len(outside):
                    yield _at_least_one(inside)
                    yield _at_least_one(outside)
                    return
        raise DisclosureError(_("these tables hang together in a way that the audit cannot judge"))

    def hanging_together(self, cells: Sequence[int]) -> Iterator[Constraint]:
        """Yield what makes every remembered hub hang together: one value has somebody wherever there is anybody.

        Args:
            cells: All cells; published figures choose the value, and what they say already is not said again.
        """
        for clique, left, right in sorted(self.hubs):
            held = self.layout.columns.values(clique)
            known = {
                tuple(self.layout.places[cell][clique].tolist()): cell
                for cell in cells
                if clique in self.layout.places[cell]
            }
            rows = [{left: frozenset({value})} for value in np.unique(held[left]).tolist()]
            best = max(
                np.unique(held[right]).tolist(),
                key=lambda value: self._sure(clique, rows, {right: frozenset({value})}, known),
            )
            for row in rows:
                yield from self._spoke(clique, row, {right: frozenset({best})}, known)

    def _sure(self, clique: int, rows: Sequence[Spec], hub: Spec, known: dict[tuple[int, ...], int]) -> tuple[int, int]:
        lows = [self._low(clique, {**row, **hub}, known) for row in rows]
        return sum(low > 0 for low in lows), sum(lows)

    def _low(self, clique: int, spec: Spec, known: dict[tuple[int, ...], int]) -> int:
        cell = known.get(tuple(self.layout.columns.where(clique, spec).tolist()))
        return 0 if cell is None else int(self.low[cell])

    def _spoke(self, clique: int, row: Spec, hub: Spec, known: dict[tuple[int, ...], int]) -> Iterator[Constraint]:
        meeting = self.layout.columns.where(clique, {**row, **hub})
        if self._low(clique, {**row, **hub}, known) > 0:
            return
        everybody = self.layout.columns.where(clique, row)
        total = known.get(tuple(everybody.tolist()))
        most = UNBOUNDED if total is None else int(self.high[total])
        if most > _SMALL or (total is not None and self.low[total] > 0):
            yield _at_least_one(meeting)
            return
        weights = dict.fromkeys(everybody.tolist(), -1)
        for column in meeting.tolist():
            weights[column] = most - 1
        yield Constraint(weights, 0, UNBOUNDED)
