"""Taking a file in, whole: read, parsed, validated, sealed, written encrypted; then the same file again; then finding.

The yardstick is sqlite-utils' ``insert_all`` of the rows already parsed - one dict a row, a column for each field of
the file - into plain SQLite, in the same run. Wall clock, and CPU seconds of every process that took part. Peak memory
is that of an import in a process of its own with its helper, all added up, from /proc. The variable
``TALLYSTICK_BENCH_ROWS=1000000`` asks for more rows than the default.
"""

import csv
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tallystick.node.cases.sqlstore import SqlCaseStore, create_register, open_register
from tallystick.node.cases.store import CaseQuery
from tallystick.node.intake.generate import HEADER, generate_rows
from tallystick.node.intake.run import import_file

ROWS = int(os.environ.get("TALLYSTICK_BENCH_ROWS", "40000"))
AT = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = (b"r" * 32, b"i" * 32)
QUESTIONS = 200
_SAMPLE_SECONDS = 0.05


def cpu_seconds() -> float:
    """Return CPU seconds of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def timed(action: Callable[[], Any]) -> tuple[float, float]:
    """Return the wall-clock and CPU microseconds a row that ``action`` takes."""
    started, before = time.perf_counter(), cpu_seconds()
    action()
    return (time.perf_counter() - started) / ROWS * 1e6, (cpu_seconds() - before) / ROWS * 1e6


def write_file(path: Path) -> None:
    """Write an HTCDS file of synthetic cases."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, HEADER, restval="")
        writer.writeheader()
        writer.writerows(generate_rows("KAZ", 2019, ROWS, 1))


def plain(folder: Path, path: Path) -> tuple[float, float]:
    """Insert the parsed rows with sqlite-utils into plain SQLite: one table, one transaction."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    header, body = rows[0], rows[1:]
    database = Database(sqlite3.connect(folder / "plain.db"), execute_plugins=False)
    database.enable_wal()

    def dicts() -> Iterator[dict[str, str]]:
        for row in body:
            yield dict(zip(header, row, strict=True))

    def insert() -> None:
        with database.atomic():
            database.table("record").insert_all(dicts())

    return timed(insert)


def _memory(pid: int) -> int:
    """Return the memory of a process and its children in bytes, shared pages shared out."""
    total = 0
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total = int(line.split()[1]) * 1024
        for task in Path(f"/proc/{pid}/task").iterdir():
            children = (task / "children").read_text().split()
            total += sum(_memory(int(child)) for child in children)
    return total


def peak_memory(folder: Path, path: Path) -> float:
    """Return the peak of an import in a process of its own, in MB."""
    create_register(folder, *KEYS)
    command = [sys.executable, "-m", "benchmarks.import_rows", str(folder), str(path)]
    peak = 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(_SAMPLE_SECONDS)
    assert process.returncode == 0
    return peak / 1e6


def take(store: SqlCaseStore, path: Path) -> None:
    """Import the file."""
    import_file(store, path, "htcds", state="KAZ", at=AT)


def find_p99(store: SqlCaseStore) -> float:
    """Return the ninety-ninth percentile of questions of every kind, in ms."""
    rng = random.Random(1)
    numbers = [f"S1-KAZ-2019-{rng.randrange(1, ROWS + 1):05}" for _ in range(QUESTIONS)]
    times = []
    for turn, number in enumerate(numbers):
        query = (
            CaseQuery(number=number),
            CaseQuery(number=f"{number[:-2]}*"),
            CaseQuery(sex="M", age="Y0T8", citizenship="UZB"),
            CaseQuery(number="S1*", sex="_O", citizenship="TJK", form="SX"),
            CaseQuery(agency="Synthetic police desk", years=(2019, 2019), area="TUR"),
            CaseQuery(years=(2018, 2018)),
        )[turn % 6]
        started = time.perf_counter()
        store.find(query)
        times.append(time.perf_counter() - started)
    return sorted(times)[int(QUESTIONS * 0.99)] * 1e3


def main() -> dict[str, float]:
    """Measure first import, the same again, finding, and memory."""
    figures: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "cases.csv"
        write_file(path)
        yardstick = plain(folder, path)
        create_register(folder, *KEYS)
        with open_register(folder, *KEYS) as store:
            figures["import"] = timed(lambda: take(store, path))
            figures["the same again"] = timed(lambda: take(store, path))
            found = find_p99(store)
        (folder / "alone").mkdir()
        peak = peak_memory(folder / "alone", path)
    print(f"{ROWS} rows; insert_all: {yardstick[0]:.1f} us a row wall clock, {yardstick[1]:.1f} us CPU (yardstick)")
    result = {"rows": float(ROWS), "find_p99_ms": found, "peak_mb": peak}
    for label, (wall, cpu) in figures.items():
        ratios = wall / yardstick[0], cpu / yardstick[1]
        print(f"{label:15} {wall:6.1f} us wall {cpu:6.1f} us CPU   {ratios[0]:5.2f} wall {ratios[1]:5.2f} CPU")
        result |= {f"{label} / yardstick, wall": ratios[0], f"{label} / yardstick, CPU": ratios[1]}
    print(f"find: p99 {found:.1f} ms; peak memory of an import: {peak:.0f} MB")
    return result


if __name__ == "__main__":
    with open_register(Path(sys.argv[1]), *KEYS) as opened:
        take(opened, Path(sys.argv[2]))
