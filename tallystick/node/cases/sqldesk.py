"""What officers' commands need of the register besides taking cases in; ``SqlCaseStore`` inherits it.

Counts kept, agencies by number, readings of identity noted, identities searched.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlcipher3
from sqlite_utils import Database

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.accesses import Access
from tallystick.node.cases.keyring import Keyring, unseal
from tallystick.node.cases.record import Identity
from tallystick.node.cases.segments import SegmentReader

__all__ = ["SqlDesk"]

_ACCESSES = """
    SELECT a.at, a.who, a.action, coalesce(g.name, ''), coalesce(r.agency_case_id, ''), a.records
    FROM access a LEFT JOIN record r USING (record_id) LEFT JOIN agency g USING (agency_id)
    ORDER BY a.entry_id DESC LIMIT ?"""
_NOTE = """
    INSERT INTO access (at, who, action, record_id, records) VALUES (?1, ?2, ?3, (
        SELECT record_id FROM record JOIN agency USING (agency_id) WHERE name = ?4 AND agency_case_id = ?5), ?6)"""
_SEALED = """
    SELECT record_id, name, agency_case_id, sealed FROM record JOIN agency USING (agency_id)
    WHERE record_id > ? AND sealed IS NOT NULL ORDER BY record_id LIMIT ?"""
_AT_ONCE = 2000
_BUSY_MS = 5000
"""As ``cipher`` opens its connections."""


class SqlDesk:
    """Mixed into ``SqlCaseStore``, which brings these three."""

    _path: Path
    _database: Database
    _keyring: Keyring | None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See one state of the register while it lasts; it must be short, since it keeps the log from being emptied."""
        connection = self._database.conn
        with cipher.store_errors(self._path):
            connection.execute("BEGIN")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")

    def _answers(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with cipher.store_errors(self._path):
            return list(self._database.conn.execute(query, list(values)).fetchall())

    def agency_numbers(self) -> Mapping[int, str]:
        """Return every agency by the register's number of it."""
        return dict(self._answers("SELECT agency_id, name FROM agency ORDER BY agency_id"))

    def same_person(self) -> Sequence[Sequence[int]]:
        """Return the record ids of each person that has several, ascending."""
        groups: dict[bytes, list[int]] = {}
        for record_id, person_id in self._answers("SELECT record_id, person_id FROM same_person ORDER BY record_id"):
            groups.setdefault(person_id, []).append(record_id)
        return list(groups.values())

    def kept_counts(self) -> tuple[str, bytes] | None:
        """Return what ``keep_counts`` was given last."""
        found = self._answers("SELECT header, cells FROM kept_count")
        return (found[0][0], found[0][1]) if found else None

    def keep_counts(self, header: str, cells: bytes) -> None:
        """Keep counts, if nobody else is writing; nothing is lost where they are not kept."""
        try:
            self._database.conn.execute("PRAGMA busy_timeout = 0")
            self._database.conn.execute("INSERT OR REPLACE INTO kept_count VALUES (1, ?, ?)", [header, cells])
        except sqlcipher3.OperationalError:
            return
        finally:
            self._database.conn.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")

    def note_access(
        self, at: datetime, who: str, action: str, *, agency: str = "", number: str = "", records: int = 1
    ) -> None:
        """Write one line of the access journal, before anything is shown.

        Raises:
            StoreError: It cannot be written; then nothing may be shown either.
        """
        self._answers(_NOTE, [rfc3339(at), who, action, agency, number, records])

    def accesses(self, limit: int) -> list[Access]:
        """Return the latest lines of the access journal, newest first."""
        return [Access(*row) for row in self._answers(_ACCESSES, [limit])]

    def search_identities(
        self, fits: Callable[[Identity], bool], advance: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Yield agency and number of every current record whose identity fits; opens all of them, one by one.

        Args:
            fits: Looks at one identity.
            advance: Told how many more were opened.

        Raises:
            StoreError: The keyring is closed, or has no key for one of them.
        """
        if self._keyring is None:
            raise StoreError(_("identities cannot be read while the keyring is closed"))
        last = 0
        while rows := self._answers(_SEALED, [last, _AT_ONCE]):
            keys = self._keyring.keys([row[0] for row in rows])
            reader = SegmentReader(self._database.conn)
            for record_id, agency, number, sealed in rows:
                if record_id not in keys:
                    raise StoreError(
                        _("the keyring has no key for a person of the register"),
                        hint=_("restore register.db and keyring.db from backups of the same day"),
                    )
                if fits(Identity.from_bytes(unseal(keys[record_id], reader.person_id(record_id), sealed))):
                    yield agency, number
            advance(len(rows))
            last = rows[-1][0]
