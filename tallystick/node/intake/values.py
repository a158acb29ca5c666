"""One cell's text to one value, or the reason why not."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, lru_cache, partial

from tallystick.config.codes import country_alpha2_to_alpha3, country_names
from tallystick.config.i18n import _
from tallystick.node.cases.record import UNKNOWN, Detail
from tallystick.node.intake.characters import has_direction_marks, is_mixed
from tallystick.node.intake.fields import FieldRule, Kind, token
from tallystick.node.intake.spellings import document

__all__ = ["CELL_LIMIT", "BadValueError", "case_number_fault", "parse_country", "parse_date", "parse_value"]

CELL_LIMIT = 20_000
"""Longest cell, in characters."""
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.0+)?")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ][0-9:.]*)?")
_DOTTED_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_FLAGS = {
    **dict.fromkeys(("1", "10", "true", "yes", "y", "x", "да", "بله"), True),
    **dict.fromkeys(("0", "00", "false", "no", "n", "нет", "خیر"), False),
}
_UNKNOWN_COUNTRIES = frozenset({"unknown", "notknown", "u", "zz", "00", "0", "99"})


class BadValueError(ValueError):
    """A cell that cannot be taken.

    Args:
        reason: Why, for a person, without the value.
        part: Which of several values in the cell it was, or None for the whole cell.
    """

    def __init__(self, reason: str, part: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.part = part


@cache
def _countries() -> dict[str, str]:
    names = {token(name): code for code, name in country_names().items()}
    own = {token(name): code for code, name in document("country_names.json")["names"]["ru"].items()}
    return {**own, **names, **{token(code): code for code in country_names()}, **_alpha2()}


def _alpha2() -> dict[str, str]:
    return {token(alpha2): alpha3 for alpha2, alpha3 in country_alpha2_to_alpha3().items()}


def parse_country(text: str) -> str:
    """Return the alpha-3 code for an alpha-3 or alpha-2 code, an English or a Russian name; ``NA`` is Namibia.

    Raises:
        BadValueError: ISO 3166-1 knows no such country.
    """
    spelling = token(text)
    if spelling in _UNKNOWN_COUNTRIES:
        return UNKNOWN
    found = _countries().get(spelling)
    if found is None:
        raise BadValueError(_("no country of ISO 3166-1 by code, English or Russian name"))
    return found


def case_number_fault(text: str) -> str:
    """Return why a case number would be read as another one than it is, or nothing."""
    if has_direction_marks(text):
        return _("holds marks that turn the direction of writing; type it again")
    if is_mixed(text):
        return _("mixes Latin and Cyrillic letters in one word; type it again in one alphabet")
    return ""


def parse_date(text: str) -> date:
    """Return the date for ``2020-03-01`` or ``01.03.2020``; slashes are refused, because they are read two ways.

    Raises:
        BadValueError: Not a date.
    """
    if found := _ISO_DATE.fullmatch(text):
        year, month, day = (int(part) for part in found.groups())
    elif found := _DOTTED_DATE.fullmatch(text):
        day, month, year = (int(part) for part in found.groups())
    else:
        raise BadValueError(_("not a date; write 2020-03-01"))
    try:
        return date(year, month, day)
    except ValueError:
        raise BadValueError(_("there is no such day")) from None


def _several(parse: Callable[[str], str], text: str) -> tuple[str, ...]:
    """Parse what stands between semicolons, each once, and say which of them is at fault."""
    found: dict[str, None] = {}
    for part in (raw.strip() for raw in text.split(";")):
        if part:
            try:
                found[parse(part)] = None
            except BadValueError as fault:
                raise BadValueError(fault.reason, part) from None
    return tuple(found)


def _code(rule: FieldRule, text: str) -> str:
    found = rule.tokens.get(token(text))
    if found is None:
        raise BadValueError(_("not in the code list of {field}").format(field=rule.id))
    return found


def _language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", text):
        raise BadValueError(_("not a three-letter language code (ISO 639-2)"))
    return text.lower()


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadValueError(_("not a whole number from 0 to 999999"))
    return int(float(text))


def _flag(text: str) -> bool:
    found = _FLAGS.get(token(text))
    if found is None:
        raise BadValueError(_("neither yes nor no"))
    return found


@lru_cache(maxsize=8192)
def _coded_value(rule: FieldRule, text: str) -> Detail:
    """Parse a value of a code list once; sealed fields never come here, so no name is kept."""
    return _PARSERS[rule.kind](rule, text)


def parse_value(rule: FieldRule, text: str) -> Detail:
    """Return a cell's value as its field wants it; ``text`` is not empty.

    Raises:
        BadValueError: It cannot be taken; the reason does not repeat the value.
    """
    if len(text) > CELL_LIMIT:
        raise BadValueError(_("longer than {limit} characters").format(limit=CELL_LIMIT))
    return _PARSERS[rule.kind](rule, text) if rule.sealed else _coded_value(rule, text)


_PARSERS: Mapping[Kind, Callable[[FieldRule, str], Detail]] = {
    Kind.CODE: _code,
    Kind.CODES: lambda rule, text: _several(partial(_code, rule), text),
    Kind.COUNTRY: lambda _rule, text: parse_country(text),
    Kind.COUNTRIES: lambda _rule, text: _several(parse_country, text),
    Kind.LANGUAGE: lambda _rule, text: _language(text),
    Kind.NUMBER: lambda _rule, text: _number(text),
    Kind.FLAG: lambda _rule, text: _flag(text),
    Kind.DATE: lambda _rule, text: parse_date(text).isoformat(),
    Kind.TEXT: lambda _rule, text: text,
}
