"""A database copied while others use it: one moment of it, encrypted under the same key (SQLite's online backup)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlcipher3

from tallystick.config.files import PRIVATE_FILE, fsync_dir
from tallystick.node.cases import cipher
from tallystick.node.cases.erasing import REGISTER_FILE
from tallystick.node.cases.keyring import Keyring, file_key
from tallystick.node.cases.rotation import KEYRING_FILE
from tallystick.node.cases.schema import REGISTER

__all__ = ["Advance", "copy_keyring", "copy_register", "copy_to"]

Advance = Callable[[int, int], None]
"""Told of pages done and pages in all."""
_PAGES = 4096


def copy_to(connection: Any, key: bytes, target: Path, advance: Advance) -> None:  # noqa: ANN401 - sqlcipher3 is untyped
    """Copy an open database into a new file.

    What others commit meanwhile is not in it: all pages are of the moment at which the copy began.

    Args:
        connection: The open database, outside a transaction.
        key: Raw key of the new file.
        target: Not there yet.
        advance: Told of pages.

    Raises:
        StoreError: Damaged pages (each one's HMAC is checked on the way), or the disk is full.
        FileExistsError: ``target`` is there.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, PRIVATE_FILE))
    with cipher.store_errors(target):
        copy = sqlcipher3.connect(target, isolation_level=None)
        try:
            copy.execute("PRAGMA cipher_log_level = NONE")
            copy.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            copy.execute("PRAGMA synchronous = OFF")  # fsynced once, below; half a copy is no copy
            connection.execute("BEGIN")
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on one moment is read
                connection.backup(copy, pages=_PAGES, progress=lambda _state, left, total: advance(total - left, total))
            finally:
                connection.execute("ROLLBACK")
        finally:
            copy.close()
    handle = os.open(target, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    fsync_dir(target.parent)


def copy_register(folder: Path, register_key: bytes, target: Path, advance: Advance) -> int:
    """Copy HOME/desk/register.db; return how many cases it holds.

    Raises:
        StoreError: As ``copy_to``.
    """
    database = cipher.connect(folder / REGISTER_FILE, register_key, REGISTER)
    try:
        copy_to(database.conn, register_key, target, advance)
    finally:
        database.close()
    copy = cipher.connect(target, register_key, REGISTER)
    try:
        return int(copy.execute("SELECT count(*) FROM record").fetchone()[0])
    finally:
        copy.close()


def copy_keyring(folder: Path, identity_key: bytes, target: Path, advance: Advance) -> int:
    """Copy HOME/desk/keyring.db; return how many records have a key or a mark in it.

    Raises:
        StoreError: As ``copy_to``.
    """
    keyring = Keyring(folder / KEYRING_FILE, identity_key)
    try:
        copy_to(keyring.connection.conn, file_key(target, identity_key), target, advance)
    finally:
        keyring.close()
    copy = Keyring(target, identity_key)
    try:
        return copy.count()
    finally:
        copy.close()
