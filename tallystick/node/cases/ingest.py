"""One run's way into the register: compared in batches with what is held, written in one transaction.

1. The register's write lock is taken; the keyring's too. A crash here or later leaves both as they were ...
2. Batches: records are compared with those held; new and changed ones are written, identities sealed.
3. The keyring commits: a crash after this leaves keys and marks of records that were never written. Their ids are
   never given again, and a mark names the version it was made for, so that it proves nothing about another one.
4. The register commits: the run is in, whole.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases.codedrow import PERSON_KEY_BYTES, CodedRow
from tallystick.node.cases.coding import PERSON_ID_BYTES
from tallystick.node.cases.keyring import Keyring, RandomBytes, seal, unseal
from tallystick.node.cases.marks import bound
from tallystick.node.cases.recoding import RecodingJournal
from tallystick.node.cases.segments import SegmentWriter
from tallystick.node.cases.store import Refuse
from tallystick.node.cases.tombstones import Tombstones

__all__ = ["BatchWriter", "batches", "last_record_id", "require_version"]

BATCH = 2000

Key = tuple[int, str]

_FIND = """
    SELECT r.agency_id, r.agency_case_id, r.record_id, r.version, r.fields, r.sealed
    FROM json_each(?) AS asked
    CROSS JOIN record r ON r.agency_id = asked.value ->> 0 AND r.agency_case_id = asked.value ->> 1"""
_KEEP_EARLIER = """
    INSERT INTO superseded (record_id, version, run_id, replaced_by, replaced_at, person_id, coded, fields, sealed)
    SELECT record_id, version, run_id, ?2, ?3, ?4, ?5, fields, sealed FROM record WHERE record_id = ?1"""

_INSERT = "INSERT INTO record VALUES (?, ?, ?, 1, ?, ?, ?)"
_INSERT_IF_NEW = "INSERT OR IGNORE INTO record VALUES (?, ?, ?, 1, ?, ?, ?)"
_REPLACE = "UPDATE record SET version = version + 1, run_id = ?, fields = ?, sealed = ? WHERE record_id = ?"
_Seal = tuple[bytes, bytes | None, bytes | None]
"""Person id, and key and sealed identity where there is one."""


@dataclass(frozen=True)
class _Held:
    """A record as the register holds it now."""

    record_id: int
    version: int
    fields: str | None
    sealed: bytes | None


def last_record_id(connection: Any, keyring: Keyring | None) -> int:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return the largest record id ever given, as far as register and keyring know; 0 for none."""
    held: int = connection.execute("SELECT coalesce(max(record_id), 0) FROM record").fetchone()[0]
    return max(held, keyring.last_record_id() if keyring else 0)


def require_version(found: int, expected: int) -> None:
    """Raise StoreError unless a case is at the version that somebody looked at; 0 stands for no case."""
    if found != expected:
        raise StoreError(
            _("somebody else changed this case meanwhile: it is at version {found}, not {expected}").format(
                found=found, expected=expected
            )
            if found
            else _("there is no case with this number"),
            hint=_("look at the case again, then repeat the change"),
        )


def batches(rows: Iterable[CodedRow]) -> Iterator[list[CodedRow]]:
    """Cut a run into batches in which no record stands twice."""
    batch: list[CodedRow] = []
    keys: set[tuple[str, str]] = set()
    for row in rows:
        key = (row.agency, row.number)
        if len(batch) == BATCH or key in keys:
            yield batch
            batch, keys = [], set()
        batch.append(row)
        keys.add(key)
    if batch:
        yield batch


