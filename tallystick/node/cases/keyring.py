"""The keyring: one key per record, in a file of its own under a key that the register's key does not open.

Erasing a person removes the key here; what the register (and last night's backup of it) still holds is then noise.
The SQLCipher key and the key that wraps person keys are both derived from the identity key, which stands nowhere
on the disk in the clear and is another one after each erasure (``rotation``).

Beside each key may stand a mark: a keyed digest of the row that the record was read from, by which the same row is
known again without being parsed or unsealed. It dies with the key.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from sqlite_utils import Database

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.schema import KEYRING

__all__ = ["ROTATED", "Keyring", "KeyringRow", "RandomBytes", "create_keyring", "file_key", "seal", "unseal"]

RandomBytes = Callable[[int], bytes]
ROTATED = ".rotated"
"""Folder beside the keyring: a new keyring with its key, whole, on its way into their places (``rotation``)."""
_NONCE_BYTES = 12
_CONTEXT = b"tallystick-identity-1\0"
_KEYS = "SELECT record_id, wrapped FROM json_each(?) JOIN person_key ON record_id = value WHERE wrapped IS NOT NULL"
_MARKS = "SELECT record_id, mark FROM json_each(?) JOIN person_key ON record_id = value WHERE mark IS NOT NULL"
_ADD = """
    INSERT INTO person_key VALUES (?1, ?2, ?3)
    ON CONFLICT (record_id) DO UPDATE SET wrapped = coalesce(?2, wrapped), mark = coalesce(?3, mark)"""
_MARK = "INSERT INTO person_key VALUES (?1, NULL, ?2) ON CONFLICT (record_id) DO UPDATE SET mark = ?2"
_LAST = """
    SELECT coalesce(max(record_id), 0)
    FROM (SELECT max(record_id) AS record_id FROM person_key UNION ALL SELECT max(record_id) FROM tombstone)"""
_MARK_KEY = "mark key"


class KeyringRow(NamedTuple):
    """What the keyring holds of one record: its person's key, or None, and its source row's mark, or None."""

    record_id: int
    key: bytes | None
    mark: bytes | None


def _derive(identity_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tallystick-" + purpose).derive(identity_key)


def file_key(path: Path, identity_key: bytes) -> bytes:
    """Derive the raw key of a keyring's file from the identity key.

    Raises:
        StoreError: Not a key; ``path`` is named.
    """
    if len(identity_key) != cipher.KEY_BYTES:
        raise StoreError(_("{path} opens only with the identity key of 32 bytes").format(path=path))
    return _derive(identity_key, b"keyring-file-1")


def seal(person_key: bytes, person_id: bytes, identity: bytes, random_bytes: RandomBytes = os.urandom) -> bytes:
    """Seal an identity for one person: nonce, then AES-256-GCM with the person id as associated data."""
    nonce = random_bytes(_NONCE_BYTES)
    return nonce + AESGCM(person_key).encrypt(nonce, identity, _CONTEXT + person_id)


def unseal(person_key: bytes, person_id: bytes, sealed: bytes) -> bytes:
    """Open what ``seal`` made.

    Raises:
        StoreError: Another person's seal, another key, or altered bytes.
    """
    try:
        return AESGCM(person_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _CONTEXT + person_id)
    except (InvalidTag, ValueError):
        raise StoreError(
            _("a sealed identity does not open: the register or its keyring was altered"),
            hint=_("restore register.db and keyring.db from backups of the same day"),
        ) from None


def create_keyring(path: Path, identity_key: bytes) -> None:
    """Make a new, empty keyring file.

    Raises:
        StoreError: ``path`` is already there.
    """
    cipher.create(path, file_key(path, identity_key), KEYRING)


def _asked(record_ids: Sequence[int]) -> str:
    return f"[{','.join(map(str, record_ids))}]"


class Keyring:
    """An open keyring; changes wait for ``commit``.

    Args:
        path: The file, which must be there.
        identity_key: The state's identity key of today, 32 bytes.

    Raises:
        StoreError: As ``cipher.connect``.
    """

    def __init__(self, path: Path, identity_key: bytes) -> None:
        self._path = path
        self._database: Database = cipher.connect(path, file_key(path, identity_key), KEYRING)
        self._inode = path.stat().st_ino
        self._wrapping_key = _derive(identity_key, b"person-key-wrap-1")
        self._derived_mark_key = _derive(identity_key, b"row-mark-1")

    def begin(self) -> None:
        """Start a change, alone.

        Raises:
            StoreError: Another command is changing it, or put another file in its place since it was opened.
        """
        with cipher.store_errors(self._path):
            self._database.conn.execute("BEGIN IMMEDIATE")
        # A new keyring takes this one's place only while nobody is writing to the register; ours is then the old file.
        if not self._path.exists() or self._path.stat().st_ino != self._inode or (self._path.parent / ROTATED).exists():
            self.rollback()
            raise StoreError(
                _("{path}: somebody was erased meanwhile, and the keyring is another file now").format(path=self._path),
                hint=_("nothing was changed; run the command again"),
            )

    def add(self, rows: Sequence[tuple[int, bytes | None, bytes | None]]) -> None:
        """Add (record id, person key, mark) rows, keys wrapped; None leaves what a record has as it is."""
        wrapping_key = self._wrapping_key
        wrapped = [
            (record_id, None if key is None else aes_key_wrap(wrapping_key, key), mark) for record_id, key, mark in rows
        ]
        with cipher.store_errors(self._path):
            self._database.conn.executemany(_ADD, wrapped)

    def set_marks(self, rows: Sequence[tuple[int, bytes | None]]) -> None:
        """Put (record id, mark) rows in place of the marks that these records had; None takes a mark away."""
        with cipher.store_errors(self._path):
            self._database.conn.executemany(_MARK, rows)

    def _unwrap(self, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping_key, wrapped)
        except InvalidUnwrap:
            raise StoreError(_("{path}: a person's key does not open").format(path=self._path)) from None

    def keys(self, record_ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the person keys of those records that have one.

        Raises:
            StoreError: A wrapped key does not open.
        """
        with cipher.store_errors(self._path):
            rows = self._database.execute(_KEYS, [_asked(record_ids)]).fetchall()
        return {record_id: self._unwrap(wrapped) for record_id, wrapped in rows}

    def marks(self, record_ids: Sequence[int]) -> Mapping[int, bytes]:
        """Return the marks of those records that have one."""
        with cipher.store_errors(self._path):
            return dict(self._database.execute(_MARKS, [_asked(record_ids)]).fetchall())

    def secret(self, name: str) -> bytes | None:
        """Return a value that is kept here under the identity key, or None."""
        with cipher.store_errors(self._path):
            row = self._database.execute("SELECT wrapped FROM secret WHERE name = ?", [name]).fetchone()
        return None if row is None else self._unwrap(row[0])

    def keep_secret(self, name: str, value: bytes) -> None:
        """Keep a value of 32 bytes here."""
        with cipher.store_errors(self._path):
            wrapped = aes_key_wrap(self._wrapping_key, value)
            self._database.conn.execute("INSERT OR REPLACE INTO secret VALUES (?, ?)", [name, wrapped])

    @property
    def mark_key(self) -> bytes:
        """Key of the marks, 32 bytes; stays the same when the identity key is rotated."""
        return self.secret(_MARK_KEY) or self._derived_mark_key

    def keep_mark_key(self, mark_key: bytes) -> None:
        """Keep the mark key of the keyring that this one is a copy of."""
        self.keep_secret(_MARK_KEY, mark_key)

    def present(self, record_ids: Collection[int]) -> frozenset[int]:
        """Return those of ``record_ids`` that have a key or a mark."""
        sql = "SELECT record_id FROM json_each(?) JOIN person_key ON record_id = value"
        with cipher.store_errors(self._path):
            return frozenset(row[0] for row in self._database.execute(sql, [_asked(list(record_ids))]).fetchall())

    def last_record_id(self) -> int:
        """Return the largest record id that was ever given a key, a mark or a tombstone here; 0 for none.

        A register restored from an older copy gives no id anew that this keyring knows.
        """
        with cipher.store_errors(self._path):
            return int(self._database.execute(_LAST).fetchone()[0])

    def count(self) -> int:
        """Return how many records have a key or a mark."""
        with cipher.store_errors(self._path):
            return int(self._database.execute("SELECT count(*) FROM person_key").fetchone()[0])

    def rows(self, first: int, limit: int) -> list[KeyringRow]:
        """Return up to ``limit`` rows from record id ``first`` on, keys unwrapped, in the order of their ids."""
        with cipher.store_errors(self._path):
            found = self._database.execute(
                "SELECT record_id, wrapped, mark FROM person_key WHERE record_id >= ? ORDER BY record_id LIMIT ?",
                [first, limit],
            ).fetchall()
        return [
            KeyringRow(record_id, None if wrapped is None else self._unwrap(wrapped), mark)
            for record_id, wrapped, mark in found
        ]

    def is_empty(self) -> bool:
        """Tell whether nobody has a key here."""
        with cipher.store_errors(self._path):
            found = self._database.execute("SELECT 1 FROM person_key LIMIT 1").fetchone()
        return found is None and not self._holds_old_rows()

    @property
    def awaits_record_ids(self) -> bool:
        """Whether an earlier version made this keyring, by person ids: ``adopt`` before anything else."""
        with cipher.store_errors(self._path):
            return "person_key_1" in self._database.table_names()

    def _holds_old_rows(self) -> bool:
        if not self.awaits_record_ids:
            return False
        with cipher.store_errors(self._path):
            return self._database.execute("SELECT 1 FROM person_key_1 LIMIT 1").fetchone() is not None

    def adopt(self, pairs: Iterable[tuple[bytes, int]]) -> None:
        """Give the keys of an earlier version their record ids: all at once, or nothing.

        Keys of persons that the register does not hold are removed: an interrupted import left them, nobody's.

        Args:
            pairs: (person id, record id) of everybody in the register.
        """
        self.begin()
        with cipher.store_errors(self._path):
            try:
                self._database.conn.executemany(
                    "INSERT INTO person_key SELECT ?2, wrapped, NULL FROM person_key_1 WHERE person_id = ?1", pairs
                )
                self._database.conn.execute("DROP TABLE person_key_1")
                self.commit()
            finally:
                self.rollback()

    @property
    def connection(self) -> Database:
        """The database, for ``tombstones`` and ``rotation``, which keep tables of theirs in it."""
        return self._database

    def commit(self) -> None:
        """Make the change durable."""
        with cipher.store_errors(self._path):
            self._database.conn.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the change, if one is under way."""
        if self._database.conn.in_transaction:
            self._database.conn.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
