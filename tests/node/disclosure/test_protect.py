"""Whole drafts of made-up registers, from nine cases a year to two thousand."""

import time
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from tallystick.config.catalogue import CellKey, load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.config.periods import Period, block_of
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.node.disclosure import (
    PEER,
    PUBLIC,
    Attacked,
    ReleasedSlice,
    SafeTable,
    attack_released,
    protect_plan,
)
from tallystick.node.disclosure.audit import Auditor, is_extraction, withheld_cells
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import lay_out
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import drafted_view, pictures, released_view
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.tables.cubes import Cube
from tests.support.registers import People, block_cubes, sample, secret_of, year_cubes
from tests.support.tiny import tiny_catalogue

SHIPPED = load_shipped()
SIZES = (9, 29, 60, 92, 282, 2000)
# Least share of persons behind shown figures, mean over the registers of a run, in per cent. DESIGN claims 80-98, and
# 61-80 at n = 9; forms at n = 9 and corridors at n = 9 and 29 fall short of it, since six and 144 cells share nine.
LEAST = {
    9: {"VICTIMS_SEX": 60, "VICTIMS_AGE": 60, "VICTIMS_FORM": 35, "VICTIMS_SEX_AGE": 70, "VICTIMS_CORRIDOR": 45},
    29: {"VICTIMS_SEX": 90, "VICTIMS_AGE": 85, "VICTIMS_FORM": 80, "VICTIMS_SEX_AGE": 88, "VICTIMS_CORRIDOR": 70},
}
USUAL = {"VICTIMS_SEX": 94, "VICTIMS_AGE": 94, "VICTIMS_FORM": 90, "VICTIMS_SEX_AGE": 93, "VICTIMS_CORRIDOR": 80}


def whole_plan(n: int, seed: int, *, cross: bool = False) -> tuple[list[Cube], list[SafeTable]]:
    """Draft three years, one after the other, then their block."""
    secrets, people = secret_of(seed), sample(n, seed)
    plan = [year_cubes(SHIPPED, year, secrets, cross=cross) for year in people]
    plan.append(block_cubes(SHIPPED, people, secrets, cross=not cross))
    cubes: list[Cube] = []
    tables: list[SafeTable] = []
    for draft in plan:
        released = [table.as_released() for table in tables]
        tables += protect_plan(draft, released, SHIPPED, state="KAZ", secrets=secrets)
        cubes += draft
    return cubes, tables


def given_away(released: Sequence[ReleasedSlice]) -> int:
    """Attack every withheld cell of everything released, every sixteenth by its exact ends; count the extractions."""
    found = 0
    for picture in pictures(
        SHIPPED,
        [replace(released_view(SHIPPED, one), draft=True) for one in released],
        register_readings(SHIPPED, "KAZ"),
    ):
        auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
        cells = withheld_cells(picture)
        for cell in cells[::16]:
            ends = auditor.interval(cell)
            found += ends is None or is_extraction(*ends, PEER)
        found += len(auditor.extractions(cells))
    return found


def check_register(n: int, seed: int, *, cross: bool = False) -> dict[str, list[float]]:
    """Check one state's whole plan; return shares of persons shown by table, in per cent."""
    cubes, tables = whole_plan(n, seed, cross=cross)
    assert given_away([table.as_released() for table in tables]) == 0
    shares: dict[str, list[float]] = {}
    for cube, table in zip(cubes, tables, strict=True):
        rows = zip(table.observations, cube.counts.tolist(), strict=True)
        shown = [(row.value, count) for row, count in rows if row.value is not None]
        assert all(abs(value - count) <= PEER.reach and value >= PEER.threshold and count > 0 for value, count in shown)
        assert table.audit.shown == len(shown)
        inner = len(SHIPPED.inner_cells(SHIPPED.table(cube.table_id)))
        persons = [
            c for row, c in zip(table.observations[:inner], cube.counts.tolist(), strict=False) if not row.withheld
        ]
        if cube.counts[:inner].sum():
            shares.setdefault(cube.table_id, []).append(100 * sum(persons) / int(cube.counts[:inner].sum()))
    return shares


