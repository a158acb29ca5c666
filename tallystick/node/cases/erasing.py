"""Erasing a person: from the tombstone on, until nothing here opens who it was.

1. The register's write lock is taken: nobody else changes register or keyring meanwhile.
2. The tombstone is written to HOME/desk/tombstones: **the person is erased from here on**, whatever happens next.
   *Before: nothing happened. After a crash here or later: whoever opens the register with its names next, or the same
   order applied again, goes on.*
3. The sealed identity is taken out of the current and every earlier version, the case number gives way to a random
   one, and the tombstone is put into the register; not committed yet. *After a crash: it is done again.*
4. The keyring is written anew without the person, under a new identity key (``rotation`` has its own steps).
5. The register commits.

The coded row stays: what was counted once stays countable, and names nobody.
"""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.keyring import Keyring, RandomBytes
from tallystick.node.cases.rotation import KEYRING_FILE, NewKey, rotate
from tallystick.node.cases.schema import REGISTER
from tallystick.node.cases.tombstones import (
    TOMBSTONES,
    Tombstone,
    TombstoneFile,
    buried,
    bury,
    case_mac,
    tombstone_key,
)

__all__ = ["ERASED_NUMBER", "DeskKeys", "find_record", "is_settled", "no_progress", "settle"]

REGISTER_FILE = "register.db"
ERASED_NUMBER = "erased-"
"""What the random number begins with that takes the place of an erased case's."""
_TOKEN_BYTES = 12
_FIND = "SELECT record_id FROM record JOIN agency USING (agency_id) WHERE name = ? AND agency_case_id = ?"
_NAMED = "SELECT record_id, name, agency_case_id FROM record JOIN agency USING (agency_id)"
_STRIP_RECORD = "UPDATE record SET sealed = NULL, agency_case_id = ? WHERE record_id = ?"
_STRIP_EARLIER = "UPDATE superseded SET sealed = NULL WHERE record_id = ?"


def no_progress(rows: int) -> None:
    """Stand for nobody who watches."""
    del rows


@dataclass(frozen=True, repr=False)
class DeskKeys:
    """The keys of the two files, and how a new identity key is sealed under the desk's passphrase."""

    register: bytes
    identity: bytes
    reseal: Callable[[bytes], bytes]


def find_record(folder: Path, register_key: bytes, agency: str, number: str) -> int | None:
    """Return the record id of a case, or None where the register does not hold it (any more).

    Args:
        folder: HOME/desk.
        register_key: The register's raw key.
        agency: As the record has it.
        number: The agency's own case number.
    """
    database = cipher.connect(folder / REGISTER_FILE, register_key, REGISTER)
    try:
        with cipher.store_errors(folder / REGISTER_FILE):
            row = database.execute(_FIND, [agency, number]).fetchone()
    finally:
        database.close()
    return None if row is None else int(row[0])


class _Files:
    """Register, keyring and tombstones of one home, open."""

    def __init__(self, folder: Path, keys: DeskKeys) -> None:
        self.path = folder / REGISTER_FILE
        self.register = cipher.connect(self.path, keys.register, REGISTER)
        try:
            self.keyring = Keyring(folder / KEYRING_FILE, keys.identity)
        except BaseException:
            self.register.close()
            raise
        if self.keyring.awaits_record_ids:
            self.__exit__()
            raise StoreError(_("{folder}: the keyring is an earlier version's").format(folder=folder))
        self.file = TombstoneFile(folder / TOMBSTONES, keys.register)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self.keyring.close()
        self.register.close()

    def stones(self) -> tuple[frozenset[Tombstone], ...]:
        """Return what each of the three places holds: register, keyring, file."""
        with cipher.store_errors(self.path):
            return buried(self.register), buried(self.keyring.connection), self.file.read()


def _macs(stones: Iterable[Tombstone]) -> frozenset[bytes]:
    return frozenset(stone.mac for stone in stones)


def is_settled(folder: Path, keys: DeskKeys) -> bool:
    """Tell whether register, keyring and file know of the same tombstones."""
    with _Files(folder, keys) as files:
        register, keyring, file = map(_macs, files.stones())
    return register == keyring == file


