"""Sealed evidence: frozen once, summed never twice, committed to without giving anything away."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallystick.config.catalogue import TableDefinition, load_shipped, planned_tables
from tallystick.config.errors import StoreError, UsageError
from tallystick.config.periods import Period, block_of
from tallystick.config.settings import TableMetadata
from tallystick.node.desk.database import Database, create_database, open_database
from tallystick.node.desk.evidence import DraftContext, Evidence, FrozenYear, commitment, exact_counts
from tallystick.node.tables.cubes import Cube, YearCubes

CATALOGUE = load_shipped()
BLOCK = block_of(2018)


def cubes_of(year: int, seed: int = 1) -> YearCubes:
    random = np.random.default_rng(seed + year)

    def cube(table: TableDefinition, period: Period) -> Cube:
        rows = len(CATALOGUE.cells(table))
        counts = random.integers(0, 90, rows)
        return Cube(table.id, period, counts.astype(np.int64), random.integers(0, 2**64, rows, dtype=np.uint64))

    period = Period(year, year)
    return YearCubes(
        "KAZ",
        year,
        tuple(cube(table, period) for table in planned_tables(CATALOGUE, "KAZ", period)),
        tuple(cube(table, BLOCK) for table in planned_tables(CATALOGUE, "KAZ", BLOCK)),
    )


def frozen(year: int, **changes: Any) -> FrozenYear:
    return FrozenYear(
        **{
            "cubes": cubes_of(year),
            "frozen_on": date(2021, 3, 1),
            "catalogue_sha256": CATALOGUE.sha256,
            "censored": False,
        }
        | changes
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    create_database(tmp_path, bytes(32))
    opened = open_database(tmp_path, bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def evidence(database: Database) -> Evidence:
    return Evidence(database)


def freeze(database: Database, evidence: Evidence, *years: FrozenYear) -> None:
    for year in years:
        with database.transaction():
            evidence.freeze(year, CATALOGUE)


def test_a_frozen_year_comes_back_to_the_last_bit(database: Database, evidence: Evidence) -> None:
    freeze(database, evidence, frozen(2018, censored=True))
    found = evidence.year(2018)
    assert found.cubes == cubes_of(2018)
    assert found.censored
    assert evidence.catalogue(found.catalogue_sha256) == CATALOGUE
    assert evidence.year(2019) is None


def test_a_year_is_frozen_once(database: Database, evidence: Evidence) -> None:
    freeze(database, evidence, frozen(2018))
    with pytest.raises(StoreError):
        freeze(database, evidence, frozen(2018, cubes=cubes_of(2018, seed=99)))
    for sql in ("UPDATE frozen_year SET censored = 1", "DELETE FROM frozen_year"):
        with pytest.raises(StoreError, match="final"), database.transaction():
            database.write(sql)
    assert evidence.year(2018).cubes == cubes_of(2018)


def test_a_block_is_the_sum_of_its_three_frozen_years(database: Database, evidence: Evidence) -> None:
    freeze(database, evidence, *map(frozen, BLOCK.years))
    for at, cube in enumerate(evidence.cubes(BLOCK)):
        parts = [cubes_of(year).block_parts[at] for year in BLOCK.years]
        assert (cube.counts == sum(part.counts for part in parts)).all()
        total = sum(part.key_sums.astype(object) for part in parts) % 2**64
        assert (cube.key_sums.astype(object) == total).all()


def test_a_block_without_one_of_its_years_names_the_year_and_what_to_type(
    database: Database, evidence: Evidence
) -> None:
    freeze(database, evidence, frozen(2018), frozen(2020))
    with pytest.raises(UsageError) as caught:
        evidence.cubes(BLOCK)
    assert "2019" in caught.value.message
    assert caught.value.hint == "run: tallystick release draft 2019"


def test_years_of_different_catalogues_are_not_added(database: Database, evidence: Evidence) -> None:
    other = CATALOGUE.model_copy(update={"version": 9})
    freeze(database, evidence, frozen(2018), frozen(2019))
    with database.transaction():
        evidence.freeze(frozen(2020, catalogue_sha256=other.sha256), other)
    with pytest.raises(UsageError, match="different catalogues"):
        evidence.cubes(BLOCK)


def test_the_commitment_binds_every_count_and_is_what_the_specification_says() -> None:
    table = CATALOGUE.table("VICTIMS_SEX")
    keys = np.zeros(4, np.uint64)
    cube = Cube(table.id, Period(2018, 2018), np.array([61, 25, 0, 1]), keys)
    counts = exact_counts(CATALOGUE, table, "KAZ", cube)
    assert counts == (
        b'{"cells":{"F":61,"M":25,"_O":0,"_U":1},"format":"tallystick-counts-1","period":"2018",'
        b'"state":"KAZ","table":"VICTIMS_SEX"}'
    )
    salt = bytes(range(32))
    assert commitment(salt, counts) == hashlib.sha256(salt + counts).hexdigest()
    changed = exact_counts(CATALOGUE, table, "KAZ", Cube(table.id, cube.period, np.array([61, 25, 1, 0]), keys))
    assert commitment(salt, changed) != commitment(salt, counts)
    assert commitment(bytes(32), counts) != commitment(salt, counts)


def test_the_total_has_a_cell_too() -> None:
    cube = Cube("VICTIMS", Period(2018, 2018), np.array([86]), np.array([7], np.uint64))
    counts = exact_counts(CATALOGUE, CATALOGUE.table("VICTIMS"), "KAZ", cube)
    assert json.loads(counts)["cells"] == {"": 86}


def test_a_context_comes_back(database: Database, evidence: Evidence) -> None:
    context = DraftContext(
        state="KAZ", period="2018", revision=1, tables=("VICTIMS",), without=("VICTIMS_SEX",), released=("ab" * 32,),
        catalogue_sha256=CATALOGUE.sha256, federation="cd" * 32, demo=True, profile="peer", metadata=TableMetadata(),
        cut_off="2021-03-01", censored=False, drafted_at="2021-03-01T00:00:00Z", software="0.1.0",
    )  # fmt: skip
    assert evidence.context(Period(2018, 2018)) is None
    with database.transaction():
        evidence.add_context(context)
    assert evidence.context(Period(2018, 2018)) == context
