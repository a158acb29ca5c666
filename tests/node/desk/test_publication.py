"""desk.db: encrypted, one row a release, final where it says so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.errors import StoreError, UsageError
from tallystick.config.periods import Period
from tallystick.exchange.formats.statement import payload_id
from tallystick.node.desk.database import DESK_DB, Database, create_database, desk_key, open_database
from tallystick.node.desk.publication import Publication, PublicationTable
from tallystick.node.desk.states import PublicationState

KEY = bytes(range(32))
AT = datetime(2021, 3, 1, tzinfo=UTC)
YEAR = Period(2018, 2018)
S = PublicationState


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    create_database(tmp_path, KEY)
    opened = open_database(tmp_path, KEY)
    with opened.transaction():
        opened.write("INSERT INTO draft VALUES ('2018', 1, x'00')")
    yield opened
    opened.close()


@pytest.fixture
def table(database: Database) -> PublicationTable:
    return PublicationTable(database)


def draft(name: str = "VICTIMS", payload: bytes = b"payload", **changes: Any) -> Publication:
    fresh = Publication(
        payload_id(payload), YEAR, name, 1, S.DRAFTED, b"s" * 32, payload, b"data", b"{}", b"{}", changed_at="-"
    )
    return replace(fresh, **changes)


def add(database: Database, table: PublicationTable, new: Publication) -> Publication:
    with database.transaction():
        table.add(new)
    found = table.by_id(new.payload_id)
    assert found is not None
    return found


def test_the_file_does_not_open_with_another_key_and_holds_nothing_readable(
    tmp_path: Path, database: Database, table: PublicationTable
) -> None:
    add(database, table, draft(payload=b"a very recognisable payload"))
    database.close()
    with pytest.raises(StoreError):
        open_database(tmp_path, bytes(32))
    assert desk_key(KEY) != KEY
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"recognisable" not in raw
    assert b"publication" not in raw
    assert (tmp_path / DESK_DB).stat().st_mode & 0o777 == 0o600


def test_making_it_twice_is_refused_and_the_first_stays(
    tmp_path: Path, database: Database, table: PublicationTable
) -> None:
    add(database, table, draft())
    with pytest.raises(StoreError):
        create_database(tmp_path, KEY)
    assert len(table.all()) == 1


def test_a_draft_comes_back_as_it_was_put_in(database: Database, table: PublicationTable) -> None:
    new = draft()
    assert add(database, table, new) == new
    assert table.one(YEAR, "victims") == new
    assert table.of_period(YEAR) == (new,)
    assert table.in_state(S.DRAFTED, S.SIGNED) == (new,)
    with pytest.raises(UsageError):
        table.one(YEAR, "VICTIMS_SEX")


def test_a_slice_has_one_row_a_revision(database: Database, table: PublicationTable) -> None:
    add(database, table, draft())
    with pytest.raises(StoreError), database.transaction():
        table.add(draft(payload=b"another"))
    assert len(table.all()) == 1


def test_a_row_cannot_be_added_as_anything_but_a_draft(database: Database, table: PublicationTable) -> None:
    with pytest.raises(StoreError), database.transaction():
        table.add(draft(state=S.LOGGED, envelope=b"e", log_index=0))
    with pytest.raises(StoreError), database.transaction():
        table.add(replace(draft(), payload=b"not what the id says"))


def test_the_way_to_the_log(database: Database, table: PublicationTable) -> None:
    row = add(database, table, draft())
    with database.transaction():
        row = table.step(row, S.SIGNED, AT, envelope=b"envelope")
        row = table.step(row, S.LOGGED, AT, log_index=0)
    assert (row.state, row.envelope, row.log_index) == (S.LOGGED, b"envelope", 0)
    assert row.changed_at == "2021-03-01T00:00:00Z"
    assert table.logged_size() == 1
    assert table.logged_from(0) == (row,)
    assert table.is_complete()


def test_a_step_on_a_row_that_moved_meanwhile_changes_nothing(database: Database, table: PublicationTable) -> None:
    row = add(database, table, draft())
    with database.transaction():
        table.step(row, S.REFUSED, AT, reason="wrong")
    with pytest.raises(StoreError), database.transaction():
        table.step(row, S.SIGNED, AT, envelope=b"e")
    (found,) = table.all()
    assert (found.state, found.reason) == (S.REFUSED, "wrong")


def test_a_signed_row_needs_an_envelope_and_a_logged_one_an_index(database: Database, table: PublicationTable) -> None:
    row = add(database, table, draft())
    with pytest.raises(StoreError), database.transaction():
        table.step(row, S.SIGNED, AT)
    with database.transaction():
        row = table.step(row, S.SIGNED, AT, envelope=b"e")
    with pytest.raises(StoreError), database.transaction():
        table.step(row, S.LOGGED, AT)
    with pytest.raises(StoreError), database.transaction():
        table.step(row, S.REFUSED, AT, log_index=3)


@pytest.mark.parametrize("column", ["payload", "data", "salt", "briefing", "sealed", "period", "payload_id"])
def test_what_was_drafted_cannot_be_changed_in_place(database: Database, table: PublicationTable, column: str) -> None:
    add(database, table, draft())
    with pytest.raises(StoreError, match="final"), database.transaction():
        database.write(f"UPDATE publication SET {column} = {column}")


def test_what_was_logged_keeps_envelope_and_index_and_no_row_is_deleted(
    database: Database, table: PublicationTable
) -> None:
    row = add(database, table, draft())
    with database.transaction():
        table.step(table.step(row, S.SIGNED, AT, envelope=b"e"), S.LOGGED, AT, log_index=0)
    for sql in (
        "UPDATE publication SET envelope = x'00'",
        "UPDATE publication SET log_index = 5",
        "DELETE FROM publication",
        "DELETE FROM draft",
        "UPDATE draft SET context = x'01'",
    ):
        with pytest.raises(StoreError, match="final"), database.transaction():
            database.write(sql)


def test_a_failed_block_leaves_nothing(database: Database, table: PublicationTable) -> None:
    def half() -> None:
        with database.transaction():
            table.add(draft())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert table.all() == ()


def test_writing_outside_a_transaction_is_refused(database: Database, table: PublicationTable) -> None:
    with pytest.raises(StoreError):
        table.add(draft())


def test_a_gap_in_the_log_indices_is_seen(database: Database, table: PublicationTable) -> None:
    row = add(database, table, draft())
    with database.transaction():
        table.step(table.step(row, S.SIGNED, AT, envelope=b"e"), S.LOGGED, AT, log_index=2)
    assert table.logged_size() == 3
    assert not table.is_complete()


def test_no_secret_and_no_payload_in_a_repr() -> None:
    text = repr(draft(payload=b"a very recognisable payload"))
    assert "recognisable" not in text
    assert "ssss" not in text
