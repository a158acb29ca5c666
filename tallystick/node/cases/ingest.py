"""One run's way into the register: compared in batches with what is held, written in one transaction.

1. The register's write lock is taken; the keyring's too. A crash here or later leaves both as they were ...
2. Batches: records are compared with those held; new and changed ones are written, identities sealed.
3. The keyring commits: a crash after this leaves keys of persons that were never written. They open nothing
   and are nobody's; they are not swept, since a register restored from a backup would lose its own.
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
from tallystick.node.cases.circumstances import controls_of, relationship_of
from tallystick.node.cases.coding import PERSON_ID_BYTES, Coded, encode
from tallystick.node.cases.keyring import Keyring, RandomBytes, seal, unseal
from tallystick.node.cases.record import CaseRecord

__all__ = ["BatchWriter", "batches", "completed"]

BATCH = 2000
_PERSON_KEY_BYTES = 32

_FIND = """
    SELECT r.agency_id, r.agency_case_id, r.record_id, r.version, c.person_id, c.year, c.sex, c.age, c.citizenship,
           c.area, c.forms, c.censored, c.counted, d.fields, i.sealed
    FROM json_each(?) AS asked
    CROSS JOIN record r ON r.agency_id = asked.value ->> 0 AND r.agency_case_id = asked.value ->> 1
    CROSS JOIN classification c ON c.year = r.year AND c.record_id = r.record_id
    LEFT JOIN detail d ON d.record_id = r.record_id
    LEFT JOIN identity i ON i.record_id = r.record_id"""
_KEEP_EARLIER = """
    INSERT INTO superseded
    SELECT r.record_id, r.version, r.run_id, ?, ?, c.person_id, c.year, c.sex, c.age, c.citizenship, c.area, c.forms,
           c.censored, c.counted, d.fields, i.sealed
    FROM record r
    CROSS JOIN classification c ON c.year = r.year AND c.record_id = r.record_id
    LEFT JOIN detail d ON d.record_id = r.record_id
    LEFT JOIN identity i ON i.record_id = r.record_id
    WHERE r.record_id = ?"""
_REMOVE = (
    "DELETE FROM classification WHERE year = (SELECT year FROM record WHERE record_id = ?1) AND record_id = ?1",
    "DELETE FROM detail WHERE record_id = ?1",
    "DELETE FROM identity WHERE record_id = ?1",
)


@dataclass(frozen=True)
class _Held:
    """A record as the register holds it now."""

    record_id: int
    version: int
    person_id: bytes
    coded: Coded
    fields: str | None
    sealed: bytes | None


def batches(records: Iterable[CaseRecord]) -> Iterator[list[CaseRecord]]:
    """Cut a run into batches in which no record stands twice."""
    batch: list[CaseRecord] = []
    keys: set[tuple[str, str]] = set()
    for record in records:
        key = (record.agency, record.agency_case_id)
        if len(batch) == BATCH or key in keys:
            yield batch
            batch, keys = [], set()
        batch.append(record)
        keys.add(key)
    if batch:
        yield batch


class BatchWriter:
    """Writes the batches of one run; the caller holds both transactions.

    Args:
        connection: The register, inside a transaction.
        keyring: Inside a transaction, or None where no identity may be touched.
        run_id: The run.
        at: When, RFC 3339.
        random_bytes: Where person ids, person keys and nonces come from.
    """

    def __init__(
        self,
        connection: Any,  # noqa: ANN401 - sqlcipher3 brings no types
        keyring: Keyring | None,
        run_id: int,
        at: str,
        random_bytes: RandomBytes = os.urandom,
    ) -> None:
        self._connection = connection
        self._keyring = keyring
        self._run_id = run_id
        self._at = at
        self._random = random_bytes
        self._agencies: dict[str, int] = {}
        held: int = connection.execute("SELECT coalesce(max(record_id), 0) FROM record").fetchone()[0]
        self._last_id = max(held, keyring.last_record_id() if keyring else 0)
        self.tally: Counter[str] = Counter()

    def write(self, batch: Sequence[CaseRecord]) -> None:
        """Take one batch in."""
        agencies = [self._agency_id(record.agency) for record in batch]
        held = self._find(list(zip(agencies, (record.agency_case_id for record in batch), strict=True)))
        keys = self._keys([found.record_id for found in held.values()])
        fresh: list[tuple[CaseRecord, int]] = []
        changed: list[tuple[CaseRecord, _Held]] = []
        for record, agency_id in zip(batch, agencies, strict=True):
            found = held.get((agency_id, record.agency_case_id))
            if found is None:
                fresh.append((record, agency_id))
            elif not _same(record, found, keys):
                changed.append((record, found))
        self._insert(fresh)
        self._replace(changed, keys)
        self.tally.update(added=len(fresh), replaced=len(changed), unchanged=len(batch) - len(fresh) - len(changed))

    def _agency_id(self, name: str) -> int:
        if name not in self._agencies:
            self._connection.execute("INSERT OR IGNORE INTO agency (name) VALUES (?)", [name])
            row = self._connection.execute("SELECT agency_id FROM agency WHERE name = ?", [name]).fetchone()
            self._agencies[name] = row[0]
        return self._agencies[name]

    def _find(self, asked: list[tuple[int, str]]) -> dict[tuple[int, str], _Held]:
        rows = self._connection.execute(_FIND, [json.dumps(asked, ensure_ascii=False)])
        return {
            (row[0], row[1]): _Held(row[2], row[3], row[4], completed(row[5:13], row[13]), row[13], row[14])
            for row in rows
        }

    def _keys(self, record_ids: list[int]) -> dict[int, bytes]:
        return dict(self._keyring.keys(record_ids)) if self._keyring and record_ids else {}

    def _insert(self, fresh: list[tuple[CaseRecord, int]]) -> None:
        first = self._last_id + 1
        self._last_id += len(fresh)
        ids = self._random(PERSON_ID_BYTES * len(fresh))
        people = [ids[at : at + PERSON_ID_BYTES] for at in range(0, len(ids), PERSON_ID_BYTES)]
        self._connection.executemany(
            "INSERT INTO record VALUES (?, ?, ?, ?, 1, ?)",
            [
                (record_id, agency_id, record.agency_case_id, record.year, self._run_id)
                for record_id, (record, agency_id) in enumerate(fresh, first)
            ],
        )
        numbered = enumerate(zip((record for record, _ in fresh), people, strict=True), first)
        self._contents([(record_id, person_id, record) for record_id, (record, person_id) in numbered], {})

    def _replace(self, changed: list[tuple[CaseRecord, _Held]], keys: dict[int, bytes]) -> None:
        if not changed:
            return
        touched = [(found.record_id,) for _, found in changed]
        self._connection.executemany(_KEEP_EARLIER, [(self._run_id, self._at, *row) for row in touched])
        for statement in _REMOVE:
            self._connection.executemany(statement, touched)
        self._connection.executemany(
            "UPDATE record SET year = ?, version = version + 1, run_id = ? WHERE record_id = ?",
            [(record.year, self._run_id, found.record_id) for record, found in changed],
        )
        self._contents([(found.record_id, found.person_id, record) for record, found in changed], keys)

    def _contents(self, rows: list[tuple[int, bytes, CaseRecord]], keys: dict[int, bytes]) -> None:
        """Write classification, details and sealed identity of records that stand in ``record`` already."""
        coded = []
        for record_id, person_id, record in rows:
            year, *rest = encode(record)[:8]
            coded.append((year, record_id, person_id, *rest))
        self._connection.executemany("INSERT INTO classification VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", coded)
        details = [(record_id, record.details_text()) for record_id, _person, record in rows if record.details]
        self._connection.executemany("INSERT INTO detail VALUES (?, ?)", details)
        self._connection.executemany("INSERT INTO identity VALUES (?, ?)", list(self._sealed(rows, keys)))

    def _sealed(self, rows: list[tuple[int, bytes, CaseRecord]], keys: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
        named = [(record_id, person, record.identity) for record_id, person, record in rows if record.identity]
        if not named:
            return
        if self._keyring is None:
            raise StoreError(_("identities cannot be taken in while the keyring is closed"))
        missing = [record_id for record_id, _person, _identity in named if record_id not in keys]
        made = {record_id: self._random(_PERSON_KEY_BYTES) for record_id in missing}
        self._keyring.add([(record_id, key, None) for record_id, key in made.items()])
        for record_id, person, identity in named:
            key = keys.get(record_id) or made[record_id]
            yield record_id, seal(key, person, identity.to_bytes(), self._random)


def completed(coded: Sequence[int], fields: str | None) -> Coded:
    """Return the classification with what the details say of relationship and methods of control."""
    details = json.loads(fields) if fields else {}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in details.items()}
    record = CaseRecord("-", "-", 2000, relationship=relationship_of(found), controls=controls_of(found))
    return (*coded, *encode(record)[8:])


def _same(record: CaseRecord, held: _Held, keys: dict[int, bytes]) -> bool:
    """Tell whether nothing differs; identities are compared in the clear, so no digest of one is ever stored."""
    if held.sealed is not None and held.record_id not in keys:
        raise StoreError(
            _("the keyring has no key for a person of the register"),
            hint=_("restore register.db and keyring.db from backups of the same day"),
        )
    if encode(record) != held.coded or (record.details_text() if record.details else None) != held.fields:
        return False
    if record.identity is None or held.sealed is None:
        return record.identity is None and held.sealed is None
    return unseal(keys[held.record_id], held.person_id, held.sealed) == record.identity.to_bytes()
