"""An agency's file into the register: one run, all of it or nothing."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _
from tallystick.node.cases.codedrow import CodedRow
from tallystick.node.cases.store import CaseStore, ImportRun, IngestReport, Known, RowSource
from tallystick.node.intake.applying import load_mapping
from tallystick.node.intake.ctdc import CtdcParser
from tallystick.node.intake.ctdc_synthetic import SyntheticParser
from tallystick.node.intake.fields import header_names, token
from tallystick.node.intake.helper import Helper
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.making import Plan, TextMaker, make_row
from tallystick.node.intake.raw import BATCH, RawRows
from tallystick.node.intake.reading import Change, Sheet, open_sheet, sha256_of
from tallystick.node.intake.rejections import Rejection, Rejections
from tallystick.node.intake.textfile import TextLines, open_text_lines
from tallystick.node.intake.workbook import is_workbook

__all__ = ["FORMATS", "ImportReport", "import_file"]

_PARSERS: Mapping[str, type[HtcdsParser] | type[CtdcParser]] = {
    "htcds": HtcdsParser,
    "ctdc": CtdcParser,
    "ctdc-synthetic": SyntheticParser,
}
FORMATS = tuple(_PARSERS)


_SELDOM = 100_000
_HELPED = 8 << 20
"""Bytes from which a file is worth a second process."""


@dataclass(frozen=True)
class ImportReport:
    """What became of a file.

    Attributes:
        stored: What the register did.
        rows: Rows read, without headings and empty lines.
        rejected_rows: Rows not taken in.
        rejected_values: Values named as the reason; a row may have several.
        elsewhere: Rows of another country of exploitation, left to that state (CTDC only).
        nowhere: Rows without a country of exploitation, which nobody can take (CTDC only).
        first: The first rejections, for the screen.
        changed_values: Values that were not taken as they stood; their rows were.
        changed: The first of them with their rows.
        notes: Sentences kept with the run.
    """

    stored: IngestReport
    rows: int
    rejected_rows: int
    rejected_values: int
    elsewhere: int
    nowhere: int
    first: tuple[Rejection, ...]
    notes: tuple[str, ...]
    changed_values: int = 0
    changed: tuple[tuple[int, Change], ...] = ()


class _Refused(Exception):  # noqa: N818 - never leaves this module
    """A row was rejected in a strict run."""


class _Reading:
    """A file's way from its rows to the register's.

    Args:
        rejections: Takes what cannot be taken in.
        strict: Refuse the whole run where a row is rejected.
    """

    def __init__(self, rejections: Rejections, *, strict: bool) -> None:
        self._rejections = rejections
        self._strict = strict
        self.rows = 0

    def refuse(self, row: CodedRow, reason: str) -> None:
        """Take a row that the register refuses, by its case number."""
        self._rejections.add(row.row, "ext_CaseId", row.number, reason, sealed=True)

    def rejected(self) -> int:
        """Return how many rows were rejected; the last word before the run is kept."""
        if self._strict and self._rejections.rows:
            raise _Refused
        return self._rejections.rows

    def of_sheet(self, sheet: Sheet, parser: HtcdsParser | CtdcParser) -> RowSource:
        """Give the rows of a sheet that was cut into cells already."""

        def made() -> Iterator[CodedRow]:
            for row in sheet.rows:
                self.rows += 1
                found = make_row(parser, row, self._rejections)
                if found is not None:
                    yield found

        return lambda _known: _batched(made())

    def of_text(self, text: TextLines, plan: Plan) -> RowSource:
        """Give the rows of a CSV file that the register does not know yet; of a large one with a helper's help."""

        def made(known: Known) -> Iterator[list[CodedRow]]:
            raw = RawRows(text, plan, known)
            if text.size < _HELPED:
                maker = TextMaker(plan, self._rejections)
                for batch in raw.batches():
                    yield maker.make(batch)
                self.rows = raw.known_rows + maker.rows
                return
            yield from self._helped(raw, plan)

        return made

    def _helped(self, raw: RawRows, plan: Plan) -> Iterator[list[CodedRow]]:
        """Start the helper with the first row that is not known: an unchanged file needs none."""
        batches = (batch for batch in raw.batches() if batch)
        first = next(batches, None)
        if first is not None:
            with Helper(plan, self._rejections) as helper:
                yield from helper.make(chain([first], batches))
                self.rows = helper.rows
        self.rows += raw.known_rows


def _batched(rows: Iterator[CodedRow]) -> Iterator[list[CodedRow]]:
    """Cut rows into batches of a bounded size."""
    while batch := list(islice(rows, BATCH)):
        yield batch


def _silent(_bytes: int) -> None:
    """Stand for a caller that shows no progress."""


