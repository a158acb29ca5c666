"""The border's own memory: how each peer stands, alarms with their evidence, cursors. Public things only, in sqlite3.

Not trusted by anybody else. Who can write here can make this border forget what it saw of peers; what was verified
lies in the archive, and is verified again by whoever asks.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tallystick.config.clock import rfc3339
from tallystick.config.errors import StoreError, TallystickError, VerificationError
from tallystick.config.i18n import _
from tallystick.exchange.spool import Cursor

__all__ = ["Alarm", "AlarmKind", "BorderState", "PeerStanding", "SpoolCursor"]

AlarmKind = Literal["split view", "rollback", "roster split", "refused"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS peers (state TEXT PRIMARY KEY, standing TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarms (
  id INTEGER PRIMARY KEY,
  state TEXT NOT NULL,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  times INTEGER NOT NULL,
  digest TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS evidence (
  alarm INTEGER NOT NULL REFERENCES alarms, place INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (alarm, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (payload_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_FORMAT = 1
_WORDS_LIMIT = 500
_ALARMS_LIMIT = 20
"""Alarms of one kind kept for one state."""


@dataclass(frozen=True)
class PeerStanding:
    """How the last pull of one peer went.

    Attributes:
        url: Where he was asked.
        tried: RFC 3339 time of the last attempt.
        succeeded: The same of the last that went well, or None.
        attempts: Attempts so far.
        failures: Attempts that failed since the last good one.
        size: Entries of his log that were verified.
        new: Releases that the last good pull brought.
        error: What went wrong last, in words, or None.
        hint: How to mend it, or None.
        refused: What was sent did not verify; False for a broken connection.
        notes: What else was noticed.
        rosters: Our and his roster's digest at the last merge: nothing is new while both stay.
    """

    url: str = ""
    tried: str = ""
    succeeded: str | None = None
    attempts: int = 0
    failures: int = 0
    size: int = 0
    new: int = 0
    error: str | None = None
    hint: str | None = None
    refused: bool = False
    notes: tuple[str, ...] = ()
    rosters: tuple[str, str] = ("", "")

    def failed(self, error: TallystickError) -> "PeerStanding":
        """Return the standing after an attempt that failed."""
        return replace(
            self,
            failures=self.failures + 1,
            error=error.message[:_WORDS_LIMIT],
            hint=error.hint,
            refused=isinstance(error, VerificationError),
        )


@dataclass(frozen=True)
class Alarm:
    """Something that a person must look at.

    Attributes:
        number: Its number here.
        state: Whose log or roster page it is about.
        kind: What it is.
        message: In words.
        first_at: RFC 3339 time when it was first seen.
        last_at: And last.
        times: How often.
    """

    number: int
    state: str
    kind: str
    message: str
    first_at: str
    last_at: str
    times: int


class BorderState:
    """``HOME/border/state.db``; safe to use from several threads.

    Args:
        path: The file; made if it is not there.
        read_only: Only look, beside a border that runs.

    Raises:
        StoreError: It cannot be opened, or is of another format.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path, self._lock = path, threading.Lock()
        try:
            if read_only:
                # Not mode=ro: what a crash left in a journal must be undone before the file can be read at all.
                self._db = sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, check_same_thread=False)
                self._db.execute("PRAGMA query_only = ON")
            else:
                self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
                path.chmod(0o600)
                self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
            found = self._db.execute("PRAGMA user_version").fetchone()[0]
            if found == 0:
                found = self._begin(read_only=read_only)
        except (sqlite3.Error, OSError) as error:
            raise self._failed(error) from None
        if found != _FORMAT:
            raise StoreError(
                _("{path} is of format {found}, not {wanted}").format(path=path, found=found, wanted=_FORMAT)
            )

    def _begin(self, *, read_only: bool) -> int:
        """Make the tables, all at once; whoever only looks sees a file that a crash left without them as empty."""
        if read_only:
            self._db.close()
            self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT")
        return _FORMAT

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def peer(self, state: str) -> PeerStanding:
        """Return how the last pull of a peer went; an empty standing before the first."""
        with self._using() as db:
            row = db.execute("SELECT standing FROM peers WHERE state = ?", (state,)).fetchone()
        if row is None:
            return PeerStanding()
        stored = json.loads(row[0])
        return PeerStanding(**{**stored, "notes": tuple(stored["notes"]), "rosters": tuple(stored["rosters"])})

    def set_peer(self, state: str, standing: PeerStanding) -> None:
        """Keep how a pull of a peer went; a power cut may lose the last of it."""
        with self._using() as db:
            db.execute("INSERT OR REPLACE INTO peers VALUES (?, ?)", (state, json.dumps(asdict(standing))))

    def raise_alarm(self, state: str, kind: AlarmKind, message: str, evidence: Sequence[bytes], at: datetime) -> bool:
        """Keep an alarm with its evidence; return True if it is new.

        The same one again only counts, and so does any further one of that kind once ``_ALARMS_LIMIT`` are kept:
        a log that signs another history at every pull must not fill this disk.
        """
        proof = hashlib.sha256("\0".join((state, kind, message if not evidence else "")).encode())
        for part in evidence:
            proof.update(hashlib.sha256(part).digest())
        when = rfc3339(at)
        with self._using(durable=True) as db:
            db.execute("BEGIN IMMEDIATE")
            known = db.execute("SELECT id FROM alarms WHERE digest = ?", (proof.hexdigest(),)).fetchone()
            rows = db.execute(
                "SELECT id FROM alarms WHERE state = ? AND kind = ? ORDER BY id", (state, kind)
            ).fetchall()
            if known is None and len(rows) >= _ALARMS_LIMIT:
                known = rows[-1]
            if known is None:
                number = db.execute(
                    "INSERT INTO alarms (state, kind, message, first_at, last_at, times, digest)"
                    " VALUES (?, ?, ?, ?, ?, 1, ?)",
                    (state, kind, message[:_WORDS_LIMIT], when, when, proof.hexdigest()),
                ).lastrowid
                parts = [(number, place, part) for place, part in enumerate(evidence)]
                db.executemany("INSERT INTO evidence VALUES (?, ?, ?)", parts)
            else:
                db.execute("UPDATE alarms SET times = times + 1, last_at = ? WHERE id = ?", (when, known[0]))
            db.execute("COMMIT")
        return known is None

    def alarms(self) -> tuple[Alarm, ...]:
        """Return all alarms, oldest first."""
        with self._using() as db:
            rows = db.execute(
                "SELECT id, state, kind, message, first_at, last_at, times FROM alarms ORDER BY id"
            ).fetchall()
        return tuple(Alarm(*row) for row in rows)

    def evidence(self, number: int) -> tuple[bytes, ...]:
        """Return the signed bytes that belong to an alarm, verbatim."""
        with self._using() as db:
            rows = db.execute("SELECT data FROM evidence WHERE alarm = ? ORDER BY place", (number,)).fetchall()
        return tuple(row[0] for row in rows)

    def note(self, name: str) -> str:
        """Return a remembered value, empty if there is none."""
        with self._using() as db:
            row = db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_note(self, name: str, value: str) -> None:
        """Remember a value durably."""
        with self._using(durable=True) as db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    def without_receipt(self, payload_ids: Sequence[str]) -> list[str]:
        """Return those releases whose receipt was not sent to the desk yet."""
        with self._using() as db:
            sent = {row[0] for row in db.execute("SELECT payload_id FROM receipts")}
        return [one for one in payload_ids if one not in sent]

    def receipts_sent(self, payload_ids: Sequence[str]) -> None:
        """Remember durably that these receipts went to the desk."""
        with self._using(durable=True) as db:
            db.execute("BEGIN")
            db.executemany("INSERT OR IGNORE INTO receipts VALUES (?)", [(one,) for one in payload_ids])
            db.execute("COMMIT")

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(
            _("cannot use {path}: {reason}").format(path=self._path, reason=error),
            hint=_("it must belong to the user who runs the border, on a disk with room"),
        )

    @contextmanager
    def _using(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend the connection; with ``durable`` a commit is synced before it returns."""
        with self._lock:
            try:
                if durable:
                    self._db.execute("PRAGMA synchronous = FULL")
                yield self._db
                if durable:
                    self._db.execute("PRAGMA synchronous = NORMAL")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise self._failed(error) from None


class SpoolCursor:
    """How far the desk's outbox was read, kept in ``state.db`` (a ``CursorStore``)."""

    def __init__(self, state: BorderState) -> None:
        self._state = state

    def load(self) -> Cursor:
        """Return the cursor, a fresh one at first."""
        stored: Mapping[str, object] = json.loads(self._state.note("outbox") or "{}")
        if not stored:
            return Cursor()
        return Cursor(**{**stored, "open": tuple(stored["open"])})  # type: ignore[arg-type]

    def save(self, cursor: Cursor) -> None:
        """Replace the cursor durably."""
        self._state.set_note("outbox", json.dumps(asdict(cursor)))
