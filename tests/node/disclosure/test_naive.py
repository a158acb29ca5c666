"""The usual protection must be seen to fail, and for the right reason: by arithmetic on what it left in place."""

import numpy as np
import pytest

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import DisclosureError
from tallystick.config.periods import parse_period
from tallystick.node.disclosure.naive import NaiveAttack, naive_attack
from tallystick.node.tables.cubes import Cube

YEAR = parse_period("2018")


def cube(table: str, counts: list[int]) -> Cube:
    return Cube(table, YEAR, np.array(counts, dtype=np.int64), np.zeros(len(counts), dtype=np.uint64))


def test_one_hidden_cell_beside_its_total_comes_back() -> None:
    found = naive_attack([cube("VICTIMS", [30]), cube("VICTIMS_AGE", [7, 20, 3])], "KAZ")
    assert found == NaiveAttack(hidden=1, recovered=1, not_zero=1)


def test_two_hidden_cells_that_are_both_full_or_both_empty_come_back_too() -> None:
    assert naive_attack([cube("VICTIMS", [28]), cube("VICTIMS_AGE", [20, 4, 4])], "KAZ") == NaiveAttack(2, 2, 2)
    assert naive_attack([cube("VICTIMS", [20]), cube("VICTIMS_AGE", [20, 0, 0])], "KAZ") == NaiveAttack(2, 2, 0)


def test_two_hidden_cells_in_between_do_not() -> None:
    assert naive_attack([cube("VICTIMS", [24]), cube("VICTIMS_AGE", [20, 1, 3])], "KAZ") == NaiveAttack(2, 0, 0)


def test_without_the_total_nothing_comes_back() -> None:
    assert naive_attack([cube("VICTIMS_AGE", [20, 0, 0])], "KAZ") == NaiveAttack(2, 0, 0)


def test_tables_of_one_year_are_attacked_together() -> None:
    ages, sexes = cube("VICTIMS_AGE", [20, 9, 0]), cube("VICTIMS_SEX", [15, 6, 4, 4])
    assert naive_attack([ages], "KAZ").recovered == naive_attack([sexes], "KAZ").recovered == 0
    assert naive_attack([ages, sexes], "KAZ") == NaiveAttack(3, 3, 2), "29 or more by age, 29 or fewer by sex"


def test_tables_that_cannot_be_true_together_are_refused() -> None:
    with pytest.raises(DisclosureError, match="contradict"):
        naive_attack([cube("VICTIMS", [50]), cube("VICTIMS_AGE", [20, 4, 4])], "KAZ")


def test_the_shipped_catalogue_is_the_default() -> None:
    tables = [cube("VICTIMS", [30]), cube("VICTIMS_AGE", [7, 20, 3])]
    assert naive_attack(tables, "KAZ") == naive_attack(tables, "KAZ", load_shipped())
