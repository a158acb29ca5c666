"""Which field each column of a register is: decided by what it is called, confirmed by what stands in it.

Nothing is taken on its contents alone, and nothing on its heading against its contents (docs/adr/0017). What is not
sure stays open with the reason, and with suggestions for whoever is asked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tallystick.config.i18n import _
from tallystick.node.intake.applying import UNITS, Refused, Translator
from tallystick.node.intake.datestyles import YEAR, number_of, styles_of, year_of
from tallystick.node.intake.fields import FieldRule, Kind, field_rules
from tallystick.node.intake.mapping import CASE_NUMBER, JOINED, YEAR_FIELDS, ColumnRule, missing_fields
from tallystick.node.intake.meaning import Meaning, meanings, parts_of
from tallystick.node.intake.spellings import code_meanings, fields_called, is_row_number, is_unknown, words
from tallystick.node.intake.survey import Survey, SurveyedColumn

__all__ = ["ColumnProposal", "Proposal", "examine", "propose"]

SURE = 90
"""Least certainty of a heading (``fields_called``) at which a column is taken unasked."""
CODED_SHARE = 0.5
"""Least share of filled cells whose spelling must have a meaning; the rest is asked for, or rejects its rows."""
PLAIN_SHARE = 0.8
"""The same for dates, numbers, yes and no: there is nothing to ask for in a cell that is none."""
MOST_CODES, MOST_COUNTRIES = 60, 260
"""Most different spellings of a coded column; beyond, it holds free text, which may name people."""
_CODED = frozenset({Kind.CODE, Kind.CODES, Kind.COUNTRY, Kind.COUNTRIES, Kind.FLAG})
_BIRTH_SPAN, _OTHER_SPAN = 90, 40
"""Years that two figures can stand for, in columns of birth dates and in others."""
_FLAG_LISTS = {"vic_TypeOfExploitation": (), "vic_MethodsOfControl": ("means", "of", "control")}


@dataclass(frozen=True)
class ColumnProposal:
    """One column: the field it is, with its rules, or why it is open.

    Attributes:
        column: What was seen of it.
        field: The field, or None while it is open.
        reason: Why it is open.
        suggestions: Fields that it could be, for a question.
        meanings: What its spellings mean.
        separators: What parts several values in a cell.
        dates: Styles of its dates.
        ambiguous_dates: Days and months cannot be told apart.
        span: Years that two figures stand for.
        only: For a column of yes and no that stands for one code: that code.
    """

    column: SurveyedColumn
    field: str | None = None
    reason: str = ""
    suggestions: tuple[str, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    separators: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    ambiguous_dates: bool = False
    span: tuple[int, int] | None = None
    only: str = ""

    def rule(self) -> ColumnRule:
        """Return what a mapping says of it."""
        if self.field is None:
            return ColumnRule(heading=self.column.heading)
        values = {one.spelling: one.code for one in self.meanings if one.code is not None}
        short = any(style.endswith(("/YY", ".YY", "-YY")) for style in self.dates)
        return ColumnRule(
            heading=self.column.heading,
            field=self.field,
            values=values,
            separators=list(self.separators),
            dates=list(self.dates),
            two_digit_years=list(self.span) if short and self.span else None,
        )


@dataclass(frozen=True)
class Proposal:
    """A register's columns and what is still wanting."""

    survey: Survey
    columns: tuple[ColumnProposal, ...]

    def missing(self) -> tuple[str, ...]:
        """Return the needed fields that no column gives."""
        return missing_fields([one.field for one in self.columns if one.field])

    def has_agency(self) -> bool:
        """Tell whether a column says who reports."""
        return any(one.field == "org_Name" for one in self.columns)

    def with_column(self, changed: ColumnProposal) -> "Proposal":
        """Return the proposal with one column decided otherwise."""
        return replace(
            self,
            columns=tuple(changed if one.column.place == changed.column.place else one for one in self.columns),
        )


def propose(found: Survey, this_year: int) -> Proposal:
    """Propose a field for every column of which it is sure.

    Args:
        found: The register.
        this_year: Now; two figures of a year mean none after it.
    """
    columns = [_column(column, this_year, found.rows) for column in found.columns]
    claimed = Counter(one.field for one in columns if one.field)
    return Proposal(found, tuple(_unless_claimed_twice(one, claimed) for one in columns))


def _unless_claimed_twice(one: ColumnProposal, claimed: Mapping[str, int]) -> ColumnProposal:
    if one.field is None or claimed[one.field] == 1 or field_rules()[one.field].kind in JOINED:
        return one
    return _open(one.column, _("several columns are called so; which one is meant?"), (one.field,))


def _open(column: SurveyedColumn, reason: str, suggestions: Sequence[str] = ()) -> ColumnProposal:
    return ColumnProposal(column, None, reason, tuple(suggestions))


def _column(column: SurveyedColumn, this_year: int, rows: int) -> ColumnProposal:
    if is_row_number(column.heading):
        return _open(column, _("a row number is no case number: it changes when the sheet is sorted"))
    if flagged := _one_code(column):
        return flagged
    names, certainty = fields_called(column.heading)
    names &= field_rules().keys()
    if not names:
        return _open(column, _("no known heading"))
    if certainty < SURE:
        return _open(column, _("the heading only resembles a known one"), sorted(names))
    if len(names) > 1:
        return _open(column, _("the heading could mean several fields"), sorted(names))
    (name,) = names
    return examine(column, name, this_year, rows)


