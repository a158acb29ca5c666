"""A CSV file as rows of text: streamed, bounded, whatever spreadsheet wrote it.

UTF-8 with or without a mark, UTF-16 with one; comma, semicolon or tab; LF or CRLF; Excel's ``sep=`` line.
"""

import codecs
import csv
import hashlib
import io
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.i18n import _

__all__ = ["LINE_LIMIT", "Change", "Row", "Sheet", "SheetMapping", "open_sheet", "sha256_of"]

LINE_LIMIT = 1 << 20
"""Longest line, in characters."""
COLUMN_LIMIT = 1000
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = (",", ";", "\t")

Advance = Callable[[int], None]


class Change(NamedTuple):
    """A value that was not taken as it stood; ``value`` and ``became`` are empty where the field is sealed."""

    field: str
    value: str
    became: str
    reason: str


class Row(NamedTuple):
    """One row: its spreadsheet number (headings are row 1), its cells, or why it has none; what was changed in it."""

    number: int
    cells: tuple[str, ...]
    fault: str = ""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """An open file: its headings, and its rows to be read once."""

    header: tuple[str, ...]
    rows: Iterator[Row]
    size: int


class SheetMapping(Protocol):
    """What an agency's own headings and spellings mean (``mapping.toml``)."""

    def apply(self, sheet: Sheet, path: Path) -> Sheet:
        """Return the sheet under HTCDS headings.

        Raises:
            MalformedError: The headings are not those that the mapping was made for.
        """
        ...


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _require_regular(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError as error:
        raise StoreError(_("cannot read {path}: {reason}").format(path=path, reason=error.strerror)) from None
    if not stat.S_ISREG(facts.st_mode):
        raise StoreError(_("{path} is not a regular file").format(path=path))
    if facts.st_size == 0:
        raise MalformedError(_("{path} is empty").format(path=path))
    return facts.st_size


def _encoding(stream: BinaryIO) -> str:
    start = stream.read(3)
    stream.seek(0)
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")


def _lines(text: io.TextIOWrapper, raw: BinaryIO, path: Path, advance: Advance) -> Iterator[str]:
    """Yield lines with their ends, each bounded; tell how far we are every now and then."""
    number = told = 0
    while True:
        number += 1
        try:
            line = text.readline(LINE_LIMIT + 1)
        except UnicodeDecodeError:
            raise MalformedError(
                _("{path}: line {number} or soon after it: not UTF-8").format(path=path, number=number),
                hint=_("save the file as 'CSV UTF-8' and import it again; nothing was taken in"),
            ) from None
        if not line:
            break
        if len(line) > LINE_LIMIT:
            raise MalformedError(
                _("{path}: line {number} is longer than {limit} characters").format(
                    path=path, number=number, limit=LINE_LIMIT
                )
            )
        if number % 500 == 0:
            position = raw.tell()
            advance(position - told)
            told = position
        yield line
    advance(raw.tell() - told)


def _best_delimiter(line: str, is_known: Callable[[str], bool]) -> str:
    """Choose the delimiter under which most headings are known; the comma where none is better."""

    def known(delimiter: str) -> int:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        return sum(is_known(cell) for cell in cells)

    return max(_DELIMITERS, key=known)


def _rows(lines: Iterator[str], delimiter: str, width: int, number: int) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number += 1
        before = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, (), _fault(error, reader.line_num - before))
            number += reader.line_num - before - 1
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if any("\0" in cell for cell in cells):
            yield Row(number, (), _("it holds a NUL character"))
            continue
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            fault = _("it has {count} cells, the headings are {width}").format(count=len(cells), width=width)
            yield Row(number, (), fault)
            continue
        yield Row(number, tuple(cell.strip() for cell in cells[:width]))


def _fault(error: csv.Error, lines: int) -> str:
    if lines > 1:
        return _("a quotation mark is not closed: {lines} lines were read as one row").format(lines=lines)
    return _("not readable as CSV ({reason})").format(reason=error)


@contextmanager
def open_sheet(
    path: Path, is_known: Callable[[str], bool], advance: Advance, mapping: SheetMapping | None = None
) -> Iterator[Sheet]:
    """Open a CSV file and read its headings.

    Args:
        path: A regular file.
        is_known: Tells whether a heading is one; used to find the delimiter.
        advance: Told now and then how many more bytes were read.
        mapping: Turns the agency's own columns into HTCDS's; None where the file has HTCDS's own.

    Raises:
        StoreError: It cannot be read.
        MalformedError: Empty, not text, or without headings.
    """
    size = _require_regular(path)
    with path.open("rb") as raw, io.TextIOWrapper(raw, encoding=_encoding(raw), newline="") as text:
        lines = _lines(text, raw, path, advance)
        first, number = next(lines, ""), 1
        if first.lower().startswith("sep="):
            first, number = next(lines, ""), 2
        delimiter = _best_delimiter(first, is_known)
        header = _header(path, csv.reader([first], delimiter=delimiter))
        sheet = Sheet(header, _rows(lines, delimiter, len(header), number), size)
        yield mapping.apply(sheet, path) if mapping else sheet


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
            hint=_("tallystick case fields lists the columns"),
        )
    return cells
