"""Counts that are kept stay what counting every record one by one gives, whatever happens to the register."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.config.errors import StoreError, UsageError
from tallystick.node.cases.coding import encode
from tallystick.node.cases.erasing import _strip
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tallystick.node.tables import count_cache
from tallystick.node.tables.axes import AXES, make_axes
from tallystick.node.tables.count import once_per_person
from tallystick.node.tables.count_cache import full_count, kept_count
from tallystick.node.tables.exact_by import exact_table
from tests.support.cases import a_record, a_run

KEYS = (b"r" * 32, b"i" * 32)
CODES = {
    "year": st.sampled_from((2018, 2019, 2021)),
    "sex": st.sampled_from(("F", "M", "_U")),
    "age": st.sampled_from(("Y0T8", "Y0T17", "Y24T26", "_U")),
    "citizenship": st.sampled_from(("KGZ", "UKR", "IND", "_U")),
    "exploitation_area": st.sampled_from(("KAZ", "RUS", "_U")),
    "forms": st.frozensets(st.sampled_from(("SX", "FL", "OP"))),
    "relationship": st.sampled_from(("FAM", "_U")),
    "counted": st.sampled_from((True, True, False)),
    "agency": st.sampled_from(("Police", "Shelter")),
}
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), st.lists(st.tuples(st.integers(0, 12), st.fixed_dictionaries(CODES)), max_size=6)),
        st.tuples(st.just("edit"), st.tuples(st.integers(0, 12), st.fixed_dictionaries(CODES))),
        st.tuples(st.just("erase"), st.tuples(st.integers(0, 12), st.sampled_from(("Police", "Shelter")))),
        st.tuples(st.just("link"), st.tuples(st.integers(0, 12), st.integers(0, 12))),
        st.tuples(st.just("reopen"), st.none()),
        st.tuples(st.just("count"), st.none()),
    ),
    max_size=12,
)


def record(number: int, codes: dict[str, Any]) -> CaseRecord:
    return replace(a_record(number, identity=None, details={}), **codes)


class Held(dict[tuple[str, str], CaseRecord]):
    """What plain Python knows of the register: records in the order they came in, and whose each is."""

    def __init__(self) -> None:
        super().__init__()
        self.person: dict[tuple[str, str], object] = {}
        self.order: list[tuple[str, str]] = []

    def take(self, one: CaseRecord) -> None:
        key = (one.agency, one.agency_case_id)
        if key not in self:
            self.order.append(key)
            self.person[key] = object()
        self[key] = one


def once(held: Held) -> list[CaseRecord]:
    """Leave out who counted in that year already by a record that came in before."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for key in held.order:
        one, mark = held[key], (id(held.person[key]), held[key].year)
        if one.counted and mark in seen:
            continue
        if one.counted:
            seen.add(mark)
        kept.append(one)
    return kept


def link(store: SqlCaseStore, held: Held, first: int, second: int) -> None:
    """Link two cases, or part one from the others where both are the same."""
    keys = [("Police", f"case-{first}"), ("Shelter", f"case-{second}")]
    if first == second:
        key = keys[0]
        if key in held and sum(one is held.person[key] for one in held.person.values()) > 1:
            store.link(a_run(), key, None)
            held.person[key] = object()
    elif all(key in held for key in keys) and held.person[keys[0]] is not held.person[keys[1]]:
        store.link(a_run(), keys[0], keys[1])
        moved = held.person[keys[1]]
        for key, person in held.person.items():
            if person is moved:
                held.person[key] = held.person[keys[0]]