@pytest.mark.parametrize("n", SIZES)
def test_no_withheld_cell_of_a_whole_plan_is_given_away(n: int) -> None:
    check_register(n, seed=n)


@pytest.mark.slow
@pytest.mark.parametrize("n", SIZES)
def test_what_is_shown_stays_worth_showing(n: int) -> None:
    shares: dict[str, list[float]] = {}
    for seed in range(12):
        for name, found in check_register(n, seed, cross=n >= 60 and seed % 3 == 0).items():
            shares.setdefault(name, []).extend(found)
    for name, least in LEAST.get(n, USUAL).items():
        assert np.mean(shares[name]) >= least, name


def test_a_cross_that_stands_by_year_is_protected_with_its_margins() -> None:
    check_register(92, seed=5, cross=True)


def test_the_whole_plan_of_a_state_with_92_cases_a_year_takes_less_than_five_seconds() -> None:
    started = time.process_time()
    whole_plan(92, 3)
    assert time.process_time() - started < 5


def test_equal_sets_of_persons_get_equal_figures_in_every_table_of_the_period() -> None:
    secrets = secret_of(4)
    people = sample(40, 4)[0]
    people = replace(people, positions={**people.positions, "SEX": np.zeros_like(people.positions["SEX"])})
    total, sex, *_rest = protect_plan(year_cubes(SHIPPED, people, secrets), [], SHIPPED, state="KAZ", secrets=secrets)
    assert sex.observations[0].value == total.observations[0].value


def test_drafting_again_in_another_order_gives_the_same_figures_and_gaps() -> None:
    secrets, people = secret_of(8), sample(29, 8)
    cubes = block_cubes(SHIPPED, people, secrets) + [c for p in people for c in year_cubes(SHIPPED, p, secrets)]
    first = protect_plan(cubes, [], SHIPPED, state="KAZ", secrets=secrets)
    second = protect_plan(cubes[::-1], [], SHIPPED, state="KAZ", secrets=secrets)[::-1]
    assert [table.observations for table in first] == [table.observations for table in second]
    assert [table.added for table in first] == [table.added for table in second]
    assert [(table.table_id, table.period) for table in first] == [(cube.table_id, cube.period) for cube in cubes]


def test_other_blocks_change_nothing() -> None:
    secrets = secret_of(2)
    earlier = sample(29, 3, years=(2015, 2016, 2017))
    released = [
        table.as_released()
        for year in earlier
        for table in protect_plan(year_cubes(SHIPPED, year, secrets), [], SHIPPED, state="KAZ", secrets=secrets)
    ]
    now = year_cubes(SHIPPED, sample(29, 2)[0], secrets)
    alone = protect_plan(now, [], SHIPPED, state="KAZ", secrets=secrets)
    beside = protect_plan(now, released, SHIPPED, state="KAZ", secrets=secrets)
    assert [table.observations for table in alone] == [table.observations for table in beside]


def test_a_released_slice_is_never_drafted_again() -> None:
    secrets = secret_of(2)
    cubes = year_cubes(SHIPPED, sample(29, 2)[0], secrets)
    released = [table.as_released() for table in protect_plan(cubes, [], SHIPPED, state="KAZ", secrets=secrets)]
    with pytest.raises(DisclosureError, match="VICTIMS 2018: the slice stands twice"):
        protect_plan(cubes[:1], released, SHIPPED, state="KAZ", secrets=secrets)
    with pytest.raises(DisclosureError, match="stands twice"):
        protect_plan([cubes[0], cubes[0]], [], SHIPPED, state="KAZ", secrets=secrets)


