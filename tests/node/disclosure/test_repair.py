"""Repair and decoys: what is withheld, that nobody can tell why, and what happens where nothing helps."""

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from tallystick.config.catalogue import TOTAL, Catalogue, load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.config.periods import Period
from tallystick.node.disclosure import PEER, Profile, protect_plan, solver
from tallystick.node.disclosure.audit import Auditor, withheld_cells
from tallystick.node.disclosure.knowledge import _orderings, keyed_system
from tallystick.node.disclosure.layout import lay_out
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import Picture, Status, drafted_view, pictures, released_view
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.disclosure.relations import RelationSite, decoy_count, rank, relation_sites, withhold
from tallystick.node.disclosure.repair import repair, starting_counts
from tests.support.registers import block_cubes, sample, secret_of, year_cubes
from tests.support.tiny import TINY, tiny_catalogue

SHIPPED = load_shipped()
YEAR = Period(2018, 2018)
# Around 26 persons of whom 33 have a known age: the figures of the two shown groups say that hardly a minor is left.
GIVEN_AWAY = {"VICTIMS": [26], "VICTIMS_AGE": [0, 20, 13]}
CALM = {"VICTIMS": [26], "VICTIMS_AGE": [0, 14, 13]}


def year_picture(
    figures: Mapping[str, Sequence[int]], profile: Profile = PEER, catalogue: Catalogue = SHIPPED
) -> Picture:
    """Return one year's draft with these perturbed figures."""
    rows = {name: np.array(row, dtype=np.int64) for name, row in figures.items()}
    views = [drafted_view(catalogue, catalogue.table(name), YEAR, row, profile) for name, row in rows.items()]
    (picture,) = pictures(catalogue, views, register_readings(catalogue, "KAZ"))
    return picture


def block_picture(n: int, seed: int) -> Picture:
    """Return years as released and the block's draft after the threshold."""
    secrets, people = secret_of(seed), sample(n, seed)
    views = []
    for year in people:
        tables = protect_plan(year_cubes(SHIPPED, year, secrets), [], SHIPPED, state="KAZ", secrets=secrets)
        views += [released_view(SHIPPED, table.as_released()) for table in tables]
    for cube in block_cubes(SHIPPED, people, secrets):
        figures = perturb(secrets(cube.period), cube.counts, cube.key_sums, PEER)
        views.append(drafted_view(SHIPPED, SHIPPED.table(cube.table_id), cube.period, figures, PEER))
    (picture,) = pictures(SHIPPED, views, register_readings(SHIPPED, "KAZ"))
    return picture


def nothing(picture: Picture) -> dict[RelationSite, int]:
    return dict.fromkeys(relation_sites(picture), 0)


def interval(picture: Picture, cell: int, profile: Profile = PEER) -> tuple[int, int] | None:
    return Auditor(keyed_system(picture, lay_out(picture), profile), profile).interval(cell)


def test_what_is_given_away_is_hidden_by_its_smallest_neighbour_and_never_by_a_total() -> None:
    picture = year_picture(GIVEN_AWAY)
    assert interval(picture, 1) == (0, 2)
    total, age = repair(picture, nothing(picture), PEER).slices
    assert age.status.tolist() == [Status.PRIMARY, Status.SHOWN, Status.ADDED]
    assert age.taken_from == {2: (TOTAL,)}
    assert total.status.tolist() == [Status.SHOWN]


def test_what_is_safe_is_left_alone() -> None:
    picture = year_picture(CALM)
    assert [view.taken_from for view in repair(picture, nothing(picture), PEER).slices] == [{}, {}]


@pytest.mark.parametrize(("n", "seed"), [(9, 6), (9, 23), (29, 29), (60, 1)])
def test_after_the_repair_every_withheld_cell_keeps_enough_values(n: int, seed: int) -> None:
    picture = block_picture(n, seed)
    done = repair(picture, nothing(picture), PEER)
    auditor = Auditor(keyed_system(done, lay_out(done), PEER), PEER)
    assert auditor.extractions(withheld_cells(done)) == []
    for cell in withheld_cells(done)[::6]:
        ends = auditor.interval(cell)
        assert ends is not None
        assert ends[1] - ends[0] + 1 >= PEER.width
    assert any(view.taken_from for view in done.slices if view.draft) == (n != 60), (
        "the registers were chosen to need it, or not"
    )


