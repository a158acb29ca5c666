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

from tallystick.config.errors import StoreError
from tallystick.node.cases.codedrow import CodedRow, coded_row
from tallystick.node.cases.coding import CodedColumns, encode
from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.sqlstore import create_register, open_register
from tallystick.node.cases.store import CaseQuery, CaseStore, IngestReport
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

    def test_a_perpetrator_counts_in_the_year_of_each_stage_and_never_among_victims(self, store: CaseStore) -> None:
        stages = {"INVESTIGATED": 2018, "PROSECUTED": 2019, "CONVICTED": 2019}
        store.ingest(a_run(), [a_record(1), a_record(2, role="perpetrator", stages=stages, sex="M")])
        assert len(store.coded_rows(2019)) == 1
        assert store.coded_rows(2018, "perpetrator").stages.tolist() == [0b001]
        columns = store.coded_rows(2019, "perpetrator")
        assert (columns.stages.tolist(), columns.sex.tolist()) == ([0b110], [2])
        assert dict(store.counts_by_year()) == {2019: 1}
        assert dict(store.agencies(2018)) == {}
        (held,) = store.versions("Shelter", "case-2")
        assert held.record.stages == stages

    def test_get_gives_the_current_version_with_its_identity(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1)])
        store.ingest(a_run(), [a_record(1, sex="M")])
        found = store.get("Shelter", "case-1")
        assert found is not None
        assert (found.record, found.version, found.run_id, found.replaced_by) == (a_record(1, sex="M"), 2, 2, None)
        assert store.get("Shelter", "case-2") is None
        assert store.get("Police", "case-1") is None

    def test_an_edit_needs_the_version_that_was_looked_at(self, store: CaseStore) -> None:
        assert store.edit(a_run(), a_record(1), expected_version=0).added == 1
        assert store.edit(a_run(), a_record(1, sex="M"), expected_version=1).replaced == 1
        for expected in (0, 1, 3):
            with pytest.raises(StoreError, match="somebody else changed this case"):
                store.edit(a_run(), a_record(1, sex="F"), expected_version=expected)
        with pytest.raises(StoreError, match="no case with this number"):
            store.edit(a_run(), a_record(2), expected_version=1)
        assert [case.record.sex for case in store.versions("Shelter", "case-1")] == ["F", "M"]
        assert len(store.runs()) == 2

    def test_rows_of_a_file_stand_once_and_the_second_is_refused(self, store: CaseStore) -> None:
        refused: list[tuple[int, str]] = []

        def rows(numbers: list[int], **changes: object) -> list[CodedRow]:
            return [coded_row(a_record(number, **changes), row=at) for at, number in enumerate(numbers, 2)]

        def take(*batches: list[CodedRow]) -> IngestReport:
            return store.ingest_rows(
                a_run(), lambda _known: iter(batches), refuse=lambda row, reason: refused.append((row.row, reason))
            )

        report = take(rows([1, 2, 1]), rows([2, 3]))
        assert (report.added, refused) == (3, [(4, refused[0][1]), (2, refused[0][1])])
        assert "stands twice" in refused[0][1]
        report = take(rows([1, 4]), rows([1], sex="M"))
        assert (report.added, report.unchanged, report.replaced, len(refused)) == (1, 1, 0, 3)

    def test_columns_show_every_record_at_its_place(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(number, sex="FM"[number % 2]) for number in range(5)])
        store.ingest(a_run(), [a_record(2, counted=False)])
        (columns,) = store.columns(["sex", "flags", "version", "run", "person_id"])
        assert columns["version"][:7].tolist() == [0, 1, 1, 2, 1, 1, 0]
        assert columns["sex"][1:6].tolist() == [1, 2, 1, 2, 1]
        assert columns["run"][1:6].tolist() == [1, 1, 2, 1, 1]
        assert columns["flags"][1:6].tolist() == [1, 1, 0, 1, 1]
        current = store.get("Shelter", "case-4")
        assert current is not None
        assert columns["person_id"][5].tobytes() == current.person_id
        assert list(store.columns(["sex"], 1)) == []

    def test_changes_since_a_run_are_what_is_new_and_what_was_replaced(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(number) for number in range(3)])
        store.ingest(a_run(), [a_record(1, sex="M"), a_record(7), a_record(8)])
        store.edit(a_run(), a_record(1, sex="_O"), expected_version=2)
        changes = store.changes_since(1)
        assert (changes.run_id, changes.first_fresh, changes.last_fresh) == (3, 4, 5)
        assert changes.recoded["record_id"].tolist() == [2, 2]
        assert changes.recoded["before"]["sex"].tolist() == [1, 2]
        assert changes.recoded["after"]["sex"].tolist() == [2, 3]
        everything, nothing = store.changes_since(0), store.changes_since(3)
        assert (everything.first_fresh, everything.last_fresh, len(everything.recoded)) == (1, 5, 2)
        assert (nothing.last_fresh < nothing.first_fresh, len(nothing.recoded)) == (True, 0)

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            (CaseQuery(), [5, 4, 3, 2, 1]),
            (CaseQuery(limit=2), [5, 4]),
            (CaseQuery(number="case-2"), [2]),
            (CaseQuery(number="case-*"), [1, 2, 3, 4, 5]),
            (CaseQuery(number="case-*", sex="M", limit=1), [2]),
            (CaseQuery(number="case-3", sex="M"), []),
            (CaseQuery(number="no*"), []),
            (CaseQuery(agency="Police"), [3]),
            (CaseQuery(agency="Nobody"), []),
            (CaseQuery(years=(2019, 2019)), [5, 3, 2, 1]),
            (CaseQuery(years=(2000, 2018)), [4]),
            (CaseQuery(sex="M", form="FL"), [2]),
            (CaseQuery(form="SX"), [5]),
            (CaseQuery(citizenship="_U"), [1]),
            (CaseQuery(area="KAZ", age="Y0T8"), [4]),
            (CaseQuery(role="perpetrator"), [5]),
        ],
        ids=str,
    )
    def test_find_lists_what_matches_and_nothing_else(
        self, store: CaseStore, query: CaseQuery, numbers: list[int]
    ) -> None:
        store.ingest(
            a_run(),
            [
                a_record(1, citizenship="_U"),
                a_record(2, sex="M"),
                a_record(3, agency="Police", details={}, identity=None),
                a_record(4, year=2018, age="Y0T8"),
                a_record(5, role="perpetrator", forms=frozenset({"SX", "OP"})),
            ],
        )
        found = store.find(query)
        assert [line.number for line in found] == [f"case-{number}" for number in numbers]

    def test_a_found_line_says_whether_there_is_an_identity_and_shows_none(self, store: CaseStore) -> None:
        store.ingest(a_run(), [a_record(1), a_record(2, identity=None, details={})])
        bare, named = store.find(CaseQuery())
        assert (named.has_identity, named.status, named.version) == (True, "Active", 1)
        assert (bare.has_identity, bare.status) == (False, "")
        assert (named.year, named.sex, named.area, named.forms) == (2019, "F", "KAZ", frozenset({"FL"}))
        assert "Айгүл" not in repr(named)


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
    for name in ("sex", "age", "citizenship", "area", "forms", "censored", "relationship", "controls"):
        assert getattr(read, name).tolist() == getattr(wanted, name).tolist()
