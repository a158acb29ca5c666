"""Column segments: whatever comes in, is replaced or edited, counting them is counting the records one by one."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.cases import segments
from tallystick.node.cases.coding import CodedColumns, encode, pack, unpack
from tallystick.node.cases.record import CONTROLS, FORMS, RELATIONSHIPS, SEXES, STAGES, CaseRecord
from tallystick.node.cases.sqlstore import create_register, open_register
from tests.support.cases import a_record, a_run

YEARS = (2018, 2019)
VICTIMS = st.builds(
    a_record,
    number=st.integers(1, 90),
    year=st.sampled_from(YEARS),
    sex=st.sampled_from(SEXES),
    forms=st.frozensets(st.sampled_from(FORMS)),
    controls=st.frozensets(st.sampled_from(CONTROLS)),
    relationship=st.sampled_from(RELATIONSHIPS),
    counted=st.booleans(),
    censored=st.booleans(),
    identity=st.none(),
    details=st.just({}),
)
PERPETRATORS = st.builds(
    a_record,
    number=st.integers(1, 90),
    role=st.just("perpetrator"),
    stages=st.dictionaries(st.sampled_from(STAGES), st.sampled_from(YEARS)),
    identity=st.none(),
    details=st.just({}),
)
RUNS = st.lists(st.lists(st.one_of(VICTIMS, PERPETRATORS), max_size=30), min_size=1, max_size=6)


def _plainly(held: dict[str, CaseRecord], year: int, role: str) -> Counter[tuple[object, ...]]:
    def belongs(record: CaseRecord) -> bool:
        return year == record.year if role == "victim" else year in record.stages.values()

    wanted = [record for record in held.values() if record.role == role and record.counted and belongs(record)]
    return _counted(CodedColumns.from_coded(((b"x" * 16, encode(record)) for record in wanted), year), role)


def _counted(columns: CodedColumns, role: str) -> Counter[tuple[object, ...]]:
    names = ("sex", "age", "citizenship", "area", "forms", "censored", "relationship", "controls")
    names = (*names, "stages") if role == "perpetrator" else names
    return Counter(zip(*(getattr(columns, name).tolist() for name in names), strict=True))


@settings(max_examples=20, deadline=None)
@given(runs=RUNS, small=st.sampled_from([8, 64, 4096]))
def test_counting_segments_is_counting_records(
    runs: list[list[CaseRecord]], small: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("register")
    create_register(folder, b"r" * 32, b"i" * 32)
    held: dict[str, CaseRecord] = {}
    with pytest.MonkeyPatch.context() as patch, open_register(folder, b"r" * 32, b"i" * 32) as store:
        patch.setattr(segments, "SEGMENT_ROWS", small)
        patch.setattr(segments, "_SMALLEST", 2)
        patch.setattr(segments, "_HELD", 2)
        for number, run in enumerate(runs):
            store.ingest(a_run(), run, dry_run=number % 3 == 2)
            if number % 3 != 2:
                held |= {record.agency_case_id: record for record in run}
            for record in run[:1]:
                current = store.get(record.agency, record.agency_case_id)
                if current is not None:
                    edited = replace(current.record, sex="F", censored=True)
                    store.edit(a_run(), edited, expected_version=current.version)
                    held[record.agency_case_id] = edited
        for year in YEARS:
            for role in ("victim", "perpetrator"):
                assert _counted(store.coded_rows(year, role), role) == _plainly(held, year, role)
        recoded = store.changes_since(0).recoded
        assert all(before != after for before, after in zip(recoded["before"], recoded["after"], strict=True))


@settings(max_examples=60, deadline=None)
@given(record=st.one_of(VICTIMS, PERPETRATORS))
def test_packing_loses_nothing(record: CaseRecord) -> None:
    assert unpack(pack(encode(record))) == encode(record)


def test_columns_of_a_segment_are_equally_long_and_no_longer_than_needed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("register")
    create_register(folder, b"r" * 32, b"i" * 32)
    names = [name for name, _dtype in segments.COLUMNS]
    with open_register(folder, b"r" * 32, b"i" * 32) as store:
        store.ingest(a_run(), [a_record(number, identity=None) for number in range(70)])
        (first,) = store.columns(names)
        assert {len(first[name]) for name in names} == {128}
        store.ingest(a_run(), [a_record(number, identity=None) for number in range(70, 4200)])
        lengths = [{len(columns[name]) for name in names} for columns in store.columns(names)]
        assert lengths == [{4096}, {128}]
        with pytest.raises(KeyError):
            first["name"]
        people = np.concatenate([columns["person_id"] for columns in store.columns(["person_id"])])
        assert len(np.unique(people)) == 4201
