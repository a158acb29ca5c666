"""HTCDS 2.0 rows to case records.

A row with any value that cannot be taken is rejected whole, with every such value named: half a case would be
counted in the wrong cell. Which rules fill the coded classification is said at each function.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from tallystick.config.codes import crosswalk
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.node.cases.circumstances import controls_of, relationship_of
from tallystick.node.cases.record import FIRST_YEAR, NAME_LIMIT, UNKNOWN, CaseRecord, Detail, Identity, has_controls
from tallystick.node.intake.ages import band_of, coarse
from tallystick.node.intake.fields import FieldRule, field_rules, header_names, token
from tallystick.node.intake.perpetrators import StageError, stages_of
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Sink
from tallystick.node.intake.values import BadValueError, case_number_fault, parse_country, parse_value

__all__ = ["HtcdsParser", "resolve_header"]

_OLDEST = 120
_NAMED = 5
_CTDC_MARK = "yearOfRegistration"
_NEVER_STORED = frozenset({"ext_CaseId", "ext_RegistrationYear"})
"""They are the record's own number and year."""

Values = dict[str, Detail]


def resolve_header(header: Sequence[str]) -> tuple[str, ...]:
    """Return the field id of each heading.

    Raises:
        MalformedError: A heading is unknown, means several fields, or stands twice; or the case number's or the
            year's column is missing. Nothing is guessed: a misspelt column would leave a table full of unknowns.
    """
    found = [header_names().get(token(heading), ()) for heading in header]
    unknown = [heading for heading, ids in zip(header, found, strict=True) if not ids]
    vague = [heading for heading, ids in zip(header, found, strict=True) if len(ids) > 1]
    if unknown:
        raise MalformedError(
            _("unknown columns: {names}").format(names=_some(unknown)),
            hint=_("use --format ctdc for CTDC's data")
            if _CTDC_MARK in header
            else _("tallystick case fields lists the columns; take out those that are not among them"),
        )
    if vague:
        raise MalformedError(
            _("columns that could mean several fields: {names}").format(names=_some(vague)),
            hint=_("use the field id, such as org_Type, or 'Section: Label'"),
        )
    ids = tuple(one for (one,) in found)
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise MalformedError(_("columns that stand twice: {names}").format(names=_some(twice)))
    if "ext_CaseId" not in ids:
        raise MalformedError(
            _("there is no column ext_CaseId"),
            hint=_("add the agency's own case number: without it a correction could never replace a case"),
        )
    if not {"ext_RegistrationDate", "ext_RegistrationYear"} & set(ids):
        raise MalformedError(
            _("there is no column ext_RegistrationDate or ext_RegistrationYear"),
            hint=_("HTCDS has none; add the year in which the authority registered the person"),
        )
    return ids


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    listed = ", ".join(f"'{name[:40]}'" for name in names[:_NAMED])
    return _("{names} and {more} more").format(names=listed, more=more) if more > 0 else listed


class _Reject(Exception):  # noqa: N818 - never leaves this module
    """A value that parses but cannot be right: field id and reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


class HtcdsParser:
    """Turns rows under one header into records.

    Args:
        header: The file's headings.
        state: Alpha-3 code of the state whose register this is.
        agency: Who reports, or None to take each row's ``org_Name``.
        last_year: Latest year of registration that is not in the future.
        rejections: Takes what cannot be taken in.
    """

    def __init__(
        self, header: Sequence[str], *, state: str, agency: str | None, last_year: int, rejections: Sink
    ) -> None:
        self.rules: Sequence[FieldRule] = tuple(field_rules()[name] for name in resolve_header(header))
        self._state = state
        self.agency = agency
        self.last_year = last_year
        self._rejections = rejections

    def parse(self, row: Row) -> CaseRecord | None:
        """Return the row's record, or None after reporting why there is none."""
        if row.fault:
            self._rejections.add(row.number, "", "", row.fault, sealed=True)
            return None
        for found in row.refused:
            self._rejections.add(
                row.number, found.field, found.value, found.reason, sealed=field_rules()[found.field].sealed
            )
        values = self._values(row)
        if values is None or row.refused:
            return None
        try:
            return self._record(values)
        except _Reject as fault:
            texts = {rule.id: text for rule, text in zip(self.rules, row.cells, strict=True)}
            sealed = fault.name in _sealed()
            self._rejections.add(row.number, fault.name, texts.get(fault.name, ""), fault.reason, sealed=sealed)
            return None

    def _values(self, row: Row) -> Values | None:
        values: Values = {}
        good = True
        for rule, text in zip(self.rules, row.cells, strict=True):
            if not text:
                continue
            try:
                values[rule.id] = parse_value(rule, text)
            except BadValueError as fault:
                self._rejections.add(row.number, rule.id, fault.part or text, fault.reason, sealed=rule.sealed)
                good = False
        return values if good else None

    def _record(self, values: Values) -> CaseRecord:
        stages = self._stages(values)
        number = self._case_number(values)
        year = self._year(values)
        agency = self._reporter(values)
        return CaseRecord(
            agency,
            number,
            year,
            age=_age(values, year),
            details=_details(values),
            identity=_identity(values),
            role="perpetrator" if stages else "victim",
            stages=stages,
            **self.classified(values),
        )

    def classified(self, values: Values) -> dict[str, Any]:
        """Return the attributes of ``CaseRecord`` that coded values feed, year and age apart."""
        return {
            "sex": _sex(values),
            "citizenship": self._citizenship(values),
            "exploitation_area": _area(values),
            "forms": _forms(values),
            "counted": values.get("vic_TraffickingStatus") != "NotAVictimOfTrafficking",
            "relationship": relationship_of(values),
            "controls": controls_of(values),
        }

    def _stages(self, values: Values) -> Mapping[str, int]:
        try:
            return stages_of(values, self.last_year)
        except StageError as fault:
            raise _Reject(fault.name, fault.reason) from None

    def _case_number(self, values: Values) -> str:
        number = str(values.get("ext_CaseId", ""))
        if not number:
            raise _Reject("ext_CaseId", _("missing"))
        if fault := case_number_fault(number):
            raise _Reject("ext_CaseId", fault)
        if len(number) > NAME_LIMIT or has_controls(number):
            raise _Reject("ext_CaseId", _("longer than {limit} characters").format(limit=NAME_LIMIT))
        return number

    def _reporter(self, values: Values) -> str:
        agency = self.agency or str(values.get("org_Name", ""))
        if not agency:
            raise _Reject("org_Name", _("missing; name the reporting agency here or with --agency"))
        if len(agency) > NAME_LIMIT or has_controls(agency):
            raise _Reject("org_Name", _("longer than {limit} characters").format(limit=NAME_LIMIT))
        return agency

    def _year(self, values: Values) -> int:
        """Take the registration date's year, else the year's column; both must agree."""
        stated = values.get("ext_RegistrationYear")
        day = _day(values, "ext_RegistrationDate")
        if day is None and stated is None:
            raise _Reject("ext_RegistrationYear", _("missing"))
        year = day.year if day else int(str(stated))
        if day and stated is not None and stated != day.year:
            raise _Reject("ext_RegistrationYear", _("differs from ext_RegistrationDate"))
        if not FIRST_YEAR <= year <= self.last_year:
            name = "ext_RegistrationDate" if day else "ext_RegistrationYear"
            raise _Reject(name, _("not between {first} and {last}").format(first=FIRST_YEAR, last=self.last_year))
        return year

    def _citizenship(self, values: Values) -> str:
        """Take the one citizenship; of several, the state's own if it is among them, else the first written."""
        listed = values.get("prs_Citizenship", ())
        if not isinstance(listed, tuple) or not listed:
            return UNKNOWN
        return self._state if self._state in listed else listed[0]