def test_counts_or_releases_that_do_not_fit_the_catalogue_are_refused_without_a_figure() -> None:
    secrets = secret_of(2)
    short = Cube("VICTIMS_SEX", Period(2018, 2018), np.array([17, 2]), np.array([1, 2], dtype=np.uint64))
    with pytest.raises(DisclosureError, match="VICTIMS_SEX 2018") as caught:
        protect_plan([short], [], SHIPPED, state="KAZ", secrets=secrets)
    assert "17" not in caught.value.message
    cubes = year_cubes(SHIPPED, sample(29, 2)[0], secrets)
    table = protect_plan(cubes, [], SHIPPED, state="KAZ", secrets=secrets)[1].as_released()
    with pytest.raises(DisclosureError, match="VICTIMS_SEX 2018"):
        protect_plan(
            cubes[2:3], [replace(table, observations=table.observations[:-1])], SHIPPED, state="KAZ", secrets=secrets
        )


def test_one_dimension_over_two_code_lists_is_refused_rather_than_audited_wrongly() -> None:
    catalogue = tiny_catalogue({"T_A": ("A", "year", ()), "T_AB": ("AB", "year", ())}, {"A": 2, "B": 2})
    tables = list(catalogue.tables)
    other = tables[1].dimensions[0].model_copy(update={"codelist": "CL_B"})
    tables[1] = tables[1].model_copy(update={"dimensions": (other, tables[1].dimensions[1])})
    catalogue = catalogue.model_copy(update={"tables": tuple(tables)})
    cubes = [
        Cube(n, Period(2018, 2018), np.ones(s, dtype=np.int64), np.ones(s, dtype=np.uint64))
        for n, s in (("T_A", 2), ("T_AB", 4))
    ]
    with pytest.raises(DisclosureError, match="T_AB: dimension DA stands over two code lists"):
        protect_plan(cubes, [], catalogue, state="KAZ", secrets=secret_of(1))


def test_progress_is_told_after_each_round() -> None:
    secrets = secret_of(2)
    steps: list[int] = []
    protect_plan(
        year_cubes(SHIPPED, sample(29, 2)[0], secrets), [], SHIPPED, state="KAZ", secrets=secrets, progress=steps.append
    )
    assert steps
    assert set(steps) == {1}


def test_the_public_profile_protects_too_and_says_its_parameters() -> None:
    secrets = secret_of(2)
    tables = protect_plan(
        year_cubes(SHIPPED, sample(282, 2)[0], secrets), [], SHIPPED, state="KAZ", secrets=secrets, profile=PUBLIC
    )
    assert all(row.value is None or row.value >= PUBLIC.threshold for table in tables for row in table.observations)
    assert dict(tables[0].parameters) == {"D": 5, "V": 2, "k": 11, "width": 11, "decoy_bits": 6}


def test_perpetrators_are_audited_apart_from_victims() -> None:
    people, secrets = sample(60, 1), secret_of(1)
    cubes = [c for year in people for c in year_cubes(SHIPPED, year, secrets)] + block_cubes(SHIPPED, people, secrets)
    views = []
    for cube in cubes:
        figures = perturb(secrets(cube.period), cube.counts, cube.key_sums, PEER)
        views.append(drafted_view(SHIPPED, SHIPPED.table(cube.table_id), cube.period, figures, PEER))
    found = pictures(SHIPPED, views, register_readings(SHIPPED, "KAZ"))
    universes = [{view.table.universe for view in picture.slices} for picture in found]
    assert universes == [{"perpetrators"}] * 3 + [{"victims"}]


def test_a_state_that_the_corridors_do_not_name_has_its_own_citizens_split_off() -> None:
    people, secrets = sample(60, 1), secret_of(1)
    views = []
    for cube in [c for year in people for c in year_cubes(SHIPPED, year, secrets)] + block_cubes(
        SHIPPED, people, secrets
    ):
        table = SHIPPED.table(cube.table_id)
        if {"CITIZENSHIP", "CITIZENSHIP_GROUP"} & set(table.dimension_ids):
            figures = perturb(secrets(cube.period), cube.counts, cube.key_sums, PEER)
            views.append(drafted_view(SHIPPED, table, cube.period, figures, PEER))
    for state, pairs in (("KAZ", 12), ("UZB", 13), ("DEU", 13)):
        (picture,) = pictures(SHIPPED, views, register_readings(SHIPPED, state))
        layout = lay_out(picture)
        names = frozenset({"CITIZENSHIP", "CITIZENSHIP_GROUP"})
        (clique,) = [number for number, each in enumerate(layout.tree.cliques) if each == names]
        assert len(layout.columns.where(clique, {})) == pairs


