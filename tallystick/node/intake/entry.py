"""A case typed by an officer: the same fields, the same rules and the same parser as a file's.

What is typed passes exactly what a file passes, because it goes through ``HtcdsParser`` as a sheet of one row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from tallystick.config.codes import code_list, htcds_fields
from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _
from tallystick.node.cases.record import CaseRecord, Detail, Identity
from tallystick.node.intake.fields import FieldRule, Kind, field_rules, header_names, token
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.values import BadValueError, parse_value

__all__ = [
    "NUMBER_FIELD",
    "change_record",
    "choices",
    "core_fields",
    "field_named",
    "make_record",
    "other_fields",
    "read_answer",
    "texts_of",
]

NUMBER_FIELD = "ext_CaseId"
_DATE, _YEAR = "ext_RegistrationDate", "ext_RegistrationYear"
_FIRST = (NUMBER_FIELD, _DATE, _YEAR, "ext_IdentificationDate", "ext_AgeAtRegistration", "ext_CountryOfExploitation")
_AGENCY_FIELD = "org_Name"
_BOTH_LISTS = {"vic_MethodsOfControl": ("HTCDS.vic_MethodsOfControl", "HTCDS.FieldDefinitions.MethodsOfControl")}
_FEEDS = {
    "prs_Gender": "sex",
    "prs_Citizenship": "citizenship",
    "ext_CountryOfExploitation": "exploitation_area",
    "ext_AgeAtRegistration": "age",
    "prs_Birthdate": "age",
    "vic_AgeWhenTrafficked": "age",
    "vic_TypeOfExploitation": "forms",
    "vic_TraffickingStatus": "counted",
    "vic_RelationshipToTrafficker": "relationship",
    "vic_MethodsOfControl": "controls",
}
"""Field to the part of the classification that is made from it alone, whatever a source had put there."""
_CLASSIFICATION = ("year", "sex", "age", "citizenship", "exploitation_area", "forms", "counted", "role", "relationship")
_MORE_CLASSIFICATION = ("controls", "stages")


@cache
def _core() -> frozenset[str]:
    return frozenset(facts["id"] for facts in htcds_fields() if facts["core"] and facts["status"] != "DEPRECATED")


def core_fields() -> tuple[FieldRule, ...]:
    """Return what every case is asked for: what counting needs, then HTCDS's Core in its own order."""
    rules = field_rules()
    return (*(rules[name] for name in _FIRST), *(rule for rule in rules.values() if rule.id in _core()))


def other_fields() -> tuple[FieldRule, ...]:
    """Return every other field, in the standard's order; who reports is not among them, since it is asked apart."""
    asked = {*_FIRST, *_core(), _AGENCY_FIELD}
    return tuple(rule for rule in field_rules().values() if rule.id not in asked)


def field_named(name: str) -> FieldRule:
    """Return a field by id, or by a label that only one field has.

    Raises:
        UsageError: There is none, or several share the label.
    """
    found = header_names().get(token(name), ())
    if len(found) != 1:
        raise UsageError(
            _("there is no field '{name}'").format(name=name[:40])
            if not found
            else _("'{name}' may be several fields").format(name=name[:40]),
            hint=_("tallystick case fields lists them"),
        )
    return field_rules()[found[0]]


@cache
def choices(rule: FieldRule) -> tuple[tuple[str, str], ...]:
    """Return a field's codes with their labels; nothing where it has no list or one too long to be shown."""
    if rule.kind not in {Kind.CODE, Kind.CODES}:
        return ()
    listed = next((facts["codelist"] for facts in htcds_fields() if facts["id"] == rule.id), None)
    names = _BOTH_LISTS.get(rule.id, (listed,) if listed else ())
    labels = {code: label for name in reversed(names) for code, label in code_list(name).items()}
    return tuple((code, labels.get(code, code)) for code in dict.fromkeys(rule.tokens.values()))


def read_answer(rule: FieldRule, typed: str) -> str:
    """Return what was typed as a file's cell would hold it: numbers of the shown choices become their codes.

    Raises:
        BadValueError: A file with this value would be rejected; the reason does not repeat it.
    """
    text, listed = typed.strip(), choices(rule)
    if listed:
        parts = [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]
        text = ";".join(_chosen(part, listed) for part in parts)
    if text:
        parse_value(rule, text)
    return text


