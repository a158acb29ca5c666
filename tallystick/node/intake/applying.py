"""A mapping at work: an agency's rows under HTCDS headings, every value that is not literal told with its row.

A spelling that the mapping does not name rejects its row by name. The one exception are countries: a name that can mean
one country only is taken, and told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tallystick.config.i18n import _
from tallystick.node.intake.characters import folded, mended, without_direction_marks
from tallystick.node.intake.cleaning import clean_value
from tallystick.node.intake.datestyles import number_of, read_date, year_of
from tallystick.node.intake.fields import Kind, field_rules
from tallystick.node.intake.headings import Headings, find_headings, is_numbering
from tallystick.node.intake.mapping import YEAR_FIELDS, ColumnRule, MappingFile, read_mapping_file
from tallystick.node.intake.rows import Change, Grid, Layout, Row, Sheet
from tallystick.node.intake.spellings import country_meanings, is_unknown, words

__all__ = ["UNITS", "FileMapping", "Refused", "Translator", "load_mapping", "split"]

UNITS = {"ext_AgeAtRegistration": "years", "vic_AgeWhenTrafficked": "years", "ext_DurationMonths": "months"}
_YEARS = frozenset({"ext_BirthYear", "ext_RegistrationYear"})


class Refused(ValueError):  # noqa: N818 - a value, not an error of the program
    """A cell whose meaning the mapping does not give.

    Args:
        reason: Why, for a person, without the value.
        part: Which of several values in the cell it was.
    """

    def __init__(self, reason: str, part: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.part = part


class Translator:
    """Turns the cells of one column into texts that HTCDS's parser takes."""

    def __init__(self, column: ColumnRule) -> None:
        self.field = column.field or ""
        self._rule = field_rules()[self.field]
        self._table = {folded(spelling): code for spelling, code in column.values.items()}
        self._separators = column.separators
        self._styles = column.dates
        self._span = (column.two_digit_years[0], column.two_digit_years[1]) if column.two_digit_years else None
        self._translate = self._by_kind()

    def __call__(self, text: str) -> tuple[str, str, str]:
        """Return the field's text, the year's where only a year stood in a column of dates, and what was done.

        Raises:
            Refused: The mapping gives the cell no meaning.
        """
        try:
            return self._translate(text)
        except Refused:
            if is_unknown(text):
                return "", "", ""
            raise

    def _by_kind(self) -> Callable[[str], tuple[str, str, str]]:
        if self.field in _YEARS:
            return self._year
        if self._rule.kind is Kind.DATE:
            return self._date
        if self._rule.kind is Kind.NUMBER:
            return self._number
        return self._literal if self._rule.kind is Kind.TEXT else self._coded

    def _literal(self, text: str) -> tuple[str, str, str]:
        return text, "", ""

    def _year(self, text: str) -> tuple[str, str, str]:
        year = year_of(text)
        if not year:
            raise Refused(_("not a year of four figures"))
        return str(year), "", "" if text.strip().startswith(str(year)) and len(text.strip()) == 4 else _unit()

    def _number(self, text: str) -> tuple[str, str, str]:
        number = number_of(text, UNITS.get(self.field, ""))
        if not number.removesuffix(".0").isdigit():
            raise Refused(_("not a whole number"))
        return number, "", "" if text.strip()[-1:].isdigit() else _unit()

    def _date(self, text: str) -> tuple[str, str, str]:
        readings = [found for style in self._styles if (found := read_date(style, text, self._span))]
        if not readings:
            styles = ", ".join(self._styles) or "-"
            raise Refused(_("not a date in one of the mapping's styles ({styles})").format(styles=styles))
        found = readings[0]
        if found.day is None:
            return "", str(found.year), found.why
        return found.day.isoformat(), "", found.why

    def _coded(self, text: str) -> tuple[str, str, str]:
        try:
            code, why = self._one(text)
        except Refused:
            return self._several(text)
        return code, "", why

    def _several(self, text: str) -> tuple[str, str, str]:
        parts = split(text, self._separators)
        if len(parts) < 2:
            raise Refused(_("not in the mapping's table"))
        if self._rule.kind not in {Kind.CODES, Kind.COUNTRIES}:
            raise Refused(_("several values in one cell; the field takes one"))
        codes: dict[str, None] = {}
        for part in parts:
            try:
                codes[self._one(part)[0]] = None
            except Refused as fault:
                raise Refused(fault.reason, part) from None
        return ";".join(code for code in codes if code), "", _("several values in one cell were taken apart")

    def _one(self, text: str) -> tuple[str, str]:
        found = self._table.get(folded(text))
        if found is not None:
            return found, ""
        plain = mended(without_direction_marks(text))
        found = self._table.get(folded(plain))
        if found is not None:
            return found, _("letters that deceive were mended")
        if self._rule.kind in {Kind.COUNTRY, Kind.COUNTRIES}:
            meant = country_meanings().get(words(plain), frozenset())
            if len(meant) == 1:
                return next(iter(meant)), _("taken by the country's name; the mapping's table lacks it")
        if self._rule.kind is Kind.FLAG and folded(text) in {"true", "false"}:
            return folded(text), ""
        raise Refused(_("not in the mapping's table"))


