"""``mapping.toml``: what an agency's headings and spellings mean, as its officers reviewed it.

Parsed strictly: an unknown key, a field or a code that does not exist, a rule that contradicts another one is refused
with the place in the file. A mapping belongs to its headings and to no others.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.codes import country_names
from tallystick.config.errors import ConfigError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.config.tomltext import parse_toml
from tallystick.node.cases.record import UNKNOWN
from tallystick.node.intake.characters import folded
from tallystick.node.intake.datestyles import STYLES, YEAR
from tallystick.node.intake.fields import FieldRule, Kind, field_rules

__all__ = [
    "CASE_NUMBER",
    "FORMAT",
    "JOINED",
    "YEAR_FIELDS",
    "ColumnRule",
    "FileFacts",
    "MappingFile",
    "read_mapping_file",
]

FORMAT = "tallystick-mapping-1"
SIZE_LIMIT = 1 << 20
"""Largest mapping, in bytes."""
CASE_NUMBER = "ext_CaseId"
YEAR_FIELDS = {"prs_Birthdate": "ext_BirthYear", "ext_RegistrationDate": "ext_RegistrationYear"}
"""Where a year goes that stands alone in a column of dates."""
JOINED = frozenset({Kind.CODES, Kind.COUNTRIES})
"""Kinds of field that several columns may fill together."""
_NEVER_CONSTANT = frozenset({CASE_NUMBER, "ext_RegistrationYear", "ext_AgeAtRegistration", "vic_AgeWhenTrafficked"})
_SPAN = 100
Text = Annotated[str, Field(max_length=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileFacts(_Strict):
    """How the agency's files are to be read."""

    kind: Literal["csv", "xlsx"] = Field(description='"csv" or "xlsx"')
    sheet: Text | None = None
    encoding: Text | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    heading_rows: Annotated[int, Field(ge=1, le=2)] = 1


class ColumnRule(_Strict):
    """What one column means; without ``field`` it is not taken in."""

    heading: Text
    field: Text | None = None
    values: dict[str, Text] = Field(default_factory=dict)
    separators: list[Annotated[str, Field(min_length=1, max_length=5)]] = Field(default_factory=list, max_length=10)
    dates: list[Text] = Field(default_factory=list, max_length=len(STYLES))
    two_digit_years: Annotated[list[int], Field(min_length=2, max_length=2)] | None = None


class MappingFile(_Strict):
    """The whole file."""

    format: Literal["tallystick-mapping-1"]
    file: FileFacts
    constants: dict[str, Text] = Field(default_factory=dict)
    columns: Annotated[list[ColumnRule], Field(min_length=1, max_length=1000)]


def read_mapping_file(path: Path) -> MappingFile:
    """Read and check a mapping.

    Raises:
        StoreError: It cannot be read.
        ConfigError: It is not a mapping, or says what cannot be; with the place and how to mend it.
    """
    raw = parse_toml(read_bounded(path, SIZE_LIMIT), path)
    try:
        found = MappingFile.model_validate(raw)
    except ValidationError as error:
        raise _explained(path, error) from None
    _check(path, found)
    return found


