"""Counting a year: bincount over packed codes against counting one by one in Python, key sums in both."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.config.catalogue import load_shipped, planned_tables
from tallystick.config.periods import Period, block_of
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.sqlstore import create_register, open_register
from tallystick.node.cases.store import ImportRun
from tallystick.node.intake.generate import generate_cases, synthetic_columns
from tallystick.node.tables.count import count_columns, count_table
from tallystick.node.tables.cubes import KeySums
from tallystick.node.tables.mapping import positions
from tallystick.node.tables.noise import period_secret, record_keys

PERSONS = 200_000
STORED = 10_000
CATALOGUE = load_shipped()
PERIODS = (Period(2019, 2019), block_of(2019))


def cpu(action: Callable[[], Any], persons: int) -> float:
    """Return the CPU microseconds a person that ``action`` takes; best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        action()
        best = min(best, time.process_time() - started)
    return best / persons * 1e6


def many(persons: int) -> CodedColumns:
    """Repeat a simulated register under new person ids."""
    drawn = synthetic_columns(2000, 1, "KAZ")
    rng = np.random.default_rng(1)
    columns = drawn.take(rng.integers(0, len(drawn), persons))
    people = rng.integers(0, 256, (persons, 16), dtype=np.uint8)
    return replace(columns, person_ids=people)


def by_hand(columns: CodedColumns, keys: list[int]) -> None:
    """Count every planned table person by person with dictionaries."""
    for period in PERIODS:
        for table in planned_tables(CATALOGUE, "KAZ", period):
            if table.multiple or table.universe != "victims":
                continue
            axes = [positions(CATALOGUE, table, name, columns, "KAZ").tolist() for name in table.dimension_ids]
            counts: Counter[tuple[int, ...]] = Counter()
            sums: dict[tuple[int, ...], int] = {}
            for cell, key in zip(zip(*axes, strict=True) if axes else ((),) * len(keys), keys, strict=True):
                counts[cell] += 1
                sums[cell] = (sums.get(cell, 0) + key) & 0xFFFF_FFFF_FFFF_FFFF


def by_bincount(columns: CodedColumns, keys: KeySums) -> None:
    for period in PERIODS:
        for table in planned_tables(CATALOGUE, "KAZ", period):
            if not table.multiple and table.universe == "victims":
                count_table(CATALOGUE, table, period, columns, keys, "KAZ")


def read_back() -> float:
    """Measure reading the coded rows of one year out of the encrypted register."""
    with tempfile.TemporaryDirectory() as name:
        create_register(Path(name), b"r" * 32, b"i" * 32)
        with open_register(Path(name), b"r" * 32, b"i" * 32) as store:
            run = ImportRun("bench", "htcds", datetime(2026, 1, 1, tzinfo=UTC))
            store.ingest(run, generate_cases("KAZ", [2019], 1, {2019: STORED}))
            return cpu(lambda: store.coded_rows(2019), STORED)


def main() -> dict[str, float]:
    """Measure both ways of counting, record keys, the whole year, and reading."""
    columns = many(PERSONS)
    secret = period_secret(b"m" * 32, PERIODS[0])
    keys = record_keys(secret, columns.person_ids)
    numbers = keys.tolist()
    figures = {
        "python": cpu(lambda: by_hand(columns, numbers), PERSONS),
        "bincount": cpu(lambda: by_bincount(columns, keys), PERSONS),
        "record keys (one period)": cpu(lambda: record_keys(secret, columns.person_ids), PERSONS),
        "whole year with keys of two periods": cpu(
            lambda: count_columns(columns, CATALOGUE, "KAZ", 2019, lambda period: period_secret(b"m" * 32, period)),
            PERSONS,
        ),
        "reading from the register": read_back(),
    }
    for label, value in figures.items():
        print(f"{label:36} {value:7.3f} us a person   {value / figures['python']:6.3f} of counting in Python")
    return {**figures, "bincount / python": figures["bincount"] / figures["python"]}