def _unit() -> str:
    return _("words beside the number were left out")


def split(text: str, separators: Sequence[str]) -> list[str]:
    """Return the values between separators, without empty ones."""
    parts = [text]
    for separator in separators:
        parts = [piece for part in parts for piece in part.split(separator)]
    return [piece.strip() for piece in parts if piece.strip()]


@dataclass(frozen=True)
class FileMapping:
    """A reviewed mapping, ready to read the files it was made for."""

    file: MappingFile
    path: Path

    @property
    def layout(self) -> Layout:
        """Return how its files are to be read."""
        return Layout(self.file.file.sheet, self.file.file.encoding, self.file.file.delimiter)

    @cached_property
    def _named(self) -> frozenset[str]:
        parts = (part for column in self.file.columns for part in (column.heading, *column.heading.split(": ")))
        return frozenset(folded(part) for part in parts)

    def knows(self, heading: str) -> bool:
        """Tell whether the mapping names this heading, whole or as one of two rows."""
        return folded(heading) in self._named

    def apply(self, grid: Grid, path: Path) -> Sheet:
        """Return the rows under HTCDS headings.

        Raises:
            MalformedError: The headings are not those that the mapping was made for.
        """
        wanted = [column.heading for column in self.file.columns]
        headings = find_headings(grid, self.file.file.heading_rows, wanted, path, self.path)
        places = {folded(name): place for place, name in enumerate(headings.names)}
        taken = [column for column in self.file.columns if column.field]
        work = _Work([(places[folded(column.heading)], Translator(column)) for column in taken], self.file.constants)
        left = [column.heading for column in self.file.columns if not column.field]
        notes = [_("columns not taken in: {names}").format(names=", ".join(left))] if left else []
        return Sheet(work.header, work.rows(headings), grid.size, (*grid.notes, *notes))


class _Work:
    """The loop over rows: each cell through its column's translator, joined under the fields' headings."""

    def __init__(self, columns: Sequence[tuple[int, Translator]], constants: Mapping[str, str]) -> None:
        self._columns = columns
        self._constants = tuple(constants.values())
        fields = dict.fromkeys(one.field for _place, one in columns)
        years = dict.fromkeys(YEAR_FIELDS[name] for name in fields if name in YEAR_FIELDS)
        self._fields = tuple({**fields, **years})
        self.header = (*self._fields, *constants)

    def rows(self, headings: Headings) -> Iterator[Row]:
        width = len(headings.names)
        for found in headings.rows:
            row = found.fitted(width)
            if row.fault:
                yield row
            elif not is_numbering(row):
                yield self._row(row)

    def _row(self, row: Row) -> Row:
        texts: dict[str, list[str]] = {}
        changes, refused = list(row.changes), []
        for place, translate in self._columns:
            text = row.cells[place]
            if not text:
                if translate.field == "ext_CaseId":
                    texts.setdefault(translate.field, []).append("")
                continue
            rule = field_rules()[translate.field]
            if not rule.sealed:
                text, change = clean_value(translate.field, text)
                changes += [change] if change else []
            try:
                value, year, why = translate(text)
            except Refused as fault:
                refused.append(Change(rule.id, fault.part or text, "", fault.reason))
                continue
            if why:
                shown = ("", "") if rule.sealed else (text, value or year)
                changes.append(Change(rule.id, *shown, why))
            if value:
                texts.setdefault(rule.id, []).append(value)
            if year and translate.field in YEAR_FIELDS:
                texts.setdefault(YEAR_FIELDS[translate.field], []).append(year)
        cells = (*(_joined(name, texts.get(name, [])) for name in self._fields), *self._constants)
        return Row(row.number, cells, "", tuple(changes), tuple(refused))


def _joined(name: str, texts: Sequence[str]) -> str:
    """Join what several columns say; a case number lacks all of it where one part is missing."""
    if name == "ext_CaseId":
        return "/".join(texts) if all(texts) else ""
    return ";".join(dict.fromkeys(texts))


def load_mapping(path: Path) -> FileMapping:
    """Read a reviewed mapping.

    Raises:
        StoreError: It cannot be read.
        ConfigError: It is not a mapping, or says what cannot be.
    """
    return FileMapping(read_mapping_file(path), path)
