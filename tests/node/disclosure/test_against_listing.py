"""The audit's intervals against a listing of every table of persons that could have given the published picture.

A listing that is tighter than an interval is a leak: the attacker knows more than the audit thinks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from tallystick.config.periods import Period
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import lay_out
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import Picture, drafted_view, pictures
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.relations import relation_sites, withhold
from tests.support.tiny import TINY, Thing, World, most_persons, possible_counts, tiny_catalogue

YEAR, BLOCK = Period(2018, 2018), Period(2018, 2020)
YEARS = tuple(Period(year, year) for year in BLOCK.years)
HIGH = replace(TINY, threshold=4, width=4)
WIDE = replace(TINY, reach=2, threshold=4)

Tables = Mapping[str, tuple[str, str, Sequence[str]]]
ONE_WAY: Tables = {"TOTAL": ("", "year", ()), "T_A": ("A", "year", ()), "T_B": ("B", "year", ())}
THREE: Tables = dict(ONE_WAY) | {"T_C": ("C", "year", ())}
CROSS: Tables = dict(ONE_WAY) | {"T_AB": ("AB", "year", ())}
MARGINS: Tables = {"TOTAL": ("", "year", ()), "T_AB": ("AB", "year", ("A", "B"))}
NO_TOTAL: Tables = {"TOTAL": ("", "year", ()), "B_AB": ("AB", "block", ("A", "B"))}
BLOCKED: Tables = dict(ONE_WAY) | {"B_AB": ("AB", "block", ())}
CORRIDOR: Tables = {"TOTAL": ("", "year", ()), "T_C": ("C", "year", ()), "B_AB": ("AB", "block", ("A",))}


def make_picture(
    world: World, periods: Sequence[Period], persons: Sequence[int], seed: int, gaps: Sequence[int], profile: Profile
) -> Picture:
    """Count, perturb and threshold every table of the catalogue, then withhold ``gaps[i]`` cells of relation i."""
    rng = np.random.default_rng(seed)
    counts = np.array(persons, dtype=np.int64)
    views = []
    for period in periods:
        keys = rng.integers(1, 2**63, size=len(counts), dtype=np.uint64)
        for table in world.catalogue.tables:
            if (table.where == "block") == period.is_block:
                cube = world.cube(table.id, period, counts, keys)
                figures = perturb(seed.to_bytes(8, "big") + period.text.encode(), cube.counts, cube.key_sums, profile)
                views.append(drafted_view(world.catalogue, table, period, figures, profile))
    (picture,) = pictures(world.catalogue, views, world.reading)
    sites = relation_sites(picture)
    return withhold(picture, {site: gaps[place % len(gaps)] for place, site in enumerate(sites)})


def compare(world: World, picture: Picture, profile: Profile, *, exact: bool = True) -> None:
    """Fail where the listing knows a withheld cell better than the audit; ``exact``: or the other way round."""
    listed = possible_counts(world, picture, profile, most_persons(picture, profile))
    auditor = Auditor(keyed_system(picture, lay_out(picture), profile), profile)
    for cell in withheld_cells(picture):
        number, row = picture.owner(cell)
        view = picture.slices[number]
        note(f"{view.table.id} {view.period} {view.keys[row]}")
        found = auditor.interval(cell)
        if len(listed) == 0:
            # Only constraints that the audit grants on top can make a true picture impossible.
            assert found is None
            continue
        listed_ends = (int(listed[:, cell].min()), int(listed[:, cell].max()))
        if found is not None:
            assert listed_ends[0] <= found[0] <= found[1] <= listed_ends[1], f"{found} is not within {listed_ends}"
        if exact and not any(v.taken_from for v in picture.slices):
            assert found == listed_ends


def persons(atoms: int, most: int) -> st.SearchStrategy[list[int]]:
    """Draw how many persons stand in each atom."""
    return st.lists(st.integers(0, most), min_size=atoms, max_size=atoms)


@st.composite
def few_persons(draw: st.DrawFn) -> list[int]:
    """Draw two or three persons a year who mostly stand together."""
    found = []
    for _year in range(3):
        here = [0, 0, 0, 0]
        for _person in range(draw(st.integers(0, 3))):
            here[draw(st.sampled_from([0, 0, 0, 1, 2, 3]))] += 1
        found += here
    return found


SEEDS = st.integers(0, 2**32)
GAPS = st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=1, max_size=6)


@pytest.mark.parametrize("profile", [TINY, HIGH, WIDE], ids=["k3", "k4", "wide"])
@pytest.mark.parametrize("tables", [ONE_WAY, CROSS, MARGINS], ids=["one way", "cross", "own margins"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(4, 3), seed=SEEDS, gaps=GAPS)
def test_a_year_of_two_by_two_is_bounded_exactly(
    tables: Tables, profile: Profile, people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(sum(people) <= 7)
    world = World(tiny_catalogue(tables, {"A": 2, "B": 2}), (2018,))
    compare(world, make_picture(world, (YEAR,), people, seed, gaps, profile), profile)


@pytest.mark.parametrize("profile", [TINY, WIDE], ids=["k3", "wide"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(8, 2), seed=SEEDS, gaps=GAPS)
def test_three_tables_that_share_only_the_total_are_bounded_exactly(
    profile: Profile, people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(sum(people) <= 5)
    world = World(tiny_catalogue(THREE, {"A": 2, "B": 2, "C": 2}), (2018,))
    compare(world, make_picture(world, (YEAR,), people, seed, gaps, profile), profile)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(4, 3), seed=SEEDS, gaps=GAPS)
def test_tables_of_a_year_whose_total_is_not_released_are_bounded_exactly(
    people: list[int], seed: int, gaps: list[int]
) -> None:
    tables: Tables = {name: spec for name, spec in ONE_WAY.items() if name != "TOTAL"}
    world = World(tiny_catalogue(tables, {"A": 2, "B": 2}), (2018,))
    picture = make_picture(world, (YEAR,), people, seed, gaps, TINY)
    assume(max(most_persons(picture, TINY)) <= 14)
    compare(world, picture, TINY)


@pytest.mark.parametrize("tables", [BLOCKED, NO_TOTAL, CORRIDOR], ids=["sums of years", "no total", "other dimensions"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), seed=SEEDS, gaps=GAPS)
def test_a_block_with_its_years_is_bounded_exactly(
    tables: Tables, data: st.DataObject, seed: int, gaps: list[int]
) -> None:
    sizes = {"A": 2, "B": 2, "C": 1} if tables is CORRIDOR else {"A": 2, "B": 2}
    people = data.draw(persons(12, 1)) if data.draw(st.booleans()) else data.draw(few_persons())
    assume(all(sum(people[year * 4 : year * 4 + 4]) <= 3 for year in range(3)) and sum(people) <= 7)
    world = World(tiny_catalogue(tables, sizes), BLOCK.years)
    compare(world, make_picture(world, (*YEARS, BLOCK), people, seed, gaps, TINY), TINY)


# -- several readings of one thing ----------------------------------------------------------------------------------

FORMS = Thing(4, {"F": [[3], [0], [1], [2]], "M": [[2], [0], [1], [0, 1]]})
"""Nothing, one, the other, both: F says which alone, several or none; M says which are named, or none."""
METHODS = Thing(4, {"Q": [[2], [0], [1], [0, 1]]})
"""The same as a free choice of codes."""
SPLIT = Thing(4, {"C": [[0], [1], [1], [2]], "G": [[0], [0], [1], [1]]})
"""Of the countries under code C1 some are of the first group and some of the other: the reporting state itself."""
NESTED = Thing(3, {"C": [[0], [1], [2]], "G": [[0], [1], [1]]})

NAMED: Tables = {"TOTAL": ("", "year", ()), "T_F": ("F", "year", ()), "T_M": ("M", "year", ())}
NAMED_ALONE: Tables = {"TOTAL": ("", "year", ()), "T_M": ("M", "year", ())}
CHOSEN: Tables = {"TOTAL": ("", "year", ()), "T_Q": ("Q", "year", ())}
GROUPED: Tables = {"TOTAL": ("", "year", ()), "T_G": ("G", "year", ()), "B_C": ("C", "block", ())}
BESIDE: Tables = dict(NAMED) | {"T_A": ("A", "year", ()), "T_AF": ("AF", "year", ())}
CHOSEN_BESIDE: Tables = dict(CHOSEN) | {"T_A": ("A", "year", ())}
HUB: Tables = {
    "TOTAL": ("", "year", ()),
    "T_A": ("A", "year", ()),
    "T_G": ("G", "year", ()),
    "B_A": ("A", "block", ()),
    "B_C": ("C", "block", ()),
}
SIZES = {"F": 4, "M": 3, "Q": 3, "C": 3, "G": 2, "A": 2}


def world_of(tables: Tables, things: Sequence[Thing], years: Sequence[int]) -> World:
    """Build a catalogue with the code lists that its tables use."""
    used = {letter for axes, _where, _margins in tables.values() for letter in axes}
    things = [thing for thing in things if used & set(thing.reads)]
    return World(tiny_catalogue(tables, {letter: SIZES[letter] for letter in sorted(used)}), years, things)


@pytest.mark.parametrize("profile", [TINY, HIGH, WIDE], ids=["k3", "k4", "wide"])
@pytest.mark.parametrize("tables", [NAMED, NAMED_ALONE, CHOSEN], ids=["both readings", "named alone", "free choice"])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(4, 4), seed=SEEDS, gaps=GAPS)
def test_codes_of_which_several_apply_are_bounded_exactly(
    tables: Tables, profile: Profile, people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(sum(people) <= 8)
    world = world_of(tables, [FORMS, METHODS], (2018,))
    compare(world, make_picture(world, (YEAR,), people, seed, gaps, profile), profile)


@pytest.mark.parametrize("tables", [BESIDE, CHOSEN_BESIDE], ids=["beside a cross", "free choice beside"])
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(8, 2), seed=SEEDS, gaps=GAPS)
def test_beside_other_tables_nothing_is_known_that_the_audit_does_not_know(
    tables: Tables, people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(sum(people) <= 5)
    world = world_of(tables, [FORMS, METHODS], (2018,))
    compare(world, make_picture(world, (YEAR,), people, seed, gaps, TINY), TINY, exact=tables is CHOSEN_BESIDE)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(12, 1), seed=SEEDS, gaps=GAPS)
def test_groups_of_the_years_and_countries_of_the_block_are_bounded_exactly(
    people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(all(sum(people[year * 4 : year * 4 + 4]) <= 3 for year in range(3)) and sum(people) <= 7)
    world = world_of(GROUPED, [SPLIT], BLOCK.years)
    compare(world, make_picture(world, (*YEARS, BLOCK), people, seed, gaps, TINY), TINY)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(people=persons(18, 1), seed=SEEDS, gaps=GAPS)
def test_tables_of_a_block_that_meet_through_years_and_groups_give_nothing_more(
    people: list[int], seed: int, gaps: list[int]
) -> None:
    assume(all(sum(people[year * 6 : year * 6 + 6]) <= 2 for year in range(3)))
    world = world_of(HUB, [NESTED], BLOCK.years)
    picture = make_picture(world, (*YEARS, BLOCK), people, seed, gaps, TINY)
    assume(max(most_persons(picture, TINY)) <= 3)
    compare(world, picture, TINY, exact=False)
