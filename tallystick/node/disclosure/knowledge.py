"""What an attacker knows of figures made by ``keyed``, written as whole-number constraints.

Unknowns are the joint counts of layout.py. For D and k of the profile:

1. A shown figure v has a true count in [max(1, v - D), v + D]; a true zero never shows.
2. A cell under the threshold has a true count in [0, k - 1 + D].
3. A cell that the repair (or a decoy) withheld had a figure of k or more, hence a true count of at least
   max(1, k - D); and its figure was the smallest of its relation when it was taken: not above any figure still shown
   there, nor above that of any cell of the relation which a later relation took (ties go by code order). The audit
   grants the attacker to know which cells these are and from which relation each was taken, although one code is
   published for all.
4. Equal sets of persons have equal figures within a period. So two cells of one period whose figures are known to
   differ are not the same set: the persons who are in one and not in the other number at least one. That is known for
   two different shown figures, for shown against under the threshold, for under the threshold against added, and for
   shown against added where the shown figure is above what (3) allows the added one.
5. Blocks are sums of their years; yearly tables of a year count the same persons.

How (4) is written for two cells of different cliques is in apart.py. Where the period's total is published, that a
cell is not everybody is said by its own constraint of kind (4). Pairs are taken one by one; that all of them can hold
at once needs enough different sets for the figures there are, which k >= D + 2 sees to (a profile with less is refused:
with k = D + 1 two persons, each shown alone in one table, leave no third set for another table). Among M persons to
whom some code of a list applies there are at least M sets of every size from 1 to M - 1, and figures of sets of at most
M persons take at most M - 1 different values of k or more when k >= D + 2, so codes of which several may apply need no
more than that.

More constraints than the attacker has are safe, fewer are a leak: an audit that finds two far-apart tables of persons
inside a smaller set has found them inside the attacker's set. So an added cell whose figure is tied to other hidden
figures by (3) is taken to differ from every cell that overlaps it, which spares a case distinction.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tallystick.node.disclosure.apart import Apart
from tallystick.node.disclosure.layout import UNBOUNDED, Constraint, Ints, Layout, LinkedSystem, assemble
from tallystick.node.disclosure.picture import Level, Picture, SliceView, Status
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.relations import rank

__all__ = ["keyed_system"]


@dataclass(eq=False)
class _Figures:
    """Limits of every cell's figure and count; ``tied`` maps an added cell to the column of its hidden figure."""

    figure_low: Ints = field(repr=False)
    figure_high: Ints = field(repr=False)
    count_low: Ints = field(repr=False)
    count_high: Ints = field(repr=False)
    not_above: list[tuple[int, int, int]] = field(repr=False)
    tied: dict[int, int] = field(repr=False)


def _orderings(view: SliceView, level: Level) -> Iterator[tuple[int, int, int]]:
    """Yield ``(added row, other row, gap)``: the added row's figure is at most the other's less ``gap``."""
    added = [row for row in level.rows if row in view.taken_from]
    for row in added:
        relation = view.taken_from[row]
        for other in view.members(level, relation):
            later = other in view.taken_from and rank(view, view.taken_from[other]) > rank(view, relation)
            if later or view.status[other] == Status.SHOWN:
                yield row, other, int(other < row)


def _figures(picture: Picture, profile: Profile, first_free: int) -> _Figures:
    """Work out limits of figures (3) and from them limits of counts (1, 2, 3)."""
    status, values = picture.status, picture.values
    shown, added = status == Status.SHOWN, status == Status.ADDED
    low = np.select([shown, added], [values, profile.threshold], 0).astype(np.int64)
    high = np.select([shown, added], [values, UNBOUNDED - profile.reach], profile.threshold - 1).astype(np.int64)
    not_above: list[tuple[int, int, int]] = []
    tied: dict[int, int] = {}
    for start, view in zip(picture.starts, picture.slices, strict=True):
        for level in view.levels:
            for row, other, gap in _orderings(view, level):
                if view.status[other] == Status.SHOWN:
                    high[start + row] = min(high[start + row], view.values[other] - gap)
                else:
                    not_above.append((start + row, start + other, gap))
                    for cell in (start + row, start + other):
                        tied.setdefault(cell, first_free + len(tied))
    count_low = np.where(status == Status.PRIMARY, 0, np.maximum(1, low - profile.reach))
    return _Figures(low, high, count_low, high + profile.reach, not_above, tied)


