"""Counting: equal to counting in plain Python, total, additive, once per person and year."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, TableDefinition, load_shipped, planned_tables
from tallystick.config.codes import almaty_states, subregional_countries
from tallystick.config.errors import ConfigError
from tallystick.config.periods import Period
from tallystick.node.cases.coding import CodedColumns, encode
from tallystick.node.cases.memory import MemoryCaseStore
from tallystick.node.cases.record import CaseRecord
from tallystick.node.tables import count
from tallystick.node.tables.count import count_columns, count_table, count_year
from tallystick.node.tables.cubes import Cube
from tallystick.node.tables.metadata import table_facts
from tallystick.node.tables.noise import period_secret, record_keys
from tests.support.cases import a_record, a_run, records

CATALOGUE = load_shipped()
MASTER = b"m" * 32


def noise(period: Period) -> bytes:
    return period_secret(MASTER, period)


def _country(code: str) -> str:
    if code == "_U" or code in almaty_states():
        return code
    return "X_SUB" if code in subregional_countries() else "X_OTH"


PLAIN: dict[str, Callable[[CaseRecord], str]] = {
    "SEX": lambda record: record.sex,
    "AGE": lambda record: (
        "_U" if record.age == "_U" else "Y0T17" if record.age in {"Y0T17", "Y0T8", "Y9T17"} else "Y_GE18"
    ),
    "FORM": lambda record: "_U" if not record.forms else "MULTI" if len(record.forms) > 1 else min(record.forms),
    "CITIZENSHIP": lambda record: _country(record.citizenship),
    "EXPLOITATION_AREA": lambda record: _country(record.exploitation_area),
    "RELATIONSHIP": lambda record: record.relationship,
}
SEVERAL: dict[str, Callable[[CaseRecord], set[str]]] = {
    "FORM_NAMED": lambda record: set(record.forms) or {"_U"},
    "CONTROL": lambda record: set(record.controls) or {"_U"},
}


def _group(record: CaseRecord, state: str) -> str:
    code = record.citizenship
    if code in {"_U", state}:
        return "_U" if code == "_U" else "DOMESTIC"
    return "SUBREGIONAL" if code in subregional_countries() else "OTHER"


def _codes(name: str, record: CaseRecord, state: str) -> set[str]:
    """Return the codes of one dimension under which a person stands."""
    if name == "CITIZENSHIP_GROUP":
        return {_group(record, state)}
    return SEVERAL[name](record) if name in SEVERAL else {PLAIN[name](record)}


def plain_cube(
    table: TableDefinition, found: list[tuple[bytes, CaseRecord]], secret: bytes, state: str
) -> dict[CellKey, tuple[int, int]]:
    """Count as a person would: one by one, with whole numbers."""
    counts: Counter[CellKey] = Counter()
    sums: Counter[CellKey] = Counter()
    for person, record in found:
        inner = list(product(*(sorted(_codes(name, record, state)) for name in table.dimension_ids)))
        margins = [
            tuple(code if name in margin else TOTAL for code, name in zip(one, table.dimension_ids, strict=True))
            for margin in table.margins
            for one in inner
        ]
        key = int.from_bytes(hmac.new(secret, person, hashlib.sha256).digest()[:8], "big")
        for cell in (*inner, *margins):
            counts[cell] += 1
            sums[cell] = (sums[cell] + key) % 2**64
    return {cell: (counts[cell], sums[cell]) for cell in counts}


def as_cells(catalogue: Catalogue, cube: Cube) -> dict[CellKey, tuple[int, int]]:
    keys = catalogue.cells(catalogue.table(cube.table_id))
    rows = zip(keys, cube.counts.tolist(), cube.key_sums.tolist(), strict=True)
    return {key: (number, total) for key, number, total in rows if number}


@settings(max_examples=60, deadline=None)
@given(found=records(), state=st.sampled_from(["KAZ", "TUR"]))
def test_counts_and_key_sums_equal_plain_python_in_every_table(found: list[CaseRecord], state: str) -> None:
    store = MemoryCaseStore()
    store.ingest(a_run(), found)
    people = [(next(store.versions(r.agency, r.agency_case_id)).person_id, r) for r in found if r.counted]
    cubes = count_year(store, CATALOGUE, state, 2019, noise)
    assert {cube.period for cube in cubes.tables} == {Period(2019, 2019)}
    assert {cube.period for cube in cubes.block_parts} == {Period(2018, 2020)}
    for cube in (*cubes.tables, *cubes.block_parts):
        table = CATALOGUE.table(cube.table_id)
        counted = people if table.universe == "victims" else []
        assert as_cells(CATALOGUE, cube) == plain_cube(table, counted, noise(cube.period), state)
        inner = len(CATALOGUE.inner_cells(table))
        assert table.multiple or int(cube.counts[:inner].sum()) == len(counted)
        assert cube.fits(CATALOGUE)


def test_the_yearly_and_the_block_plan_are_both_counted() -> None:
    cubes = count_year(MemoryCaseStore(), CATALOGUE, "KAZ", 2019, noise)
    by_year = {"VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE", "VICTIMS_FORM", "VICTIMS_FORM_NAMED", "VICTIMS_CITIZENSHIP"}
    assert {cube.table_id for cube in cubes.tables} == by_year | {"PERPETRATORS"}
    crosses = {"VICTIMS_SEX_AGE", "VICTIMS_SEX_FORM", "VICTIMS_AGE_FORM", "VICTIMS_CORRIDOR"}
    assert {cube.table_id for cube in cubes.block_parts} == crosses | {"VICTIMS_CONTROL", "VICTIMS_RELATIONSHIP"}
    placed = count_year(MemoryCaseStore(), CATALOGUE, "TUR", 2019, noise)
    assert "VICTIMS_SEX_AGE" in [cube.table_id for cube in placed.tables]


def test_a_person_of_two_records_counts_once_in_a_year() -> None:
    rows = [(b"a" * 16, encode(a_record(1, sex="F"))), (b"b" * 16, encode(a_record(2, sex="M")))]
    again = (b"a" * 16, encode(a_record(3, sex="M")))
    once = count_columns(CodedColumns.from_coded(rows), CATALOGUE, "KAZ", 2019, noise)
    twice = count_columns(CodedColumns.from_coded([*rows, again]), CATALOGUE, "KAZ", 2019, noise)
    assert twice.tables == once.tables
    assert twice.block_parts == once.block_parts


def test_key_sums_stay_exact_when_rows_exceed_one_exact_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    columns = CodedColumns.from_coded([(bytes([n]) * 16, encode(a_record(n))) for n in range(100)])
    keys = rng.integers(2**63, 2**64 - 1, 100, dtype=np.uint64)
    table = CATALOGUE.table("VICTIMS")
    whole = count_table(CATALOGUE, table, Period(2019, 2019), columns, keys)
    monkeypatch.setattr(count, "_EXACT_ROWS", 7)
    parts = count_table(CATALOGUE, table, Period(2019, 2019), columns, keys)
    assert parts == whole
    assert whole.key_sums.tolist() == [sum(keys.tolist()) % 2**64]


def test_two_to_the_twenty_rows_of_the_largest_keys_lose_no_bit() -> None:
    rows = 1 << 20
    keys = np.full(rows, 2**64 - 1, dtype=np.uint64)
    counts, sums = count._bincount(np.zeros(rows, dtype=np.intp), keys, 1)
    assert counts.tolist() == [rows]
    assert sums.tolist() == [rows * (2**64 - 1) % 2**64]


def test_record_keys_are_hmac_of_the_period_secret() -> None:
    people = np.frombuffer(b"0123456789abcdefFEDCBA9876543210", dtype=np.uint8).reshape(2, 16)
    secret = period_secret(MASTER, Period(2018, 2020))
    assert secret == hmac.new(MASTER, b"tallystick-noise\x002018-2020", hashlib.sha256).digest()
    wanted = [hmac.new(secret, row.tobytes(), hashlib.sha256).digest()[:8] for row in people]
    assert record_keys(secret, people).tolist() == [int.from_bytes(head, "big") for head in wanted]
    assert period_secret(MASTER, Period(2018, 2018)) != secret


def _with_codes(name: str, codes: dict[str, dict[str, str]]) -> Catalogue:
    document = CATALOGUE.model_dump()
    for codelist in document["codelists"]:
        if codelist["id"] == name:
            codelist["codes"] = codes
    return Catalogue.model_validate(document)


def test_a_list_without_a_place_for_a_code_is_refused_before_counting() -> None:
    lacking = _with_codes("CL_FORM", {"SX": {"en": "x"}, "_U": {"en": "unknown"}})
    with pytest.raises(ConfigError, match="FORM has no code for"):
        count_year(MemoryCaseStore(), lacking, "KAZ", 2019, noise)


def test_a_dimension_that_the_register_lacks_is_named() -> None:
    document = CATALOGUE.model_dump()
    document["tables"][1]["dimensions"] = ({"id": "EDUCATION", "codelist": "CL_SEX"},)
    with pytest.raises(ConfigError, match="EDUCATION"):
        count_year(MemoryCaseStore(), Catalogue.model_validate(document), "KAZ", 2019, noise)


def test_a_finer_age_list_gets_the_finer_band() -> None:
    finer = _with_codes("CL_AGE", {code: {"en": code} for code in ("Y0T8", "Y9T17", "Y0T17", "Y18T20", "Y_GE18", "_U")})
    store = MemoryCaseStore()
    store.ingest(a_run(), [a_record(n, age=age) for n, age in enumerate(("Y0T8", "Y0T17", "Y39T47", "_U"))])
    cube = next(c for c in count_year(store, finer, "KAZ", 2019, noise).tables if c.table_id == "VICTIMS_AGE")
    assert cube.counts.tolist() == [1, 1, 0, 0, 1, 1]


def test_facts_beside_the_numbers() -> None:
    store = MemoryCaseStore()
    found = [a_record(1), a_record(2, sex="_U"), a_record(3, year=2018, sex="_U", agency="Police", censored=True)]
    store.ingest(a_run(), [*found, a_record(4, counted=False, agency="Nobody")])
    facts = table_facts(store, CATALOGUE, "KAZ", Period(2019, 2019))
    assert list(facts) == [table.id for table in planned_tables(CATALOGUE, "KAZ", Period(2019, 2019))]
    sex = facts["VICTIMS_SEX"]
    assert (sex.persons, dict(sex.unknown), dict(sex.share_unknown)) == (2, {"SEX": 1}, {"SEX": 0.5})
    assert (sex.sources, sex.censored, sex.unit, sex.cut_off) == (("Shelter",), False, "persons", store.cut_off())
    block = table_facts(store, CATALOGUE, "KAZ", Period(2018, 2020))["VICTIMS_SEX_AGE"]
    assert (block.persons, dict(block.unknown)) == (3, {"SEX": 2, "AGE": 0})
    assert (block.sources, block.censored) == (("Police", "Shelter"), True)
