"""What a register of cases can do, whatever holds it: SQLCipher here, other stores behind the same protocol.

One abstract test class runs over every store (tests/node/cases).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.record import CaseRecord, Identity

__all__ = ["CaseStore", "ImportRun", "IngestReport", "RunSummary", "StoredCase", "none_rejected"]


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