def _chosen(part: str, listed: Sequence[tuple[str, str]]) -> str:
    if not part.isdecimal():
        return part
    if len(part) > len(str(len(listed))) + 2 or not 0 < int(part) <= len(listed):
        raise BadValueError(_("there are the choices 1 to {count}").format(count=len(listed)))
    return listed[int(part) - 1][0]


def make_record(texts: Mapping[str, str], *, state: str, agency: str | None, last_year: int) -> CaseRecord:
    """Return the record that a file with this one row would bring.

    Args:
        texts: Field id to text, as a cell holds it; empty means unknown.
        state: Alpha-3 code of the state whose register it is.
        agency: Who reports; None to take ``org_Name``.
        last_year: Latest year of registration that is not in the future.

    Raises:
        MalformedError: The row would be rejected; every field at fault is named, no sealed value is.
    """
    given = {name: text for name, text in texts.items() if text}
    rejections = Rejections()
    parser = HtcdsParser(
        tuple({**dict.fromkeys((NUMBER_FIELD, _YEAR), ""), **given}),
        state=state,
        agency=agency,
        last_year=last_year,
        rejections=rejections,
    )
    cells = tuple({**dict.fromkeys((NUMBER_FIELD, _YEAR), ""), **given}.values())
    record = parser.parse(Row(1, cells))
    if record is None:
        faults = "; ".join(
            ": ".join(part for part in (" ".join(filter(None, (found.field, found.value))), found.reason) if part)
            for found in rejections.first
        )
        raise MalformedError(_("this case cannot be taken in: {faults}").format(faults=faults))
    return record


def texts_of(record: CaseRecord) -> dict[str, str]:
    """Return a held record's fields as a file's cells would hold them."""
    known = field_rules()
    found = {name: _text(value) for name, value in record.details.items() if name in known}
    if record.identity is not None:
        found |= {name: text for name, text in record.identity.fields.items() if name in known}
    if _DATE not in found:
        found[_YEAR] = str(record.year)
    return {NUMBER_FIELD: record.agency_case_id, **found}


def _text(value: Detail) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ";".join(value) if isinstance(value, tuple) else str(value)


def change_record(held: CaseRecord, changes: Mapping[str, str], *, state: str, last_year: int) -> CaseRecord:
    """Return ``held`` with some fields changed, and of its classification only what they change.

    A record that did not come from HTCDS keeps what its own source said wherever no changed field says otherwise.

    Args:
        held: The record as the register holds it, identity included.
        changes: Field id to its new text; empty removes the value.
        state: Alpha-3 code of the state whose register it is.
        last_year: Latest year of registration that is not in the future.

    Raises:
        MalformedError: The changed record would be rejected.
        UsageError: The case number or the agency would change, which make a case what it is.
    """
    if fixed := {NUMBER_FIELD, _AGENCY_FIELD} & set(changes):
        raise UsageError(
            _("{field} cannot be changed: it is what the case is known by").format(field=min(fixed)),
            hint=_("add a new case, then close or link the old one"),
        )
    texts = texts_of(held)
    before = make_record(texts, state=state, agency=held.agency, last_year=last_year)
    if changes.get(_DATE) and _YEAR not in changes:
        texts.pop(_YEAR, None)
    if _DATE in changes and not changes[_DATE]:
        texts[_YEAR] = str(held.year)
    after = make_record({**texts, **changes}, state=state, agency=held.agency, last_year=last_year)
    fed = {_FEEDS[name] for name in changes if name in _FEEDS}
    parts: dict[str, Any] = {
        name: getattr(after, name)
        for name in (*_CLASSIFICATION, *_MORE_CLASSIFICATION)
        if name in fed or getattr(after, name) != getattr(before, name)
    }
    return replace(held, **parts, details=_details(held, after), identity=_identity(held, after))


def _foreign(names: Iterable[str]) -> set[str]:
    return set(names) - set(field_rules())


def _details(held: CaseRecord, after: CaseRecord) -> dict[str, Detail]:
    return {**{name: held.details[name] for name in _foreign(held.details)}, **after.details}


def _identity(held: CaseRecord, after: CaseRecord) -> Identity | None:
    kept = held.identity.fields if held.identity else {}
    fields = {**{name: kept[name] for name in _foreign(kept)}, **(after.identity.fields if after.identity else {})}
    return Identity(fields) if fields else None