def import_file(
    store: CaseStore,
    path: Path,
    file_format: str,
    *,
    state: str,
    at: datetime,
    agency: str | None = None,
    dry_run: bool = False,
    report: Path | None = None,
    advance: Callable[[int], None] = _silent,
    mapping: Path | None = None,
    strict: bool = False,
) -> ImportReport:
    """Take a file's cases into the register: streamed, atomic, and adding nothing when it is imported again.

    Args:
        store: The register.
        path: A CSV file.
        file_format: One of ``FORMATS``.
        state: Alpha-3 code of the state whose register it is.
        at: Now.
        agency: Who reports; None to read it from the file.
        dry_run: Tell what would happen and leave the register as it was.
        report: Where to write every rejected and every changed value as CSV.
        advance: Told now and then how many more bytes were read.
        mapping: What the file's own headings and spellings mean (``mapping.toml``); HTCDS's own where None.
        strict: Take nothing in where a row is rejected; the report is written all the same.

    Raises:
        UsageError: No such format, or a mapping for another one than HTCDS.
        MalformedError: The file as a whole cannot be read, or a row was rejected in a strict run; nothing was taken
            in.
        StoreError: A file or the register cannot be read or written; nothing was taken in.
    """
    _require_format(file_format, mapping)
    stored: IngestReport | None = None
    with (
        _few_collections(),
        Rejections(report) as rejections,
        _opened(path, file_format, advance, mapping) as sheet,
    ):
        parser = _PARSERS[file_format](
            sheet.header, state=state, agency=agency, last_year=at.year, rejections=rejections
        )
        reading = _Reading(rejections, strict=strict)
        if isinstance(sheet, TextLines):
            source = reading.of_text(sheet, Plan(sheet.header, sheet.delimiter, state, agency, at.year))
        else:
            source = reading.of_sheet(sheet, parser)
        notes = (*_notes(path, parser), *(sheet.notes if isinstance(sheet, Sheet) else ()))
        run = ImportRun(path.name, file_format, at, notes)
        with suppress(_Refused):
            stored = store.ingest_rows(run, source, refuse=reading.refuse, rejected=reading.rejected, dry_run=dry_run)
    if stored is None:
        raise _refused_whole(rejections, report)
    left = (parser.elsewhere, parser.nowhere) if isinstance(parser, CtdcParser) else (0, 0)
    return ImportReport(
        stored,
        reading.rows,
        rejections.rows,
        rejections.values,
        *left,
        first=tuple(rejections.first),
        notes=notes,
        changed_values=rejections.changed,
        changed=tuple(rejections.first_changes),
    )


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for cycles seldom while millions of rows come and go: they are in none."""
    usual = gc.get_threshold()
    gc.set_threshold(_SELDOM, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _require_format(file_format: str, mapping: Path | None) -> None:
    if file_format not in FORMATS:
        raise UsageError(
            _("no format is called {name}").format(name=file_format[:40]),
            hint=_("there are: {names}").format(names=", ".join(FORMATS)),
        )
    if mapping is not None and file_format != "htcds":
        raise UsageError(_("a mapping goes with an agency's own file"), hint=_("leave --format out"))


def _refused_whole(rejections: Rejections, report: Path | None) -> MalformedError:
    where = "; ".join(", ".join(str(part) for part in found if part) for found in rejections.first[:3])
    return MalformedError(
        _("{count} rows cannot be taken, so nothing was taken in (--strict): {where}").format(
            count=rejections.rows, where=where
        ),
        hint=_("every one is named in {path}").format(path=report)
        if report is not None
        else _("--report FILE names every one; without --strict the other rows are taken in"),
    )


@contextmanager
def _opened(
    path: Path, file_format: str, advance: Callable[[int], None], mapping: Path | None
) -> Iterator[Sheet | TextLines]:
    """Open HTCDS's CSV as text, whose rows can be known by their marks, and everything else as a sheet."""
    is_known = _knows(file_format)
    if mapping is not None:
        with open_sheet(path, is_known, advance, load_mapping(mapping)) as sheet:
            yield sheet
    elif file_format == "htcds" and path.is_file() and path.stat().st_size and not is_workbook(path):
        with open_text_lines(path, path.stat().st_size, is_known, advance) as text:
            yield text
    else:
        with open_sheet(path, is_known, advance) as sheet:
            yield sheet


def _knows(file_format: str) -> Callable[[str], bool]:
    if file_format != "htcds":
        return lambda heading: heading.strip() in {"yearOfRegistration", "gender", "CountryOfExploitation"}
    return lambda heading: token(heading) in header_names()


def _notes(path: Path, parser: HtcdsParser | CtdcParser) -> tuple[str, ...]:
    notes = [_("file SHA-256 {digest}").format(digest=sha256_of(path))]
    if isinstance(parser, CtdcParser):
        notes += parser.notes
    return tuple(notes)