def test_tables_that_count_something_else_are_not_linked() -> None:
    tables = {"TOTAL": ("", "year", ()), "T_A": ("A", "year", ())}
    catalogue = tiny_catalogue(tables, {"A": 3})
    reports = catalogue.tables[0].model_copy(update={"unit": "reports"})
    apart = catalogue.model_copy(update={"tables": (reports, catalogue.tables[1])})
    year = Period(2018, 2018)
    rows = {"TOTAL": np.array([26]), "T_A": np.array([0, 20, 13])}
    for one, groups in ((catalogue, 1), (apart, 2)):
        views = [drafted_view(one, one.table(name), year, row, PEER) for name, row in rows.items()]
        assert len(pictures(one, views, register_readings(one, "KAZ"))) == groups


def test_an_attack_on_what_was_released_finds_what_should_not_have_been() -> None:
    year, nothing = Period(2018, 2018), MappingProxyType[CellKey, CellKey]({})
    total = ReleasedSlice("VICTIMS", year, (Observation((), 26, withheld=False),), nothing)
    ages = [Observation(("Y0T17",), None, withheld=True), Observation(("Y_GE18",), 20, withheld=False)]
    careless = ReleasedSlice("VICTIMS_AGE", year, (*ages, Observation(("_U",), 13, withheld=False)), nothing)
    careful = ReleasedSlice("VICTIMS_AGE", year, (*ages, Observation(("_U",), 5, withheld=False)), nothing)
    assert attack_released([total, careless], SHIPPED, "KAZ") == Attacked(withheld=1, extracted=1)
    assert attack_released([total, careful], SHIPPED, "KAZ") == Attacked(withheld=1, extracted=0)


def test_no_figure_shows_in_the_representation_of_anything_on_the_way() -> None:
    secrets = secret_of(2)
    cube = year_cubes(SHIPPED, sample(4711, 2)[0], secrets)[0]
    figures = cube.counts + 1
    (picture,) = pictures(
        SHIPPED,
        [drafted_view(SHIPPED, SHIPPED.table("VICTIMS"), cube.period, figures, PEER)],
        register_readings(SHIPPED, "KAZ"),
    )
    layout = lay_out(picture)
    system = keyed_system(picture, layout, PEER)
    for thing in (picture, picture.slices[0], layout, system, Auditor(system, PEER)):
        assert str(int(figures[0])) not in repr(thing)


def emptied(people: People) -> People:
    """Return the same year without anybody in it."""
    return replace(
        people,
        positions={name: held[:0] for name, held in people.positions.items()},
        ids=people.ids[:0],
        several={name: held[:0] for name, held in people.several.items()},
        perpetrators=people.perpetrators and emptied(people.perpetrators),
    )


def test_an_empty_register_releases_gaps_and_nothing_else() -> None:
    secrets = secret_of(2)
    nobody = [emptied(year) for year in sample(9, 1)]
    cubes = [c for p in nobody for c in year_cubes(SHIPPED, p, secrets)] + block_cubes(SHIPPED, nobody, secrets)
    for table in protect_plan(cubes, [], SHIPPED, state="KAZ", secrets=secrets):
        assert table.audit.shown == table.audit.repaired == 0
        assert table.audit.persons_shown is None


def test_the_share_of_persons_shown_is_made_of_published_figures() -> None:
    _cubes, tables = whole_plan(60, 6)
    totals = {t.period.first: t.observations[0].value for t in tables if t.table_id == "VICTIMS"}
    sex = next(table for table in tables if table.table_id == "VICTIMS_SEX")
    shown = sum(row.value or 0 for row in sex.observations)
    assert sex.audit.persons_shown == min(100, round(100 * shown / (totals[2018] or 0)))
    assert block_of(2018) in {table.period for table in tables}