def test_released_slices_are_never_touched() -> None:
    picture = block_picture(29, 29)
    everything = withhold(picture, dict.fromkeys(relation_sites(picture), 99))
    for before, after in zip(picture.slices, everything.slices, strict=True):
        assert (after is before) == (not before.draft)
    sites = {(site.slice_number, row) for site in relation_sites(picture) for row in site.rows}
    for number, view in enumerate(everything.slices):
        shown = np.flatnonzero(view.status == Status.SHOWN).tolist()
        assert not view.draft or not {(number, row) for row in shown} & sites


def test_only_parts_of_a_relation_are_withheld() -> None:
    picture = block_picture(60, 4)
    done = withhold(picture, dict.fromkeys(relation_sites(picture), 1))
    taken = [(view.keys[row], relation) for view in done.slices for row, relation in view.taken_from.items()]
    assert taken
    for key, relation in taken:
        kept = {place for place, code in enumerate(key) if code != TOTAL}
        view = next(one for one in done.slices if key in one.keys and relation in one.taken_from.values())
        assert set(rank(view, relation)[0]) <= kept


def test_what_is_withheld_does_not_depend_on_the_solvers_way(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = block_picture(29, 29)
    first = repair(picture, nothing(picture), PEER)
    for options in ({"simplex_strategy": 1}, {"random_seed": 77, "simplex_strategy": 1, "presolve": "on"}):
        monkeypatch.setattr(solver, "_OPTIONS", {**solver._OPTIONS, **options})
        again = repair(picture, nothing(picture), PEER)
        assert [view.taken_from for view in again.slices] == [view.taken_from for view in first.slices]


# -- when nothing helps -------------------------------------------------------------------------------------------


def test_a_table_that_no_gap_protects_is_refused_by_name_and_the_way_out_is_said() -> None:
    # The block cannot undo what two released totals say of a released age group.
    views = year_picture(GIVEN_AWAY).slices
    released = [replace(view, draft=False) for view in views]
    drafted = year_picture({"VICTIMS": [26], "VICTIMS_AGE": [0, 20, 13], "VICTIMS_SEX": [9, 17, 0, 0]}).slices[-2]
    assert drafted.table.id == "VICTIMS_SEX"
    picture = Picture(SHIPPED, (released[0], drafted, released[1]), (2018,), register_readings(SHIPPED, "KAZ"))
    with pytest.raises(DisclosureError, match="VICTIMS_SEX 2018") as caught:
        repair(picture, nothing(picture), PEER)
    assert "--without VICTIMS_SEX" in str(caught.value.hint)


def test_an_undecided_cell_counts_as_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver.Solver, "_run", lambda *_args: None)
    picture = year_picture(CALM)
    with pytest.raises(DisclosureError, match="VICTIMS_AGE 2018"):
        repair(picture, nothing(picture), PEER)


def test_a_solver_that_gives_wrong_points_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Liar:
        def __init__(self, real: Any) -> None:
            self.col_value = [value + 3.0 for value in real.col_value]

    real = solver._Quiet.getSolution
    monkeypatch.setattr(solver._Quiet, "getSolution", lambda self: Liar(real(self)))
    picture = year_picture(CALM)
    auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
    assert auditor.extracted(1)


def test_figures_that_no_persons_can_have_are_not_called_safe() -> None:
    picture = year_picture({"VICTIMS": [50], "VICTIMS_AGE": [0, 20, 13]})
    auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
    assert auditor.extracted(1)


# -- decoys -------------------------------------------------------------------------------------------------------


def test_decoys_come_as_often_as_the_profile_says_and_more_of_them_half_as_often_each() -> None:
    view = year_picture(CALM).slices[1]
    drawn = [decoy_count(seed.to_bytes(32, "big"), view, (TOTAL,), [0], 3) for seed in range(8000)]
    for at_least, share in ((1, 1 / 8), (2, 1 / 16), (3, 1 / 32)):
        found = sum(count >= at_least for count in drawn) / len(drawn)
        assert abs(found - share) < 0.2 * share + 0.004


def test_decoys_are_constant_and_differ_by_secret_period_table_and_relation() -> None:
    picture = block_picture(60, 4)
    often = replace(PEER, decoy_bits=1)
    first = starting_counts(picture, secret_of(1), often)
    assert first == starting_counts(picture, secret_of(1), often)
    assert first != starting_counts(picture, secret_of(2), often)
    assert len({count > 0 for count in first.values()}) == 2


