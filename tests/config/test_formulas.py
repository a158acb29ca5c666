"""Nothing that a stranger wrote is run by a spreadsheet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.formulas import harmless, is_formula

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\n=1", "\uff1dcmd", "\uff20x"])
def test_each_lead_that_starts_a_formula_is_disarmed(text: str) -> None:
    assert is_formula(text)
    assert harmless(text) == f"'{text}"


def test_what_no_spreadsheet_runs_stays_as_it_is() -> None:
    for text in ("KAZ", "", "a = b", "Айгүл; Болат", "D=3; V=1", "2018-2020", "keyed/peer"):
        assert harmless(text) == text


@pytest.mark.parametrize("text", ["A;=1+1", "A; =1+1", 'A;"=1', "A;;@x", "A; '+1", "А;\uff1dcmd"])
def test_a_semicolon_begins_no_formula_where_decimals_have_commas(text: str) -> None:
    """An Excel in Almaty cuts a file of commas at its semicolons."""
    assert not any(is_formula(cell) for cell in as_almaty_reads(harmless(text)))


@given(st.text(alphabet=SIGNS + ";\"' Aж1,", max_size=12))
def test_no_text_is_a_formula_in_either_reading(text: str) -> None:
    found = harmless(text)
    assert not is_formula(found)
    assert not any(is_formula(cell) for cell in as_almaty_reads(found))


def as_almaty_reads(text: str) -> list[str]:
    """Cut a cell at its semicolons and leave away what may stand before a formula there."""
    first, *others = text.split(";")
    return [first, *(part.lstrip(' "') for part in others)]
