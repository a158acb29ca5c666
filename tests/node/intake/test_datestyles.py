"""Dates of one meaning: the Solar Hijri calendar against known days, spans of two figures, years that stay years."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.node.intake.datestyles import STYLES, number_of, read_date, year_of


@pytest.mark.parametrize(
    ("solar", "day"),
    [
        ("1300/01/01", date(1921, 3, 21)),
        ("1357/11/22", date(1979, 2, 11)),
        ("1380-01-01", date(2001, 3, 21)),
        ("۱۳۹۸/۰۵/۱۲", date(2019, 8, 3)),
        ("1399/12/30", date(2021, 3, 20)),
        ("1400.01.01", date(2021, 3, 21)),
        ("1403/12/30", date(2025, 3, 20)),
        ("1404/01/01", date(2025, 3, 21)),
    ],
)
def test_solar_hijri_dates_become_the_days_that_the_calendars_agree_on(solar: str, day: date) -> None:
    found = read_date("SH YYYY/MM/DD", solar)
    assert found is not None
    assert found.day == day


@pytest.mark.parametrize("text", ["1400/12/30", "1398/13/01", "1398/07/31", "1299/01/01", "1498/01/01"])
def test_solar_hijri_days_that_do_not_exist_are_none(text: str) -> None:
    assert read_date("SH YYYY/MM/DD", text) is None


def test_two_figures_mean_a_year_of_the_span_or_nothing() -> None:
    for text, year in (("01.02.26", 2026), ("01.02.37", 1937), ("01.02.99", 1999)):
        found = read_date("DD.MM.YY", text, (1937, 2026))
        assert found is not None
        assert found.day == date(year, 2, 1)
        assert found.why
    assert read_date("DD.MM.YY", "01.02.27", (1937, 2026)) is None
    assert read_date("DD.MM.YY", "01.02.26") is None


@pytest.mark.parametrize("text", ["1998 г.р.", "1998", "1998 г. р.", "1998 doğumlu", "1998 жылы", "۱۹۹۸", "1998.0"])
def test_a_year_alone_is_a_year_without_a_day(text: str) -> None:
    found = read_date("YYYY", text)
    assert found is not None
    assert (found.day, found.year) == (None, 1998)


@pytest.mark.parametrize("text", ["1998 or 1999", "98", "01.1998", "1998-жылдан кейин", "19980", "1375", ""])
def test_what_is_more_or_less_than_a_year_is_none(text: str) -> None:
    assert year_of(text) == 0


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("25 лет", "years", "25"),
        ("25yaş", "years", "25"),
        ("۲۵ ساله", "years", "25"),
        ("8 мес", "years", "8 мес"),
        ("8 мес.", "months", "8"),
        ("25 ay", "years", "25 ay"),
        ("18-25", "years", "18-25"),
        ("25", "", "25"),
    ],
)
def test_a_unit_is_left_out_only_where_it_is_the_fields_own(text: str, unit: str, number: str) -> None:
    assert number_of(text, unit) == number


@given(st.dates(date(1940, 1, 1), date(2026, 12, 31)))
def test_a_written_day_is_read_back_in_its_own_style(day: date) -> None:
    written = {"YYYY-MM-DD": "%Y-%m-%d", "DD.MM.YYYY": "%d.%m.%Y", "DD.MM.YY": "%d.%m.%y", "MM/DD/YYYY": "%m/%d/%Y"}
    for style, pattern in written.items():
        found = read_date(style, day.strftime(pattern), (1940, 2026))
        assert found is not None
        assert found.day == day


@given(st.sampled_from(sorted(STYLES)), st.text(max_size=12) | st.text("0123456789./- ", max_size=12))
def test_any_text_is_a_date_or_none(style: str, text: str) -> None:
    found = read_date(style, text, (1940, 2026))
    assert found is None or found.day is None or found.day.year == found.year