def test_decoys_and_repairs_use_the_same_relations_those_with_something_under_the_threshold() -> None:
    picture = block_picture(60, 4)
    for site in relation_sites(picture):
        rows = picture.slices[site.slice_number].status[list(site.rows)]
        kin = picture.status[list(site.kin)]
        assert Status.PRIMARY in (*rows, *kin)
        assert Status.SHOWN in rows
    full = year_picture({"VICTIMS": [60], "VICTIMS_AGE": [20, 20, 20]})
    assert relation_sites(full) == ()


@pytest.mark.parametrize(("n", "seed", "step"), [(9, 6, 3), (29, 29, 2), (60, 2, 1), (92, 31, 3)])
def test_every_table_of_persons_that_the_audit_counts_on_explains_the_gaps_without_any_repair(
    n: int, seed: int, step: int
) -> None:
    picture = block_picture(n, seed)
    start = nothing(picture)
    for site in list(start)[::step]:
        start[site] = 1 if step > 1 else 2
    done = repair(picture, start, PEER)
    counts = _counts_behind(done, relation_sites(picture))
    system = keyed_system(done, lay_out(done), PEER)
    asking = solver.Solver(system)
    cells = withheld_cells(done)
    for cell, sign in itertools.product(cells[:: max(1, len(cells) // 12)], (-1, 1)):
        found = asking.whole(system.members[cell], sign)
        assert found is not None
        figures = _figures_for(done, system.counts(found[1]))
        other = withhold(_with_figures(done, figures), counts)
        for seen, explained in zip(done.slices, other.slices, strict=True):
            assert seen.status.tolist() == explained.status.tolist()
            assert dict(seen.taken_from) == dict(explained.taken_from)
            shown = seen.status == Status.SHOWN
            assert seen.values[shown].tolist() == explained.values[shown].tolist()


def _counts_behind(done: Picture, sites: Sequence[RelationSite]) -> dict[RelationSite, int]:
    found = {}
    for site in sites:
        taken = done.slices[site.slice_number].taken_from
        found[site] = sum(taken.get(row) == site.relation for row in site.rows)
    return found


def _figures_for(done: Picture, counts: np.ndarray) -> np.ndarray:
    """Choose figures that another table of persons could have been given: the least that the order of gaps allows."""
    status = done.status
    figures = np.where(status == Status.SHOWN, done.values, np.maximum(counts - PEER.reach, 0))
    figures = np.where(status == Status.ADDED, np.maximum(figures, PEER.threshold), figures)
    orders = [
        (start + row, start + other, gap)
        for start, view in zip(done.starts, done.slices, strict=True)
        for level in view.levels
        for row, other, gap in _orderings(view, level)
        if view.status[other] == Status.ADDED
    ]
    for _round in orders:
        for one, other, gap in orders:
            figures[other] = max(figures[other], figures[one] + gap)
    assert (np.abs(figures - counts) <= PEER.reach).all()
    return np.asarray(figures)


def _with_figures(done: Picture, figures: np.ndarray) -> Picture:
    views = []
    for start, view in zip(done.starts, done.slices, strict=True):
        row = figures[start : start + len(view.keys)]
        views.append(drafted_view(SHIPPED, view.table, view.period, row, PEER) if view.draft else view)
    return done.replaced(views)


# -- codes of which several may apply -------------------------------------------------------------------------------

# Seven or so with other purposes alone, so at least five of those who name them at all: under the threshold, yet known.
NARROWED = {"VICTIMS": [60], "VICTIMS_FORM": [20, 0, 0, 7, 30, 0], "VICTIMS_FORM_NAMED": [20, 0, 4, 30, 0]}


def test_a_cell_that_the_exclusive_table_narrows_is_hidden_by_withholding_there() -> None:
    picture = year_picture(NARROWED)
    auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
    named = picture.starts[2] + 2
    assert picture.slices[2].keys[2] == ("OP",)
    assert auditor.interval(named) == (5, 7)
    done = repair(picture, nothing(picture), PEER)
    _total, alone, beside = done.slices
    assert [alone.keys[row] for row in alone.taken_from] == [("OP",)]
    assert not beside.taken_from
    assert Auditor(keyed_system(done, lay_out(done), PEER), PEER).interval(named) == (3, 7)


def test_rows_that_do_not_add_up_are_not_added_up() -> None:
    # Two forms named by all twenty: no contradiction, and nothing to learn of who names nothing.
    picture = year_picture({"VICTIMS": [20], "VICTIMS_FORM_NAMED": [20, 0, 0, 20, 0]})
    auditor = Auditor(keyed_system(picture, lay_out(picture), PEER), PEER)
    assert auditor.extractions(withheld_cells(picture)) == []


def test_a_figure_that_stands_in_another_table_is_never_withheld_for_others() -> None:
    picture = year_picture({**NARROWED, "VICTIMS_FORM": [20, 0, 0, 7, 30, 9], "VICTIMS_FORM_NAMED": [20, 0, 4, 30, 9]})
    everything = withhold(picture, dict.fromkeys(relation_sites(picture), 99))
    for view in everything.slices[1:]:
        assert view.status[view.keys.index(("_U",))] == Status.SHOWN


def test_means_of_control_are_bounded_by_those_to_whom_any_applies() -> None:
    def ends(controls: Mapping[str, int], code: str) -> tuple[int, int] | None:
        block = Period(2018, 2020)
        table = SHIPPED.table("VICTIMS_CONTROL")
        row = np.array([controls.get(key[0], 0) for key in SHIPPED.cells(table)], dtype=np.int64)
        views = [drafted_view(SHIPPED, table, block, row, PEER)]
        for year in block.years:
            total = np.array([20], dtype=np.int64)
            views.append(drafted_view(SHIPPED, SHIPPED.table("VICTIMS"), Period(year, year), total, PEER))
        (picture,) = pictures(SHIPPED, views, register_readings(SHIPPED, "KAZ"))
        place = next(n for n, view in enumerate(picture.slices) if view.table is table)
        cell = picture.starts[place] + SHIPPED.cells(table).index((code,))
        return Auditor(keyed_system(picture, lay_out(picture), PEER), PEER).interval(cell)

    assert ends({"DEBT": 64}, "_U") == (0, 7)
    assert ends({"DEBT": 71}, "_U") == (0, 1), "68 of at most 69 were bound by debt"
    assert ends({"_U": 60, "DEBT": 0}, "DEBT") == (0, 7)
    assert ends({"_U": 72}, "DEBT") == (0, 0), "nobody is left"


# -- why there are decoys -----------------------------------------------------------------------------------------

LARGEST = 7
"""Largest published total for which the listing below is complete."""
PAIR = tiny_catalogue({"TOTAL": ("", "year", ()), "T_A": ("A", "year", ())}, {"A": 2})


@cache
def outcome(total: int, first: int, second: int, start: int) -> tuple[Any, ...] | None:
    """Return what is published of two cells and their total, with ``start`` decoys."""
    picture = year_picture({"TOTAL": [total], "T_A": [first, second]}, TINY, PAIR)
    try:
        done = repair(picture, dict.fromkeys(relation_sites(picture), start), TINY)
    except DisclosureError:
        return None
    return tuple(
        (int(value) if status == Status.SHOWN else None, int(status))
        for view in done.slices
        for value, status in zip(view.values, view.status, strict=True)
    )


def counts_by_outcome(starts: Sequence[int]) -> dict[tuple[Any, ...], set[int]]:
    """Run the whole procedure on every small register and every draw; collect the first cell's true counts."""
    found: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    noise = {0: (0,)} | {count: tuple(range(-1, 2)) for count in range(1, 20)}
    for first, second in itertools.product(range(4), range(LARGEST + 2)):
        for a, b, c in itertools.product(noise[first], noise[second], noise[first + second]):
            same_set = (first == 0 and b != c) or (second == 0 and a != c)
            for start in () if same_set else starts:
                said = outcome(first + second + c, first + a, second + b, start)
                if said is not None:
                    found[said].add(first)
    return found


def test_without_decoys_the_gap_itself_gives_the_count_back_and_with_them_it_does_not() -> None:
    def worst(by_outcome: Mapping[tuple[Any, ...], set[int]]) -> int:
        hidden = [
            counts
            for said, counts in by_outcome.items()
            if said[1:] == ((None, Status.PRIMARY), (None, Status.ADDED)) and (said[0][0] or 0) <= LARGEST
        ]
        return min(max(counts) - min(counts) + 1 for counts in hidden)

    assert worst(counts_by_outcome([0])) < TINY.width
    assert worst(counts_by_outcome([0, 1])) >= TINY.width
