"""A register that lives in memory: the same behaviour as the one on disk, for tests, benchmarks and simulations."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from tallystick.config.clock import rfc3339
from tallystick.node.cases.coding import PERSON_ID_BYTES, CodedColumns, encode
from tallystick.node.cases.keyring import RandomBytes
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.cases.store import ImportRun, IngestReport, RunSummary, StoredCase, none_rejected

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

    def ingest(
        self,
        run: ImportRun,
        records: Iterable[CaseRecord],
        *,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """See ``CaseStore.ingest``."""
        run_id, at = len(self._runs) + 1, rfc3339(run.at)
        cases = dict(self._cases)
        tally: Counter[str] = Counter()
        for record in records:
            key = (record.agency, record.agency_case_id)
            held = cases.get(key, ())
            if not held:
                cases[key] = (StoredCase(record, self._random(PERSON_ID_BYTES), 1, run_id),)
                tally["added"] += 1
            elif held[-1].record == record:
                tally["unchanged"] += 1
            else:
                cases[key] = _replaced(held, record, run_id, at)
                tally["replaced"] += 1
        done = (tally["added"], tally["replaced"], tally["unchanged"], rejected())
        if dry_run:
            return IngestReport(0, *done)
        self._cases = cases
        self._runs.append(RunSummary(run_id, at, run.source, run.format, *done, notes=run.notes))
        return IngestReport(run_id, *done)

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


def _years(record: CaseRecord, role: str) -> set[int]:
    """Return the years in which a record counts as one of ``role``."""
    if record.role != role:
        return set()
    return {record.year} if role == "victim" else set(record.stages.values())


def _replaced(held: tuple[StoredCase, ...], record: CaseRecord, run_id: int, at: str) -> tuple[StoredCase, ...]:
    last = held[-1]
    earlier = StoredCase(last.record, last.person_id, last.version, last.run_id, run_id, at)
    return (*held[:-1], earlier, StoredCase(record, last.person_id, last.version + 1, run_id))
