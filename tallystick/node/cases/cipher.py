"""A SQLCipher file with its raw key: opened only if it is what it must be.

Trusted: nothing on the disk. An attacker with the file but not the key learns its size and when it changed;
one who alters a page is found out by the page's HMAC and the command stops.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlcipher3
from sqlite_utils import Database

from tallystick.config.errors import StoreError
from tallystick.config.files import PRIVATE_FILE, fsync_dir
from tallystick.config.i18n import _
from tallystick.node.cases.schema import Schema

__all__ = ["KEY_BYTES", "connect", "create", "store_errors"]

KEY_BYTES = 32
_PLAIN_HEADER = b"SQLite format 3\0"
_BUSY_SECONDS = 5.0
_CACHE_KIB = 32_768
_TEMP_IN_MEMORY = 2


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn the database's own errors into StoreError; values never stand in them."""
    try:
        yield
    except sqlcipher3.OperationalError as error:
        if "locked" in str(error):
            raise StoreError(
                _("{path}: another command is writing to it").format(path=path), hint=_("wait until it is done")
            ) from None
        raise StoreError(_("{path}: {reason}").format(path=path, reason=error)) from None
    except sqlcipher3.DatabaseError as error:
        raise StoreError(
            _("{path}: damaged: {reason}").format(path=path, reason=error), hint=_("restore it from a backup")
        ) from None


def _require_key(path: Path, key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise StoreError(
            _("{path} opens only with its key of 32 bytes; {count} were given").format(path=path, count=len(key))
        )


def _require_file(path: Path) -> None:
    """Refuse what cannot be a register before SQLCipher sees it, so that the reason is a plain one."""
    if not path.is_file():
        raise StoreError(_("there is no {path}").format(path=path), hint=_("make the home first: tallystick init"))
    with path.open("rb") as stream:
        header = stream.read(len(_PLAIN_HEADER))
    if header == _PLAIN_HEADER:
        raise StoreError(_("{path} is a database without encryption, not a register").format(path=path))
    if len(header) < len(_PLAIN_HEADER):
        raise StoreError(_("{path} is empty, not a register").format(path=path))


def _open(path: Path, key: bytes) -> Database:
    connection = sqlcipher3.connect(path, isolation_level=None, timeout=_BUSY_SECONDS, uri=False)
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")  # its own lines on stderr would stand above our two
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        _secure(connection, path)
        return Database(connection, execute_plugins=False, recursive_triggers=False)
    except BaseException:
        connection.close()
        raise


def _secure(connection: Any, path: Path) -> None:  # noqa: ANN401 - sqlcipher3 brings no types
    """Set and then ASSERT what keeps cases off the disk: a build without encryption answers these otherwise."""

    def ask(pragma: str) -> Any:  # noqa: ANN401 - whatever the pragma answers
        row = connection.execute(f"PRAGMA {pragma}").fetchone()
        return row[0] if row else None

    if not ask("cipher_version"):
        raise StoreError(_("{path}: this Python's SQLite cannot encrypt").format(path=path))
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    build = {row[0] for row in connection.execute("PRAGMA compile_options")}
    settings = {row[0] for row in connection.execute("PRAGMA cipher_settings")}
    checks = {
        "TEMP_STORE": ask("temp_store") == _TEMP_IN_MEMORY and bool({"TEMP_STORE=2", "TEMP_STORE=3"} & build),
        "secure_delete": ask("secure_delete") == 1,
        "cipher_use_hmac": "PRAGMA cipher_use_hmac = 1;" in settings,
        "cipher_plaintext_header_size": "PRAGMA cipher_plaintext_header_size = 0;" in settings,
    }
    wrong = [name for name, fine in checks.items() if not fine]
    if wrong:
        raise StoreError(_("{path}: SQLCipher does not keep: {names}").format(path=path, names=", ".join(wrong)))


def connect(path: Path, key: bytes, schema: Schema) -> Database:
    """Open an existing SQLCipher file and bring its tables up to date.

    Args:
        path: The file; it must be there (a register is never made by opening it).
        key: Raw key, 32 bytes.
        schema: Its tables, version by version; forward only.

    Raises:
        StoreError: No such file, wrong key, no key, not a register, made by a newer version, damaged.
    """
    _require_key(path, key)
    _require_file(path)
    try:
        database = _open(path, key)
        applied = {found.name for found in schema.migrations.applied(database)}
    except sqlcipher3.OperationalError:  # the disk, not the key
        with store_errors(path):
            raise
    except sqlcipher3.DatabaseError:
        raise StoreError(
            _("{path} does not open: the key is another one, or this is not a register").format(path=path),
            hint=_("check that passphrase and home belong together"),
        ) from None
    try:
        _migrate(database, path, applied, schema)
    except BaseException:
        database.close()
        raise
    return database


def _migrate(database: Database, path: Path, applied: set[str], schema: Schema) -> None:
    if not applied:
        raise StoreError(_("{path} opens, but is not what it should be").format(path=path))
    if not applied <= schema.names:
        raise StoreError(
            _("{path} was written by a newer version of tallystick").format(path=path),
            hint=_("update tallystick on this machine"),
        )
    if applied != schema.names:
        with store_errors(path), database.atomic():
            database.execute("DELETE FROM _sqlite_migrations WHERE 0")  # waits for another command that does the same
            schema.migrations.apply(database)


def _write_through(database: Database) -> None:
    """Bring everything from the write-ahead log into the file: closing would try the same and keep silent if it fails.

    Raises:
        sqlcipher3.OperationalError: It did not get there.
    """
    busy, _pages, _moved = database.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlcipher3.OperationalError("its write-ahead log could not be emptied")


def create(path: Path, key: bytes, schema: Schema) -> None:
    """Make a new SQLCipher file with its tables; whole or not at all.

    Built under another name, closed, fsynced, then linked into place: a crash leaves no half-made register.

    Raises:
        StoreError: ``path`` is already there; it was not touched.
    """
    _require_key(path, key)
    draft = path.with_name(f".{path.name}.new")
    for leftover in (draft, draft.with_name(draft.name + "-wal"), draft.with_name(draft.name + "-shm")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE_FILE))
    with store_errors(draft):
        database = _open(draft, key)
        try:
            database.conn.execute("PRAGMA journal_mode = WAL")
            schema.migrations.apply(database)
            _write_through(database)
        finally:
            database.close()
    handle = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        raise StoreError(_("{path} already exists and was not touched").format(path=path)) from None
    finally:
        draft.unlink()
    fsync_dir(path.parent)
