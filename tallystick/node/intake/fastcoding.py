"""The common HTCDS row, coded cell by cell: each spelling of a code is parsed once and remembered.

Only rows that the parser would take as they stand come through here, with the parser's own functions behind every
remembered cell; whatever is unusual - a value that is not taken, was changed, or feeds several rules - is None here
and goes the parser's long way. Sealed texts are never remembered, dates only as dates.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from json.encoder import JSONEncoder, encode_basestring
from typing import Any, Protocol

from tallystick.node.cases.coding import encode, pack
from tallystick.node.cases.record import AGES, FIRST_YEAR, NAME_LIMIT, CaseRecord, Detail, has_controls
from tallystick.node.intake.ages import band_of
from tallystick.node.intake.cleaning import clean_value
from tallystick.node.intake.fields import FieldRule, Kind
from tallystick.node.intake.values import BadValueError, case_number_fault, parse_date, parse_value

__all__ = ["FastCoder", "Rules"]

_REMEMBERED = 65_536
_OLDEST = 120
_BANDS = [AGES.index(band_of(years)) for years in range(_OLDEST + 1)]
_UNKNOWN_AGE = 0
_LONG_WAY = frozenset(
    {
        *("ext_AgeAtRegistration", "ext_BirthYear", "vic_AgeWhenTrafficked", "hte_Type", "per_RoleInProcess"),
        *("ext_InvestigatedYear", "ext_ProsecutedYear", "ext_ConvictedYear"),
    }
)
"""Columns that feed age, place or role in ways of their own: where they hold something, the parser decides."""
_JSON = JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_DATES = ("ext_RegistrationDate", "prs_Birthdate")

Coded = tuple[str, str, bytes, str | None, bytes | None]
"""Agency, case number, packed classification, details as JSON, identity as JSON."""


class Rules(Protocol):
    """What the coder asks of the parser whose rows it codes."""

    rules: Sequence[FieldRule]
    agency: str | None
    last_year: int

    def classified(self, values: dict[str, Detail]) -> dict[str, Any]:
        """Return the attributes of ``CaseRecord`` that coded values feed, year and age apart."""
        ...


@lru_cache(maxsize=_REMEMBERED)
def _date(text: str) -> date | None:
    try:
        return parse_date(text)
    except BadValueError:
        return None


class _Cells:
    """One coded column: what each spelling adds to details and classification."""

    def __init__(self, rule: FieldRule, rules: Rules, base: int) -> None:
        self._rule = rule
        self._rules = rules
        self._base = base
        self.known: dict[str, tuple[str, int] | None] = {}

    def look(self, text: str) -> tuple[str, int] | None:
        """Return the cell's part of the details and the bits that it changes; None where the parser must decide."""
        found = self._parsed(text)
        if len(self.known) < _REMEMBERED:
            self.known[text] = found
        return found

    def _parsed(self, text: str) -> tuple[str, int] | None:
        name = self._rule.id
        if name in _LONG_WAY or clean_value(name, text)[1] is not None:
            return None
        try:
            value = parse_value(self._rule, text)
        except BadValueError:
            return None
        bits = _classification(self._rules.classified({name: value})) ^ self._base
        return f"{_JSON(name)}:{_JSON(value)}", bits


def _classification(attributes: dict[str, Any]) -> int:
    """Return a classification as one number, without year and age."""
    record = CaseRecord("-", "-", FIRST_YEAR, **attributes)
    return int.from_bytes(pack(encode(record)), "little") ^ FIRST_YEAR


class FastCoder:
    """Codes the rows of one sheet that need no second look.

    Args:
        rules: The parser of the same sheet.
    """

    def __init__(self, rules: Rules) -> None:
        self._agency = rules.agency
        self._last_year = rules.last_year
        self._base = _classification(rules.classified({}))
        self._size = len(pack(encode(CaseRecord("-", "-", FIRST_YEAR))))
        columns = {rule.id: (place, rule) for place, rule in enumerate(rules.rules)}
        self._number = columns["ext_CaseId"][0]
        self._reported = columns["org_Name"][0] if "org_Name" in columns else None
        self._when = [columns[name][0] if name in columns else None for name in (*_DATES, "ext_RegistrationYear")]
        apart = {"ext_CaseId", "ext_RegistrationYear"}
        ordered = [columns[name] for name in sorted(columns) if name not in apart]
        coded = [(place, _Cells(rule, rules, self._base)) for place, rule in ordered if not rule.sealed]
        self._coded = [(place, cells.known, cells.look) for place, cells in coded]
        self._sealed = [(place, f"{_JSON(rule.id)}:", rule.kind is Kind.DATE) for place, rule in ordered if rule.sealed]
        self._agencies: set[str] = set()

    def code(self, cells: Sequence[str]) -> Coded | None:
        """Return what the register takes of a row, or None where the parser must decide.

        Args:
            cells: As many as the sheet has columns, stripped, none longer than ``CELL_LIMIT``.
        """
        number = cells[self._number]
        agency = self._reporter(cells)
        if agency is None or not 0 < len(number) <= NAME_LIMIT or case_number_fault(number) or has_controls(number):
            return None
        year, age = self._year_and_age(cells)
        if year is None or age is None:
            return None
        bits, details = self._base ^ year ^ age << 24, []
        for place, known, look in self._coded:
            text = cells[place]
            if text:
                found = known[text] if text in known else look(text)
                if found is None:
                    return None
                details.append(found[0])
                bits ^= found[1]
        identity = self._identity(cells)
        if identity is None:
            return None
        fields = "{" + ",".join(details) + "}" if details else None
        return agency, number, bits.to_bytes(self._size, "little"), fields, identity or None

    def _reporter(self, cells: Sequence[str]) -> str | None:
        place = self._reported
        agency = self._agency or (cells[place] if place is not None else "")
        if agency not in self._agencies:
            if not 0 < len(agency) <= NAME_LIMIT or has_controls(agency):
                return None
            if len(self._agencies) < _REMEMBERED:
                self._agencies.add(agency)
        return agency

    def _year_and_age(self, cells: Sequence[str]) -> tuple[int | None, int | None]:
        when, born, said = self._when
        registered = cells[when] if when is not None else ""
        birth = cells[born] if born is not None else ""
        stated = cells[said] if said is not None else ""
        day = _date(registered) if registered else None
        year = day.year if day else None
        if stated and not registered:
            year = int(stated) if stated.isascii() and stated.isdigit() else None
        elif stated and stated != str(year):
            year = None
        if year is None or not FIRST_YEAR <= year <= self._last_year:
            return None, None
        return year, self._age(birth, day) if birth else _UNKNOWN_AGE

    def _age(self, birth: str, registered: date | None) -> int | None:
        born = _date(birth)
        if born is None or registered is None or born > registered:
            return None
        before = (registered.month, registered.day) < (born.month, born.day)
        years = registered.year - born.year - before
        return _BANDS[years] if years <= _OLDEST else None

    def _identity(self, cells: Sequence[str]) -> bytes | None:
        """Return what ``Identity.to_bytes`` returns: empty where nothing is sealed, None where a date is none."""
        parts = []
        for place, prefix, is_date in self._sealed:
            text = cells[place]
            if text:
                if is_date:
                    day = _date(text)
                    if day is None:
                        return None
                    text = day.isoformat()
                parts.append(prefix + encode_basestring(text))
        return ("{" + ",".join(parts) + "}").encode() if parts else b""
