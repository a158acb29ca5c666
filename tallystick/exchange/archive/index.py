"""The index that queries read: which releases there are, what they say, every figure. Derived from the tree."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.exchange.verify.logview import LogView
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease

__all__ = [
    "DATA_MISSING",
    "INDEX_FORMAT",
    "NOT_WITNESSED",
    "SUPERSEDED",
    "UNKNOWN_PREDICATE",
    "create_index",
    "open_immutable",
    "open_private",
    "read_view",
    "record",
]

INDEX_FORMAT = 1
NOT_WITNESSED = "not witnessed"
SUPERSEDED = "superseded"
DATA_MISSING = "data missing"
UNKNOWN_PREDICATE = "unknown predicate"

_SCHEMA = """
CREATE TABLE logs (
  state TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  view TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE releases (
  id INTEGER PRIMARY KEY,
  state TEXT NOT NULL,
  log_index INTEGER NOT NULL,
  payload_id TEXT NOT NULL,
  predicate_type TEXT NOT NULL,
  table_id TEXT,
  period TEXT,
  freq TEXT,
  revision INTEGER,
  status TEXT NOT NULL,
  data_sha256 TEXT,
  officers TEXT,
  statement TEXT,
  demo INTEGER,
  UNIQUE (state, log_index)
);
CREATE INDEX releases_by_slice ON releases (table_id, state, period);
CREATE TABLE cells (
  release INTEGER NOT NULL,
  place INTEGER NOT NULL,
  key TEXT NOT NULL,
  value INTEGER,
  PRIMARY KEY (release, place)
) WITHOUT ROWID;
CREATE VIEW observations AS
  SELECT r.state, r.table_id, r.period, r.payload_id, r.status, c.key, c.value, c.value IS NULL AS withheld
  FROM cells c JOIN releases r ON r.id = c.release;
"""


def create_index(path: Path) -> sqlite3.Connection:
    """Make an empty index at ``path``, which no reader knows yet."""
    path.unlink(missing_ok=True)
    connection = open_private(path)
    connection.executescript(_SCHEMA)
    connection.execute(f"PRAGMA user_version = {INDEX_FORMAT}")
    return connection


def open_private(path: Path) -> sqlite3.Connection:
    """Open a copy that only this process knows: no journal, since a crash throws the whole copy away."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def open_immutable(path: Path) -> sqlite3.Connection:
    """Open the published index for reading; the file under that name is replaced, never changed.

    Raises:
        StoreError: It is not there, cannot be read, or is of another format.
    """
    hint = _("pull first: tallystick peer pull; an index of another version is derived anew by the border")
    try:
        connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
        found = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(
            _("cannot read the index {path}: {reason}").format(path=path, reason=error), hint=hint
        ) from None
    if found != INDEX_FORMAT:
        connection.close()
        raise StoreError(
            _("the index {path} is of format {found}, not {wanted}").format(
                path=path, found=found, wanted=INDEX_FORMAT
            ),
            hint=hint,
        )
    return connection


def read_view(connection: sqlite3.Connection, cc: str) -> LogView | None:
    """Return the verified view of a state's log, None before the first."""
    row = connection.execute("SELECT view FROM logs WHERE state = ?", (cc.upper(),)).fetchone()
    return LogView.from_dict(json.loads(row[0])) if row else None


def record(
    connection: sqlite3.Connection, cc: str, view: LogView, releases: Iterable[VerifiedRelease | UnknownEntry]
) -> None:
    """Write what a state's log now holds; a release that is there is left, or completed if its data came."""
    state = cc.upper()
    connection.execute("BEGIN")
    for release in releases:
        row = connection.execute(
            "SELECT id, status FROM releases WHERE state = ? AND log_index = ?", (state, release.index)
        ).fetchone()
        if row and row[1] != DATA_MISSING:
            continue
        if row:
            connection.execute("DELETE FROM releases WHERE id = ?", row[:1])
        if isinstance(release, UnknownEntry):
            connection.execute(
                "INSERT INTO releases (state, log_index, payload_id, predicate_type, status) VALUES (?, ?, ?, ?, ?)",
                (state, release.index, release.payload_id, release.predicate_type, UNKNOWN_PREDICATE),
            )
        else:
            _record_release(connection, state, release, row[0] if row else None)
    stored = json.dumps(view.to_dict(), separators=(",", ":"))
    connection.execute("INSERT OR REPLACE INTO logs VALUES (?, ?, ?)", (state, view.size, stored))
    connection.execute("COMMIT")


def _record_release(connection: sqlite3.Connection, state: str, release: VerifiedRelease, number: int | None) -> None:
    predicate = release.statement.predicate
    cursor = connection.execute(
        "INSERT INTO releases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            state,
            release.index,
            release.payload_id,
            release.statement.predicate_type,
            predicate.table.id,
            predicate.slice.period,
            predicate.slice.freq,
            predicate.revision,
            NOT_WITNESSED if release.observations is not None else DATA_MISSING,
            release.data_sha256,
            json.dumps(release.officers, ensure_ascii=False),
            release.statement.model_dump_json(by_alias=True),
            predicate.demo,
        ),
    )
    connection.executemany(
        "INSERT INTO cells VALUES (?, ?, ?, ?)",
        (
            (cursor.lastrowid, place, "|".join(seen.key), seen.value)
            for place, seen in enumerate(release.observations or ())
        ),
    )
    # Of a slice only the newest revision enters figures; of one statement that was logged twice, the first entry.
    connection.execute(
        "UPDATE releases SET status = ? WHERE state = ? AND table_id = ? AND period = ? AND id NOT IN"
        " (SELECT id FROM releases WHERE state = ? AND table_id = ? AND period = ?"
        " ORDER BY revision DESC, log_index LIMIT 1)",
        (SUPERSEDED, *(state, predicate.table.id, predicate.slice.period) * 2),
    )
