"""Relations in which a withheld cell can be worked out, and which cells a state of the repair withholds.

A relation is a group of rows of one level whose sum some other published level also knows: the rows of a yearly
one-way table (against the year's total), a row or a column of a block's cross (against the sum of its years' margins,
or against the table's own margin). Totals are never parts of a relation, so they are never withheld for another's sake.

The state of the repair is one number per relation: how many of its smallest shown cells are withheld. Which cells those
are follows from the published figures and the order of codes alone, never from a solver.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import rfc8785

from tallystick.config.catalogue import TOTAL
from tallystick.node.disclosure.picture import Level, Picture, Relation, SliceView, Status

__all__ = ["RelationSite", "decoy_count", "order_of", "relation_sites", "withhold"]

_DECOY: Final = b"tallystick-decoy\0"


@dataclass(frozen=True)
class RelationSite:
    """A relation of the draft in its place.

    Attributes:
        slice_number: Slice of the picture.
        relation: The relation.
        rows: Its rows in the slice, in code order.
    """

    slice_number: int
    relation: Relation
    rows: tuple[int, ...]


def order_of(relation: Relation) -> tuple[int, ...]:
    """Return the positions that ``relation`` holds fixed: relations of a level are ordered by them, then by code."""
    return tuple(place for place, code in enumerate(relation) if code != TOTAL)


def _linking_axes(picture: Picture, view: SliceView, level: Level) -> list[tuple[int, ...]]:
    """Return the largest sets of the level's dimensions whose sums another level knows as well."""
    own = {view.table.dimension_ids[place]: place for place in level.axes}
    shared: set[tuple[int, ...]] = set()
    for other in picture.slices:
        for other_level in other.levels:
            if other is view and other_level is level:
                continue
            names = {other.table.dimension_ids[place] for place in other_level.axes}
            shared.add(tuple(sorted(own[name] for name in names & own.keys())))
    shared.discard(level.axes)
    return sorted(axes for axes in shared if not any(set(axes) < set(wider) for wider in shared))


def _relations(view: SliceView, level: Level, axes: tuple[int, ...]) -> list[Relation]:
    """Return the relations of a level that hold ``axes`` fixed, in code order."""
    width = len(view.table.dimension_ids)
    seen: dict[Relation, None] = {}
    for row in level.rows:
        seen[tuple(view.keys[row][place] if place in axes else TOTAL for place in range(width))] = None
    return list(seen)


def relation_sites(picture: Picture) -> tuple[RelationSite, ...]:
    """Return the relations of the draft in which something can be worked out and something can be withheld.

    Those are the ones with at least one cell under the threshold and one above it. Repair and decoys use these and no
    others, so that whatever the repair does could have been a decoy.
    """
    sites: list[RelationSite] = []
    for number, view in enumerate(picture.slices):
        if not view.draft:
            continue
        for level in view.levels:
            for axes in _linking_axes(picture, view, level):
                for relation in _relations(view, level, axes):
                    rows = tuple(view.members(level, relation))
                    primary = [view.status[row] == Status.PRIMARY for row in rows]
                    if any(primary) and not all(primary):
                        sites.append(RelationSite(number, relation, rows))
    return tuple(sites)


def decoy_count(secret: bytes, view: SliceView, relation: Relation, level_axes: Sequence[int], bits: int) -> int:
    """Draw how many decoys a relation gets: at least one with probability 2**-bits, each further one with half of that.

    The draw is keyed with the period's noise secret and constant for the relation's life.
    """
    place = rfc8785.dumps([view.table.id, view.period.text, list(level_axes), list(relation)])
    drawn = int.from_bytes(hmac.digest(secret, _DECOY + place, "sha256"), "big")
    leading_zeros = 256 - drawn.bit_length()
    return max(0, leading_zeros - bits + 1)


def withhold(picture: Picture, counts: Mapping[RelationSite, int]) -> Picture:
    """Withhold, relation by relation in canonical order, the smallest shown cells: ``counts`` says how many of each."""
    taken: dict[int, dict[int, Relation]] = {number: {} for number, _view in enumerate(picture.slices)}
    for site, count in counts.items():
        view, gone = picture.slices[site.slice_number], taken[site.slice_number]
        shown = [row for row in site.rows if view.status[row] != Status.PRIMARY and row not in gone]
        for row in sorted(shown, key=lambda row: (int(view.values[row]), row))[:count]:
            gone[row] = site.relation
    return picture.replaced(
        view.with_withheld(taken[number]) if view.draft else view for number, view in enumerate(picture.slices)
    )
