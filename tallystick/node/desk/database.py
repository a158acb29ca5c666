"""``desk.db``: one SQLCipher file under a key of its own, derived from the register's.

Trusted: yes, as the register is. Whoever controls the file without the key can only damage it or put an older one in
its place, which the next publish notices (the log then holds what the file does not know); whoever has the key knows
every exact count that was ever frozen.

Rows that were signed or frozen are made immutable by triggers here, not only by good manners elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlcipher3
import sqlite_utils
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.schema import Schema
from tallystick.node.desk.states import IN_LOG, PublicationState

__all__ = ["DESK_DB", "Database", "create_database", "desk_key", "open_database"]

DESK_DB = "desk.db"
_INFO = b"tallystick desk.db 1"


def _among(states: frozenset[PublicationState]) -> str:
    return ", ".join(f"'{state.value}'" for state in sorted(states))


_TABLES = (
    "CREATE TABLE catalogue (sha256 TEXT PRIMARY KEY, document BLOB NOT NULL) STRICT",
    """CREATE TABLE frozen_year (
      year INTEGER PRIMARY KEY,
      frozen_on TEXT NOT NULL,
      catalogue_sha256 TEXT NOT NULL REFERENCES catalogue (sha256),
      censored INTEGER NOT NULL CHECK (censored IN (0, 1)),
      cubes BLOB NOT NULL) STRICT""",
    """CREATE TABLE draft (
      period TEXT NOT NULL,
      revision INTEGER NOT NULL CHECK (revision >= 1),
      context BLOB NOT NULL,
      PRIMARY KEY (period, revision)) STRICT""",
    f"""CREATE TABLE publication (
      payload_id TEXT PRIMARY KEY,
      period TEXT NOT NULL,
      table_id TEXT NOT NULL,
      revision INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ({_among(frozenset(PublicationState))})),
      salt BLOB NOT NULL CHECK (length(salt) = 32),
      payload BLOB NOT NULL,
      data BLOB NOT NULL,
      briefing BLOB NOT NULL,
      sealed BLOB NOT NULL,
      envelope BLOB,
      log_index INTEGER UNIQUE,
      reason TEXT,
      changed_at TEXT NOT NULL,
      UNIQUE (period, table_id, revision),
      FOREIGN KEY (period, revision) REFERENCES draft (period, revision),
      CHECK ((log_index IS NOT NULL) = (state IN ({_among(IN_LOG)}))),
      CHECK (log_index IS NULL OR envelope IS NOT NULL),
      CHECK (state <> '{PublicationState.SIGNED}' OR envelope IS NOT NULL)) STRICT""",
    "CREATE TABLE mark (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)

_FORBIDDEN = {
    "frozen_year_stays": "UPDATE ON frozen_year",
    "frozen_year_kept": "DELETE ON frozen_year",
    "draft_stays": "UPDATE ON draft",
    "draft_kept": "DELETE ON draft",
    "publication_kept": "DELETE ON publication",
    "publication_stays": (
        "UPDATE OF payload_id, period, table_id, revision, salt, payload, data, briefing, sealed ON publication"
    ),
    "logged_stays": "UPDATE OF envelope, log_index ON publication WHEN OLD.log_index IS NOT NULL",
}
_TRIGGERS = tuple(
    f"CREATE TRIGGER {name} BEFORE {what} BEGIN SELECT RAISE(ABORT, 'this row is final'); END"
    for name, what in _FORBIDDEN.items()
)


def desk_1(database: sqlite_utils.Database) -> None:
    """Make the first tables."""
    for statement in (*_TABLES, *_TRIGGERS):
        database.execute(statement)


_KNOWN = (
    """CREATE TABLE known_figure (
      source TEXT NOT NULL,
      period TEXT NOT NULL,
      subject TEXT NOT NULL,
      official TEXT NOT NULL,
      file_sha256 TEXT NOT NULL,
      place TEXT NOT NULL,
      added_at TEXT NOT NULL,
      PRIMARY KEY (source, period, subject)) STRICT""",
    """CREATE TABLE known_explanation (
      source TEXT NOT NULL,
      period TEXT NOT NULL,
      table_id TEXT NOT NULL,
      key TEXT NOT NULL,
      official TEXT NOT NULL,
      text TEXT NOT NULL,
      written_at TEXT NOT NULL,
      PRIMARY KEY (source, period, table_id, key)) STRICT""",
)


def desk_2(database: sqlite_utils.Database) -> None:
    """Make the tables of figures that others published; unlike what was signed, they change."""
    for statement in _KNOWN:
        database.execute(statement)


_SCHEMA = Schema("tallystick-desk", desk_1, desk_2)


def desk_key(register_key: bytes) -> bytes:
    """Derive the raw key of ``desk.db`` from the register's (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=_INFO).derive(register_key)


class Database:
    """An open ``desk.db``; every write happens inside ``transaction``."""

    def __init__(self, path: Path, connection: Any) -> None:  # noqa: ANN401 - sqlcipher3 has no types
        self._path = path
        self._connection = connection
        self._rehearsing = False

    def read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with cipher.store_errors(self._path):
            rows: list[tuple[Any, ...]] = self._connection.execute(sql, values).fetchall()
        return rows

    def write(self, sql: str, values: tuple[object, ...] = ()) -> int:
        """Change rows inside a transaction; return how many were changed.

        Raises:
            StoreError: No transaction is open, or a row that is final would change.
        """
        if not self._connection.in_transaction:
            raise StoreError(_("desk.db: a write outside a transaction"))
        try:
            with cipher.store_errors(self._path):
                return int(self._connection.execute(sql, values).rowcount)
        except StoreError as error:
            if isinstance(error.__context__, sqlcipher3.IntegrityError):
                raise StoreError(_("desk.db refused a change: {reason}").format(reason=error.__context__)) from None
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block's writes or none of them, durable when the block is left; not so in a rehearsal."""
        if self._rehearsing:
            yield
            return
        with cipher.store_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.commit()
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Let the block read what it writes, and forget all of it when the block is left."""
        with cipher.store_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
        self._rehearsing = True
        try:
            yield
        finally:
            self._rehearsing = False
            self._connection.execute("ROLLBACK")

    def commit(self) -> None:
        """Make the open transaction durable."""
        with cipher.store_errors(self._path):
            self._connection.execute("COMMIT")

    @property
    def connection(self) -> Any:  # noqa: ANN401 - sqlcipher3 has no types
        """The open file, for copying it."""
        return self._connection

    def mark(self, name: str) -> str | None:
        """Return a remembered value, such as how far the outbox was fed."""
        rows = self.read("SELECT value FROM mark WHERE name = ?", (name,))
        return str(rows[0][0]) if rows else None

    def set_mark(self, name: str, value: str) -> None:
        """Remember a value, inside a transaction."""
        self.write("INSERT INTO mark VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2", (name, value))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def create_database(folder: Path, register_key: bytes) -> None:
    """Make an empty ``desk.db`` in ``folder``, whole or not at all.

    Raises:
        StoreError: One is there already; it was not touched.
    """
    cipher.create(folder / DESK_DB, desk_key(register_key), _SCHEMA)


def open_database(folder: Path, register_key: bytes) -> Database:
    """Open ``desk.db`` in ``folder``.

    Args:
        folder: HOME/desk.
        register_key: The register's raw 32-byte key, from which this file's key is derived.

    Raises:
        StoreError: Absent, wrong key, not such a file, or made by a later version.
    """
    path = folder / DESK_DB
    return Database(path, cipher.connect(path, desk_key(register_key), _SCHEMA).conn)
