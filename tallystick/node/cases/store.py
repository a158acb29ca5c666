"""What a register of cases can do, whatever holds it: SQLCipher here, other stores behind the same protocol.

One abstract test class runs over every store (tests/node/cases).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.codedrow import CodedRow
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.record import CaseRecord, Identity

__all__ = [
    "CaseLine",
    "CaseQuery",
    "CaseStore",
    "Changes",
    "ImportRun",
    "IngestReport",
    "Known",
    "Refuse",
    "RowSource",
    "RunSummary",
    "StoredCase",
    "case_line",
    "none_rejected",
]

FIND_LIMIT = 50
Refuse = Callable[[CodedRow, str], None]
"""Takes a row that cannot be taken in, and why."""


class Known(Protocol):
    """The rows that a register took in before, as a file's reader may ask about them."""

    @property
    def mark_key(self) -> bytes | None:
        """Return the key of row marks, or None where none are kept."""
        ...

    @property
    def records(self) -> int:
        """Return how many records the register may know; the first question about a mark takes time for each."""
        ...

    def held(self, marks: bytes) -> Sequence[bool]:
        """Tell of each mark, standing one after another, whether its row is a current record not yet named by the run.

        Those that are held are counted as unchanged and need not be read.
        """
        ...


RowSource = Callable[[Known], Iterable[Sequence[CodedRow]]]
"""Gives a run's rows in batches, those left out that the register holds already."""


def none_rejected() -> int:
    """Stand for a source that rejects nothing."""
    return 0


@dataclass(frozen=True)
class ImportRun:
    """Why and when records come in.

    Attributes:
        source: File name, or how the cases were generated.
        format: ``htcds``, ``ctdc`` or ``synthetic``.
        at: When the run started.
        notes: Sentences kept with the run, such as a generator's assumptions.
    """

    source: str
    format: str
    at: datetime
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class IngestReport:
    """What a run did to the register; ``run_id`` is 0 for a dry run, which leaves nothing behind."""

    run_id: int
    added: int
    replaced: int
    unchanged: int
    rejected: int


@dataclass(frozen=True)
class RunSummary:
    """A run as the register remembers it."""

    run_id: int
    at: str
    source: str
    format: str
    added: int
    replaced: int
    unchanged: int
    rejected: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class StoredCase:
    """One version of a record.

    Attributes:
        record: The record of that version with its details and identity.
        person_id: 16 random bytes given at first insert and kept ever since.
        version: 1 for the first.
        run_id: The run that wrote this version.
        replaced_by: The run that replaced it, or None for the current version.
        replaced_at: When that was (RFC 3339), or None.
    """

    record: CaseRecord
    person_id: bytes
    version: int
    run_id: int
    replaced_by: int | None = None
    replaced_at: str | None = None


@dataclass(frozen=True)
class CaseQuery:
    """Which cases to list; None asks for all.

    Attributes:
        number: Case number, exactly; or its beginning, where it ends in ``*``.
        agency: Who reports.
        years: First and last year of registration, both inclusive.
        sex: One of ``SEXES``.
        age: One of ``AGES``.
        citizenship: Alpha-3 code or ``_U``.
        area: Country of exploitation, alpha-3 code or ``_U``.
        form: One of ``FORMS``; cases that name it among others are found.
        role: One of ``ROLES``.
        limit: Cases listed at most.
    """

    number: str | None = None
    agency: str | None = None
    years: tuple[int, int] | None = None
    sex: str | None = None
    age: str | None = None
    citizenship: str | None = None
    area: str | None = None
    form: str | None = None
    role: str | None = None
    limit: int = FIND_LIMIT

    @property
    def prefix(self) -> str | None:
        """Return what the number must begin with, or None where it is not asked that way."""
        return self.number[:-1] if self.number is not None and self.number.endswith("*") else None


@dataclass(frozen=True)
class CaseLine:
    """One current case as a list shows it: codes, and nothing of the identity but whether there is one.

    Attributes:
        agency: Who reports.
        number: The agency's own case number.
        year: Year of registration.
        sex: One of ``SEXES``.
        age: One of ``AGES``.
        citizenship: Alpha-3 code or ``_U``.
        area: Alpha-3 code of the country of exploitation, or ``_U``.
        forms: Those of ``FORMS`` that are named.
        role: One of ``ROLES``.
        version: 1 for the first.
        has_identity: Whether an identity is sealed.
        status: ``cas_Status``, empty where there is none.
    """

    agency: str
    number: str = field(repr=False)
    year: int
    sex: str
    age: str
    citizenship: str
    area: str
    forms: frozenset[str]
    role: str
    version: int
    has_identity: bool
    status: str


