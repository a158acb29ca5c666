"""Taking cases in: against sqlite-utils ``insert_all`` of the same facts into plain SQLite, nothing sealed or compared.

CPU seconds of one process, so that a busy machine does not blur the ratio.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tallystick.node.cases.coding import encode
from tallystick.node.cases.record import CaseRecord
from tallystick.node.cases.sqlstore import create_register, open_register
from tallystick.node.cases.store import ImportRun
from tallystick.node.intake.generate import csv_bytes, generate_cases
from tallystick.node.intake.run import import_file
from tallystick.node.intake.totals import YearTotal

ROWS = 20_000
AT = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = (b"r" * 32, b"i" * 32)


def cpu(action: Callable[[], Any]) -> float:
    """Return the CPU microseconds a row that ``action`` takes."""
    started = time.process_time()
    action()
    return (time.process_time() - started) / ROWS * 1e6


def plain(folder: Path, records: list[CaseRecord]) -> float:
    """Insert the same facts with sqlite-utils into plain SQLite: one table, one transaction."""
    names = ("year", "sex", "age", "citizenship", "area", "forms", "censored", "counted")

    def rows() -> Iterator[dict[str, Any]]:
        for record in records:
            coded = dict(zip(names, encode(record), strict=True))
            identity = record.identity.to_bytes().decode() if record.identity else None
            yield {
                "person_id": os.urandom(16),
                "agency": record.agency,
                "number": record.agency_case_id,
                **coded,
                "details": record.details_text(),
                "identity": identity,
            }

    database = Database(sqlite3.connect(folder / "plain.db"), execute_plugins=False)
    database.enable_wal()

    def insert() -> None:
        with database.atomic():
            database.table("record").insert_all(rows())

    return cpu(insert)


def main() -> dict[str, float]:
    """Measure first import, the same again, a correction of every row, and a whole file."""
    records = list(generate_cases("KAZ", [2019], 1, {2019: ROWS}))
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yardstick = plain(folder, records)
        create_register(folder, *KEYS)
        with open_register(folder, *KEYS) as store:
            run = ImportRun("bench", "htcds", AT)
            changed = [CaseRecord(r.agency, r.agency_case_id, 2018, identity=r.identity) for r in records]
            for label, batch in (("first import", records), ("same again", records), ("all corrected", changed)):
                figures[label] = cpu(lambda batch=batch: store.ingest(run, batch))
        (folder / "file").mkdir()
        create_register(folder / "file", *KEYS)
        path = folder / "cases.csv"
        path.write_bytes(csv_bytes("KAZ", [YearTotal(2019, ROWS, "")], 1))
        with open_register(folder / "file", *KEYS) as store:
            figures["whole CSV file"] = cpu(lambda: import_file(store, path, "htcds", state="KAZ", at=AT))
    print(f"insert_all, plain SQLite: {yardstick:.1f} us a row (yardstick)")
    for label, value in figures.items():
        print(f"{label:15} {value:7.1f} us a row   {value / yardstick:5.2f} of the yardstick")
    return {"yardstick_us": yardstick, **{f"{key} / yardstick": value / yardstick for key, value in figures.items()}}