def _day(values: Values, name: str) -> date | None:
    text = values.get(name)
    return date.fromisoformat(str(text)) if text else None


def _sex(values: Values) -> str:
    gender = values.get("prs_Gender")
    return crosswalk("sex/gender")[str(gender)] if gender else UNKNOWN


def _forms(values: Values) -> frozenset[str]:
    """Map each type of exploitation that is named to its form; our proposal's review mark is cut off."""
    named = values.get("vic_TypeOfExploitation", ())
    forms = crosswalk("form of exploitation")
    return frozenset(forms[name][:2] for name in named) if isinstance(named, tuple) else frozenset()


def _age(values: Values, year: int) -> str:
    """Take age at registration (its own column, else from the birth date), else age when trafficked.

    Where only years are known and the eighteenth birthday lies in the year of registration, the age is unknown.
    """
    stated = values.get("ext_AgeAtRegistration")
    if stated is not None:
        return _band("ext_AgeAtRegistration", int(str(stated)))
    birth = _day(values, "prs_Birthdate")
    if birth is not None:
        return _band_at_registration(birth, _day(values, "ext_RegistrationDate"), year)
    born = values.get("ext_BirthYear")
    if born is not None:
        return _band_of_years("ext_BirthYear", int(str(born)), year)
    trafficked = values.get("vic_AgeWhenTrafficked")
    if trafficked is not None:
        return coarse(_band("vic_AgeWhenTrafficked", int(str(trafficked))))
    return UNKNOWN


def _band_at_registration(birth: date, registered: date | None, year: int) -> str:
    if birth > (registered or date(year, 12, 31)):
        raise _Reject("prs_Birthdate", _("after the registration"))
    if registered:
        before = (registered.month, registered.day) < (birth.month, birth.day)
        return _band("prs_Birthdate", registered.year - birth.year - before)
    return _band_of_years("prs_Birthdate", birth.year, year)


def _band_of_years(name: str, born: int, year: int) -> str:
    """Take the band that both possible ages lie in, before and after the birthday; else the coarse one, else none."""
    if born > year:
        raise _Reject(name, _("after the registration"))
    youngest, oldest = (_band(name, max(year - born - less, 0)) for less in (1, 0))
    if youngest == oldest:
        return oldest
    return coarse(oldest) if coarse(oldest) == coarse(youngest) else UNKNOWN


def _band(name: str, years: int) -> str:
    if years > _OLDEST:
        raise _Reject(name, _("older than {limit} years").format(limit=_OLDEST))
    return band_of(years)


def _area(values: Values) -> str:
    """Take our own column, else the country of a historic event that is marked as the exploitation."""
    own = values.get("ext_CountryOfExploitation")
    if own is not None:
        return str(own)
    if values.get("hte_Type") != "Exploitation" or "hte_Country" not in values:
        return UNKNOWN
    try:
        return parse_country(str(values["hte_Country"]))
    except BadValueError as fault:
        raise _Reject("hte_Country", fault.reason) from None


@cache
def _sealed() -> frozenset[str]:
    return frozenset(name for name, rule in field_rules().items() if rule.sealed)


def _details(values: Values) -> Values:
    hidden = _sealed() | _NEVER_STORED
    return {name: value for name, value in values.items() if name not in hidden}


def _identity(values: Values) -> Identity | None:
    sealed = _sealed() - _NEVER_STORED
    fields = {name: str(value) for name, value in values.items() if name in sealed}
    return Identity(fields) if fields else None