def case_line(record: CaseRecord, version: int, *, has_identity: bool, status: str) -> CaseLine:
    """Return the line of a record."""
    return CaseLine(
        record.agency,
        record.agency_case_id,
        record.year,
        record.sex,
        record.age,
        record.citizenship,
        record.exploitation_area,
        record.forms,
        record.role,
        version,
        has_identity,
        status,
    )


@dataclass(frozen=True, eq=False)
class Changes:
    """What runs after a given one did to the classification.

    Attributes:
        run_id: The last run there is.
        first_fresh: Ids from here ...
        last_fresh: ... to here, inclusive, are new records (in column segments, as they are now); none where smaller.
        recoded: ``recoding.RECODING``, oldest first: records, new ones too, whose classification was replaced since.
    """

    run_id: int
    first_fresh: int
    last_fresh: int
    recoded: NDArray[np.void]


class CaseStore(Protocol):
    """A state's register of cases."""

    def ingest(
        self,
        run: ImportRun,
        records: Iterable[CaseRecord],
        *,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """Take in all ``records`` of a run or none.

        A record with the same agency and case number as one held replaces it if anything differs; the earlier
        version is kept with when and by which run it was replaced, and the person keeps its id.

        Args:
            run: Why and when.
            records: The records; an exception raised while iterating undoes the whole run.
            rejected: Asked at the end how many rows the source rejected, to be kept with the run.
            dry_run: Work everything out, then leave the register as it was.

        Raises:
            StoreError: Another command is writing, the disk is full, or the register is damaged.
        """
        ...

    def ingest_rows(
        self,
        run: ImportRun,
        source: RowSource,
        *,
        refuse: Refuse,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """Take in a file's rows, all that can be taken or none.

        As ``ingest``, but a second row of one case, and a row of a case that was erased, are handed to ``refuse``.

        Args:
            run: Why and when.
            source: Called once inside the run's transaction; what it raises undoes the run.
            refuse: Takes what cannot be taken in.
            rejected: Asked at the end how many rows were rejected.
            dry_run: Work everything out, then leave the register as it was.

        Raises:
            StoreError: As ``ingest``.
        """
        ...

    def edit(self, run: ImportRun, record: CaseRecord, *, expected_version: int) -> IngestReport:
        """Put a new version in place of the one that was looked at.

        Args:
            run: Why and when.
            record: The record as it shall be, details and identity included.
            expected_version: The version that was looked at; 0 for a case that is not there yet.

        Raises:
            StoreError: Somebody else changed the case meanwhile; or as ``ingest``.
        """
        ...

    def find(self, query: CaseQuery) -> list[CaseLine]:
        """Return current cases that match, counted or not: by number where that is asked, else newest first."""
        ...

    def get(self, agency: str, agency_case_id: str) -> StoredCase | None:
        """Return the current version of one record with its details and identity, or None.

        Raises:
            StoreError: The keyring has no key for its identity, or the seal does not open.
        """
        ...

    def columns(self, names: Sequence[str], start_segment: int = 0) -> Iterator[Mapping[str, NDArray[Any]]]:
        """Yield columns of the classification, segment by segment: ``segments.read_columns``."""
        ...

    def changes_since(self, run_id: int) -> Changes:
        """Return what the runs after ``run_id`` did; 0 asks for everything."""
        ...

    def coded_rows(self, year: int, role: str = "victim") -> CodedColumns:
        """Return the classification of the year's counted persons of one role; reads nothing else.

        A victim belongs to the year of registration, a perpetrator to the year of each stage of justice reached.
        """
        ...

    def count(self) -> int:
        """Return how many cases the register holds, counted or not."""
        ...

    def counts_by_year(self) -> Mapping[int, int]:
        """Return counted persons by year, ascending."""
        ...

    def agencies(self, year: int) -> Mapping[str, int]:
        """Return counted persons of a year by reporting agency, by name."""
        ...

    def identity(self, person_id: bytes) -> Identity | None:
        """Unseal who a person is; None where the source gave no identity or the person is not here.

        Raises:
            StoreError: The keyring has no key for it, or the seal does not open.
        """
        ...

    def versions(self, agency: str, agency_case_id: str) -> Iterator[StoredCase]:
        """Return every version of one record, oldest first; the last is the current one."""
        ...

    def runs(self) -> list[RunSummary]:
        """Return every run, oldest first."""
        ...

    def cut_off(self) -> str | None:
        """Return when cases were last taken in (RFC 3339): what the register holds is as of then."""
        ...

    def close(self) -> None:
        """Let go of files and keys."""
        ...
