"""Cubes and blocks: what a draft freezes must add up, survive a file, and refuse to be mixed up."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.periods import Period, block_of
from tallystick.node.tables.cubes import Cube, YearCubes, block_cubes

BLOCK = Period(2018, 2020)


def a_cube(counts: Sequence[int], keys: Sequence[int] | None = None, table: str = "VICTIMS_SEX_AGE") -> Cube:
    sums = keys if keys is not None else [7] * len(counts)
    return Cube(table, BLOCK, np.array(counts, dtype=np.int64), np.array(sums, dtype=np.uint64))


def a_year(year: int, *parts: Cube, state: str = "KAZ") -> YearCubes:
    return YearCubes(state, year, (), parts)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 500), st.integers(0, 2**64 - 1)), min_size=4, max_size=4),
        min_size=3,
        max_size=3,
    ),
    st.permutations([0, 1, 2]),
)
def test_a_block_is_the_sum_of_its_years_whatever_their_order(
    rows: list[list[tuple[int, int]]], order: list[int]
) -> None:
    years = [
        a_year(2018 + at, a_cube([count for count, _ in part], [key for _, key in part]))
        for at, part in enumerate(rows)
    ]
    (block,) = block_cubes([years[at] for at in order])
    assert block.counts.tolist() == [sum(part[row][0] for part in rows) for row in range(4)]
    assert block.key_sums.tolist() == [sum(part[row][1] for part in rows) % 2**64 for row in range(4)]
    assert block.period == BLOCK


@pytest.mark.parametrize(
    "years",
    [
        [],
        [a_year(2018)],
        [a_year(2018), a_year(2019)],
        [a_year(2018), a_year(2019), a_year(2019)],
        [a_year(2018), a_year(2019), a_year(2021)],
        [a_year(2018), a_year(2019), a_year(2020, state="KGZ")],
    ],
    ids=["none", "one", "two", "one twice", "another block", "another state"],
)
def test_a_block_takes_each_of_its_years_once_and_nothing_else(years: list[YearCubes]) -> None:
    with pytest.raises(UsageError):
        block_cubes(years)


def test_years_counted_for_other_tables_are_not_summed() -> None:
    years = [a_year(2018, a_cube([1])), a_year(2019, a_cube([1], table="VICTIMS_CORRIDOR")), a_year(2020, a_cube([1]))]
    with pytest.raises(UsageError, match="different tables"):
        block_cubes(years)


def test_a_cube_survives_json_to_the_last_bit() -> None:
    cube = a_cube([0, 3], [2**64 - 1, 2**53 + 1])
    assert Cube.from_dict(cube.to_dict()) == cube
    assert cube.to_dict()["key_sums"] == ["ffffffffffffffff", "0020000000000001"]


@pytest.mark.parametrize(
    "change",
    [{"counts": [1]}, {"counts": [-1, 0]}, {"key_sums": ["-1", "0"]}, {"key_sums": ["zz", "0"]}, {"counts": ["a", 1]}],
    ids=["shape", "negative count", "negative key", "no number", "text"],
)
def test_spoilt_evidence_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        Cube.from_dict({**a_cube([0, 3]).to_dict(), **change})
    with pytest.raises(MalformedError):
        Cube.from_dict({})


def test_a_cube_cannot_be_changed_and_differs_from_other_slices() -> None:
    cube = a_cube([1, 2])
    with pytest.raises(ValueError, match="read-only"):
        cube.counts[0] = 5
    assert cube != a_cube([1, 2], table="OTHER")
    assert cube != a_cube([1, 3])
    with pytest.raises(MalformedError):
        cube + a_cube([1, 2, 3])
    with pytest.raises(MalformedError):
        Cube("T", block_of(2018), np.array([1.0]), np.array([1], dtype=np.uint64))  # type: ignore[arg-type]
