"""The tables of register and keyring, version by version; a step that was shipped is never edited again.

``record`` holds what belongs to one case: its number, the other coded fields as JSON, the sealed identity. The
classification stands in ``column_segment`` alone, which is all that counting reads (``segments``). ``superseded`` holds
every earlier version with when and by which run it was replaced, ``recoding`` what those runs changed in the
classification, ``tombstone`` who was erased.
"""

from collections.abc import Callable

from sqlite_utils import Database, Migrations

from tallystick.node.cases.migrating import move_classification, move_superseded

__all__ = ["KEYRING", "REGISTER", "Schema"]

Step = Callable[[Database], None]


class Schema:
    """Named steps that bring one kind of file up to date, in order."""

    def __init__(self, name: str, *steps: Step) -> None:
        self.names = frozenset(step.__name__ for step in steps)
        self.migrations = Migrations(name)
        for step in steps:
            self.migrations(name=step.__name__)(step)


_REGISTER_1 = (
    "CREATE TABLE agency (agency_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE run (
        run_id INTEGER PRIMARY KEY, at TEXT NOT NULL, source TEXT NOT NULL, format TEXT NOT NULL,
        added INTEGER NOT NULL, replaced INTEGER NOT NULL, unchanged INTEGER NOT NULL, rejected INTEGER NOT NULL,
        notes TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE record (
        record_id INTEGER PRIMARY KEY, agency_id INTEGER NOT NULL REFERENCES agency, agency_case_id TEXT NOT NULL,
        year INTEGER NOT NULL, version INTEGER NOT NULL, run_id INTEGER NOT NULL REFERENCES run,
        UNIQUE (agency_id, agency_case_id)
    ) STRICT""",
    """CREATE TABLE classification (
        year INTEGER NOT NULL, record_id INTEGER NOT NULL, person_id BLOB NOT NULL, sex INTEGER NOT NULL,
        age INTEGER NOT NULL, citizenship INTEGER NOT NULL, area INTEGER NOT NULL, forms INTEGER NOT NULL,
        censored INTEGER NOT NULL, counted INTEGER NOT NULL, PRIMARY KEY (year, record_id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX classification_person ON classification (person_id)",
    "CREATE TABLE detail (record_id INTEGER PRIMARY KEY, fields TEXT NOT NULL) STRICT",
    "CREATE TABLE identity (record_id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT",
    """CREATE TABLE superseded (
        record_id INTEGER NOT NULL, version INTEGER NOT NULL, run_id INTEGER NOT NULL, replaced_by INTEGER NOT NULL,
        replaced_at TEXT NOT NULL, person_id BLOB NOT NULL, year INTEGER NOT NULL, sex INTEGER NOT NULL,
        age INTEGER NOT NULL, citizenship INTEGER NOT NULL, area INTEGER NOT NULL, forms INTEGER NOT NULL,
        censored INTEGER NOT NULL, counted INTEGER NOT NULL, fields TEXT, sealed BLOB,
        PRIMARY KEY (record_id, version)
    ) STRICT, WITHOUT ROWID""",
)

_REGISTER_2 = (
    """CREATE TABLE record_2 (
        record_id INTEGER PRIMARY KEY, agency_id INTEGER NOT NULL REFERENCES agency, agency_case_id TEXT NOT NULL,
        version INTEGER NOT NULL, run_id INTEGER NOT NULL REFERENCES run, fields TEXT, sealed BLOB,
        UNIQUE (agency_id, agency_case_id)
    ) STRICT""",
    "CREATE TABLE column_segment (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
    """CREATE TABLE superseded_2 (
        record_id INTEGER NOT NULL, version INTEGER NOT NULL, run_id INTEGER NOT NULL, replaced_by INTEGER NOT NULL,
        replaced_at TEXT NOT NULL, person_id BLOB NOT NULL, coded BLOB NOT NULL, fields TEXT, sealed BLOB,
        PRIMARY KEY (record_id, version)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX superseded_replaced_by ON superseded_2 (replaced_by)",
    """CREATE TABLE tombstone (
        mac BLOB PRIMARY KEY, record_id INTEGER NOT NULL, erased_at TEXT NOT NULL, order_sha256 TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE recoding (
        run_id INTEGER NOT NULL REFERENCES run, part INTEGER NOT NULL, changes BLOB NOT NULL, PRIMARY KEY (run_id, part)
    ) STRICT, WITHOUT ROWID""",
    "ALTER TABLE run ADD COLUMN first_record_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE run ADD COLUMN last_record_id INTEGER NOT NULL DEFAULT 0",
)
_REGISTER_2_MOVES = (
    """INSERT INTO record_2 SELECT record_id, agency_id, agency_case_id, version, run_id, fields, sealed
       FROM record LEFT JOIN detail USING (record_id) LEFT JOIN identity USING (record_id)""",
    """UPDATE run SET (first_record_id, last_record_id) = (
       SELECT coalesce(min(record_id), 0), coalesce(max(record_id), 0) FROM (
             SELECT record_id FROM record WHERE version = 1 AND record.run_id = run.run_id
             UNION ALL SELECT record_id FROM superseded WHERE version = 1 AND superseded.run_id = run.run_id))""",
    *(f"DROP TABLE {name}" for name in ("classification", "detail", "identity", "superseded", "record")),
    "ALTER TABLE record_2 RENAME TO record",
    "ALTER TABLE superseded_2 RENAME TO superseded",
)

_REGISTER_3 = (
    """CREATE TABLE kept_count (
        one INTEGER PRIMARY KEY CHECK (one = 1), header TEXT NOT NULL, cells BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE access (
        entry_id INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, record_id INTEGER,
        records INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE same_person (record_id INTEGER PRIMARY KEY, person_id BLOB NOT NULL) STRICT",
    "CREATE INDEX same_person_person ON same_person (person_id)",
)

_KEYRING_1 = ("CREATE TABLE person_key (person_id BLOB PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID",)

_KEYRING_2 = (
    # Keys by person id wait here until the register has said which record each of them belongs to.
    "ALTER TABLE person_key RENAME TO person_key_1",
    "CREATE TABLE person_key (record_id INTEGER PRIMARY KEY, wrapped BLOB, mark BLOB) STRICT",
    """CREATE TABLE tombstone (
        mac BLOB PRIMARY KEY, record_id INTEGER NOT NULL, erased_at TEXT NOT NULL, order_sha256 TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE secret (name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT",
)


def register_1(database: Database) -> None:
    """Make the register's first tables."""
    for statement in _REGISTER_1:
        database.execute(statement)


def register_2(database: Database) -> None:
    """One row a record, and the classification in column segments, apart."""
    for statement in _REGISTER_2:
        database.execute(statement)
    move_classification(database.conn)
    move_superseded(database.conn)
    for statement in _REGISTER_2_MOVES:
        database.execute(statement)


def register_3(database: Database) -> None:
    """Counts kept as of a run; who read whose identity; which records are one person's."""
    for statement in _REGISTER_3:
        database.execute(statement)


def keyring_1(database: Database) -> None:
    """Make the keyring's table: one wrapped key per person."""
    for statement in _KEYRING_1:
        database.execute(statement)


def keyring_2(database: Database) -> None:
    """One wrapped key per record, with the mark of the row it came from; tombstones of those that were erased."""
    for statement in _KEYRING_2:
        database.execute(statement)
    if database.execute("SELECT 1 FROM person_key_1 LIMIT 1").fetchone() is None:
        database.execute("DROP TABLE person_key_1")


REGISTER = Schema("tallystick-register", register_1, register_2, register_3)
KEYRING = Schema("tallystick-keyring", keyring_1, keyring_2)
