"""Relations in which a withheld cell can be worked out, and which cells a state of the repair withholds.

A relation is a group of rows of one level whose sum some other published level also knows: the rows of a yearly
one-way table (against the year's total), a row or a column of a block's cross (against the sum of its years' margins,
or against the table's own margin), the countries of one citizenship group (against the groups of the years). Totals are
never parts of a relation, so they are never withheld for another's sake.

The rows of codes of which several may apply do not add up, but they are tied to the rows of the exclusive reading of
the same thing: who names forced labour is at least whoever names it alone. They form a relation too, and either can be
withheld for the other's sake; such rows are each other's kin. A row that holds the very persons of a row of another
table of the period (no form stated) belongs to no relation: its figure would stand in the other table.

The state of the repair is one number per relation: how many of its smallest shown cells are withheld. Which cells those
are follows from the published figures and the order of codes alone, never from a solver.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import rfc8785

from tallystick.config.catalogue import TOTAL, CellKey
from tallystick.node.disclosure.picture import Level, Picture, Relation, SliceView, Status, in_relation
from tallystick.node.disclosure.readings import same_persons
from tallystick.node.tables.mapping import Reading

__all__ = ["RelationSite", "decoy_count", "rank", "relation_sites", "withhold"]

_DECOY: Final = b"tallystick-decoy\0"


@dataclass(frozen=True)
class RelationSite:
    """A relation of the draft in its place.

    Attributes:
        slice_number: Slice of the picture.
        relation: The relation.
        rows: Its rows in the slice, in code order.
        kin: Cells of other readings of the same thing that share persons with it.
    """

    slice_number: int
    relation: Relation
    rows: tuple[int, ...]
    kin: frozenset[int] = frozenset()


def rank(view: SliceView, relation: Relation) -> tuple[tuple[int, ...], int, Relation]:
    """Return where a relation stands among those of its level: by what it holds fixed, then in code order."""
    fixed = tuple(place for place, code in enumerate(relation) if code != TOTAL)
    first = next(
        row for row, key in enumerate(view.keys) if TOTAL not in _at(key, fixed) and in_relation(key, relation)
    )
    return fixed, first, relation


def _at(key: CellKey, places: Sequence[int]) -> tuple[str, ...]:
    return tuple(key[place] for place in places)


def _group_of(fine: Reading, coarse: Reading) -> dict[str, str] | None:
    """Return the coarse code of every fine code, or None where a fine code does not settle the coarse one."""
    if fine.base != coarse.base or fine.named is None or coarse.named is None:
        return None
    groups: dict[str, set[frozenset[str]]] = {}
    for one, other in zip(fine.named, coarse.named, strict=True):
        for code in one:
            groups.setdefault(code, set()).add(other)
    settled = {code: next(iter(found)) for code, found in groups.items() if len(found) == 1}
    single = {code: next(iter(found)) for code, found in settled.items() if len(found) == 1}
    return single if len(single) == len(groups) else None


@dataclass(frozen=True)
class _Axes:
    """What a kind of relation holds fixed: positions whose code is kept, and positions kept only by group."""

    kept: frozenset[int]
    grouped: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()

    def within(self, other: "_Axes") -> bool:
        """Tell whether ``other`` holds fixed all of this and more."""
        places = {place for place, _groups in self.grouped}
        others = {place for place, _groups in other.grouped}
        less = self.kept <= other.kept and places <= other.kept | others
        return less and (self.kept, places) != (other.kept, others)


def _linked_by(picture: Picture, view: SliceView, level: Level, other: SliceView, theirs: Level) -> _Axes:
    """Return what the sums of ``level`` that another level knows hold fixed."""
    names = {view.table.dimension_ids[place]: place for place in level.axes}
    kept, grouped = set(), {}
    for name in (other.table.dimension_ids[place] for place in theirs.axes):
        if name in names:
            kept.add(names[name])
            continue
        if name in other.table.multiple:
            continue
        for mine, place in names.items():
            groups = _group_of(picture.reading(view.table, mine), picture.reading(other.table, name))
            if groups is not None and mine not in view.table.multiple:
                grouped[place] = tuple(sorted(groups.items()))
    return _Axes(frozenset(kept), tuple(sorted((p, g) for p, g in grouped.items() if p not in kept)))


def _linking_axes(picture: Picture, view: SliceView, level: Level) -> list[_Axes]:
    """Return the largest sets of the level's dimensions whose sums another level knows as well."""
    shared: dict[_Axes, None] = {}
    for other in picture.slices:
        for theirs in other.levels:
            if other is not view or theirs is not level:
                shared[_linked_by(picture, view, level, other, theirs)] = None
    parts = [axes for axes in shared if axes.kept != frozenset(level.axes)]
    return [axes for axes in parts if not any(axes.within(wider) for wider in parts)]