def by_hand(held: Held, by: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Count one by one in plain Python, over the axes' own words for each code."""
    agencies = {"Police": 1, "Shelter": 2}
    axes = {axis.id: axis for axis in make_axes((2018, 2019, 2021), {1: "Police", 2: "Shelter"})}
    found: Counter[tuple[str, ...]] = Counter()
    for one in once(held):
        if one.counted and one.role == "victim":
            coded = encode(one)
            numbers = dict(zip(("year", "sex", "age", "citizenship", "area", "forms"), coded[:6], strict=True))
            numbers |= {"relationship": coded[8], "agency": agencies[one.agency]}
            found[tuple(axes[name].labels[axes[name].places[numbers[axes[name].column]]] for name in by)] += 1
    return found


def cells(table: Any) -> Counter[tuple[str, ...]]:
    return Counter({labels: count for _codes, labels, count in table.rows()})


def erase(store: SqlCaseStore, held: Held, agency: str, number: str) -> None:
    """Do to the register what erasing does: the coded row stays under a number of its own, and goes on counting."""
    if (agency, number) in held:
        row = store._record(agency, number)
        assert row is not None
        _strip(store._database.conn, [row[0]], lambda count: bytes(count - 4) + row[0].to_bytes(4))
        gone = (agency, f"erased {row[0]}")
        held[gone], held.person[gone] = held.pop((agency, number)), held.person.pop((agency, number))
        held.order[held.order.index((agency, number))] = gone


def require_right(store: SqlCaseStore, held: Held) -> None:
    kept, whole = kept_count(store), full_count(store)
    assert kept.run_id == whole.run_id
    there = {by: counts for by, counts in whole.counter.tables().all() if counts.any()}
    tables = kept.counter.tables()
    for by in sorted(there, key=lambda by: (len(by) > 1, hash(by) % 97))[:16]:
        assert cells(exact_table(store, by)) == by_hand(held, by)
    assert int(tables.table(["SEX"]).sum()) == sum(one.counted for one in once(held))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS, write_after=st.sampled_from((1, 20_000)))
def test_kept_counts_are_plain_counts_after_any_history(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]], write_after: int
) -> None:
    folder = tmp_path_factory.mktemp("register")
    create_register(folder, *KEYS)
    held = Held()
    patch = pytest.MonkeyPatch()
    patch.setattr(count_cache, "_WRITE_AFTER", write_after)
    store = open_register(folder, *KEYS)
    try:
        for kind, what in steps:
            if kind == "ingest":
                records = [record(number, codes) for number, codes in what]
                store.ingest(a_run(), records)
                for one in records:
                    held.take(one)
            elif kind == "edit":
                one = record(*what)
                current = store.get(one.agency, one.agency_case_id)
                if current is not None:
                    store.edit(a_run(), one, expected_version=current.version)
                    held.take(one)
            elif kind == "erase":
                erase(store, held, what[1], f"case-{what[0]}")
            elif kind == "link":
                link(store, held, *what)
            elif kind == "reopen":
                store.close()
                store = open_register(folder, *KEYS)
            else:
                require_right(store, held)
        require_right(store, held)
    finally:
        store.close()
        patch.undo()


@pytest.fixture
def store(tmp_path: Path) -> Any:
    create_register(tmp_path, *KEYS)
    with open_register(tmp_path, *KEYS) as opened:
        yield opened


def test_a_few_edits_are_applied_to_what_was_kept_and_not_written_back(store: SqlCaseStore) -> None:
    store.ingest(a_run(), [record(number, {"sex": "F"}) for number in range(30)])
    kept_count(store)
    written = store.kept_counts()
    assert written is not None
    store.ingest(a_run(), [record(number, {"sex": "M"}) for number in range(25, 35)])
    assert cells(exact_table(store, ["SEX"])) == Counter({("female",): 25, ("male",): 10})
    assert store.kept_counts() == written


