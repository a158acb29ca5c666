"""One abstract test class, run over every store: what a register promises, whatever holds it."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.cases.coding import CodedColumns, encode
from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.sqlstore import create_register, open_register
from tallystick.node.cases.store import CaseStore
from tests.support.cases import AT, a_record, a_run, records


class StoreContract:
    """Subclasses give ``store``, an empty one."""

    @pytest.fixture
    def store(self) -> CaseStore:
        raise AssertionError("subclasses give the store")

    def test_what_went_in_comes_out_and_counting_reads_codes(self, store: CaseStore) -> None:
        report = store.ingest(a_run(), [a_record(1), a_record(2, sex="M", citizenship="_U", forms=frozenset())])
        assert (report.added, report.replaced, report.unchanged) == (2, 0, 0)
        columns = store.coded_rows(2019)
        assert columns.sex.tolist() == [1, 2]
        assert columns.citizenship.tolist() == [417, 0]
        assert columns.area.tolist() == [398, 398]
        assert columns.forms.tolist() == [2, 0]
        assert len(store.coded_rows(2018)) == 0
        assert store.count() == 2
        assert dict(store.counts_by_year()) == {2019: 2}
        assert dict(store.agencies(2019)) == {"Shelter": 2}

    def test_the_same_run_twice_adds_nothing(self, store: CaseStore) -> None:
        batch = [a_record(number) for number in range(30)]
        store.ingest(a_run(), batch)
        before = store.coded_rows(2019).person_ids.tolist()
        report = store.ingest(a_run(), batch)
        assert (report.added, report.replaced, report.unchanged) == (0, 0, 30)
        assert store.coded_rows(2019).person_ids.tolist() == before
        assert [run.unchanged for run in store.runs()] == [0, 30]

    @pytest.mark.parametrize(
        "changes",
        [
            {"sex": "M"},
            {"year": 2018},
            {"details": {}, "controls": frozenset()},
            {"identity": None},
            {"counted": False},
            {"censored": True},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_a_changed_record_replaces_and_keeps_person_and_history(
        self, store: CaseStore, changes: dict[str, object]
    ) -> None:
        store.ingest(a_run(), [a_record(1)])
        (first,) = store.versions("Shelter", "case-1")
        report = store.ingest(a_run(at=AT + timedelta(days=1)), [a_record(1, **changes)])
        assert (report.added, report.replaced) == (0, 1)
        earlier, current = store.versions("Shelter", "case-1")
        assert (earlier.record, current.record) == (a_record(1), a_record(1, **changes))
        assert (earlier.person_id, current.person_id) == (first.person_id, first.person_id)
        assert (earlier.version, earlier.replaced_by, earlier.replaced_at) == (1, 2, "2026-03-02T09:30:00Z")
        assert (current.version, current.run_id, current.replaced_by) == (2, 2, None)
        assert store.count() == 1
        assert len(store.coded_rows(current.record.year)) == int(current.record.counted)

    def test_a_name_may_be_added_later_and_corrected(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1, identity=None)])
        person = store.coded_rows(2019).person_ids[0].tobytes()
        assert store.identity(person) is None
        store.ingest(a_run(), [a_record(1)])
        assert store.identity(person) == a_record(1).identity
        store.ingest(a_run(), [a_record(1, identity=a_record(2).identity)])
        assert store.identity(person) == a_record(2).identity
        assert [case.record.identity is None for case in store.versions("Shelter", "case-1")] == [True, False, False]

    def test_one_case_twice_in_a_run_is_taken_in_turn(self, store: CaseStore) -> None:
        report = store.ingest(a_run(), [a_record(1), a_record(1, sex="M"), a_record(1, sex="M")])
        assert (report.added, report.replaced, report.unchanged) == (1, 1, 1)
        assert store.coded_rows(2019).sex.tolist() == [2]

    def test_the_same_number_at_two_agencies_is_two_cases(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1), a_record(1, agency="Police")])
        assert dict(store.agencies(2019)) == {"Police": 1, "Shelter": 1}
        assert len({bytes(row) for row in store.coded_rows(2019).person_ids}) == 2

    def test_a_run_that_fails_leaves_nothing(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1)])

        def broken() -> Iterator[CaseRecord]:
            yield a_record(1, sex="M")
            yield a_record(2)
            raise RuntimeError("the file ended in the middle")

        with pytest.raises(RuntimeError):
            store.ingest(a_run(), broken())
        assert store.coded_rows(2019).sex.tolist() == [1]
        assert len(store.runs()) == 1
        assert store.ingest(a_run(), [a_record(2)]).added == 1

    def test_a_dry_run_tells_and_leaves_nothing(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1)])
        report = store.ingest(
            a_run(), [a_record(1, sex="M"), a_record(2), a_record(3)], rejected=lambda: 7, dry_run=True
        )
        assert (report.run_id, report.added, report.replaced, report.rejected) == (0, 2, 1, 7)
        assert (store.count(), len(store.runs())) == (1, 1)

    def test_runs_remember_source_notes_and_rejections(self, store: CaseStore) -> None:
        run = replace(a_run("кейсы 2019.csv"), notes=("a sentence",))
        store.ingest(run, [a_record(1)], rejected=lambda: 4)
        (found,) = store.runs()
        assert (found.source, found.notes, found.rejected, found.at) == (
            "кейсы 2019.csv",
            ("a sentence",),
            4,
            "2026-03-01T09:30:00Z",
        )
        assert store.cut_off() == found.at

    def test_an_empty_register_answers(self, store: CaseStore) -> None:
        assert (store.count(), dict(store.counts_by_year()), store.runs(), store.cut_off()) == (0, {}, [], None)
        assert store.coded_rows(2019).person_ids.shape == (0, 16)
        assert list(store.versions("nobody", "1")) == []
        assert store.identity(b"\0" * 16) is None


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> CaseStore:
        return MemoryCaseStore()


class TestSqlStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[CaseStore]:
        register_key, identity_key = os.urandom(32), os.urandom(32)
        create_register(tmp_path, register_key, identity_key)
        with open_register(tmp_path, register_key, identity_key) as store:
            yield store


@settings(max_examples=40, deadline=None)
@given(runs=st.lists(st.lists(st.tuples(st.integers(1, 6), st.sampled_from("FM"), st.booleans()), max_size=8)))
def test_both_stores_agree_on_any_sequence_of_runs(
    runs: list[list[tuple[int, str, bool]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("register")
    create_register(folder, b"r" * 32, b"i" * 32)
    memory = MemoryCaseStore()
    with open_register(folder, b"r" * 32, b"i" * 32) as sql:
        for run in runs:
            batch = [
                a_record(number, sex=sex, identity=a_record(1).identity if named else None)
                for number, sex, named in run
            ]
            mine, theirs = sql.ingest(a_run(), batch), memory.ingest(a_run(), batch)
            assert mine == theirs
        assert sql.runs() == memory.runs()
        assert np.array_equal(sql.coded_rows(2019).sex, memory.coded_rows(2019).sex)
        for number in range(1, 7):
            a, b = (list(store.versions("Shelter", f"case-{number}")) for store in (sql, memory))
            assert [replace(case, person_id=b"") for case in a] == [replace(case, person_id=b"") for case in b]


@settings(max_examples=30, deadline=None)
@given(found=records())
def test_every_code_survives_sql(found: list[CaseRecord], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("register")
    create_register(folder, b"r" * 32, b"i" * 32)
    with open_register(folder, b"r" * 32, b"i" * 32) as store:
        store.ingest(a_run(), found)
        for record in found:
            assert [case.record for case in store.versions(record.agency, record.agency_case_id)] == [record]
        wanted = CodedColumns.from_coded((b"x" * 16, encode(record)) for record in found)
        read = store.coded_rows(2019)
    for name in ("sex", "age", "citizenship", "area", "forms", "censored"):
        assert getattr(read, name).tolist() == getattr(wanted, name).tolist()
