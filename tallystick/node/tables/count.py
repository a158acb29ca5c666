"""Exact counts by ``bincount`` over packed codes, and the key sums beside them.

A person counts once per year; one whom several records of a year describe is counted by the first of them in the
register's order.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import Catalogue, TableDefinition, planned_tables
from tallystick.config.periods import Period, block_of
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.store import CaseStore
from tallystick.node.tables.cubes import Counts, Cube, KeySums, YearCubes
from tallystick.node.tables.mapping import positions
from tallystick.node.tables.noise import record_keys

__all__ = ["count_columns", "count_table", "count_year", "once_per_person"]

NoiseSecrets = Callable[[Period], bytes]
_EXACT_ROWS = 1 << 20
"""Most 32-bit halves that a float64 sums exactly: 2**20 * 2**32 is within its 53 bits."""
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFF_FFFF)


def once_per_person(columns: CodedColumns) -> CodedColumns:
    """Leave out every later record of a person; the order stays."""
    raw = columns.person_ids.tobytes()
    width = columns.person_ids.shape[1]
    people = [raw[at : at + width] for at in range(0, len(raw), width)]
    if len(set(people)) == len(people):
        return columns
    first = {person: row for row, person in reversed(list(enumerate(people)))}
    return columns.take(np.array(sorted(first.values()), dtype=np.intp))


def _bincount(codes: NDArray[np.intp], keys: KeySums, cells: int) -> tuple[Counts, KeySums]:
    counts = np.zeros(cells, dtype=np.int64)
    sums = np.zeros(cells, dtype=np.uint64)
    for start in range(0, len(codes), _EXACT_ROWS):
        part = slice(start, start + _EXACT_ROWS)
        low = np.bincount(codes[part], weights=keys[part] & _LOW, minlength=cells).astype(np.uint64)
        high = np.bincount(codes[part], weights=keys[part] >> _HALF, minlength=cells).astype(np.uint64)
        counts += np.bincount(codes[part], minlength=cells)
        sums += low + (high << _HALF)
    return counts, sums


def count_table(
    catalogue: Catalogue, table: TableDefinition, period: Period, columns: CodedColumns, keys: KeySums
) -> Cube:
    """Count one table: inner cells in code order, then its own margins.

    Args:
        catalogue: The federation's catalogue.
        table: One of its tables.
        period: What the cube is labelled with: the year, or the block.
        columns: One year's persons.
        keys: Their record keys under the period's secret, uint64, same length.
    """
    shape = tuple(len(catalogue.codes(table, name)) for name in table.dimension_ids)
    codes = np.zeros(len(columns), dtype=np.intp)
    for size, name in zip(shape, table.dimension_ids, strict=True):
        codes = codes * size + positions(catalogue, table, name, columns)
    counts, sums = _bincount(codes, keys, int(np.prod(shape, dtype=np.int64)))
    all_counts, all_sums = [counts], [sums]
    for margin in table.margins:
        away = tuple(axis for axis, name in enumerate(table.dimension_ids) if name not in margin)
        all_counts.append(counts.reshape(shape).sum(axis=away).ravel())
        all_sums.append(sums.reshape(shape).sum(axis=away, dtype=np.uint64).ravel())
    return Cube(table.id, period, np.concatenate(all_counts), np.concatenate(all_sums))


def count_columns(columns: CodedColumns, catalogue: Catalogue, state: str, year: int, noise: NoiseSecrets) -> YearCubes:
    """Count one year's persons for every table planned by year and every table of its block.

    Args:
        columns: The year's counted records.
        catalogue: The federation's catalogue.
        state: Alpha-3 code.
        year: Calendar year.
        noise: Gives the noise secret of a period.
    """
    people = once_per_person(columns)
    cubes: list[tuple[Cube, ...]] = []
    for period in (Period(year, year), block_of(year)):
        keys = record_keys(noise(period), people.person_ids)
        tables = planned_tables(catalogue, state, period)
        cubes.append(tuple(count_table(catalogue, table, period, people, keys) for table in tables))
    return YearCubes(state, year, *cubes)


def count_year(store: CaseStore, catalogue: Catalogue, state: str, year: int, noise: NoiseSecrets) -> YearCubes:
    """Count one year of the register; see ``count_columns``. Reads the coded classification and nothing else."""
    return count_columns(store.coded_rows(year), catalogue, state, year, noise)