def test_another_shape_is_counted_anew(store: SqlCaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.ingest(a_run(), [record(1, {"year": 2019})])
    kept_count(store)
    store.ingest(a_run(), [record(2, {"year": 2011}), record(3, {"agency": "NGO"})])
    assert cells(exact_table(store, ["YEAR", "AGENCY"])) == Counter(
        {("2011", "Shelter"): 1, ("2019", "Shelter"): 1, ("2019", "NGO"): 1}
    )
    header, data = store.kept_counts() or ("", b"")
    store.keep_counts(header, data[:-4])
    assert exact_table(store, ["SEX"]).persons == 3
    store.keep_counts(header.replace('"version":1', '"version":0'), b"\0" * len(data))
    assert exact_table(store, ["SEX"]).persons == 3


def test_years_and_detail_agree_with_the_whole(store: SqlCaseStore) -> None:
    records = [
        record(number, {"year": 2018 + number % 3, "citizenship": ("UKR", "IND", "KGZ")[number % 3], "age": "Y24T26"})
        for number in range(30)
    ]
    store.ingest(a_run(), records)
    some = exact_table(store, ["CITIZENSHIP", "SEX", "FORM"], years=[2018, 2019])
    assert (some.persons, [axis.id for axis in some.axes]) == (20, ["CITIZENSHIP", "SEX", "FORM"])
    assert cells(exact_table(store, ["SEX", "YEAR"], years=[2019])) == Counter({("female", "2019"): 10})
    fine = exact_table(store, ["CITIZENSHIP", "AGE"], detail=True)
    assert ("Ukraine", "24-26", 10) in [(*labels, count) for _codes, labels, count in fine.rows()]
    assert exact_table(store, ["SEX"], years=[1990]).persons == 0
    assert exact_table(store, ["SEX", "AGE", "FORM"], years=[1990]).persons == 0


def test_a_table_that_nobody_could_read_is_refused(store: SqlCaseStore) -> None:
    store.ingest(a_run(), [record(number, {"agency": f"Station {number}"}) for number in range(100)])
    with pytest.raises(UsageError, match="cells"):
        exact_table(store, ["CITIZENSHIP", "EXPLOITATION_AREA", "AGENCY"], detail=True)
    assert len(exact_table(store, ["AGENCY"]).counts) == 100
    assert set(AXES) >= {"AGENCY"}
    assert int(np.max(exact_table(store, ["AGENCY", "SEX"]).counts)) == 1


def test_counts_are_given_while_somebody_else_writes(store: SqlCaseStore, tmp_path: Path) -> None:
    store.ingest(a_run(), [record(1, {})])
    with open_register(tmp_path, KEYS[0], None) as other:
        other._database.conn.execute("BEGIN IMMEDIATE")
        assert exact_table(store, ["SEX"]).persons == 1
        assert store.kept_counts() is None
        other._database.conn.execute("ROLLBACK")
    assert exact_table(store, ["SEX"]).persons == 1
    assert store.kept_counts() is not None


def test_a_linked_person_counts_once_a_year_until_parted(store: SqlCaseStore) -> None:
    people = [("Shelter", "case-1"), ("Police", "case-2"), ("Shelter", "case-3"), ("Shelter", "case-4")]
    store.ingest(a_run(), [replace(a_record(1 + at), agency=agency) for at, (agency, _number) in enumerate(people)])
    assert exact_table(store, ["YEAR"]).persons == 4
    store.link(a_run(), people[0], people[1])
    store.link(a_run(), people[2], people[1])
    assert exact_table(store, ["YEAR"]).persons == exact_table(store, ["YEAR"], detail=True).persons == 2
    assert len(once_per_person(store.coded_rows(2019))) == 2
    moved = store.get(*people[1])
    assert moved is not None
    assert moved.record.identity == a_record(2).identity
    assert [one.record.identity for one in store.versions(*people[1])] == [a_record(2).identity] * 3
    store.edit(a_run(), replace(a_record(1), year=2018), expected_version=2)
    assert exact_table(store, ["YEAR"]).persons == 3
    store.link(a_run(), people[0], None)
    assert exact_table(store, ["YEAR"]).persons == 3
    store.link(a_run(), people[1], None)
    assert exact_table(store, ["YEAR"]).persons == full_count(store).counter.tables().table(["SEX"]).sum() == 4
    for wrong in ((people[1], None), (people[0], ("Shelter", "case-9"))):
        with pytest.raises(StoreError):
            store.link(a_run(), *wrong)
    store.link(a_run(), people[0], people[1])
    with pytest.raises(StoreError, match="already"):
        store.link(a_run(), people[1], people[0])
