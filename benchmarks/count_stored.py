"""All 92 one- to three-way tables of eight dimensions from a million stored records, against DuckDB in memory.

DuckDB and polars (extra ``bench``) get the same codes as uint8 columns in memory; ours come out of the encrypted
register. Both of DuckDB's own ways are measured, and our fourteen cubes written as its queries.
"""

import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from tallystick.node.cases.codedrow import CodedRow
from tallystick.node.cases.coding import CODED_DTYPE, COUNTED, m49_to_alpha3
from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tallystick.node.cases.store import ImportRun
from tallystick.node.tables.count_cache import counted_blocks, full_count, kept_count
from tallystick.node.tables.exact_tables import cover

RECORDS, EDITS, BATCH = 1_000_000, 1000, 2000
KEYS = (b"r" * 32, b"i" * 32)
RUN = ImportRun("bench", "htcds", datetime(2026, 1, 1, tzinfo=UTC))


def drawn(rng: np.random.Generator, rows: int) -> np.ndarray[Any, Any]:
    """Draw packed classifications: ten years, all codes, most countries few."""
    made = np.zeros(rows, dtype=CODED_DTYPE)
    countries = np.array(sorted(m49_to_alpha3()))
    made["year"] = rng.integers(2012, 2022, rows)
    for name, codes in (("sex", 4), ("age", 12), ("forms", 16), ("relationship", 7)):
        made[name] = rng.integers(0, codes, rows)
    for name in ("citizenship", "area"):
        made[name] = countries[(len(countries) * rng.random(rows) ** 3).astype(int)]
    made["flags"] = COUNTED
    return made


def batches(coded: np.ndarray[Any, Any], numbers: Sequence[int]) -> Iterator[list[CodedRow]]:
    for start in range(0, len(coded), BATCH):
        part = coded[start : start + BATCH]
        rows = zip(numbers[start : start + BATCH], part, strict=True)
        yield [CodedRow(0, f"Agency {number % 12}", str(number), one.tobytes(), None, None) for number, one in rows]


def take_in(store: SqlCaseStore, coded: np.ndarray[Any, Any], numbers: Sequence[int]) -> None:
    store.ingest_rows(RUN, lambda _known: batches(coded, numbers), refuse=lambda _row, _why: None)


def best(action: Callable[[], Any], times: int = 5) -> float:
    """Return the seconds that ``action`` takes at best."""
    found = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        action()
        found = min(found, time.perf_counter() - started)
    return found


def all_tables(store: SqlCaseStore) -> None:
    assert len(dict(full_count(store).counter.tables().all())) == 92


def kept_tables(store: SqlCaseStore) -> None:
    assert len(dict(kept_count(store).counter.tables().all())) == 92


def positions(store: SqlCaseStore) -> dict[str, np.ndarray[Any, Any]]:
    """Return what the others count: every axis's positions as uint8."""
    axes = full_count(store).counter.axes
    parts: dict[str, list[np.ndarray[Any, Any]]] = {axis.id: [] for axis in axes}
    for columns, counts in counted_blocks(store):
        for axis in axes:
            parts[axis.id].append(axis.places[columns[axis.column][counts]].astype(np.uint8))
    return {name: np.concatenate(found) for name, found in parts.items()}


def others(columns: dict[str, np.ndarray[Any, Any]]) -> dict[str, float]:
    """Measure DuckDB's grouping sets, its 92 queries, our cubes as its queries, and polars."""
    sets = [by for width in (1, 2, 3) for by in itertools.combinations(columns, width)]
    names = list(columns)
    cubes = [[names[one] for one in cube] for cube in cover(len(names))]
    table = duckdb.connect()
    table.execute("CREATE TABLE t AS SELECT * FROM columns")
    grouping = ",".join(f"({','.join(by)})" for by in sets)

    def each(groups: Sequence[Sequence[str]]) -> None:
        for by in groups:
            table.execute(f"SELECT {','.join(by)}, count(*) FROM t GROUP BY {','.join(by)}").fetchnumpy()

    whole = f"SELECT {','.join(names)}, count(*) FROM t GROUP BY GROUPING SETS ({grouping})"
    frame = pl.DataFrame(columns).lazy()
    return {
        "DuckDB, grouping sets": best(lambda: table.execute(whole).fetchnumpy(), 3),
        "DuckDB, 92 queries": best(lambda: each(sets), 3),
        "DuckDB, our 14 cubes (no margins)": best(lambda: each(cubes), 3),
        "polars, 92 groups": best(lambda: pl.collect_all([frame.group_by(by).len() for by in sets]), 3),
    }


COUNTING = """
import sys
sys.modules["pandas"] = None  # a home has none; where it is installed, sqlite-utils loads it (47 MB)
from pathlib import Path
from tallystick.node.cases.sqlstore import open_register
from tallystick.node.tables.count_cache import full_count
with open_register(Path(sys.argv[1]), b"r" * 32, None) as store:
    dict(full_count(store).counter.tables().all())
"""


def peak(folder: Path) -> float:
    """Return the megabytes (10**6) of a process that opens the register, counts all tables and ends."""
    code = f"{COUNTING}print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[1]) * 1024 / 1e6


def main() -> dict[str, float]:
    """Measure the full count, the count after a thousand edits, the others, and peak memory."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        create_register(folder, *KEYS)
        with open_register(folder, *KEYS) as store:
            take_in(store, drawn(rng, RECORDS), range(RECORDS))
            figures = {"all 92 tables, from the register": best(lambda: all_tables(store))}
            kept_tables(store)
            take_in(store, drawn(rng, EDITS), rng.choice(RECORDS, EDITS, replace=False).tolist())
            figures["all 92 tables, kept, after 1,000 edits"] = best(lambda: kept_tables(store))
            figures |= others(positions(store))
        figures["peak memory, MB"] = peak(folder)
    full, duck = figures["all 92 tables, from the register"], "DuckDB, grouping sets"
    figures["full / DuckDB's best"] = full / min(figures[duck], figures["DuckDB, 92 queries"])
    figures["after edits / full"] = figures["all 92 tables, kept, after 1,000 edits"] / full
    for label, value in figures.items():
        print(f"{label:42} {value:9.4f}")
    return figures
