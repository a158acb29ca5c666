"""A CSV file as rows of text: streamed, bounded, whatever spreadsheet wrote it.

UTF-8 with or without a mark, UTF-16 with one, any other encoding only when it is named; comma, semicolon or tab; LF or
CRLF; Excel's ``sep=`` line.
"""

import codecs
import csv
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _
from tallystick.node.intake.cleaning import known_heading
from tallystick.node.intake.encodings import ENCODINGS, likely_encoding, marked_encoding
from tallystick.node.intake.rows import COLUMN_LIMIT, LINE_LIMIT, Advance, Grid, Layout, Row, Sheet

__all__ = ["TextLines", "csv_fault", "open_text_grid", "open_text_lines", "open_text_sheet"]

DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT = 30
"""Lines from which delimiter is told."""


def _lines(text: io.TextIOWrapper, raw: BinaryIO, path: Path, advance: Advance) -> Iterator[str]:
    """Yield lines with their ends, each bounded; tell how far we are every now and then."""
    number = told = 0
    while True:
        number += 1
        try:
            line = text.readline(LINE_LIMIT + 1)
        except UnicodeError:
            raise _not_text(path, text.encoding, number) from None
        if not line:
            break
        if len(line) > LINE_LIMIT:
            raise MalformedError(
                _("{path}: line {number} is longer than {limit} characters").format(
                    path=path, number=number, limit=LINE_LIMIT
                ),
                hint=_("no register has such a line: was the file damaged, or a quotation mark left open?"),
            )
        if number % 500 == 0:
            position = raw.tell()
            advance(position - told)
            told = position
        yield line
    advance(raw.tell() - told)


def _not_text(path: Path, encoding: str, number: int) -> MalformedError:
    name = "UTF-8" if encoding.startswith("utf-8") else encoding
    message = _("{path}: line {number} or soon after it: not {encoding}").format(
        path=path, number=number, encoding=name
    )
    guess = likely_encoding(path)
    hint = _("save the file as 'CSV UTF-8' and import it again; nothing was taken in")
    if guess and guess != encoding:
        hint = _("it reads like {guess}: save it as 'CSV UTF-8', or map it with --encoding {guess}").format(guess=guess)
    return MalformedError(message, hint=hint)


def _cut(line: str, delimiter: str) -> list[str]:
    """Return a line's cells, none where it is no CSV (a cell longer than the reader takes)."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _best_delimiter(lines: Sequence[str], is_known: Callable[[str], bool]) -> str:
    """Choose the delimiter under which most headings are known, else the one that cuts lines most alike."""

    def worth(delimiter: str) -> tuple[int, int, int]:
        rows = [_cut(line, delimiter) for line in lines]
        known = max(sum(is_known(known_heading(cell, is_known)) for cell in row) for row in rows)
        widths = [len(row) for row in rows if len(row) > 1]
        common = max(map(widths.count, widths), default=0)
        return known, common, max(widths, default=0)

    return max(DELIMITERS, key=worth) if lines else ","


def _records(lines: Iterator[str], delimiter: str, number: int) -> Iterator[Row]:
    """Yield rows that are not empty; ``number`` is the last one before them."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number += 1
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, (), csv_fault(error, reader.line_num - before))
            number += reader.line_num - before - 1
            continue
        stripped = tuple(map(str.strip, cells))
        if not any(stripped):
            continue
        if "\0" in "".join(stripped):
            yield Row(number, (), _("it holds a NUL character"))
            continue
        yield Row(number, stripped)


def _rows(lines: Iterator[str], delimiter: str, width: int, number: int) -> Iterator[Row]:
    """Yield rows of exactly ``width`` cells; empty cells behind the last heading do no harm."""
    for row in _records(lines, delimiter, number):
        cells = row.cells
        if row.fault or len(cells) == width:
            yield row
        elif len(cells) < width or any(cells[width:]):
            fault = _("it has {count} cells, the headings are {width}").format(count=len(cells), width=width)
            yield Row(row.number, (), fault)
        else:
            yield Row(row.number, cells[:width])


def csv_fault(error: csv.Error, lines: int) -> str:
    """Return why a row of so many lines is not readable."""
    if lines > 1:
        return _("a quotation mark is not closed: {lines} lines were read as one row").format(lines=lines)
    return _("not readable as CSV ({reason})").format(reason=error)


