"""Reference periods: a calendar year, or a fixed three-year block (2015-17, 2018-20, ...)."""

import re
from dataclasses import dataclass

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = ["BLOCK_YEARS", "Period", "block_of", "parse_period"]

BLOCK_YEARS = 3
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_BLOCK_ANCHOR = 2015 % BLOCK_YEARS
_FORMS = (
    re.compile(r"(?P<first>[0-9]{4})"),
    re.compile(r"(?P<first>[0-9]{4})-(?P<last>[0-9]{4})"),
    re.compile(r"(?P<first>[0-9]{4})-01-01/P(?P<span>[13])Y"),
)


@dataclass(frozen=True, order=True)
class Period:
    """A year (``first == last``) or a block of three.

    ``text`` is what people type and file names carry, ``sdmx`` what TIME_PERIOD carries, ``freq`` SDMX's CL_FREQ.
    """

    first: int
    last: int

    @property
    def is_block(self) -> bool:
        """Tell whether this is a three-year block."""
        return self.first != self.last

    @property
    def years(self) -> tuple[int, ...]:
        """The calendar years covered, ascending."""
        return tuple(range(self.first, self.last + 1))

    @property
    def text(self) -> str:
        """``2018`` or ``2018-2020``."""
        return f"{self.first}-{self.last}" if self.is_block else str(self.first)

    @property
    def sdmx(self) -> str:
        """``2018`` or ``2018-01-01/P3Y`` (SDMX time range)."""
        return f"{self.first}-01-01/P{BLOCK_YEARS}Y" if self.is_block else str(self.first)

    @property
    def freq(self) -> str:
        """``A`` (annual) or ``A3`` (triennial)."""
        return "A3" if self.is_block else "A"

    def __str__(self) -> str:
        return self.text


def block_of(year: int) -> Period:
    """Return the fixed block that ``year`` belongs to."""
    first = year - (year - _BLOCK_ANCHOR) % BLOCK_YEARS
    return Period(first, first + BLOCK_YEARS - 1)


def parse_period(text: str) -> Period:
    """Read ``2018``, ``2018-2020`` or ``2018-01-01/P3Y``.

    Raises:
        MalformedError: Not a period, or a window that is not one of the fixed blocks (rolling windows give back
            70 to 80 per cent of withheld cells, so there are none).
    """
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        raise MalformedError(
            _("'{text}' is not a period").format(text=text[:40]), hint=_("write a year (2018) or a block (2018-2020)")
        )
    groups = found.groupdict()
    first = int(groups["first"])
    last = int(groups["last"]) if groups.get("last") else first + int(groups.get("span") or 1) - 1
    if not _FIRST_YEAR <= first <= last <= _LAST_YEAR:
        raise MalformedError(_("'{text}' is outside the years 1900 to 2199").format(text=text))
    if first != last and Period(first, last) != block_of(first):
        block = block_of(first)
        raise MalformedError(
            _("'{text}' is not one of the fixed blocks").format(text=text),
            hint=_("the block that holds {year} is {block}").format(year=first, block=block.text),
        )
    return Period(first, last)