class BatchWriter:
    """Writes the batches of one run; the caller holds both transactions and calls ``finish``.

    Args:
        connection: The register, inside a transaction.
        keyring: Inside a transaction, or None where no identity may be touched.
        run_id: The run.
        at: When, RFC 3339.
        tombstones: Who was erased.
        refuse: Takes rows of erased cases, and second rows of one case; None where the first are an error and the
            second replace.
        random_bytes: Where person ids, person keys and nonces come from.
    """

    def __init__(
        self,
        connection: Any,  # noqa: ANN401 - sqlcipher3 brings no types
        keyring: Keyring | None,
        run_id: int,
        at: str,
        tombstones: Tombstones,
        refuse: Refuse | None = None,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        self._connection = connection
        self._keyring = keyring
        self._run_id = run_id
        self._at = at
        self._tombstones = tombstones
        self._somebody_erased = connection.execute("SELECT 1 FROM tombstone LIMIT 1").fetchone() is not None
        self._refuse = refuse
        self._random = random_bytes
        self._agencies: dict[str, int] = {}
        self._last_id = last_record_id(connection, keyring)
        self.first_id = self._last_id + 1
        self._all_fresh = connection.execute("SELECT 1 FROM record LIMIT 1").fetchone() is None
        self._seen = bytearray(self._last_id // 8 + 1)
        self.segments = SegmentWriter(connection)
        self._marks: list[tuple[int, bytes]] = []
        self._recoded = RecodingJournal(connection, run_id)
        self.tally: Counter[str] = Counter()

    @property
    def last_id(self) -> int:
        """Return the id of the last fresh record; less than ``first_id`` where there is none."""
        return self._last_id

    def see(self, record_id: int) -> bool:
        """Note that the run names a record held before it; tell whether it did already."""
        byte, bit = record_id >> 3, 1 << (record_id & 7)
        if self._seen[byte] & bit:
            return True
        self._seen[byte] |= bit
        return False

    def write(self, batch: Sequence[CodedRow]) -> None:
        """Take one batch in; without ``refuse`` no record may stand in it twice."""
        agencies = [self._agency_id(row.agency) for row in batch]
        if self._all_fresh and self._try_insert(batch, agencies):
            return
        held = self._find([(agency, row.number) for row, agency in zip(batch, agencies, strict=True)])
        keys = self._keys([found.record_id for found in held.values()])
        fresh: dict[Key, CodedRow] = {}
        for row, agency in zip(batch, agencies, strict=True):
            found = held.get((agency, row.number))
            if found is not None:
                if not self._stands_twice(row, found.record_id):
                    self._compare(row, found, keys.get(found.record_id))
            elif (agency, row.number) in fresh:
                self._refuse_second(row)
            elif not self._was_erased(row):
                fresh[agency, row.number] = row
        self._insert(list(fresh.values()), [agency for agency, _number in fresh])
        self._write_marks()
        self._recoded.flush()
        self._all_fresh = not held and len(fresh) == len(batch)

    def _was_erased(self, row: CodedRow) -> bool:
        when = self._tombstones.erased(row.agency, row.number)
        if when is None:
            return False
        if self._refuse is None:
            raise StoreError(
                _("a case with this number was erased on {date}").format(date=when[:10]),
                hint=_("what was erased is not taken in again under its number"),
            )
        self._refuse(row, _("erased on {date}; not taken in again").format(date=when[:10]))
        return True

    def _stands_twice(self, row: CodedRow, record_id: int) -> bool:
        if self._refuse is None or (record_id < self.first_id and not self.see(record_id)):
            return False
        self._refuse_second(row)
        return True

    def _refuse_second(self, row: CodedRow) -> None:
        assert self._refuse is not None
        self._refuse(row, _("this agency's case number stands twice in the file"))

    def _agency_id(self, name: str) -> int:
        if name not in self._agencies:
            self._connection.execute("INSERT OR IGNORE INTO agency (name) VALUES (?)", [name])
            row = self._connection.execute("SELECT agency_id FROM agency WHERE name = ?", [name]).fetchone()
            self._agencies[name] = row[0]
        return self._agencies[name]

    def _find(self, asked: list[Key]) -> dict[Key, _Held]:
        rows = self._connection.execute(_FIND, [json.dumps(asked, ensure_ascii=False)])
        return {(row[0], row[1]): _Held(*row[2:]) for row in rows}

    def _keys(self, record_ids: list[int]) -> dict[int, bytes]:
        return dict(self._keyring.keys(record_ids)) if self._keyring and record_ids else {}

    def _try_insert(self, batch: Sequence[CodedRow], agencies: Sequence[int]) -> bool:
        """Insert a batch on the guess that all of it is new; undo it and tell where it was not.

        A register that holds a whole new file asks about each of its rows only once, by its unique index.
        """
        if len({(agency, row.number) for row, agency in zip(batch, agencies, strict=True)}) < len(batch):
            return False
        if self._somebody_erased and any(self._tombstones.erased(row.agency, row.number) for row in batch):
            return False
        seals = [self._seal_new(row) for row in batch]
        before = self._connection.total_changes
        self._connection.executemany(_INSERT_IF_NEW, self._records(batch, agencies, seals))
        if self._connection.total_changes - before == len(batch):
            self._take_ids(batch, agencies, seals)
            return True
        self._connection.execute("DELETE FROM record WHERE record_id > ?", [self._last_id])
        return False

    def _insert(self, fresh: Sequence[CodedRow], agencies: Sequence[int]) -> None:
        if fresh:
            seals = [self._seal_new(row) for row in fresh]
            self._connection.executemany(_INSERT, self._records(fresh, agencies, seals))
            self._take_ids(fresh, agencies, seals)

    def _records(self, rows: Sequence[CodedRow], agencies: Sequence[int], seals: Sequence[_Seal]) -> list[Any]:
        run_id = self._run_id
        return [
            (record_id, agency, row.number, run_id, row.fields, found[2])
            for record_id, (row, agency, found) in enumerate(zip(rows, agencies, seals, strict=True), self._last_id + 1)
        ]

    def _seal_new(self, row: CodedRow) -> _Seal:
        if row.sealed is not None:
            return row.sealed
        person_id = self._random(PERSON_ID_BYTES)
        if row.identity is None:
            return person_id, None, None
        key = self._random(PERSON_KEY_BYTES)
        return person_id, key, seal(key, person_id, row.identity, self._random)

    def _take_ids(self, rows: Sequence[CodedRow], agencies: Sequence[int], seals: Sequence[_Seal]) -> None:
        """Write keys, marks and classification of fresh records that stand in ``record`` already."""
        first = self._last_id + 1
        binding = bound(1, self._run_id)
        entries = [
            (record_id, key, row.mark and row.mark + binding)
            for record_id, (row, (_person, key, _blob)) in enumerate(zip(rows, seals, strict=True), first)
            if key is not None or row.mark is not None
        ]
        if entries:
            self._need_keyring().add(entries)
        people = b"".join(found[0] for found in seals)
        self.segments.extend(first, [row.coded for row in rows], agencies, self._run_id, people)
        self._last_id += len(rows)
        self.tally["added"] += len(rows)

    def _need_keyring(self) -> Keyring:
        if self._keyring is None:
            raise StoreError(_("identities cannot be taken in while the keyring is closed"))
        return self._keyring

    def _compare(self, row: CodedRow, held: _Held, key: bytes | None) -> None:
        """Replace what is held if anything differs; identities are compared in the clear and leave no digest."""
        if held.sealed is not None and key is None:
            raise StoreError(
                _("the keyring has no key for a person of the register"),
                hint=_("restore register.db and keyring.db from backups of the same day"),
            )
        person_id = self.segments.person_id(held.record_id)
        now = row.identity_bytes()
        before = unseal(key, person_id, held.sealed) if held.sealed is not None and key is not None else None
        coded = self.segments.coded(held.record_id)
        if (row.coded, row.fields, now) == (coded, held.fields, before):
            self.tally["unchanged"] += 1
            self._mark(row, held.record_id, held.version, self.segments.run(held.record_id))
            return
        self._connection.execute(_KEEP_EARLIER, [held.record_id, self._run_id, self._at, person_id, coded])
        if coded != row.coded:
            self._recoded.note(held.record_id, self._agencies[row.agency], coded, row.coded)
        sealed = self._sealed_again(held.record_id, person_id, key, now)
        self._connection.execute(_REPLACE, [self._run_id, row.fields, sealed, held.record_id])
        self.segments.replace(held.record_id, row.coded, version=held.version + 1, run=self._run_id)
        self._mark(row, held.record_id, held.version + 1, self._run_id)
        self.tally["replaced"] += 1

    def _sealed_again(self, record_id: int, person_id: bytes, key: bytes | None, now: bytes | None) -> bytes | None:
        if now is None:
            return None
        if key is None:
            key = self._random(PERSON_KEY_BYTES)
            self._need_keyring().add([(record_id, key, None)])
        return seal(key, person_id, now, self._random)

    def _mark(self, row: CodedRow, record_id: int, version: int, run: int) -> None:
        if row.mark is not None:
            self._marks.append((record_id, row.mark + bound(version, run)))

    def skip(self, rows: int) -> None:
        """Count rows that the register holds already and that need no look."""
        self.tally["unchanged"] += rows

    def finish(self) -> None:
        """Write what was kept back."""
        self.segments.flush()

    def _write_marks(self) -> None:
        if self._marks:
            self._need_keyring().set_marks(self._marks)
            self._marks.clear()
