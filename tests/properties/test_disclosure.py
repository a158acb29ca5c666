"""Disclosure control over random registers: what must hold whatever the state looks like."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.catalogue import load_shipped
from tallystick.node.disclosure import PEER, ReleasedSlice, attack_released, naive_attack, protect_plan
from tallystick.node.disclosure.knowledge import keyed_system
from tallystick.node.disclosure.layout import YEAR, Layout, lay_out
from tallystick.node.disclosure.perturbation import perturb
from tallystick.node.disclosure.picture import Picture, drafted_view, pictures
from tallystick.node.disclosure.readings import register_readings
from tallystick.node.disclosure.relations import relation_sites, withhold
from tallystick.node.tables.cubes import Cube
from tests.support.registers import People, block_cubes, sample, secret_of, year_cubes

SHIPPED = load_shipped()
SIZES = st.sampled_from([3, 9, 15, 29, 60])
SEEDS = st.integers(0, 2**32)


def plan(people: Sequence[People], seed: int) -> list[Cube]:
    secrets = secret_of(seed)
    return [c for p in people for c in year_cubes(SHIPPED, p, secrets)] + block_cubes(SHIPPED, people, secrets)


def _value(year: People, name: str, person: int, picture: Picture, place: int) -> frozenset[str]:
    """Return the codes under which a person stands along an axis of the audit."""
    if name == YEAR:
        return frozenset({str(picture.years[place])})
    dimension, _equals, code = name.partition("=")
    tables = [view.table for view in picture.slices if dimension in view.table.dimension_ids]
    codes = SHIPPED.codes(tables[0], dimension)
    if dimension not in year.several:
        return frozenset({codes[year.positions[dimension][person]]})
    held = frozenset(one for one, applies in zip(codes, year.several[dimension][person], strict=True) if applies)
    if code:
        return held & {code}
    return held if dimension != "CONTROL" or "_U" in held else frozenset(codes) - {"_U"}


def truth(picture: Picture, layout: Layout, people: Sequence[People]) -> np.ndarray:
    """Count the persons into the columns of the linked system, clique by clique."""
    columns = np.zeros(layout.columns.count, dtype=np.int64)
    for clique, names in enumerate(layout.tree.cliques):
        for place, year in enumerate(people):
            for person in range(len(year.ids)):
                spec = {
                    name: frozenset({layout.axes[name].values.index(_value(year, name, person, picture, place))})
                    for name in names
                }
                (column,) = layout.columns.where(clique, spec)
                columns[column] += 1
    return columns


@settings(max_examples=30, deadline=None)
@given(n=SIZES, seed=SEEDS, gaps=st.lists(st.sampled_from([0, 0, 1, 2]), min_size=1, max_size=7))
def test_the_truth_is_never_among_what_the_audit_rules_out(n: int, seed: int, gaps: list[int]) -> None:
    people, secrets = sample(n, seed), secret_of(seed)
    views = []
    for cube in plan(people, seed):
        figures = perturb(secrets(cube.period), cube.counts, cube.key_sums, PEER)
        views.append(drafted_view(SHIPPED, SHIPPED.table(cube.table_id), cube.period, figures, PEER))
    victims = [view for view in views if view.table.universe == "victims"]
    (picture,) = pictures(SHIPPED, victims, register_readings(SHIPPED, "KAZ"))
    one_way = [site for site in relation_sites(picture) if len(picture.slices[site.slice_number].levels) == 1]
    one_way = [site for site in one_way if len(site.relation) == 1]
    picture = withhold(picture, {site: gaps[place % len(gaps)] for place, site in enumerate(one_way)})
    layout = lay_out(picture)
    system = keyed_system(picture, layout, PEER, grants=False)
    # No two hidden figures are tied to each other here, so nothing is granted beyond what the attacker knows.
    assert system.matrix.shape[1] == layout.columns.count
    assert system.holds(truth(picture, layout, people))


@settings(max_examples=3, deadline=None)
@given(n=SIZES, seed=SEEDS, left_out=st.sets(st.integers(0, 13), max_size=8))
def test_what_is_safe_together_is_safe_when_officers_refuse_a_part(n: int, seed: int, left_out: set[int]) -> None:
    tables = protect_plan(plan(sample(n, seed), seed), [], SHIPPED, state="KAZ", secrets=secret_of(seed))
    released = [table.as_released() for place, table in enumerate(tables) if place not in left_out]
    assert attack_released(released, SHIPPED, "KAZ").extracted == 0


@settings(max_examples=3, deadline=None)
@given(n=SIZES, seed=SEEDS)
def test_drafting_year_by_year_and_then_the_block_leaves_nothing_given_away(n: int, seed: int) -> None:
    people, secrets = sample(n, seed), secret_of(seed)
    released: list[ReleasedSlice] = []
    drafts = [year_cubes(SHIPPED, year, secrets) for year in people] + [block_cubes(SHIPPED, people, secrets)]
    for draft in drafts:
        before = [one.to_dict() for one in released]
        tables = protect_plan(draft, released, SHIPPED, state="KAZ", secrets=secrets)
        assert [one.to_dict() for one in released] == before
        released += [table.as_released() for table in tables]
    assert attack_released(released, SHIPPED, "KAZ").extracted == 0


@settings(max_examples=10, deadline=None)
@given(n=SIZES, seed=SEEDS, zeros_shown=st.booleans())
def test_the_usual_protection_never_hides_more_than_it_says(n: int, seed: int, zeros_shown: bool) -> None:
    found = naive_attack(plan(sample(n, seed), seed), "KAZ", SHIPPED, zeros_shown=zeros_shown)
    assert 0 <= found.not_zero <= found.recovered <= found.hidden
    assert not zeros_shown or found.not_zero == found.recovered
