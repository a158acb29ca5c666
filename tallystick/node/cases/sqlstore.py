"""The register in SQLCipher: the only SQL on cases, together with its schema and its ingest.

Trusted: nothing on the disk. Who takes register.db and the register key reads the coded classification; names need
keyring.db and the identity key as well. Who takes the files alone learns sizes and times.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray
from sqlite_utils import Database

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.codedrow import coded_row
from tallystick.node.cases.coding import CodedColumns, decode, unpack
from tallystick.node.cases.finding import find_cases
from tallystick.node.cases.ingest import BatchWriter, batches, require_version
from tallystick.node.cases.keyring import Keyring, RandomBytes, create_keyring, unseal
from tallystick.node.cases.knownrows import KnownRows
from tallystick.node.cases.linking import Linking
from tallystick.node.cases.reading import coded_rows, counts_by_agency, counts_by_year
from tallystick.node.cases.recoding import read_recodings
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.cases.schema import REGISTER
from tallystick.node.cases.segments import SegmentReader, find_person, people, read_columns
from tallystick.node.cases.sqldesk import SqlDesk
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
    none_rejected,
)
from tallystick.node.cases.tombstones import Tombstones, tombstone_key

__all__ = ["KEYRING_FILE", "REGISTER_FILE", "SqlCaseStore", "create_register", "open_register"]

REGISTER_FILE = "register.db"
KEYRING_FILE = "keyring.db"

_RECORD = """
    SELECT record_id, version, run_id, fields, sealed FROM record
    WHERE agency_id = (SELECT agency_id FROM agency WHERE name = ?) AND agency_case_id = ?"""
_EARLIER = """
    SELECT person_id, coded, fields, sealed, version, run_id, replaced_by, replaced_at FROM superseded
    WHERE record_id = ? ORDER BY version"""
_RUN = """
    INSERT INTO run (run_id, at, source, format, added, replaced, unchanged, rejected, notes)
    VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, ?5)"""
_DONE = """
    UPDATE run SET added = ?, replaced = ?, unchanged = ?, rejected = ?, first_record_id = ?, last_record_id = ?
    WHERE run_id = ?"""
_RUNS = "SELECT run_id, at, source, format, added, replaced, unchanged, rejected, notes FROM run ORDER BY run_id"
_LAST_RUN = "SELECT coalesce(max(run_id), 0), coalesce(max(last_record_id), 0) FROM run WHERE run_id <= ?"
_NO_LIMIT = 1 << 62
Key = tuple[str, str]


def create_register(desk_folder: Path, register_key: bytes, identity_key: bytes) -> None:
    """Make an empty register and its keyring in ``desk_folder``; the keyring first.

    Raises:
        StoreError: The register is already there, or a keyring under another key or with keys in it.
    """
    keyring = desk_folder / KEYRING_FILE
    if (desk_folder / REGISTER_FILE).exists():
        raise StoreError(_("{path} already exists and was not touched").format(path=desk_folder / REGISTER_FILE))
    if keyring.exists():
        _require_empty(keyring, identity_key)
    else:
        create_keyring(keyring, identity_key)
    cipher.create(desk_folder / REGISTER_FILE, register_key, REGISTER)


def _require_empty(path: Path, identity_key: bytes) -> None:
    """Accept what a crash between the two files left behind, and nothing else."""
    keyring = Keyring(path, identity_key)
    try:
        if not keyring.is_empty():
            raise StoreError(_("{path} holds keys of another register and was not touched").format(path=path))
    finally:
        keyring.close()


def open_register(
    desk_folder: Path, register_key: bytes, identity_key: bytes | None, *, random_bytes: RandomBytes = os.urandom
) -> "SqlCaseStore":
    """Open the register in ``desk_folder``.

    Args:
        desk_folder: HOME/desk.
        register_key: Raw key, 32 bytes.
        identity_key: Raw key, 32 bytes; None where identity is not needed, as in counting.
        random_bytes: Where person ids and keys come from.

    Raises:
        StoreError: No register there, another key, not a register, written by a newer version.
    """
    database = cipher.connect(desk_folder / REGISTER_FILE, register_key, REGISTER)
    try:
        keyring = _keyring(desk_folder, identity_key, database) if identity_key is not None else None
    except BaseException:
        database.close()
        raise
    return SqlCaseStore(desk_folder / REGISTER_FILE, database, keyring, tombstone_key(register_key), random_bytes)


def _keyring(desk_folder: Path, identity_key: bytes, register: Database) -> Keyring:
    keyring = Keyring(desk_folder / KEYRING_FILE, identity_key)
    try:
        if keyring.awaits_record_ids:
            keyring.adopt(people(register.conn))
    except BaseException:
        keyring.close()
        raise
    return keyring


class _Writing:
    """A run being written, and what it did once it is."""

    def __init__(self, writer: BatchWriter) -> None:
        self.writer = writer
        self.report = IngestReport(0, 0, 0, 0, 0)


class SqlCaseStore(SqlDesk):
    """A ``CaseStore`` over two SQLCipher files; made by ``open_register``."""

    def __init__(
        self, path: Path, database: Database, keyring: Keyring | None, erased_key: bytes, random_bytes: RandomBytes
    ) -> None:
        self._path = path
        self._database = database
        self._keyring = keyring
        self._erased_key = erased_key
        self._random = random_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def ingest(
        self,
        run: ImportRun,
        records: Iterable[CaseRecord],
        *,
        rejected: Callable[[], int] = none_rejected,
        dry_run: bool = False,
    ) -> IngestReport:
        """See ``CaseStore.ingest``."""
        with self._run(run, rejected, keep=not dry_run) as writing:
            for batch in batches(map(coded_row, records)):
                writing.writer.write(batch)
        return writing.report

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
        with self._run(run, rejected, keep=not dry_run, refuse=refuse) as writing:
            for batch in source(KnownRows(self._database.conn, self._keyring, writing.writer)):
                writing.writer.write(batch)
        return writing.report

    def edit(self, run: ImportRun, record: CaseRecord, *, expected_version: int) -> IngestReport:
        """See ``CaseStore.edit``."""
        with self._run(run, none_rejected, keep=True) as writing:
            found = self._record(record.agency, record.agency_case_id)
            require_version(found[1] if found else 0, expected_version)
            writing.writer.write([coded_row(record)])
        return writing.report

    def link(self, run: ImportRun, first: Key, second: Key | None) -> IngestReport:
        """Make two records one person's, or (without ``second``) part one from those it was linked to.

        Args:
            run: Who and when.
            first: Agency and case number.
            second: The other's; its person becomes the first's.

        Raises:
            StoreError: The register holds no such case, or nothing would change.
        """
        with self._run(run, none_rejected, keep=True) as writing:
            ids = [self._record(*key) for key in (first, second) if key is not None]
            if any(found is None for found in ids):
                raise StoreError(_("the register holds no such case"))
            records = [found[0] for found in ids if found is not None]
            run_id = self._database.conn.execute("SELECT max(run_id) FROM run").fetchone()[0]
            segments, at = writing.writer.segments, rfc3339(run.at)
            linking = Linking(self._database.conn, self._keyring, segments, run_id, at, self._random)
            moved = linking.join(*records) if second is not None else linking.part(*records)
            writing.writer.tally["replaced"] += moved
        return writing.report

    @contextmanager
    def _run(
        self, run: ImportRun, rejected: Callable[[], int], *, keep: bool, refuse: Refuse | None = None
    ) -> Iterator[_Writing]:
        """Open a run, hand out its writer, then write what the run did; all of it or nothing."""
        with cipher.store_errors(self._path), self._transaction(keep=keep):
            connection, at = self._database.conn, rfc3339(run.at)
            run_id = connection.execute("SELECT coalesce(max(run_id), 0) + 1 FROM run").fetchone()[0]
            notes = json.dumps(list(run.notes), ensure_ascii=False)
            connection.execute(_RUN, (run_id, at, run.source, run.format, notes))
            erased = Tombstones(connection, self._erased_key)
            writing = _Writing(BatchWriter(connection, self._keyring, run_id, at, erased, refuse, self._random))
            yield writing
            writer, tally = writing.writer, writing.writer.tally
            writer.finish()
            done = (tally["added"], tally["replaced"], tally["unchanged"], rejected())
            connection.execute(_DONE, (*done, writer.first_id, writer.last_id, run_id))
            writing.report = IngestReport(run_id if keep else 0, *done)

    @contextmanager
    def _transaction(self, *, keep: bool) -> Iterator[None]:
        """Hold both files' write locks; commit the keyring before the register (see ``ingest``)."""
        self._database.conn.execute("BEGIN IMMEDIATE")
        try:
            if self._keyring:
                self._keyring.begin()
            yield
            if keep:
                if self._keyring:
                    self._keyring.commit()
                self._database.conn.execute("COMMIT")
        finally:
            if self._keyring:
                self._keyring.rollback()
            if self._database.conn.in_transaction:
                self._database.conn.execute("ROLLBACK")

    def columns(self, names: Sequence[str], start_segment: int = 0) -> Iterator[Mapping[str, NDArray[Any]]]:
        """See ``CaseStore.columns``."""
        with cipher.store_errors(self._path):
            yield from read_columns(self._database.conn, names, start_segment)

    def changes_since(self, run_id: int) -> Changes:
        """See ``CaseStore.changes_since``."""
        with cipher.store_errors(self._path):
            connection = self._database.conn
            _run, before = connection.execute(_LAST_RUN, [run_id]).fetchone()
            last_run, last = connection.execute(_LAST_RUN, [_NO_LIMIT]).fetchone()
            sql = "SELECT changes FROM recoding WHERE run_id > ? ORDER BY run_id, part"
            blobs = [row[0] for row in connection.execute(sql, [run_id])]
        return Changes(last_run, before + 1, last, read_recodings(blobs))

    def coded_rows(self, year: int, role: str = "victim") -> CodedColumns:
        """See ``CaseStore.coded_rows``."""
        with cipher.store_errors(self._path):
            return coded_rows(self._database.conn, year, role)

    def count(self) -> int:
        """See ``CaseStore.count``."""
        with cipher.store_errors(self._path):
            return int(self._database.execute("SELECT count(*) FROM record").fetchone()[0])

    def counts_by_year(self) -> Mapping[int, int]:
        """See ``CaseStore.counts_by_year``."""
        with cipher.store_errors(self._path):
            return counts_by_year(self._database.conn)

    def agencies(self, year: int) -> Mapping[str, int]:
        """See ``CaseStore.agencies``."""
        with cipher.store_errors(self._path):
            names = dict(self._database.execute("SELECT agency_id, name FROM agency").fetchall())
            found = counts_by_agency(self._database.conn, year)
        return dict(sorted((names[agency], number) for agency, number in found.items()))

    def identity(self, person_id: bytes) -> Identity | None:
        """See ``CaseStore.identity``."""
        with cipher.store_errors(self._path):
            record_id = find_person(self._database.conn, person_id)
            row = self._database.execute("SELECT sealed FROM record WHERE record_id = ?", [record_id]).fetchone()
        return self._unsealed(record_id, person_id, row[0]) if record_id is not None and row and row[0] else None

    def find(self, query: CaseQuery) -> list[CaseLine]:
        """See ``CaseStore.find``."""
        with cipher.store_errors(self._path):
            return find_cases(self._database.conn, query)

    def get(self, agency: str, agency_case_id: str) -> StoredCase | None:
        """See ``CaseStore.get``."""
        with cipher.store_errors(self._path):
            found = self._record(agency, agency_case_id)
            if found is None:
                return None
            record_id, version, run_id, fields, sealed = found
            reader = SegmentReader(self._database.conn)
            person_id, coded = reader.person_id(record_id), reader.coded(record_id)
        return self._stored(agency, agency_case_id, record_id, (person_id, coded, fields, sealed, version, run_id))

    def _record(self, agency: str, agency_case_id: str) -> tuple[int, int, int, str | None, bytes | None] | None:
        found: tuple[int, int, int, str | None, bytes | None] | None = self._database.execute(
            _RECORD, [agency, agency_case_id]
        ).fetchone()
        return found

    def _stored(self, agency: str, agency_case_id: str, record_id: int, row: Sequence[Any]) -> StoredCase:
        person_id, coded, fields, sealed, *rest = row
        identity = self._unsealed(record_id, person_id, sealed) if sealed is not None else None
        record = decode(agency, agency_case_id, unpack(coded)).with_contents(fields, identity)
        return StoredCase(record, person_id, *rest)

    def _unsealed(self, record_id: int, person_id: bytes, sealed: bytes) -> Identity:
        if self._keyring is None:
            raise StoreError(_("identities cannot be read while the keyring is closed"))
        key = self._keyring.keys([record_id]).get(record_id)
        if key is None:
            raise StoreError(
                _("the keyring has no key for a person of the register"),
                hint=_("restore register.db and keyring.db from backups of the same day"),
            )
        return Identity.from_bytes(unseal(key, person_id, sealed))

    def versions(self, agency: str, agency_case_id: str) -> Iterator[StoredCase]:
        """See ``CaseStore.versions``."""
        with cipher.store_errors(self._path):
            found = self._record(agency, agency_case_id)
            earlier = self._database.execute(_EARLIER, [found[0]]).fetchall() if found else []
        for row in earlier:
            yield self._stored(agency, agency_case_id, found[0] if found else 0, row)
        current = self.get(agency, agency_case_id)
        if current is not None:
            yield current

    def runs(self) -> list[RunSummary]:
        """See ``CaseStore.runs``."""
        with cipher.store_errors(self._path):
            rows = self._database.execute(_RUNS).fetchall()
        return [RunSummary(*(*row[:8], tuple(json.loads(row[8])))) for row in rows]

    def cut_off(self) -> str | None:
        """See ``CaseStore.cut_off``."""
        with cipher.store_errors(self._path):
            row = self._database.execute("SELECT at FROM run ORDER BY run_id DESC LIMIT 1").fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        """See ``CaseStore.close``."""
        if self._keyring:
            self._keyring.close()
        self._database.close()