def _hidden_figures(figures: _Figures, layout: Layout, reach: int) -> Iterator[Constraint]:
    """Yield (3) for added cells that are tied to each other: figure within D of the count, figures in order."""
    for cell, column in figures.tied.items():
        weights = dict.fromkeys(layout.members[cell].tolist(), 1) | {column: -1}
        yield Constraint(weights, -reach, reach)
    for cell, other, gap in figures.not_above:
        yield Constraint({figures.tied[other]: 1, figures.tied[cell]: -1}, gap, UNBOUNDED)


def _possibly_the_same(figures: _Figures, status: NDArray[np.int8], one: range, other: range) -> NDArray[np.int64]:
    """Return the pairs of cells whose figures are known, or granted, to differ and whose counts may agree.

    Shape (pairs, 2), in the order of cells.
    """
    left, right = np.arange(one.start, one.stop), np.arange(other.start, other.stop)
    low, high = figures.count_low, figures.count_high
    agree = (high[left][:, None] >= low[right]) & (high[right] >= low[left][:, None])
    tied = np.array([cell in figures.tied for cell in range(len(status))], dtype=np.bool_)
    primary = status == Status.PRIMARY
    both, some = primary[left][:, None] & primary[right], primary[left][:, None] | primary[right]
    ranges = (figures.figure_low[left][:, None] > figures.figure_high[right]) | (
        figures.figure_low[right] > figures.figure_high[left][:, None]
    )
    differ = some | tied[left][:, None] | tied[right] | ranges
    rows, columns = np.nonzero(agree & differ & ~both)
    return np.stack([left[rows], right[columns]], axis=1)


def _overlapping(picture: Picture) -> Iterator[tuple[range, range]]:
    """Yield ranges of cells of one period that may share persons: of two levels, or of one whose rows overlap."""
    spans: dict[object, list[range]] = {}
    for start, view in zip(picture.starts, picture.slices, strict=True):
        for level in view.levels:
            span = range(start + level.rows.start, start + level.rows.stop)
            spans.setdefault(view.period, []).append(span)
            if view.several(level):
                yield span, span
    for levels in spans.values():
        yield from combinations(levels, 2)


def _published_totals(picture: Picture) -> Mapping[object, int]:
    """Return the cell of the total of every period that publishes one."""
    return {
        view.period: start
        for start, view in zip(picture.starts, picture.slices, strict=True)
        if not view.table.dimensions
    }


def _least_total(picture: Picture, figures: _Figures) -> dict[object, int]:
    """Return a lower limit of everybody in each period, from the limits of single levels."""
    least: dict[object, int] = {}
    for start, view in zip(picture.starts, picture.slices, strict=True):
        for level in view.levels:
            lows = figures.count_low[start + level.rows.start : start + level.rows.stop]
            total = int(lows.max() if view.several(level) else lows.sum())
            least[view.period] = max(least.get(view.period, 0), total)
    years = sum(least.get(view.period, 0) for view in picture.slices if not view.table.dimensions)
    return {period: max(total, years if getattr(period, "is_block", False) else 0) for period, total in least.items()}


def _equal_draws(picture: Picture, layout: Layout, figures: _Figures, *, grants: bool) -> Iterator[Constraint]:
    """Yield every constraint of kind (4) that says more than the limits of the counts do."""
    totals, least = _published_totals(picture), _least_total(picture, figures)
    apart = Apart(layout, figures.count_low, figures.count_high)
    for left, right in _overlapping(picture):
        period = picture.slices[picture.owner(left.start)[0]].period
        for one, other in _possibly_the_same(figures, picture.status, left, right).tolist():
            if left is right and one >= other:
                continue
            most = min(figures.count_high[one], figures.count_high[other])
            whole = period not in totals and bool(most >= least[period])
            yield from apart.constraints(one, other, whole_possible=whole, grants=grants)
    if grants:
        yield from apart.hanging_together(range(len(picture.status)))


def keyed_system(picture: Picture, layout: Layout, profile: Profile, *, grants: bool = True) -> LinkedSystem:
    """Return everything that is known about a picture made by ``keyed``.

    Args:
        picture: Everything ever released in the block, and the draft.
        layout: ``lay_out(picture)``; it does not depend on what is withheld.
        profile: D and k.
        grants: Whether to grant the attacker what apart.py asks for on top of what he knows; the audit always does.
    """
    figures = _figures(picture, profile, layout.columns.count)
    constraints = [*_hidden_figures(figures, layout, profile.reach)]
    constraints += _equal_draws(picture, layout, figures, grants=grants)
    extra = [(int(figures.figure_low[cell]), int(figures.figure_high[cell])) for cell in figures.tied]
    return assemble(layout, figures.count_low, figures.count_high, constraints, extra)
