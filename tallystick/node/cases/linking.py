"""Two records of one person: both get one person id, so that the person counts once a year.

Linking writes a version of each record that changes hands: who linked it stays in its history, and its sealed
identity is sealed again for the new person id under the record's own key. Frozen years do not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases.keyring import Keyring, RandomBytes, seal, unseal
from tallystick.node.cases.recoding import RecodingJournal
from tallystick.node.cases.segments import SegmentWriter

__all__ = ["Linking", "members"]

_RECORD = "SELECT version, agency_id, sealed FROM record WHERE record_id = ?"
_KEEP = """
    INSERT INTO superseded (record_id, version, run_id, replaced_by, replaced_at, person_id, coded, fields, sealed)
    SELECT record_id, version, run_id, ?2, ?3, ?4, ?5, fields, sealed FROM record WHERE record_id = ?1"""
_REPLACE = "UPDATE record SET version = version + 1, run_id = ?, sealed = ? WHERE record_id = ?"


def members(connection: Any, record_id: int) -> list[int]:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return the records of the person whom ``record_id`` is about, that one included, ascending."""
    found = connection.execute(
        "SELECT record_id FROM same_person WHERE person_id = (SELECT person_id FROM same_person WHERE record_id = ?)"
        " ORDER BY record_id",
        [record_id],
    ).fetchall()
    return [row[0] for row in found] or [record_id]


@dataclass
class Linking:
    """One run that says whose some records are; the caller holds both transactions.

    Attributes:
        connection: The register.
        keyring: The keyring, or None where no identity may be touched.
        segments: The run's segments; the caller flushes them.
        run_id: The run.
        at: When, RFC 3339.
        random_bytes: Where person ids and nonces come from.
    """

    connection: Any
    keyring: Keyring | None
    segments: SegmentWriter
    run_id: int
    at: str
    random_bytes: RandomBytes

    def join(self, first: int, second: int) -> int:
        """Make the person of ``second`` the person of ``first``; return how many records changed hands.

        Raises:
            StoreError: They are one person's already.
        """
        kept, moved = members(self.connection, first), members(self.connection, second)
        if first in moved:
            raise StoreError(_("these two are one person's cases already"))
        person_id = self.segments.person_id(first)
        for record_id in moved:
            self._give(record_id, person_id)
        for record_id in (*kept, *moved):
            self.connection.execute("INSERT OR REPLACE INTO same_person VALUES (?, ?)", [record_id, person_id])
        self._note([*kept, *moved])
        return len(moved)

    def part(self, record_id: int) -> int:
        """Give a record a person id of its own again; return how many records changed hands.

        Raises:
            StoreError: It is linked to no other.
        """
        group = members(self.connection, record_id)
        if len(group) == 1:
            raise StoreError(_("this case is linked to no other"))
        self._give(record_id, self.random_bytes(len(self.segments.person_id(record_id))))
        left = [one for one in group if one != record_id]
        gone = [record_id] if len(left) > 1 else group
        self.connection.executemany("DELETE FROM same_person WHERE record_id = ?", [(one,) for one in gone])
        self._note(group)
        return 1

    def _give(self, record_id: int, person_id: bytes) -> None:
        version, agency_id, sealed = self.connection.execute(_RECORD, [record_id]).fetchone()
        before, coded = self.segments.person_id(record_id), self.segments.coded(record_id)
        self.connection.execute(_KEEP, [record_id, self.run_id, self.at, before, coded])
        again = None if sealed is None else self._sealed_for(record_id, before, person_id, sealed)
        self.connection.execute(_REPLACE, [self.run_id, again, record_id])
        self.segments.extend(record_id, [coded], [agency_id], self.run_id, person_id, version=version + 1)

    def _sealed_for(self, record_id: int, before: bytes, after: bytes, sealed: bytes) -> bytes:
        key = self.keyring.keys([record_id]).get(record_id) if self.keyring else None
        if key is None:
            raise StoreError(_("identities cannot be taken in while the keyring is closed"))
        return seal(key, after, unseal(key, before, sealed), self.random_bytes)

    def _note(self, record_ids: Sequence[int]) -> None:
        """Tell whoever keeps counts that it must be settled again which of these records counts."""
        journal = RecodingJournal(self.connection, self.run_id)
        for record_id in sorted(record_ids):
            agency_id = self.connection.execute(_RECORD, [record_id]).fetchone()[1]
            coded = self.segments.coded(record_id)
            journal.note(record_id, agency_id, coded, coded)
        journal.flush()