def _records_of(connection: Any, key: bytes, stones: Collection[Tombstone]) -> dict[bytes, int]:  # noqa: ANN401
    """Return the records that still stand under the numbers of the erased, by digest.

    A record is looked for under its id first. An older register put back, into which the case was imported once
    more, has it under another id: then every record is looked at.
    """
    found: dict[bytes, int] = {}
    for stone in stones:
        row = connection.execute(f"{_NAMED} WHERE record_id = ?", [stone.record_id]).fetchone()
        if row is not None and case_mac(key, row[1], row[2]) == stone.mac:
            found[stone.mac] = row[0]
    missing = _macs(stones) - set(found)
    if missing:
        rows = ((case_mac(key, agency, number), record_id) for record_id, agency, number in connection.execute(_NAMED))
        found.update((mac, record_id) for mac, record_id in rows if mac in missing)
    return found


def _strip(connection: Any, records: Iterable[int], random_bytes: RandomBytes) -> None:  # noqa: ANN401
    for record_id in records:
        connection.execute(_STRIP_RECORD, [ERASED_NUMBER + random_bytes(_TOKEN_BYTES).hex(), record_id])
        connection.execute(_STRIP_EARLIER, [record_id])


def settle(
    folder: Path,
    keys: DeskKeys,
    extra: Iterable[Tombstone] = (),
    *,
    random_bytes: RandomBytes = os.urandom,
    advance: Callable[[int], None] = no_progress,
) -> tuple[frozenset[Tombstone], bytes]:
    """Carry out every erasure that one of the three places, or ``extra``, knows of and another does not.

    Args:
        folder: HOME/desk; no interrupted rotation waits in it (``rotation.finish``).
        keys: Its keys.
        extra: Further tombstones: of a case that is to be erased now, or from a backup.
        random_bytes: Where tokens and the new identity key come from.
        advance: Told of keyring rows done.

    Returns:
        The tombstones that were not everywhere before, and the identity key that is in force now.

    Raises:
        StoreError: Another command is writing, or a file cannot be read or written; what was begun is finished by
            whoever opens the register next.
    """
    with _Files(folder, keys) as files, cipher.store_errors(files.path):
        connection = files.register.conn
        connection.execute("BEGIN IMMEDIATE")
        try:
            register, keyring, file = files.stones()
            wanted = _merged((*register, *keyring, *file, *extra))
            files.file.add(wanted)
            to_strip = [stone for stone in wanted if stone.mac not in _macs(register)]
            records = _records_of(connection, tombstone_key(keys.register), to_strip) if to_strip else {}
            _strip(connection, records.values(), random_bytes)
            bury(connection, wanted)
            identity_key = keys.identity
            gone = _without(connection, wanted, records.values())
            if _macs(wanted) != _macs(keyring) or files.keyring.present(gone):
                identity_key = random_bytes(cipher.KEY_BYTES)
                new = NewKey(identity_key, keys.reseal(identity_key))
                rotate(folder, files.keyring, keys.identity, new, without=gone, stones=wanted, advance=advance)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what stood in the log before is not kept longer
    everywhere = _macs(register) & _macs(keyring) & _macs(file)
    return frozenset(stone for stone in wanted if stone.mac not in everywhere), identity_key


def _merged(stones: Iterable[Tombstone]) -> list[Tombstone]:
    """Return one tombstone a case, the oldest, oldest first."""
    found: dict[bytes, Tombstone] = {}
    for stone in sorted(stones, key=lambda stone: (stone.erased_at, stone.order_sha256, stone.record_id)):
        found.setdefault(stone.mac, stone)
    return list(found.values())


def _without(connection: Any, stones: Iterable[Tombstone], records: Iterable[int]) -> frozenset[int]:  # noqa: ANN401
    """Return the records whose keys are left out: those just found, and those of the tombstones.

    A record that bears an erased one's id and another number is somebody else's, and keeps its key.
    """
    gone = set(records)
    for stone in stones:
        row = connection.execute("SELECT agency_case_id FROM record WHERE record_id = ?", [stone.record_id]).fetchone()
        if row is None or row[0].startswith(ERASED_NUMBER):
            gone.add(stone.record_id)
    return frozenset(gone)
