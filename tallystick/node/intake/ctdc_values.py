"""Cells of CTDC's files, one by one: flags, countries, code lists; ``-99`` and empty mean that nothing is known."""

import hashlib
from collections.abc import Mapping
from functools import cache

from tallystick.config.codes import country_names, document
from tallystick.config.i18n import _
from tallystick.node.cases.record import FIRST_YEAR, UNKNOWN
from tallystick.node.intake.values import BadValueError, parse_country

__all__ = ["EMPTY", "CellError", "content", "country", "flag", "flag_columns", "listed", "registered", "text_lists"]

EMPTY = frozenset({"", "-99", "-99.0"})
_FLAGS = {"1": True, "1.0": True, "0": False, "0.0": False}
_UNKNOWN_COUNTRIES = frozenset({"0", "0.0", "00", "ZZ"})


class CellError(Exception):
    """A cell that cannot be taken.

    Args:
        name: Its column.
        reason: Why, without the value.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


@cache
def text_lists() -> Mapping[str, str]:
    """Return CTDC's 63 columns of the global dataset of 2020 with the code list of each."""
    return {facts["id"]: facts["list"] for facts in document()["fields"]["CTDC_global_2020"]}


@cache
def flag_columns() -> frozenset[str]:
    """Return those of them that are flags."""
    return frozenset(name for name, codes in text_lists().items() if codes == "CTDC.bool")


def content(cells: Mapping[str, str]) -> bytes:
    """Digest a row's content, whatever the order of its columns; empty cells count as absent."""
    filled = sorted((name, text) for name, text in cells.items() if text)
    return hashlib.sha256("\x1f".join(part for pair in filled for part in pair).encode()).digest()[:16]


def country(cells: Mapping[str, str], name: str, *, alpha3: bool = False) -> str:
    """Return a country's alpha-3 code, ``_U`` where none is named.

    Args:
        cells: The row.
        name: Column.
        alpha3: The file writes three letters; two are then a mistake, and ``NA`` may be somebody's missing value.

    Raises:
        CellError: No country.
    """
    text = cells.get(name, "")
    if text in EMPTY or text in _UNKNOWN_COUNTRIES:
        return UNKNOWN
    if alpha3:
        if text not in country_names():
            raise CellError(name, _("not an alpha-3 code of ISO 3166-1"))
        return text
    try:
        return parse_country(text)
    except BadValueError as fault:
        raise CellError(name, fault.reason) from None


def listed(cells: Mapping[str, str], name: str, codes: Mapping[str, str]) -> str:
    """Return our code for a value of a list, ``_U`` where it is missing or ``Unknown``.

    Raises:
        CellError: Not in the list.
    """
    text = cells.get(name, "")
    if text in EMPTY or text == "Unknown":
        return UNKNOWN
    if text not in codes:
        raise CellError(name, _("not in the code list of {field}").format(field=name))
    return codes[text]


def flag(cells: Mapping[str, str], name: str) -> bool | None:
    """Return a flag, None where nothing is known.

    Raises:
        CellError: Neither 0 nor 1.
    """
    text = cells.get(name, "")
    if text in EMPTY:
        return None
    if text not in _FLAGS:
        raise CellError(name, _("neither 0 nor 1"))
    return _FLAGS[text]


def registered(cells: Mapping[str, str], last_year: int) -> int:
    """Return the year of registration; synthetic files write it as ``2016.0`` too.

    Raises:
        CellError: Not a year, or one that cannot be.
    """
    text = cells["yearOfRegistration"].removesuffix(".0")
    if not (text.isascii() and text.isdigit() and len(text) == 4):
        raise CellError("yearOfRegistration", _("not a year"))
    if not FIRST_YEAR <= int(text) <= last_year:
        reason = _("not between {first} and {last}").format(first=FIRST_YEAR, last=last_year)
        raise CellError("yearOfRegistration", reason)
    return int(text)
