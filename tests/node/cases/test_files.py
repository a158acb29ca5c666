"""What an attacker, a mistake or a newer version can do to the files, and the sentence that answers it."""

import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
import sqlcipher3

from tallystick.config.errors import MalformedError, StoreError
from tallystick.node.cases import cipher, schema
from tallystick.node.cases.keyring import Keyring, seal, unseal
from tallystick.node.cases.record import Identity, has_controls
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tests.support.cases import a_record, a_run

REGISTER, IDENTITY = b"r" * 32, b"i" * 32
_STEPS = [getattr(schema, name) for name in sorted(schema.REGISTER.names)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_register(tmp_path, REGISTER, IDENTITY)
    with open_register(tmp_path, REGISTER, IDENTITY) as store:
        store.ingest(a_run(), [a_record(number) for number in range(50)])
    return tmp_path


def _open(folder: Path) -> SqlCaseStore:
    return open_register(folder, REGISTER, IDENTITY)


@pytest.mark.parametrize(("register", "identity"), [(b"x" * 32, IDENTITY), (REGISTER, b"x" * 32)])
def test_a_wrong_key_opens_nothing_and_is_named(folder: Path, register: bytes, identity: bytes) -> None:
    with pytest.raises(StoreError, match="the key is another one") as caught:
        open_register(folder, register, identity)
    assert caught.value.exit_code == 50
    assert caught.value.hint


def test_the_databases_own_words_stand_above_no_error_of_ours(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StoreError):
        open_register(folder, b"x" * 32, IDENTITY)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("key", [b"", b"short", b"r" * 33])
def test_no_key_or_half_a_key_never_reaches_the_file(folder: Path, key: bytes) -> None:
    with pytest.raises(StoreError, match="32 bytes"):
        open_register(folder, key, IDENTITY)
    with pytest.raises(StoreError, match="32 bytes"):
        open_register(folder, REGISTER, key)


def test_without_a_key_every_reader_sees_noise(folder: Path) -> None:
    for name in ("register.db", "keyring.db"):
        for library in (sqlite3, sqlcipher3):
            connection = library.connect(folder / name)
            with pytest.raises(library.DatabaseError, match="not a database"):
                connection.execute("SELECT * FROM sqlite_master").fetchall()
            connection.close()


def test_no_plain_word_of_a_case_stands_in_any_file(folder: Path) -> None:
    store = _open(folder)
    store.ingest(a_run("more.csv"), [a_record(number) for number in range(50, 90)])
    words = ["Айгүл", "نوشته", "Shelter", "case-7", "Threats", "prs_FirstName", "classification", "more.csv"]
    for path in folder.iterdir():
        data = path.read_bytes()
        assert not [word for word in words if word.encode() in data], path.name
    assert (folder / "register.db-wal").exists(), "the log was to be looked at too"
    store.close()


def test_the_register_alone_does_not_open_a_name(folder: Path) -> None:
    """Who has the register's key but not the keyring's reads no identity: it is sealed inside."""
    database = cipher.connect(folder / "register.db", REGISTER, schema.REGISTER)
    sealed = database.execute("SELECT sealed FROM record").fetchall()
    database.close()
    assert len(sealed) == 50
    assert not [row for row in sealed if "Айгүл".encode() in row[0]]


def test_a_removed_person_key_makes_the_identity_noise_for_good(folder: Path) -> None:
    with _open(folder) as store:
        person = store.coded_rows(2019).person_ids[0].tobytes()
        assert store._keyring is not None
        store._keyring._database.execute("DELETE FROM person_key WHERE record_id = 1")
        with pytest.raises(StoreError, match="no key for a person"):
            store.identity(person)
        with pytest.raises(StoreError, match="no key for a person"):
            store.ingest(a_run(), [a_record(0)])
        assert len(store.coded_rows(2019)) == 50


def test_seals_cannot_be_swapped_between_persons_or_altered() -> None:
    sealed = seal(b"k" * 32, b"a" * 16, b"somebody")
    assert unseal(b"k" * 32, b"a" * 16, sealed) == b"somebody"
    for key, person, data in [
        (b"k" * 32, b"b" * 16, sealed),
        (b"x" * 32, b"a" * 16, sealed),
        (b"k" * 32, b"a" * 16, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (b"k" * 32, b"a" * 16, b""),
    ]:
        with pytest.raises(StoreError, match="does not open"):
            unseal(key, person, data)


def test_two_seals_of_one_identity_differ() -> None:
    assert seal(b"k" * 32, b"a" * 16, b"x") != seal(b"k" * 32, b"a" * 16, b"x")


def test_counting_needs_no_identity_key(folder: Path) -> None:
    (folder / "keyring.db").rename(folder / "elsewhere.db")
    with open_register(folder, REGISTER, None) as store:
        columns = store.coded_rows(2019)
        assert len(columns) == 50
        with pytest.raises(StoreError, match="keyring is closed"):
            store.identity(columns.person_ids[0].tobytes())
        with pytest.raises(StoreError, match="keyring"):
            store.ingest(a_run(), [a_record(99)])
        assert store.ingest(a_run(), [a_record(98, identity=None)]).added == 1


def test_an_altered_page_stops_the_command(folder: Path) -> None:
    path = folder / "register.db"
    data = bytearray(path.read_bytes())
    for page in range(3, len(data) // 4096):
        data[page * 4096 + 100] ^= 1
    path.write_bytes(data)

    def use() -> None:
        with _open(folder) as store:
            store.coded_rows(2019)

    with pytest.raises(StoreError):
        use()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty, not a register"),
        (b"SQLite format 3\0" + b"\0" * 4080, "without encryption"),
        (b"This is a text about something else. " * 200, "not a register"),
    ],
    ids=["empty", "plain SQLite", "text"],
)
def test_what_is_no_register_is_said_to_be_none(folder: Path, content: bytes, reason: str) -> None:
    (folder / "register.db").write_bytes(content)
    with pytest.raises(StoreError, match=reason):
        _open(folder)
    assert (folder / "register.db").read_bytes() == content


def test_opening_never_makes_a_register(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no") as caught:
        _open(tmp_path)
    assert "init" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_making_one_never_touches_one(folder: Path) -> None:
    before = (folder / "register.db").read_bytes()
    with pytest.raises(StoreError, match="already exists"):
        create_register(folder, b"n" * 32, IDENTITY)
    (folder / "register.db").unlink()
    with pytest.raises(StoreError, match="holds keys of another register"):
        create_register(folder, REGISTER, IDENTITY)
    with pytest.raises(StoreError, match="another one"):
        create_register(folder, REGISTER, b"n" * 32)
    assert before


def test_a_keyring_is_no_register(folder: Path) -> None:
    shutil.copy(folder / "keyring.db", folder / "register.db")
    keyring = Keyring(folder / "keyring.db", IDENTITY)
    keyring.close()
    with pytest.raises(StoreError, match="another one"):
        _open(folder)


def test_a_register_of_a_newer_version_is_left_alone(folder: Path) -> None:
    database = cipher.connect(folder / "register.db", REGISTER, schema.REGISTER)
    database.table("_sqlite_migrations").insert(
        {"migration_set": "tallystick-register", "name": "register_999", "applied_at": "2030"}
    )
    database.close()
    with pytest.raises(StoreError, match="newer version"):
        _open(folder)


def test_an_older_register_is_brought_up_to_date(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def register_next(database: object) -> None:
        database.execute("CREATE TABLE later (x INTEGER) STRICT")  # type: ignore[attr-defined]

    newer = schema.Schema("tallystick-register", *_STEPS, register_next)
    monkeypatch.setattr("tallystick.node.cases.sqlstore.REGISTER", newer)
    with _open(folder) as store:
        assert "later" in store._database.table_names()
        assert store.count() == 50
    with _open(folder) as store:
        assert store.count() == 50


def test_only_the_owner_can_read_any_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_register(tmp_path, REGISTER, IDENTITY)
        with open_register(tmp_path, REGISTER, IDENTITY) as store:
            store.ingest(a_run(), [a_record(1)])
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert {"register.db", "keyring.db", "register.db-wal", "keyring.db-wal"} <= set(modes)
    assert set(modes.values()) == {0o600}, modes


def test_a_second_writer_is_told_to_wait(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cipher, "_BUSY_SECONDS", 0.05)
    with _open(folder) as mine, _open(folder) as theirs:
        mine._database.conn.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another command is writing"):
            theirs.ingest(a_run(), [a_record(1)])
        assert theirs.count() == 50
        mine._database.conn.execute("ROLLBACK")


@pytest.mark.parametrize(
    ("pragma", "name"),
    [("secure_delete", "secure_delete"), ("temp_store", "TEMP_STORE"), ("cipher_version", "encrypt")],
)
def test_a_build_that_does_not_protect_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pragma: str, name: str
) -> None:
    class Weak:
        """A connection whose library answers one question badly."""

        def __init__(self, *arguments: object, **options: object) -> None:
            self._real = sqlcipher3.connect(*arguments, **options)

        def execute(self, sql: str, *values: object) -> object:
            return self._real.execute("SELECT NULL" if sql == f"PRAGMA {pragma}" else sql, *values)

        def close(self) -> None:
            self._real.close()

    class Library:
        connect = Weak
        DatabaseError = sqlcipher3.DatabaseError
        OperationalError = sqlcipher3.OperationalError

    monkeypatch.setattr(cipher, "sqlcipher3", Library)
    with pytest.raises(StoreError, match=name):
        _open(folder)


def test_a_full_disk_undoes_the_run(folder: Path) -> None:
    with _open(folder) as store:
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.conn.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match="full"):
            store.ingest(a_run(), [a_record(number) for number in range(100, 2000)])
        assert store.count() == 50
        assert len(store.runs()) == 1


def test_nothing_that_prints_a_record_prints_a_name() -> None:
    record = a_record(1)
    for text in (repr(record), str(record), f"{record.identity}", repr(Identity({"a": "secret"}))):
        assert "Айгүл" not in text
        assert "case-1" not in text
        assert "secret" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"agency": ""},
        {"agency_case_id": "x" * 201},
        {"agency_case_id": "a\nb"},
        {"year": 1500},
        {"sex": "female"},
        {"age": "17"},
        {"citizenship": "XXX"},
        {"exploitation_area": "KZ"},
        {"forms": frozenset({"MULTI"})},
    ],
    ids=str,
)
def test_a_record_outside_the_code_lists_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        a_record(1, **changes)


def test_joiners_of_persian_are_no_control_characters() -> None:
    assert not has_controls("می\u200cخواهم")
    assert has_controls("a\x1b[31m")
    assert has_controls("a\u2028b")
