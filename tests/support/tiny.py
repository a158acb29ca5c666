"""Catalogues and registers so small that every table of persons can be listed, and the listing itself.

The listing works on the persons' full cross (all dimensions at once) and knows nothing of cliques, linear programmes or
shortcuts: it is what the audit's intervals are held against.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.config.catalogue import TOTAL, Catalogue, TableDefinition
from tallystick.config.periods import Period
from tallystick.node.disclosure.picture import Picture, Status
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.relations import rank
from tallystick.node.tables.cubes import Cube
from tallystick.node.tables.mapping import Reading

TINY = Profile(id="tiny", reach=1, variance=1, threshold=3, width=3, decoy_bits=2)


def _table(name: str, dimensions: str, where: str, margins: Sequence[str]) -> dict:
    several = {"counting": "multiple"}
    return {
        "id": name,
        "version": "1.0",
        "name": {"en": name},
        "unit": "persons",
        "dimensions": [
            {"id": f"D{letter}", "codelist": f"CL_{letter}"} | (several if letter in SEVERAL else {})
            for letter in dimensions
        ],
        "margins": [[f"D{letter}" for letter in margin] for margin in margins],
        "where": where,
        "reference_date_basis": "-",
        "legal_definition": "-",
        "correspondence": {"none": "-"},
    }


SEVERAL = frozenset("MNQ")
"""Dimensions along which several codes may apply to a person."""
FREE = frozenset("Q")
"""Of these, those whose sets of codes the audit does not list: any set may come up, the last code alone for none."""


@dataclass(frozen=True)
class Thing:
    """Something of a person that one or several dimensions read.

    Attributes:
        values: What it can be.
        reads: For each dimension letter, the code numbers under which a person with each value stands.
    """

    values: int
    reads: Mapping[str, Sequence[Sequence[int]]]


def tiny_catalogue(tables: Mapping[str, tuple[str, str, Sequence[str]]], sizes: Mapping[str, int]) -> Catalogue:
    """Build a catalogue: ``{"T_A": ("A", "year", ())}`` is a yearly table over dimension A, without own margins."""
    return Catalogue.model_validate(
        {
            "format": "tallystick-catalogue-1",
            "version": 1,
            "codelists": [
                {"id": f"CL_{letter}", "codes": {_code(letter, code, size): {"en": ""} for code in range(size)}}
                for letter, size in sizes.items()
            ],
            "tables": [_table(name, *spec) for name, spec in tables.items()],
        }
    )


def _code(letter: str, code: int, size: int) -> str:
    return "_U" if letter in FREE and code == size - 1 else f"{letter}{code}"


class World:
    """Where every cell's persons are in the full cross of things and years: 0/1 masks over its atoms.

    Args:
        catalogue: Made by ``tiny_catalogue``.
        years: The years.
        things: What the dimensions read; a dimension that none of them names is a thing of its own.
    """

    def __init__(self, catalogue: Catalogue, years: Sequence[int], things: Sequence[Thing] = ()) -> None:
        self.catalogue = catalogue
        self.codes = {f"D{c.id[-1]}": tuple(c.codes) for c in catalogue.codelists}
        self.years = tuple(years)
        used = {name[1:] for table in catalogue.tables for name in table.dimension_ids}
        alone = sorted(used - {letter for thing in things for letter in thing.reads})
        own = [Thing(len(self.codes[f"D{a}"]), {a: [[n] for n in range(len(self.codes[f"D{a}"]))]}) for a in alone]
        self.things = (*things, *own)
        self.atoms = list(itertools.product(self.years, *(range(thing.values) for thing in self.things)))

    def _stands(self, name: str, code: str, atom: Sequence[int]) -> bool:
        place, thing = next((p, t) for p, t in enumerate(self.things) if name[1:] in t.reads)
        return self.codes[name].index(code) in thing.reads[name[1:]][atom[1 + place]]

    def reading(self, table: TableDefinition, name: str) -> Reading:
        """Say what a dimension reads, as the audit is told it."""
        place, thing = next((p, t) for p, t in enumerate(self.things) if name[1:] in t.reads)
        named = tuple(frozenset(self.codes[name][n] for n in numbers) for numbers in thing.reads[name[1:]])
        return Reading(f"thing {place}", None if name[1:] in FREE else named)

    def mask(self, period: Period, fixed: Mapping[str, str]) -> np.ndarray:
        """Return which atoms are persons of ``period`` with these codes."""
        return np.array(
            [
                atom[0] in period.years and all(self._stands(name, code, atom) for name, code in fixed.items())
                for atom in self.atoms
            ]
        )

    def cell_mask(self, table_id: str, period: Period, key: Sequence[str]) -> np.ndarray:
        """Return the mask of one row of a table."""
        names = self.catalogue.table(table_id).dimension_ids
        return self.mask(period, {name: code for name, code in zip(names, key, strict=True) if code != TOTAL})

    def cube(self, table_id: str, period: Period, counts: np.ndarray, keys: np.ndarray) -> Cube:
        """Count one table: ``counts`` persons and the sum of their record keys per atom."""
        table = self.catalogue.table(table_id)
        masks = np.array([self.cell_mask(table_id, period, key) for key in self.catalogue.cells(table)])
        with np.errstate(over="ignore"):
            sums = np.array([keys[mask & (counts > 0)].sum(dtype=np.uint64) for mask in masks], dtype=np.uint64)
        return Cube(table_id, period, masks @ counts, sums)

    def tables_up_to(self, most: Sequence[int]) -> np.ndarray:
        """List every table of persons with at most ``most[i]`` persons in year i, shape (tables, atoms)."""
        per_year = len(self.atoms) // len(self.years)
        lists = [_compositions(per_year, limit) for limit in most]
        grids = np.meshgrid(*(np.arange(len(one)) for one in lists), indexing="ij")
        return np.concatenate([one[grid.ravel()] for one, grid in zip(lists, grids, strict=True)], axis=1)


def _compositions(parts: int, most: int) -> np.ndarray:
    """List all vectors of ``parts`` whole numbers with sum at most ``most``."""
    rows = [np.diff([-1, *bars, most + parts]) - 1 for bars in itertools.combinations(range(most + parts), parts)]
    return np.array(rows, dtype=np.int16)[:, :parts]


def _pairs_apart(picture: Picture, figures: "Figures") -> Iterable[tuple[int, int]]:
    """Yield pairs of cells of one period whose figures are known to differ."""
    for one, other in itertools.combinations(range(len(picture.status)), 2):
        if figures.periods[one] == figures.periods[other] and figures.differ(one, other):
            yield one, other


class Figures:
    """Which figures every cell may have had, by the rules and nothing else."""

    def __init__(self, picture: Picture, profile: Profile, top: int) -> None:
        self.status, self.profile = picture.status, profile
        self.periods = [view.period for view in picture.slices for _key in view.keys]
        self.low, self.high = [], []
        for cell, status in enumerate(picture.status):
            value = int(picture.values[cell])
            low, high = {
                Status.SHOWN: (value, value),
                Status.PRIMARY: (0, profile.threshold - 1),
                Status.ADDED: (profile.threshold, top + profile.reach),
            }[Status(status)]
            self.low.append(low)
            self.high.append(high)
        self.order: list[tuple[int, int, int]] = []
        for start, view in zip(picture.starts, picture.slices, strict=True):
            for row, relation in view.taken_from.items():
                level = next(level for level in view.levels if row in level.rows)
                for other in view.members(level, relation):
                    later = other in view.taken_from and rank(view, view.taken_from[other]) > rank(view, relation)
                    if later or view.status[other] == Status.SHOWN:
                        self.order.append((start + row, start + other, int(other < row)))

    def differ(self, one: int, other: int) -> bool:
        """Tell whether no figure serves both cells, orderings aside."""
        return self.low[one] > self.high[other] or self.low[other] > self.high[one]


def possible_counts(world: World, picture: Picture, profile: Profile, most: Sequence[int]) -> np.ndarray:
    """List the counts of every cell in every table of persons that could have given the picture.

    Args:
        world: The atoms.
        picture: What was published, with the reasons of the gaps.
        profile: The rules.
        most: Largest number of persons in each year.

    Returns:
        Shape (tables, cells); no row where nothing fits.
    """
    people = world.tables_up_to(most)
    masks = np.array([world.cell_mask(view.table.id, view.period, key) for view in picture.slices for key in view.keys])
    counts = people @ masks.T.astype(np.int16)
    figures = Figures(picture, profile, int(sum(most)))
    fits = np.ones(len(people), dtype=bool)
    for cell in range(masks.shape[0]):
        # Some figure of the cell's range is within D of the count; a true zero gives the figure zero.
        low, high = np.array(figures.low[cell]), np.array(figures.high[cell])
        near = (counts[:, cell] - profile.reach <= high) & (counts[:, cell] + profile.reach >= low)
        fits &= np.where(counts[:, cell] == 0, low == 0, near)
    for one, other in _pairs_apart(picture, figures):
        fits &= people @ (masks[one] ^ masks[other]).astype(np.int16) >= 1
    return _orderable(people[fits], counts[fits], masks, figures)


def _orderable(people: np.ndarray, counts: np.ndarray, masks: np.ndarray, figures: Figures) -> np.ndarray:
    """Keep the tables in which the hidden figures can be chosen in their order, equal sets getting equal figures."""
    if not figures.order:
        return counts
    keep = [_assignable(row, count, masks, figures) for row, count in zip(people, counts, strict=True)]
    return counts[np.array(keep, dtype=bool)] if keep else counts


def _assignable(row: np.ndarray, count: np.ndarray, masks: np.ndarray, figures: Figures) -> bool:
    """Search figures for all cells of one table of persons: bounds, order, equal sets."""
    group: dict[tuple[Period, bytes], list[int]] = {}
    for cell in range(len(masks)):
        group.setdefault((figures.periods[cell], (row * masks[cell]).tobytes()), []).append(cell)
    member = {cell: number for number, cells in enumerate(group.values()) for cell in cells}
    low, high = [], []
    for cells in group.values():
        reach = figures.profile.reach
        low.append(max(max(figures.low[c], int(count[c]) - reach) for c in cells))
        high.append(min(min(figures.high[c], int(count[c]) + reach) for c in cells))
    for _round in range(len(figures.order) + 1):
        for one, other, gap in figures.order:
            low[member[other]] = max(low[member[other]], low[member[one]] + gap)
    return all(least <= most for least, most in zip(low, high, strict=True))


def most_persons(picture: Picture, profile: Profile) -> list[int]:
    """Return how many persons each year can have at most, as its yearly tables say."""
    found: dict[int, int] = {}
    for view in picture.slices:
        rows = list(view.levels[0].rows)
        adds = not view.several(view.levels[0])
        if adds and not view.period.is_block and not np.any(view.status[rows] == Status.ADDED):
            shown = view.status[rows] == Status.SHOWN
            most = np.where(shown, view.values[rows] + profile.reach, profile.highest_withheld).sum()
            found[view.period.first] = min(int(most), found.get(view.period.first, 99))
    return [found.get(year, 99) for year in picture.years]
