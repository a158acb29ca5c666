"""A new identity key, and the keyring written anew under it, without those who were erased.

1. The new keyring, the sealed new key and its box for the recovery sheets are made in ``.rotating``. *A crash leaves
   a folder that nothing refers to; the next rotation removes it.*
2. ``.rotating`` is renamed ``.rotated``: **from here on the new key is the one.**
3. Each file is moved to its place, the old sealed key being written over first. *A crash leaves ``.rotated`` with
   the rest; whoever opens the keyring next finishes the move, and needs no key for it.*

Nobody writes into a keyring that is being replaced: the caller holds the register's write lock, without which no
import begins, and ``Keyring.begin`` refuses a file that no longer is the one it opened.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import PRIVATE_DIR, PRIVATE_FILE, fsync_dir, make_dir, write_new
from tallystick.config.i18n import _
from tallystick.node.cases.escrow import public_of, seal_box
from tallystick.node.cases.keyring import ROTATED, Keyring, create_keyring
from tallystick.node.cases.tombstones import Tombstone, bury

__all__ = ["BOX", "KEYRING_FILE", "SECRET", "NewKey", "finish", "hold", "rotate", "use_sheets"]

KEYRING_FILE = "keyring.db"
SECRET, BOX = "identity.secret", "identity.box"
_ROTATING = ".rotating"
_ROWS_AT_ONCE = 20_000
_PUBLIC = "recovery public key"


@dataclass(frozen=True, repr=False)
class NewKey:
    """The next identity key: raw, and sealed under the desk's passphrase as ``secrets/identity.secret`` holds it."""

    raw: bytes
    sealed: bytes


@contextmanager
def hold(folder: Path, *, name: str = ".keyring.lock") -> Iterator[None]:
    """Keep others from moving keyring and identity key, or from opening them while they are moved.

    Args:
        folder: HOME/desk.
        name: Another lock than the one around moving and opening.
    """
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def use_sheets(folder: Path, identity_key: bytes, root: bytes) -> None:
    """Let a new home's recovery sheets hold a root of their own (see ``escrow``).

    Args:
        folder: HOME/desk with a keyring that nobody uses yet.
        identity_key: The identity key.
        root: What the sheets are made from.
    """
    keyring = Keyring(folder / KEYRING_FILE, identity_key)
    try:
        keyring.begin()
        keyring.keep_secret(_PUBLIC, public_of(root))
        keyring.commit()
    finally:
        keyring.close()
    write_new(folder / "secrets" / BOX, seal_box(public_of(root), identity_key), PRIVATE_FILE)


def _copy(old: Keyring, new: Keyring, without: Collection[int], advance: Callable[[int], None]) -> int:
    """Copy every row but those of ``without``; return how many."""
    copied, first = 0, 0
    while rows := old.rows(first, _ROWS_AT_ONCE):
        kept = [row for row in rows if row.record_id not in without]
        new.add(kept)
        copied += len(kept)
        first = rows[-1].record_id + 1
        advance(len(rows))
    return copied


def _fill(
    old: Keyring, path: Path, key: bytes, public: bytes, without: Collection[int], stones: Collection[Tombstone],
    advance: Callable[[int], None],
) -> None:  # fmt: skip
    create_keyring(path, key)
    new = Keyring(path, key)
    try:
        new.begin()
        copied = _copy(old, new, without, advance)
        new.keep_secret(_PUBLIC, public)
        new.keep_mark_key(old.mark_key)
        bury(new.connection.conn, stones)
        new.commit()
        gone = len(old.present(without))
        if new.count() != copied or copied + gone != old.count():
            raise StoreError(_("{path}: the new keyring does not hold what the old one does").format(path=path))
    finally:
        new.close()


def rotate(
    folder: Path,
    old: Keyring,
    identity_key: bytes,
    new: NewKey,
    *,
    without: Collection[int],
    stones: Collection[Tombstone],
    advance: Callable[[int], None],
) -> None:
    """Write the keyring anew under a new identity key and put both into their places.

    The caller holds the register's write lock; afterwards ``old`` is a file that nobody else opens any more.

    Args:
        folder: HOME/desk.
        old: The keyring as it is.
        identity_key: Its key.
        new: The next key.
        without: Record ids that are left out.
        stones: The tombstones that the new keyring holds.
        advance: Told of rows done.

    Raises:
        StoreError: Something cannot be written; the old keyring is in force as before.
    """
    public = old.secret(_PUBLIC) or public_of(identity_key)
    making = folder / _ROTATING
    if making.exists():
        shutil.rmtree(making)
    make_dir(making, PRIVATE_DIR)
    _fill(old, making / KEYRING_FILE, new.raw, public, without, stones, advance)
    write_new(making / SECRET, new.sealed, PRIVATE_FILE)
    write_new(making / BOX, seal_box(public, new.raw), PRIVATE_FILE)
    with hold(folder):
        making.rename(folder / ROTATED)
        fsync_dir(folder)
        _finish(folder)


def _write_over(path: Path) -> None:
    """Take an old key's bytes off the disk as far as a disk allows; its blocks are not just set free."""
    if not path.exists():
        return
    handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.pwrite(handle, os.urandom(os.fstat(handle).st_size), 0)
        os.fsync(handle)
    finally:
        os.close(handle)


def finish(folder: Path) -> None:
    """Move into place what an interrupted rotation had already made whole; the caller ``hold``s."""
    if (folder / ROTATED).is_dir():
        _finish(folder)


def _finish(folder: Path) -> None:
    rotated, secrets = folder / ROTATED, folder / "secrets"
    for name in (SECRET, BOX):
        if (rotated / name).exists():
            _write_over(secrets / name)
            (rotated / name).rename(secrets / name)
            fsync_dir(secrets)
    if (rotated / KEYRING_FILE).exists():
        # What the old file had in its log is in the new keyring; beside the new one it would be another file's log.
        for ending in ("-wal", "-shm"):
            (folder / f"{KEYRING_FILE}{ending}").unlink(missing_ok=True)
        (rotated / KEYRING_FILE).rename(folder / KEYRING_FILE)
    fsync_dir(folder)
    rotated.rmdir()
    fsync_dir(folder)
