"""The keyring alone: keys and marks by record, files of an earlier version, another file in its place."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from tallystick.config.errors import StoreError
from tallystick.node.cases import cipher, schema
from tallystick.node.cases.keyring import ROTATED, Keyring, _derive, create_keyring, file_key
from tallystick.node.cases.sqlstore import create_register, open_register
from tests.support.cases import a_record, a_run
from tests.support.killing import every_step, run_and_kill

REGISTER, IDENTITY = b"r" * 32, b"i" * 32
OLD = schema.Schema("tallystick-keyring", schema.keyring_1)


@pytest.fixture
def keyring(tmp_path: Path) -> Iterator[Keyring]:
    create_keyring(tmp_path / "keyring.db", IDENTITY)
    found = Keyring(tmp_path / "keyring.db", IDENTITY)
    yield found
    found.close()


def _add(keyring: Keyring, *rows: tuple[int, bytes | None, bytes | None]) -> None:
    keyring.begin()
    keyring.add(rows)
    keyring.commit()


def test_keys_and_marks_come_back_by_record(keyring: Keyring) -> None:
    _add(keyring, (1, b"a" * 32, None), (2, None, b"m2"), (7, b"c" * 32, b"m7"))
    assert keyring.keys([1, 2, 7, 9]) == {1: b"a" * 32, 7: b"c" * 32}
    assert keyring.marks([1, 2, 7, 9]) == {2: b"m2", 7: b"m7"}
    assert keyring.last_record_id() == 7
    assert keyring.count() == 3
    assert [row.record_id for row in keyring.rows(2, 10)] == [2, 7]


def test_a_mark_changes_without_its_key_and_a_key_is_never_lost_to_a_mark(keyring: Keyring) -> None:
    _add(keyring, (1, b"a" * 32, b"old"))
    keyring.begin()
    keyring.set_marks([(1, b"new"), (2, b"alone")])
    keyring.add([(1, None, None)])
    keyring.commit()
    assert keyring.marks([1, 2]) == {1: b"new", 2: b"alone"}
    assert keyring.keys([1, 2]) == {1: b"a" * 32}


def test_the_mark_key_is_the_identity_keys_until_it_is_kept(keyring: Keyring) -> None:
    first = keyring.mark_key
    assert len(first) == 32
    assert first not in (IDENTITY, _derive(IDENTITY, b"person-key-wrap-1"))
    keyring.begin()
    keyring.keep_mark_key(b"k" * 32)
    keyring.commit()
    assert keyring.mark_key == b"k" * 32


def test_nothing_is_written_into_a_keyring_that_was_replaced(tmp_path: Path, keyring: Keyring) -> None:
    shutil.copy(tmp_path / "keyring.db", tmp_path / "other.db")
    (tmp_path / "other.db").rename(tmp_path / "keyring.db")
    with pytest.raises(StoreError, match="another file now") as caught:
        keyring.begin()
    assert caught.value.hint


def test_nothing_is_written_while_another_keyring_is_on_its_way(tmp_path: Path, keyring: Keyring) -> None:
    (tmp_path / ROTATED).mkdir()
    with pytest.raises(StoreError, match="another file now"):
        keyring.begin()
    (tmp_path / ROTATED).rmdir()
    keyring.begin()
    keyring.rollback()


def _by_person_ids(folder: Path) -> dict[bytes, int]:
    """Put a keyring of version 1 into the place of today's, with two keys that are nobody's."""
    create_register(folder, REGISTER, IDENTITY)
    with open_register(folder, REGISTER, IDENTITY) as store:
        store.ingest(a_run(), [a_record(number) for number in range(30)])
        people = {row.tobytes(): number for number, row in enumerate(store.coded_rows(2019).person_ids, 1)}
        assert store._keyring is not None
        keys = store._keyring.keys(list(people.values()))
    (folder / "keyring.db").unlink()
    cipher.create(folder / "keyring.db", file_key(folder, IDENTITY), OLD)
    database = cipher.connect(folder / "keyring.db", file_key(folder, IDENTITY), OLD)
    wrapping_key = _derive(IDENTITY, b"person-key-wrap-1")
    rows = [(person, aes_key_wrap(wrapping_key, keys[number])) for person, number in people.items()]
    nobodys = [(bytes([number]) * 16, aes_key_wrap(wrapping_key, b"n" * 32)) for number in (1, 2)]
    database.conn.executemany("INSERT INTO person_key VALUES (?, ?)", [*rows, *nobodys])
    database.close()
    return people


def _read_everybody(folder: Path, people: dict[bytes, int]) -> None:
    with open_register(folder, REGISTER, IDENTITY) as store:
        assert all(store.identity(person) is not None for person in people)
        assert store._keyring is not None
        assert not store._keyring.awaits_record_ids
        assert store._keyring.count() == len(people)
        assert store.ingest(a_run("again.csv"), [a_record(number) for number in range(30)]).unchanged == 30


def test_a_keyring_of_an_earlier_version_takes_record_ids(tmp_path: Path) -> None:
    people = _by_person_ids(tmp_path)
    _read_everybody(tmp_path, people)


def test_a_kill_while_record_ids_are_taken_loses_no_key(tmp_path: Path) -> None:
    base, work = tmp_path / "base", tmp_path / "work"
    base.mkdir()
    people = _by_person_ids(base)
    for step in every_step():
        shutil.copytree(base, work)

        def prepare(tick: object, here: Path = work) -> None:
            real = cipher.connect

            def connect(*arguments: object) -> object:
                database = real(*arguments)  # type: ignore[arg-type]
                database.conn.set_progress_handler(lambda: tick() or 0, 50)  # type: ignore[operator]
                return database

            cipher.connect = connect  # type: ignore[assignment]

        finished = run_and_kill(lambda: _read_everybody(work, people), step * 2, calls=(), prepare=prepare)
        _read_everybody(work, people)
        shutil.rmtree(work)
        if finished:
            break
