"""An agency's file into the register: one run, all of it or nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.store import CaseStore, ImportRun, IngestReport
from tallystick.node.intake.ctdc import CtdcParser
from tallystick.node.intake.ctdc_synthetic import SyntheticParser
from tallystick.node.intake.fields import header_names, token
from tallystick.node.intake.htcds import HtcdsParser
from tallystick.node.intake.reading import Change, Row, open_sheet, sha256_of
from tallystick.node.intake.rejections import Rejection, Rejections

__all__ = ["FORMATS", "ImportReport", "import_file"]

_PARSERS: Mapping[str, type[HtcdsParser] | type[CtdcParser]] = {
    "htcds": HtcdsParser,
    "ctdc": CtdcParser,
    "ctdc-synthetic": SyntheticParser,
}
FORMATS = tuple(_PARSERS)


class _Parser(Protocol):
    def parse(self, row: Row) -> CaseRecord | None: ...


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


class _Reading:
    """Counts rows on their way from the sheet through the parser into the store."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser
        self.rows = 0

    def records(self, rows: Iterator[Row]) -> Iterator[CaseRecord]:
        for row in rows:
            self.rows += 1
            record = self._parser.parse(row)
            if record is not None:
                yield record


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
        report: Where to write every rejected value as CSV.
        advance: Told now and then how many more bytes were read.

    Raises:
        UsageError: No such format.
        MalformedError: The file as a whole cannot be read; nothing was taken in.
        StoreError: A file or the register cannot be read or written; nothing was taken in.
    """
    if file_format not in FORMATS:
        raise UsageError(
            _("no format is called {name}").format(name=file_format[:40]),
            hint=_("there are: {names}").format(names=", ".join(FORMATS)),
        )
    with open_sheet(path, _knows(file_format), advance) as sheet, Rejections(report) as rejections:
        parser = _make_parser(file_format, sheet.header, state, agency, at, rejections)
        reading = _Reading(parser)
        notes = _notes(path, parser)
        run = ImportRun(path.name, file_format, at, notes)
        stored = store.ingest(run, reading.records(sheet.rows), rejected=rejections.count_rows, dry_run=dry_run)
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


def _knows(file_format: str) -> Callable[[str], bool]:
    if file_format != "htcds":
        return lambda heading: heading.strip() in {"yearOfRegistration", "gender", "CountryOfExploitation"}
    return lambda heading: token(heading) in header_names()


def _make_parser(
    file_format: str,
    header: Sequence[str],
    state: str,
    agency: str | None,
    at: datetime,
    rejections: Rejections,
) -> HtcdsParser | CtdcParser:
    return _PARSERS[file_format](header, state=state, agency=agency, last_year=at.year, rejections=rejections)


def _notes(path: Path, parser: _Parser) -> tuple[str, ...]:
    notes = [_("file SHA-256 {digest}").format(digest=sha256_of(path))]
    if isinstance(parser, CtdcParser):
        notes += parser.notes
    return tuple(notes)
