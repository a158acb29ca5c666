"""A register that lives in memory: the same behaviour as the one on disk, for tests, benchmarks and simulations."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.config.clock import rfc3339
from tallystick.config.i18n import _
from tallystick.node.cases.codedrow import CodedRow, coded_row
from tallystick.node.cases.coding import (
    CODED_DTYPE,
    PERSON_ID_BYTES,
    CodedColumns,
    decode,
    encode,
    pack,
    unpack,
)
from tallystick.node.cases.ingest import require_version
from tallystick.node.cases.keyring import RandomBytes
from tallystick.node.cases.marks import MARK_BYTES
from tallystick.node.cases.recoding import read_recodings, recodings
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.cases.segments import SEGMENT_ROWS, column_of, segment_rows
from tallystick.node.cases.store import (
    CaseLine,
    CaseQuery,
    Changes,
    ImportRun,
    IngestReport,
    Refuse,
    RowSource,
    RunSummary,
    StoredCase,
    case_line,
    none_rejected,
)

__all__ = ["MemoryCaseStore"]

_Key = tuple[str, str]


class MemoryCaseStore:
    """A ``CaseStore`` without a file and without seals; gone when the process ends.

    Args:
        random_bytes: Where person ids come from; tests hand in a seeded source.
    """

    def __init__(self, random_bytes: RandomBytes = os.urandom) -> None:
        self._random = random_bytes
        self._cases: dict[_Key, tuple[StoredCase, ...]] = {}
        self._runs: list[RunSummary] = []
        self._ids: dict[_Key, int] = {}
        self._agencies: dict[str, int] = {}
        self._lasts: list[int] = []
        self._recoded: list[tuple[int, tuple[int, int, bytes, bytes]]] = []

    def ingest(
        self,
        run: ImportRun,
        records: Iterable[CaseRecord],
        *,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """See ``CaseStore.ingest``."""
        return self._take_in(run, map(coded_row, records), rejected, dry_run=dry_run)

    def ingest_rows(
        self,
        run: ImportRun,
        source: RowSource,
        *,
        refuse: Refuse,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """See ``CaseStore.ingest_rows``."""
        seen: set[_Key] = set()

        def once() -> Iterator[CodedRow]:
            for row in chain.from_iterable(source(_NothingKnown())):
                if (row.agency, row.number) in seen:
                    refuse(row, _("this agency's case number stands twice in the file"))
                    continue
                seen.add((row.agency, row.number))
                yield row

        return self._take_in(run, once(), rejected, dry_run=dry_run)

    def edit(self, run: ImportRun, record: CaseRecord, *, expected_version: int) -> IngestReport:
        """See ``CaseStore.edit``."""
        held = self._cases.get((record.agency, record.agency_case_id), ())
        require_version(len(held), expected_version)
        return self.ingest(run, [record])

    def _take_in(
        self, run: ImportRun, rows: Iterable[CodedRow], rejected: Callable[[], int], *, dry_run: bool
    ) -> IngestReport:
        run_id, at = len(self._runs) + 1, rfc3339(run.at)
        cases, ids, recoded = dict(self._cases), dict(self._ids), list(self._recoded)
        tally: Counter[str] = Counter()
        for row in rows:
            record, key = _record(row), (row.agency, row.number)
            held = cases.get(key, ())
            if not held:
                ids[key] = len(ids) + 1
                cases[key] = (StoredCase(record, self._random(PERSON_ID_BYTES), 1, run_id),)
                tally["added"] += 1
            elif held[-1].record == record:
                tally["unchanged"] += 1
            else:
                before = pack(encode(held[-1].record))
                if before != row.coded:
                    recoded.append((run_id, (ids[key], self._agency(row.agency), before, row.coded)))
                cases[key] = _replaced(held, record, run_id, at)
                tally["replaced"] += 1
        done = (tally["added"], tally["replaced"], tally["unchanged"], rejected())
        if dry_run:
            return IngestReport(0, *done)
        self._cases, self._ids, self._recoded = cases, ids, recoded
        self._lasts.append(len(ids))
        self._runs.append(RunSummary(run_id, at, run.source, run.format, *done, notes=run.notes))
        return IngestReport(run_id, *done)

    def _agency(self, name: str) -> int:
        return self._agencies.setdefault(name, len(self._agencies) + 1)

    def columns(self, names: Sequence[str], start_segment: int = 0) -> Iterator[Mapping[str, NDArray[Any]]]:
        """See ``CaseStore.columns``."""
        for segment in range(start_segment, len(self._ids) // SEGMENT_ROWS + 1 if self._ids else 0):
            rows = segment_rows()
            for key, record_id in self._ids.items():
                if record_id // SEGMENT_ROWS == segment:
                    self._fill(rows, record_id % SEGMENT_ROWS, key)
            yield {name: column_of(rows, name) for name in names}

    def _fill(self, rows: NDArray[Any], at: int, key: _Key) -> None:
        case = self._cases[key][-1]
        rows["coded"][at] = np.frombuffer(pack(encode(case.record)), dtype=CODED_DTYPE)[0]
        rows["version"][at], rows["run"][at], rows["agency"][at] = case.version, case.run_id, self._agency(key[0])
        rows["person_id"][at] = np.frombuffer(case.person_id, dtype=rows["person_id"].dtype)[0]

    def changes_since(self, run_id: int) -> Changes:
        """See ``CaseStore.changes_since``."""
        lasts = [0, *self._lasts]
        blobs = [recodings([row]) for run, row in self._recoded if run > run_id]
        first = lasts[min(run_id, len(self._lasts))] + 1
        return Changes(len(self._runs), first, lasts[-1], read_recodings(blobs))

    def find(self, query: CaseQuery) -> list[CaseLine]:
        """See ``CaseStore.find``."""
        found = [case for case in self._current() if _matches(case.record, query)]
        if query.number is not None:
            found.sort(key=lambda case: (case.record.agency_case_id, case.record.agency))
        else:
            found.reverse()
        return [_line(case) for case in found[: query.limit]]

    def get(self, agency: str, agency_case_id: str) -> StoredCase | None:
        """See ``CaseStore.get``."""
        return next(reversed(self._cases.get((agency, agency_case_id), ())), None)

    def _current(self) -> Iterator[StoredCase]:
        return (versions[-1] for versions in self._cases.values())

    def coded_rows(self, year: int, role: str = "victim") -> CodedColumns:
        """See ``CaseStore.coded_rows``."""
        wanted = [case for case in self._current() if year in _years(case.record, role)]
        return CodedColumns.from_coded(((case.person_id, encode(case.record)) for case in wanted), year)

    def count(self) -> int:
        """See ``CaseStore.count``."""
        return len(self._cases)

    def counts_by_year(self) -> Mapping[int, int]:
        """See ``CaseStore.counts_by_year``."""
        counted = (case.record for case in self._current() if case.record.counted)
        return dict(sorted(Counter(year for record in counted for year in _years(record, "victim")).items()))

    def agencies(self, year: int) -> Mapping[str, int]:
        """See ``CaseStore.agencies``."""
        counted = (case.record for case in self._current() if case.record.counted)
        counted = (record for record in counted if year in _years(record, "victim"))
        return dict(sorted(Counter(record.agency for record in counted).items()))

    def identity(self, person_id: bytes) -> Identity | None:
        """See ``CaseStore.identity``."""
        return next((case.record.identity for case in self._current() if case.person_id == person_id), None)

    def versions(self, agency: str, agency_case_id: str) -> Iterator[StoredCase]:
        """See ``CaseStore.versions``."""
        yield from self._cases.get((agency, agency_case_id), ())

    def runs(self) -> list[RunSummary]:
        """See ``CaseStore.runs``."""
        return list(self._runs)

    def cut_off(self) -> str | None:
        """See ``CaseStore.cut_off``."""
        return self._runs[-1].at if self._runs else None

    def close(self) -> None:
        """See ``CaseStore.close``."""


class _NothingKnown:
    """See ``store.Known``: no marks are kept."""

    mark_key = None
    records = 0

    def held(self, marks: bytes) -> Sequence[bool]:
        """See ``store.Known``."""
        return [False] * (len(marks) // MARK_BYTES)


def _record(row: CodedRow) -> CaseRecord:
    identity = row.identity_bytes()
    shown = Identity.from_bytes(identity) if identity is not None else None
    return decode(row.agency, row.number, unpack(row.coded)).with_contents(row.fields, shown)


def _matches(record: CaseRecord, query: CaseQuery) -> bool:
    asked = (
        *((query.agency, record.agency), (query.sex, record.sex), (query.age, record.age)),
        *((query.citizenship, record.citizenship), (query.area, record.exploitation_area), (query.role, record.role)),
    )
    first, last = query.years or (record.year, record.year)
    if any(wanted not in {None, has} for wanted, has in asked) or not first <= record.year <= last:
        return False
    if query.form is not None and query.form not in record.forms:
        return False
    number, prefix = record.agency_case_id, query.prefix
    return number.startswith(prefix) if prefix is not None else query.number in {None, number}


def _line(case: StoredCase) -> CaseLine:
    status = str(case.record.details.get("cas_Status", ""))
    return case_line(case.record, case.version, has_identity=case.record.identity is not None, status=status)


def _years(record: CaseRecord, role: str) -> set[int]:
    """Return the years in which a record counts as one of ``role``."""
    if record.role != role:
        return set()
    return {record.year} if role == "victim" else set(record.stages.values())


def _replaced(held: tuple[StoredCase, ...], record: CaseRecord, run_id: int, at: str) -> tuple[StoredCase, ...]:
    last = held[-1]
    earlier = StoredCase(last.record, last.person_id, last.version, last.run_id, run_id, at)
    return (*held[:-1], earlier, StoredCase(record, last.person_id, last.version + 1, run_id))