def examine(column: SurveyedColumn, name: str, this_year: int, rows: int, *, asked: bool = False) -> ColumnProposal:
    """Confirm a field by what stands in the column.

    Args:
        column: The column.
        name: The field.
        this_year: Now.
        rows: Rows of the register.
        asked: A person said so: its contents are read as that field, whatever share of them can be.

    Returns:
        The column with its rules, or open with the reason.
    """
    rule = field_rules()[name]
    if name == CASE_NUMBER:
        return _case_number(column, rows, asked=asked)
    if rule.kind in _CODED or rule.kind is Kind.LANGUAGE:
        return _coded(column, rule, asked=asked)
    if rule.kind is Kind.DATE:
        return _dated(column, rule, this_year, asked=asked)
    if rule.kind is Kind.NUMBER:
        return _numbered(column, rule, asked=asked)
    return ColumnProposal(column, name)


def _case_number(column: SurveyedColumn, rows: int, *, asked: bool) -> ColumnProposal:
    if not asked and column.repeats:
        reason = _("{count} cells repeat a number: several persons share a case, so it names no person")
        return _open(column, reason.format(count=column.repeats), (CASE_NUMBER,))
    if not asked and column.filled < rows:
        reason = _("{count} rows have none").format(count=rows - column.filled)
        return _open(column, reason, (CASE_NUMBER,))
    return ColumnProposal(column, CASE_NUMBER)


def _too_few(column: SurveyedColumn, good: int, share: float) -> str:
    filled = sum(column.texts.values())
    if good >= share * filled:
        return ""
    return _("only {good} of {filled} cells hold what the heading says").format(good=good, filled=filled)


def _coded(column: SurveyedColumn, rule: FieldRule, *, asked: bool) -> ColumnProposal:
    spellings, separators = parts_of(rule, column.texts)
    most = MOST_COUNTRIES if rule.kind in {Kind.COUNTRY, Kind.COUNTRIES} else MOST_CODES
    if len(spellings) > most or column.overflown:
        return _open(column, _("too many different texts for codes"), (rule.id,))
    found = meanings(rule, spellings)
    good = sum(one.cells for one in found if one.code is not None)
    total = sum(one.cells for one in found)
    if not asked and good < CODED_SHARE * total:
        reason = _("only {good} of {filled} cells hold what the heading says").format(good=good, filled=total)
        return _open(column, reason, (rule.id,))
    return ColumnProposal(column, rule.id, meanings=found, separators=tuple(separators))


def _dated(column: SurveyedColumn, rule: FieldRule, this_year: int, *, asked: bool) -> ColumnProposal:
    width = _BIRTH_SPAN if rule.id == "prs_Birthdate" else _OTHER_SPAN
    span = (this_year - width + 1, this_year)
    styles, ambiguous = styles_of([text for text in column.texts if not is_unknown(text)], span)
    if rule.id not in YEAR_FIELDS:
        styles = [style for style in styles if style != YEAR]
    made = ColumnProposal(column, rule.id, dates=tuple(styles), ambiguous_dates=ambiguous, span=span)
    if ambiguous and not asked:
        reason = _("days and months cannot be told apart")
        return replace(made, field=None, reason=reason, suggestions=(rule.id,))
    unknown = tuple(Meaning(text, cells, "") for text, cells in column.texts.items() if is_unknown(text))
    good = sum(column.texts[text] for text in column.texts if _taken(made, text)) + sum(one.cells for one in unknown)
    if (reason := _too_few(column, good, PLAIN_SHARE)) and not asked:
        return _open(column, reason, (rule.id,))
    return made


def _taken(made: ColumnProposal, text: str) -> bool:
    try:
        Translator(made.rule())(text)
    except Refused:
        return False
    return True


def _numbered(column: SurveyedColumn, rule: FieldRule, *, asked: bool) -> ColumnProposal:
    def fits(text: str) -> bool:
        if rule.id.endswith("Year"):
            return bool(year_of(text))
        return number_of(text, UNITS.get(rule.id, "")).removesuffix(".0").isdigit()

    good = sum(cells for text, cells in column.texts.items() if fits(text) or is_unknown(text))
    if (reason := _too_few(column, good, PLAIN_SHARE)) and not asked:
        return _open(column, reason, (rule.id,))
    return ColumnProposal(column, rule.id)


def _one_code(column: SurveyedColumn) -> ColumnProposal | None:
    """Recognise a column of yes and no that is called as one code of a list of several (``isForcedLabour``)."""
    spelt = words(column.heading)
    spelt = spelt[1:] if spelt[:1] == ("is",) else spelt
    for name, prefix in _FLAG_LISTS.items():
        code = _code_called(name, spelt, prefix)
        if code is None or not column.texts:
            continue
        flags = meanings(FieldRule(name, "", "", Kind.FLAG, sealed=False), column.texts)
        if any(one.code is None for one in flags):
            return None
        found = tuple(one._replace(code=code if one.code == "true" else "") for one in flags)
        return ColumnProposal(column, name, meanings=found, only=code)
    return None


def _code_called(name: str, spelt: tuple[str, ...], prefix: tuple[str, ...]) -> str | None:
    if prefix and spelt[: len(prefix)] != prefix:
        return None
    rest = spelt[len(prefix) :]
    rule = field_rules()[name]
    lists = (f"HTCDS.{name}", "HTCDS.FieldDefinitions.MethodsOfControl") if prefix else (f"HTCDS.{name}",)
    meant = {code for of in code_meanings(lists).values() for code in of.get(rest, ())}
    if standard := rule.tokens.get("".join(rest)):
        meant.add(standard)
    return next(iter(meant)) if len(meant) == 1 and meant != {"Other"} else None
