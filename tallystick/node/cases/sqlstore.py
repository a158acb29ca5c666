"""The register in SQLCipher: the only SQL on cases, together with its schema and its ingest.

Trusted: nothing on the disk. Who takes register.db and the register key reads the coded classification; names need
keyring.db and the identity key as well. Who takes the files alone learns sizes and times.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlite_utils import Database

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.coding import CodedColumns, decode
from tallystick.node.cases.ingest import BatchWriter, batches, completed
from tallystick.node.cases.keyring import Keyring, RandomBytes, create_keyring, unseal
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.cases.schema import REGISTER
from tallystick.node.cases.store import ImportRun, IngestReport, RunSummary, StoredCase, none_rejected

__all__ = ["KEYRING_FILE", "REGISTER_FILE", "SqlCaseStore", "create_register", "open_register"]

REGISTER_FILE = "register.db"
KEYRING_FILE = "keyring.db"

_CODED_ROWS = """
    SELECT c.person_id, c.year, c.sex, c.age, c.citizenship, c.area, c.forms, c.censored, c.counted, d.fields
    FROM classification c LEFT JOIN detail d USING (record_id) WHERE year = ? AND counted = 1 ORDER BY record_id"""
_AGENCIES = """
    SELECT name, count(*) FROM classification JOIN record USING (year, record_id) JOIN agency USING (agency_id)
    WHERE year = ? AND counted = 1 GROUP BY name ORDER BY name"""
_IDENTITY = """
    SELECT record_id, sealed FROM classification JOIN identity USING (record_id)
    WHERE person_id = ? ORDER BY record_id DESC LIMIT 1"""
_VERSIONS = """
    WITH wanted AS (
        SELECT record_id, version, run_id, year FROM record
        WHERE agency_id = (SELECT agency_id FROM agency WHERE name = ?1) AND agency_case_id = ?2)
    SELECT s.version, record_id, s.run_id, s.replaced_by, s.replaced_at, s.person_id, s.year, s.sex, s.age,
           s.citizenship, s.area, s.forms, s.censored, s.counted, s.fields, s.sealed
    FROM wanted JOIN superseded s USING (record_id)
    UNION ALL
    SELECT w.version, record_id, w.run_id, NULL, NULL, c.person_id, c.year, c.sex, c.age, c.citizenship,
           c.area, c.forms, c.censored, c.counted, d.fields, i.sealed
    FROM wanted w JOIN classification c USING (year, record_id)
    LEFT JOIN detail d USING (record_id) LEFT JOIN identity i USING (record_id)
    ORDER BY 1"""


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
    return SqlCaseStore(desk_folder / REGISTER_FILE, database, keyring, random_bytes)


def _keyring(desk_folder: Path, identity_key: bytes, register: Database) -> Keyring:
    keyring = Keyring(desk_folder / KEYRING_FILE, identity_key)
    try:
        if keyring.awaits_record_ids:
            keyring.adopt(register.execute("SELECT person_id, record_id FROM classification"))
    except BaseException:
        keyring.close()
        raise
    return keyring


class SqlCaseStore:
    """A ``CaseStore`` over two SQLCipher files; made by ``open_register``."""

    def __init__(self, path: Path, database: Database, keyring: Keyring | None, random_bytes: RandomBytes) -> None:
        self._path = path
        self._database = database
        self._keyring = keyring
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
        with cipher.store_errors(self._path), self._transaction(keep=not dry_run):
            connection = self._database.conn
            run_id = connection.execute("SELECT coalesce(max(run_id), 0) + 1 FROM run").fetchone()[0]
            at = rfc3339(run.at)
            head = (run_id, at, run.source, run.format, json.dumps(list(run.notes), ensure_ascii=False))
            connection.execute("INSERT INTO run VALUES (?1, ?2, ?3, ?4, 0, 0, 0, 0, ?5)", head)
            writer = BatchWriter(connection, self._keyring, run_id, at, self._random)
            for batch in batches(records):
                writer.write(batch)
            done = (writer.tally["added"], writer.tally["replaced"], writer.tally["unchanged"], rejected())
            connection.execute(
                "UPDATE run SET added = ?, replaced = ?, unchanged = ?, rejected = ? WHERE run_id = ?", (*done, run_id)
            )
        return IngestReport(0 if dry_run else run_id, *done)

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

    def coded_rows(self, year: int, role: str = "victim") -> CodedColumns:
        """See ``CaseStore.coded_rows``."""
        with cipher.store_errors(self._path):
            rows = self._database.execute(_CODED_ROWS, [year if role == "victim" else 0]).fetchall()
        return CodedColumns.from_coded((row[0], completed(row[1:9], row[9])) for row in rows)

    def count(self) -> int:
        """See ``CaseStore.count``."""
        with cipher.store_errors(self._path):
            return int(self._database.execute("SELECT count(*) FROM record").fetchone()[0])

    def counts_by_year(self) -> Mapping[int, int]:
        """See ``CaseStore.counts_by_year``."""
        with cipher.store_errors(self._path):
            rows = self._database.execute(
                "SELECT year, count(*) FROM classification WHERE counted = 1 GROUP BY year ORDER BY year"
            )
            return dict(rows.fetchall())

    def agencies(self, year: int) -> Mapping[str, int]:
        """See ``CaseStore.agencies``."""
        with cipher.store_errors(self._path):
            return dict(self._database.execute(_AGENCIES, [year]).fetchall())

    def identity(self, person_id: bytes) -> Identity | None:
        """See ``CaseStore.identity``."""
        with cipher.store_errors(self._path):
            row = self._database.execute(_IDENTITY, [person_id]).fetchone()
        return self._unsealed(row[0], person_id, row[1]) if row else None

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
            rows = self._database.execute(_VERSIONS, [agency, agency_case_id]).fetchall()
        for version, record_id, run_id, replaced_by, replaced_at, person_id, *coded, fields, sealed in rows:
            record = decode(agency, agency_case_id, completed(coded, fields)).with_contents(
                fields, self._unsealed(record_id, person_id, sealed) if sealed is not None else None
            )
            yield StoredCase(record, person_id, version, run_id, replaced_by, replaced_at)

    def runs(self) -> list[RunSummary]:
        """See ``CaseStore.runs``."""
        with cipher.store_errors(self._path):
            rows = self._database.execute("SELECT * FROM run ORDER BY run_id").fetchall()
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