def _encoding(path: Path, wanted: str | None) -> str:
    with path.open("rb") as stream:
        marked = marked_encoding(stream.read(4))
    if wanted is None:
        return marked or "utf-8"
    try:
        name = codecs.lookup(wanted).name
    except LookupError:
        raise UsageError(
            _("no encoding is called {name}").format(name=wanted[:40]),
            hint=_("there are: {names}").format(names=", ".join(ENCODINGS)),
        ) from None
    if marked and not marked.startswith(name[:5]):
        raise MalformedError(
            _("{path}: its first bytes say {marked}, not {name}").format(path=path, marked=marked, name=name),
            hint=_("leave --encoding out"),
        )
    return marked or name


@contextmanager
def _open_text(path: Path, encoding: str, advance: Advance) -> Iterator[Iterator[str]]:
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
        yield _lines(text, raw, path, advance)


@dataclass(frozen=True)
class TextLines:
    """An open CSV file below its headings.

    Attributes:
        header: The headings.
        lines: The lines below them with their ends, to be read once.
        delimiter: What separates cells.
        number: The row number of the headings.
        size: Bytes of the file.
    """

    header: tuple[str, ...]
    lines: Iterator[str]
    delimiter: str
    number: int
    size: int

    def rows(self, lines: Iterator[str], number: int) -> Iterator[Row]:
        """Yield the rows that ``lines`` hold; ``number`` is the last one before them."""
        return _rows(lines, self.delimiter, len(self.header), number)


@contextmanager
def open_text_lines(path: Path, size: int, is_known: Callable[[str], bool], advance: Advance) -> Iterator[TextLines]:
    """Open a CSV file whose first line holds the headings, for who cuts its lines himself.

    Raises:
        MalformedError: Not text, or without headings.
    """
    with _open_text(path, _encoding(path, None), advance) as lines:
        first, number = next(lines, ""), 1
        if first.lower().startswith("sep="):
            first, number = next(lines, ""), 2
        delimiter = _best_delimiter([first], is_known)
        header = tuple(
            known_heading(cell, is_known) for cell in _header(path, csv.reader([first], delimiter=delimiter))
        )
        yield TextLines(header, lines, delimiter, number, size)


@contextmanager
def open_text_sheet(path: Path, size: int, is_known: Callable[[str], bool], advance: Advance) -> Iterator[Sheet]:
    """Open a CSV file whose first line holds the headings.

    Raises:
        MalformedError: Not text, or without headings.
    """
    with open_text_lines(path, size, is_known, advance) as text:
        yield Sheet(text.header, text.rows(text.lines, text.number), size)


@contextmanager
def open_text_grid(
    path: Path, size: int, layout: Layout, is_known: Callable[[str], bool], advance: Advance
) -> Iterator[Grid]:
    """Open a CSV file from its first line, titles included.

    Raises:
        MalformedError: Not text in the encoding that the layout, or the file's mark, or nobody named (UTF-8).
    """
    if layout.sheet is not None:
        raise UsageError(_("{path} is text: it has no sheets").format(path=path), hint=_("leave --sheet out"))
    encoding = _encoding(path, layout.encoding)
    with _open_text(path, encoding, advance) as lines:
        begun = list(itertools.islice(lines, _LOOKED_AT))
        declared = bool(begun) and begun[0].lower().startswith("sep=")
        delimiter = layout.delimiter or _best_delimiter(begun[declared:], is_known)
        rows = _records(itertools.chain(begun[declared:], lines), delimiter, int(declared))
        yield Grid(rows, size, Layout(None, encoding, delimiter))


def _header(path: Path, reader: Iterator[Sequence[str]]) -> tuple[str, ...]:
    try:
        cells = tuple(cell.strip() for cell in next(reader, ()))
    except csv.Error:
        cells = ()
    while cells and not cells[-1]:
        cells = cells[:-1]
    if not cells or len(cells) > COLUMN_LIMIT:
        raise MalformedError(
            _("{path}: the first line holds no headings").format(path=path),
            hint=_("tallystick case fields lists the columns; an agency's own headings need tallystick case map"),
        )
    return cells