def _elsewhere(picture: Picture, view: SliceView, level: Level) -> frozenset[str]:
    """Return the codes of a one-way level whose very persons stand in a row of another table of the period too."""
    if len(level.axes) != 1:
        return frozenset()
    name = view.table.dimension_ids[level.axes[0]]
    mine = picture.reading(view.table, name)
    found: set[str] = set()
    for other in picture.slices:
        for theirs in other.levels if other.period == view.period else ():
            names = [other.table.dimension_ids[place] for place in theirs.axes]
            if len(names) == 1 and names[0] != name:
                reading = picture.reading(other.table, names[0])
                if reading.base == mine.base:
                    held = {same_persons(reading, code) for code in picture.catalogue.codes(other.table, names[0])}
                    codes = picture.catalogue.codes(view.table, name)
                    found |= {code for code in codes if same_persons(mine, code) in held - {frozenset()}}
    return frozenset(found)


def _relations(picture: Picture, view: SliceView, level: Level, axes: _Axes) -> list[Relation]:
    """Return the relations of a level that hold ``axes`` fixed."""
    groups = {place: dict(found) for place, found in axes.grouped}
    left_out = _elsewhere(picture, view, level)
    seen: dict[Relation, list[int]] = {}
    for row in level.rows:
        key = view.keys[row]
        if left_out & {key[place] for place in level.axes}:
            continue
        parts = (
            key[place] if place in axes.kept else groups[place][key[place]] if place in groups else TOTAL
            for place in range(len(key))
        )
        seen.setdefault(tuple(parts), []).append(row)
    listed = {place for place in level.axes if place in groups or (left_out and place not in axes.kept)}
    return [
        tuple(
            "+".join(dict.fromkeys(view.keys[row][p] for row in rows)) if p in listed else code
            for p, code in enumerate(relation)
        )
        for relation, rows in seen.items()
    ]


def _kin(picture: Picture, view: SliceView, level: Level, rows: Sequence[int]) -> frozenset[int]:
    """Return the cells of other readings of the same things that share persons with some rows of a level."""
    found: set[int] = set()
    for start, other in zip(picture.starts, picture.slices, strict=True):
        if not set(other.period.years) <= set(view.period.years):
            continue
        for theirs in other.levels:
            for place, at in ((p, a) for p in level.axes for a in theirs.axes):
                name, their_name = view.table.dimension_ids[place], other.table.dimension_ids[at]
                one, two = picture.reading(view.table, name), picture.reading(other.table, their_name)
                if name != their_name and one.base == two.base:
                    mine = frozenset().union(*(same_persons(one, view.keys[row][place]) for row in rows))
                    found.update(start + row for row in theirs.rows if same_persons(two, other.keys[row][at]) & mine)
    return frozenset(found)


def relation_sites(picture: Picture) -> tuple[RelationSite, ...]:
    """Return the relations of the draft in which something can be worked out and something can be withheld.

    Those are the ones with at least one cell above the threshold, and one under it among them or their kin. Repair and
    decoys use these and no others, so that whatever the repair does could have been a decoy.
    """
    sites: list[RelationSite] = []
    for number, view in enumerate(picture.slices):
        for level in view.levels if view.draft else ():
            axes = _linking_axes(picture, view, level)
            relations = dict.fromkeys(one for each in axes for one in _relations(picture, view, level, each))
            for relation in sorted(relations, key=lambda one: rank(view, one)):
                rows = tuple(view.members(level, relation))
                kin = _kin(picture, view, level, rows)
                small = any(view.status[row] == Status.PRIMARY for row in rows)
                small = small or any(picture.status[cell] == Status.PRIMARY for cell in kin)
                if small and not all(view.status[row] == Status.PRIMARY for row in rows):
                    sites.append(RelationSite(number, relation, rows, kin))
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
