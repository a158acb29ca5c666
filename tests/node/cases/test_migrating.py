"""A register made by the first version opens, is brought up to date whole or not at all, and counts the same."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from sqlite_utils import Database

from tallystick.node.cases import cipher, keyring, schema
from tallystick.node.cases.coding import encode
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.sqlstore import KEYRING_FILE, REGISTER_FILE, open_register
from tests.support.cases import a_record, a_run
from tests.support.faults import serve
from tests.support.killing import every_step, run_and_kill

REGISTER, IDENTITY = b"r" * 32, b"i" * 32
RECORDS = [
    a_record(1),
    a_record(2, year=2018, sex="M", counted=False),
    a_record(3, identity=None, details={}, controls=frozenset(), censored=True),
    a_record(4, details={"vic_RelationshipToTrafficker": "Familial"}, controls=frozenset(), relationship="FAM"),
]
EARLIER = replace(RECORDS[3], year=2018, sex="M")
_FIRST_CODED = 8


def _person(record_id: int) -> bytes:
    return bytes([record_id]) * 16


def _sealed(record: CaseRecord, record_id: int) -> bytes | None:
    if record.identity is None:
        return None
    return keyring.seal(b"k" * 32, _person(record_id), record.identity.to_bytes())


def _fill(register: Database, keys: Database) -> None:
    wrapping = keyring._derive(IDENTITY, b"person-key-wrap-1")
    register.execute("INSERT INTO agency VALUES (1, 'Shelter')")
    for run in (1, 2):
        values = [run, "2026-03-01T09:30:00Z", "first.csv", "htcds", "[]"]
        register.execute("INSERT INTO run VALUES (?, ?, ?, ?, 4, 0, 0, 0, ?)", values)
    for record_id, record in enumerate(RECORDS, 1):
        version = 2 if record_id == 4 else 1
        head = [record_id, record.agency_case_id, record.year, version, version]
        register.execute("INSERT INTO record VALUES (?, 1, ?, ?, ?, ?)", head)
        coded = encode(record)[1:_FIRST_CODED]
        values = [record.year, record_id, _person(record_id), *coded]
        register.execute("INSERT INTO classification VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        if record.details:
            register.execute("INSERT INTO detail VALUES (?, ?)", [record_id, record.details_text()])
        if record.identity:
            register.execute("INSERT INTO identity VALUES (?, ?)", [record_id, _sealed(record, record_id)])
            keys.execute(
                "INSERT INTO person_key VALUES (?, ?)", [_person(record_id), aes_key_wrap(wrapping, b"k" * 32)]
            )
    _supersede(register)


def _supersede(register: Database) -> None:
    head = [4, 1, 1, 2, "2026-03-02T09:30:00Z", _person(4)]
    values = [*head, *encode(EARLIER)[:_FIRST_CODED], EARLIER.details_text(), _sealed(EARLIER, 4)]
    register.execute(f"INSERT INTO superseded VALUES ({', '.join('?' * len(values))})", values)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A register as the first version left it."""
    first = schema.Schema("tallystick-register", schema.register_1)
    keyring_first = schema.Schema("tallystick-keyring", schema.keyring_1)
    home = tmp_path / "first"
    home.mkdir()
    keyring_key = keyring._derive(IDENTITY, b"keyring-file-1")
    cipher.create(home / REGISTER_FILE, REGISTER, first)
    cipher.create(home / KEYRING_FILE, keyring_key, keyring_first)
    register = cipher.connect(home / REGISTER_FILE, REGISTER, first)
    keys = cipher.connect(home / KEYRING_FILE, keyring_key, keyring_first)
    with register.atomic(), keys.atomic():
        _fill(register, keys)
    register.close()
    keys.close()
    return home


def _check(folder: Path) -> None:
    with open_register(folder, REGISTER, IDENTITY) as store:
        assert store.count() == 4
        assert dict(store.counts_by_year()) == {2019: 3}
        assert store.coded_rows(2019).person_ids[:, 0].tolist() == [1, 3, 4]
        assert store.coded_rows(2019).censored.tolist() == [False, True, False]
        assert store.coded_rows(2019).relationship.tolist() == [0, 0, 1]
        for record in RECORDS:
            found = store.get("Shelter", record.agency_case_id)
            assert found is not None
            assert found.record == record
        earlier, current = store.versions("Shelter", "case-4")
        assert (earlier.record, earlier.replaced_by, current.version) == (EARLIER, 2, 2)
        assert store.identity(_person(1)) == RECORDS[0].identity
        assert store.changes_since(0).last_fresh == 4


def test_a_register_of_the_first_version_opens_with_everything_in_it(folder: Path) -> None:
    _check(folder)
    _check(folder)


def test_the_same_file_again_after_the_update_adds_and_replaces_nothing(folder: Path) -> None:
    with open_register(folder, REGISTER, IDENTITY) as store:
        report = store.ingest(a_run(), [*RECORDS, a_record(9)])
        assert (report.added, report.replaced, report.unchanged) == (1, 0, 4)
        assert store.changes_since(2).first_fresh == 5


def update_everywhere(root: str) -> int:
    """Runs in a process of its own: one fork, one kill, one check per change that the update makes to a file."""
    base, work = Path(root) / "first", Path(root) / "work"
    for step in every_step():
        shutil.copytree(base, work)
        done = run_and_kill(lambda: open_register(work, REGISTER, IDENTITY).close(), step, root=work)
        _check(work)
        shutil.rmtree(work)
        if done:
            break
    return step


def test_a_kill_at_any_write_of_the_update_leaves_the_old_register_or_the_new_one(folder: Path) -> None:
    assert serve("tests.node.cases.test_migrating:update_everywhere", str(folder.parent)) > 20


def test_no_word_of_the_first_tables_is_left_behind(folder: Path) -> None:
    with open_register(folder, REGISTER, IDENTITY) as store:
        names = set(store._database.table_names())
    assert not names & {"classification", "detail", "identity", "record_2", "superseded_2"}
