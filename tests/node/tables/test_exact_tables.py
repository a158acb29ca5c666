"""All one- to three-way tables from few cubes, against counting one by one."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tallystick.config.errors import UsageError
from tallystick.node.cases.coding import m49_to_alpha3
from tallystick.node.cases.record import AGES, FORMS, RELATIONSHIPS, SEXES
from tallystick.node.tables.axes import AXES, REST, Axis, chosen_axes, make_axes
from tallystick.node.tables.exact_tables import BLOCK_ROWS, CubeCounter, cover

YEARS = (2017, 2019, 2020)
AGENCIES = {1: "Police", 2: "Shelter", 5: "Inspectorate"}
COUNTRIES = np.array(sorted(m49_to_alpha3()), dtype=np.uint16)
Columns = dict[str, NDArray[Any]]


def drawn(seed: int, rows: int) -> Columns:
    rng = np.random.default_rng(seed)

    def of(choices: Any, kind: type) -> NDArray[Any]:
        return rng.choice(np.asarray(choices), rows).astype(kind)

    return {
        "year": of(YEARS, np.uint16),
        "sex": of(range(len(SEXES)), np.uint8),
        "age": of(range(len(AGES)), np.uint8),
        "agency": of(list(AGENCIES), np.uint16),
        "citizenship": of(COUNTRIES, np.uint16),
        "area": of(COUNTRIES, np.uint16),
        "forms": of(range(1 << len(FORMS)), np.uint8),
        "relationship": of(range(len(RELATIONSHIPS)), np.uint8),
    }


def by_hand(columns: Columns, axes: list[Axis]) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for row in range(len(columns["year"])):
        found[tuple(axis.codes[axis.places[columns[axis.column][row]]] for axis in axes)] += 1
    return found


def as_counter(counts: NDArray[np.int64], axes: list[Axis]) -> Counter[tuple[str, ...]]:
    cells = itertools.product(*(axis.codes for axis in axes))
    return Counter({cell: number for cell, number in zip(cells, counts.ravel().tolist(), strict=True) if number})


@pytest.mark.parametrize("dimensions", range(1, 9))
def test_any_three_dimensions_stand_together_in_a_cube(dimensions: int) -> None:
    for three in itertools.combinations(range(dimensions), min(3, dimensions)):
        assert any(set(three) <= set(cube) for cube in cover(dimensions))
    assert max(map(len, cover(dimensions))) <= 4


def test_eight_dimensions_need_fourteen_cubes() -> None:
    assert len(cover(8)) == 14


@given(st.integers(0, 2**32), st.integers(0, 60), st.booleans())
def test_every_table_is_what_counting_one_by_one_gives(seed: int, rows: int, detail: bool) -> None:
    columns = drawn(seed, rows)
    axes = make_axes(YEARS, AGENCIES, detail=detail)
    if detail:
        axes = tuple(axis for axis in axes if axis.id in {"AGE", "CITIZENSHIP", "SEX", "AGENCY"})
    counter = CubeCounter(axes)
    counter.add(columns)
    tables = counter.tables()
    seen = 0
    for by, counts in tables.all():
        named = [tables.axes[name] for name in by]
        assert as_counter(counts, named) == by_hand(columns, named)
        assert np.array_equal(tables.table(by[::-1]), counts.T)
        seen += 1
    assert seen == (14 if detail else 92)


def test_what_is_counted_out_again_leaves_nothing_and_blocks_join_without_a_seam() -> None:
    columns = drawn(1, 2 * BLOCK_ROWS + 17)
    keep = np.arange(len(columns["year"])) % 3 > 0
    keep[:BLOCK_ROWS] = True
    counter = CubeCounter(make_axes(YEARS, AGENCIES))
    counter.add(columns, keep)
    tables = counter.tables()
    assert all(int(counts.sum()) == keep.sum() for _by, counts in tables.all())
    sexes = np.bincount(columns["sex"][keep], minlength=len(SEXES))
    by_code = dict(zip(tables.axes["SEX"].codes, tables.table(["SEX"]).tolist(), strict=True))
    assert [by_code[code] for code in SEXES] == sexes.tolist()
    counter.add(columns, keep, sign=-1)
    assert not any(cube.any() for cube in counter.cubes)


def test_axes_keep_every_code_of_the_register_in_exactly_one_place() -> None:
    for detail in (False, True):
        axes = {axis.id: axis for axis in make_axes(YEARS, AGENCIES, detail=detail)}
        for name, numbers in {
            "SEX": range(len(SEXES)),
            "AGE": range(len(AGES)),
            "CITIZENSHIP": COUNTRIES,
            "EXPLOITATION_AREA": COUNTRIES,
            "FORM": range(1 << len(FORMS)),
            "RELATIONSHIP": range(len(RELATIONSHIPS)),
        }.items():
            places = axes[name].places[np.array(numbers)]
            assert set(places.tolist()) == set(range(len(axes[name]))), name
            assert len(axes[name].labels) == len(axes[name].codes)
    assert len(axes["CITIZENSHIP"]) == len(COUNTRIES)
    assert axes["RELATIONSHIP"].labels[axes["RELATIONSHIP"].codes.index("PRT")] == "intimate partner"


def test_a_number_without_a_place_is_told_not_counted_elsewhere() -> None:
    year = make_axes(YEARS, AGENCIES)[0]
    assert year.holds(np.array([2017, 2019, 2020]))
    assert year.holds(np.array([], dtype=np.uint16))
    assert not year.holds(np.array([2017, 2018]))
    assert not year.holds(np.array([2017, 9999]))


def test_many_agencies_are_lumped_unless_detail_is_asked_for() -> None:
    many = {number: f"Station {number}" for number in range(1, 101)}
    agency = make_axes(YEARS, many)[AXES.index("AGENCY")]
    assert agency.lumped
    assert (len(agency), agency.codes[-1]) == (32, REST)
    assert agency.places[np.array([1, 31, 32, 100])].tolist() == [0, 30, 31, 31]
    assert len(make_axes(YEARS, many, detail=True)[AXES.index("AGENCY")]) == 100
    assert not make_axes(YEARS, AGENCIES)[AXES.index("AGENCY")].lumped


@pytest.mark.parametrize("text", ["", "SEX,SEX", "SEX,AGE,FORM,YEAR", "COLOUR", "SEX,,AGE"])
def test_what_cannot_be_counted_by_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen_axes(text)
    assert "EXPLOITATION_AREA" in str(refused.value.hint)


def test_dimensions_are_read_in_any_case() -> None:
    assert chosen_axes("sex, Age") == ("SEX", "AGE")
