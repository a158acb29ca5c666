"""Rows of a sheet to what the register takes: coded, and identities sealed ahead where that is asked for."""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from tallystick.node.cases.codedrow import CodedRow, coded_row, sealed_ahead
from tallystick.node.cases.record import CaseRecord
from tallystick.node.intake.cleaning import cleaned_rows
from tallystick.node.intake.fastcoding import FastCoder
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.rejections import Sink
from tallystick.node.intake.rows import Change, Row, Sheet
from tallystick.node.intake.textfile import TextLines
from tallystick.node.intake.values import CELL_LIMIT

__all__ = ["Event", "Plan", "Raw", "Recorder", "TextMaker", "make_row"]

Event = tuple[int, str, str, str, bool | str]
"""Row, field, value and reason; then whether the value is sealed, or what it became."""


class Recorder:
    """A sink that remembers, so that another process can tell."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, row: int, field: str, value: str, reason: str, *, sealed: bool) -> None:
        """See ``Sink``."""
        self.events.append((row, field, value, reason, sealed))

    def change(self, row: int, found: Change) -> None:
        """See ``Sink``."""
        self.events.append((row, found.field, found.value, found.reason, found.became))

    def replay(self, sink: Sink) -> None:
        """Tell another sink, and forget."""
        for row, field, value, reason, last in self.events:
            if isinstance(last, bool):
                sink.add(row, field, value, reason, sealed=last)
            else:
                sink.change(row, Change(field, value, last, reason))
        self.events.clear()


class Raw(NamedTuple):
    """One row of a CSV file that was not cut into cells: its number, its text, or why it is none, and its mark."""

    number: int
    text: str
    fault: str = ""
    mark: bytes | None = None


class Plan(NamedTuple):
    """Everything that a row's record depends on besides the row."""

    header: tuple[str, ...]
    delimiter: str
    state: str
    agency: str | None
    last_year: int

    def parser(self, sink: Sink) -> HtcdsParser:
        """Return a parser of such rows."""
        return HtcdsParser(self.header, state=self.state, agency=self.agency, last_year=self.last_year, rejections=sink)


class _Parser(Protocol):
    def parse(self, row: Row) -> CaseRecord | None: ...


def make_row(parser: _Parser, row: Row, sink: Sink) -> CodedRow | None:
    """Return what the register takes of a row, or None after telling ``sink`` why there is nothing."""
    record = parser.parse(row)
    if record is None:
        return None
    for change in row.changes:
        sink.change(row.number, change)
    return coded_row(record, row.number)


class TextMaker:
    """Makes rows out of a CSV file's text.

    Args:
        plan: What they depend on.
        sink: Takes what cannot be taken in.
        seal_ahead: Seal each identity as a new person's, for the register to keep or to open again.
    """

    def __init__(self, plan: Plan, sink: Sink, *, seal_ahead: bool = False) -> None:
        self._plan = plan
        self._sink = sink
        self._parser = plan.parser(sink)
        self._coder = FastCoder(self._parser)
        self._text = TextLines(plan.header, iter(()), plan.delimiter, 0, 0)
        self._seal_ahead = seal_ahead
        self._waiting = Row(0, ())
        self._cleaned = cleaned_rows(Sheet(plan.header, self._handed(), 0)).rows
        self.rows = 0

    def _handed(self) -> Iterator[Row]:
        while True:
            yield self._waiting

    def make(self, batch: Sequence[Raw]) -> list[CodedRow]:
        """Return what the register takes of a batch."""
        width = len(self._plan.header)
        made = []
        for raw, cells in zip(batch, self._cut(batch), strict=True):
            coded = None
            if len(cells) == width and len(raw.text) <= CELL_LIMIT and "\0" not in raw.text:
                coded = self._coder.code(cells)
            if coded is None:
                found = self._long_way(raw)
                if found is not None:
                    made.append(self._finished(found[:6], found.mark))
            else:
                self.rows += 1
                made.append(self._finished((raw.number, *coded), raw.mark))
        return made

    def _cut(self, batch: Sequence[Raw]) -> Iterator[list[str]]:
        """Yield each row's cells, none where it is not readable."""
        reader = csv.reader((raw.text for raw in batch), delimiter=self._plan.delimiter, strict=True)
        for raw in batch:
            try:
                cells = next(reader, [])
            except csv.Error:
                cells = []
            yield [] if raw.fault else [cell.strip() for cell in cells]

    def _long_way(self, raw: Raw) -> CodedRow | None:
        rows = (
            iter([Row(raw.number, (), raw.fault)]) if raw.fault else self._text.rows(iter([raw.text]), raw.number - 1)
        )
        row = next(rows, None)
        if row is None:
            return None
        self.rows += 1
        self._waiting = row
        cleaned = next(self._cleaned)
        found = make_row(self._parser, cleaned, self._sink)
        return found._replace(mark=raw.mark) if found and not cleaned.changes else found

    def _finished(self, row: tuple[Any, ...], mark: bytes | None) -> CodedRow:
        """Return a row of number, agency, case number, classification, details and identity with seal and mark."""
        identity = row[5]
        if identity is None or not self._seal_ahead:
            return CodedRow._make((*row, None, mark))
        return CodedRow._make((*row[:5], None, sealed_ahead(identity), mark))