def _explained(path: Path, error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ConfigError(
            _("{path}: {key}: no such key").format(path=path, key=place), hint=_("take it out, or mend its spelling")
        )
    if first["type"] == "missing":
        return ConfigError(
            _("{path}: {key}: missing").format(path=path, key=place),
            hint=_("add it, or let tallystick case map write the file anew"),
        )
    return ConfigError(
        _("{path}: {key}: {what}").format(path=path, key=place, what=first["msg"]),
        hint=_("numbers in the place count from 1: columns.2 is the second [[columns]]"),
    )


def _check(path: Path, found: MappingFile) -> None:
    headings = Counter(folded(column.heading) for column in found.columns)
    twice = [column.heading for column in found.columns if headings[folded(column.heading)] > 1]
    if twice:
        raise _refusal(path, f"columns '{twice[0][:40]}'", _("stands twice"), _("each heading has one [[columns]]"))
    for column in found.columns:
        _check_column(path, column)
    for name, text in found.constants.items():
        _check_constant(path, name, text)
    _check_fields(path, found)


def _refusal(path: Path, place: str, what: str, hint: str) -> ConfigError:
    return ConfigError(_("{path}: {place}: {what}").format(path=path, place=place, what=what), hint=hint)


def _rule(path: Path, place: str, name: str) -> FieldRule:
    rule = field_rules().get(name)
    if rule is None:
        what = _("there is no field '{name}'").format(name=name[:40])
        raise _refusal(path, place, what, _("tallystick case fields lists them"))
    return rule


def _check_column(path: Path, column: ColumnRule) -> None:
    place = f"columns '{column.heading[:40]}'"
    if column.field is None:
        if column.values or column.dates or column.separators or column.two_digit_years:
            raise _refusal(path, place, _("rules without a field"), _('add field = "..."'))
        return
    rule = _rule(path, place, column.field)
    for spelling, value in column.values.items():
        if fault := _value_fault(rule, value):
            raise _refusal(path, f"{place} '{spelling[:40]}'", fault, _allowed(rule))
    unknown = [style for style in column.dates if style not in STYLES]
    if unknown or (column.dates and rule.kind is not Kind.DATE):
        what = _("'{style}' is no style of a date here").format(style=(unknown or column.dates)[0][:40])
        raise _refusal(path, place, what, _("there are: {names}").format(names=", ".join(STYLES)))
    if YEAR in column.dates and column.field not in YEAR_FIELDS:
        raise _refusal(path, place, _("a year alone is no date here"), _("take YYYY out of dates"))
    _check_span(path, place, column)


def _check_span(path: Path, place: str, column: ColumnRule) -> None:
    span = column.two_digit_years
    if span is not None and not 0 <= span[1] - span[0] < _SPAN:
        what = _("two_digit_years must span at most 100 years")
        raise _refusal(path, place, what, "two_digit_years = [1940, 2026]")
    for style in column.dates:
        if "DD" + style[2:3] + "MM" + style[5:] in column.dates and style.startswith("MM"):
            raise _refusal(path, place, _("both orders of day and month"), _("keep the one that the agency uses"))


def _value_fault(rule: FieldRule, value: str) -> str:
    """Return why a code cannot stand on the right side of a table, or nothing; empty leaves the value out."""
    if not value:
        return ""
    if rule.kind in {Kind.CODE, Kind.CODES}:
        known = value in rule.tokens.values()
    elif rule.kind in {Kind.COUNTRY, Kind.COUNTRIES}:
        known = value == UNKNOWN or value in country_names()
    elif rule.kind is Kind.FLAG:
        known = value in {"true", "false"}
    elif rule.kind is Kind.LANGUAGE:
        known = len(value) == 3 and value.isascii() and value.islower()
    else:
        return _("{field} has no codes").format(field=rule.id)
    return "" if known else _("'{value}' is no code of {field}").format(value=value[:40], field=rule.id)


def _allowed(rule: FieldRule) -> str:
    codes = ", ".join(sorted(set(rule.tokens.values()))[:12])
    return _('expected one of: {codes}; or "" to leave it out').format(codes=codes or _("alpha-3, such as KAZ"))


def _check_constant(path: Path, name: str, text: str) -> None:
    place = f"constants.{name[:40]}"
    rule = _rule(path, place, name)
    if name in _NEVER_CONSTANT or (rule.sealed and name != "org_Name"):
        what = _("cannot be the same for every case")
        raise _refusal(path, place, what, _("it needs a column; the next file would get this file's value"))
    if not text or (not rule.sealed and rule.kind is not Kind.NUMBER and _value_fault(rule, text)):
        raise _refusal(path, place, _("'{value}' is no value of it").format(value=text[:40]), _allowed(rule))


def _check_fields(path: Path, found: MappingFile) -> None:
    fields = Counter(column.field for column in found.columns if column.field)
    for name, times in fields.items():
        if times > 1 and name != CASE_NUMBER and field_rules()[name].kind not in JOINED:
            what = _("{times} columns are mapped to it").format(times=times)
            raise _refusal(path, name, what, _("keep one of them; it takes one value"))
        if name in found.constants:
            raise _refusal(path, f"constants.{name}", _("a column is mapped to it too"), _("keep one of the two"))
    missing = missing_fields(tuple(fields))
    if missing:
        what = _("no column is mapped to {names}").format(names=_(" or ").join(missing))
        raise _refusal(path, "columns", what, _("name the column by field = ..., or add one to the agency's file"))


def missing_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """Return what counting cannot do without and no column gives: the case number, or one of the two for the year."""
    if CASE_NUMBER not in fields:
        return (CASE_NUMBER,)
    years = ("ext_RegistrationDate", "ext_RegistrationYear")
    return () if set(years) & set(fields) else years
