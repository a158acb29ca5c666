"""Ways of writing a date: which ones a column uses, and what a text means in one of them.

Nothing is guessed: a column in which days and months cannot be told apart has no style until a person names it, two
figures of a year mean a year only within the span that the mapping states, and a year alone stays a year.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from tallystick.config.i18n import _
from tallystick.node.intake.spellings import document, words

__all__ = ["STYLES", "YEAR", "Reading", "digits", "number_of", "read_date", "styles_of", "year_of"]

YEAR = "YYYY"
SOLAR = "SH YYYY/MM/DD"
_TIME = r"(?:[T ][0-9]{1,2}:[0-9:.]+)?"
_MARK = r"\s*(?:г|года|г\.|y)?\.?"
_EPOCH = date(1921, 3, 21)
_EPOCH_YEAR = 1300
"""The first day of the Solar Hijri year 1300; from there the 33-year cycle gives the calendar as used to 1472."""
_LEAP = frozenset({1, 5, 9, 13, 17, 22, 26, 30})
_SOLAR_LAST = 1472


@dataclass(frozen=True)
class _Style:
    pattern: re.Pattern[str]
    order: str
    """Which of y, m, d each group is."""


def _made(separator: str, order: str, year: int) -> _Style:
    widths = {"y": f"([0-9]{{{year}}})", "m": "([0-9]{1,2})", "d": "([0-9]{1,2})"}
    return _Style(re.compile(re.escape(separator).join(widths[part] for part in order) + _TIME + _MARK), order)


STYLES: Mapping[str, _Style] = {
    "YYYY-MM-DD": _made("-", "ymd", 4),
    "YYYY/MM/DD": _made("/", "ymd", 4),
    "YYYY.MM.DD": _made(".", "ymd", 4),
    "DD.MM.YYYY": _made(".", "dmy", 4),
    "DD.MM.YY": _made(".", "dmy", 2),
    "DD/MM/YYYY": _made("/", "dmy", 4),
    "DD/MM/YY": _made("/", "dmy", 2),
    "MM/DD/YYYY": _made("/", "mdy", 4),
    "MM/DD/YY": _made("/", "mdy", 2),
    "DD-MM-YYYY": _made("-", "dmy", 4),
    "DD-MM-YY": _made("-", "dmy", 2),
    "MM-DD-YYYY": _made("-", "mdy", 4),
    SOLAR: _Style(re.compile(r"(1[34][0-9]{2})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})"), "ymd"),
    YEAR: _Style(re.compile(r"((?:18|19|20|21)[0-9]{2})"), "y"),
}
"""Every style by the name that stands in a mapping; ``SH`` is the Solar Hijri calendar of Afghanistan and Iran."""


class Reading(NamedTuple):
    """What a text means in one style: a day, or only a year; ``why`` says what was done where it is not literal."""

    day: date | None
    year: int
    why: str = ""


def digits(text: str) -> str:
    """Write Arabic and Persian figures as 0 to 9."""
    return text if text.isascii() else "".join(str(unicodedata.digit(char, char)) for char in text)


def read_date(style: str, text: str, span: tuple[int, int] | None = None) -> Reading | None:
    """Return what ``text`` means in a style, or None.

    Args:
        style: One of ``STYLES``.
        text: A cell.
        span: First and last year that two figures can stand for; without it no such date is taken.
    """
    if style == YEAR:
        year = year_of(text)
        return Reading(None, year, _("only a year was written")) if year else None
    found = STYLES[style].pattern.fullmatch(digits(text).strip())
    if not found:
        return None
    parts = dict(zip(STYLES[style].order, (int(part) for part in found.groups()), strict=True))
    if style == SOLAR:
        return _solar(parts["y"], parts["m"], parts["d"])
    short = style.endswith("YY") and not style.endswith("YYYY")
    year = _century(parts["y"], span) if short else parts["y"]
    try:
        day = date(year, parts["m"], parts["d"])
    except ValueError:
        return None
    if style.startswith("YYYY") and year < 1800:
        return None
    return Reading(day, year, _("a year of two figures was written out") if short else "")


def _century(short: int, span: tuple[int, int] | None) -> int:
    """Return the one year of the span that ends in these two figures, or 0."""
    if span is None:
        return 0
    return next((year for year in range(span[1], span[0] - 1, -1) if year % 100 == short), 0)


def _solar(year: int, month: int, day: int) -> Reading | None:
    """Turn a Solar Hijri date into a Gregorian one (the arithmetic 33-year cycle)."""
    leap = year % 33 in _LEAP
    longest = 31 if month <= 6 else 30 if month < 12 or leap else 29
    if not (_EPOCH_YEAR <= year <= _SOLAR_LAST and 1 <= month <= 12 and 1 <= day <= longest):
        return None
    before = 365 * (year - _EPOCH_YEAR) + sum(one % 33 in _LEAP for one in range(_EPOCH_YEAR, year))
    passed = 31 * min(month - 1, 6) + 30 * max(month - 7, 0) + day - 1
    found = _EPOCH + timedelta(days=before + passed)
    return Reading(found, found.year, _("the Solar Hijri calendar was converted"))


def year_of(text: str) -> int:
    """Return the year that a text gives alone (``1998``, ``1998 г.р.``, ``1998 doğumlu``), or 0."""
    found = re.match(r"((?:18|19|20|21)[0-9]{2})(?:\.0)?(?![0-9])\s*(.*)", digits(text).strip())
    if not found:
        return 0
    rest = words(found[2])
    known = {words(spelt) for spelt in document()["born"]} | {()}
    return int(found[1]) if rest in known and not found[2].strip(" .").isdigit() else 0


def number_of(text: str, unit: str) -> str:
    """Return a number without the unit that may stand behind it (``25 лет``); the text itself where it has another.

    Args:
        text: A cell.
        unit: ``years`` or ``months``, or empty where no unit may stand.
    """
    plain = digits(text).strip()
    found = re.fullmatch(r"([0-9]+(?:\.0+)?)\s*([^0-9]+)", plain)
    if not found or not unit:
        return plain
    known = {words(spelt) for spelt in document()[unit]}
    return found[1] if words(found[2]) in known else plain


def styles_of(texts: Iterable[str], span: tuple[int, int]) -> tuple[Sequence[str], bool]:
    """Return the styles that a column's dates are written in, and whether days and months could not be told apart."""
    readings = [{style for style in STYLES if read_date(style, text, span)} for text in texts]
    found = [styles for styles in readings if styles]
    sure = {style for styles in found for style in styles if len(styles) == 1}
    for styles in found:
        if not styles & sure:
            both = {"DD" + style[2:3] + "MM" + style[5:] for style in styles if style.startswith("MM")}
            if both:
                return [style for style in STYLES if style in sure], True
            sure |= styles
    return [style for style in STYLES if style in sure], _contrary(sure)


def _contrary(styles: Iterable[str]) -> bool:
    """Tell whether both orders of day and month are there, so that neither can be trusted."""
    listed = set(styles)
    return any("DD" + style[2] + "MM" + style[5:] in listed for style in listed if style.startswith("MM"))
