import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError
from tallystick.config.periods import Period, block_of, parse_period


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2018", Period(2018, 2018)),
        ("2018-2020", Period(2018, 2020)),
        ("2018-01-01/P3Y", Period(2018, 2020)),
        ("2018-01-01/P1Y", Period(2018, 2018)),
    ],
)
def test_a_period_reads_as_people_and_sdmx_write_it(text: str, wanted: Period) -> None:
    assert parse_period(text) == wanted


@pytest.mark.parametrize("text", ["2019-2021", "2016-2018", "2019-01-01/P3Y"])
def test_a_rolling_window_is_refused_and_the_block_named(text: str) -> None:
    with pytest.raises(MalformedError, match="fixed blocks") as caught:
        parse_period(text)
    assert "20" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["", "18", "2018-2019", "2020-2018", "0001", "2018-01", "2018/2020", "２０１８", "2018\n"]
)
def test_what_is_not_a_period_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_period(text)


@given(st.integers(1901, 2190))
def test_blocks_tile_the_years_and_survive_both_spellings(year: int) -> None:
    block = block_of(year)
    assert year in block.years
    assert {block_of(other) for other in block.years} == {block}
    assert parse_period(block.text) == block == parse_period(block.sdmx)
    assert (2015 - block.first) % 3 == 0
