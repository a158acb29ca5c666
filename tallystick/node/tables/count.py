"""Exact counts by ``bincount`` over packed codes, and the key sums beside them.

A person counts once per year; one whom several records of a year describe is counted by the first of them in the
register's order. Along a dimension that counts ``multiple`` he stands in every cell that applies to him, and his record
key goes into the key sum of each.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import Catalogue, TableDefinition, planned_tables
from tallystick.config.periods import Period, block_of
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.store import CaseStore
from tallystick.node.tables.cubes import Counts, Cube, KeySums, YearCubes
from tallystick.node.tables.mapping import Positions, memberships, positions
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


def _placed(
    catalogue: Catalogue, table: TableDefinition, columns: CodedColumns, state: str
) -> tuple[Positions, Positions]:
    """Return ``(rows, cells)``: who stands in which inner cell, as row numbers of ``columns`` and cell numbers."""
    rows = np.arange(len(columns), dtype=np.intp)
    cells = np.zeros(len(columns), dtype=np.intp)
    for name in table.dimension_ids:
        size = len(catalogue.codes(table, name))
        if name in table.multiple:
            which, code = np.nonzero(memberships(catalogue, table, name, columns)[rows])
            rows, cells = rows[which], cells[which] * size + code
        else:
            cells = cells * size + positions(catalogue, table, name, columns, state)[rows]
    return rows, cells


def count_table(
    catalogue: Catalogue, table: TableDefinition, period: Period, columns: CodedColumns, keys: KeySums, state: str = ""
) -> Cube:
    """Count one table: inner cells in code order, then its own margins.

    Args:
        catalogue: The federation's catalogue.
        table: One of its tables.
        period: What the cube is labelled with: the year, or the block.
        columns: One year's persons.
        keys: Their record keys under the period's secret, uint64, same length.
        state: The reporting state's alpha-3 code; citizenship groups depend on it.
    """
    shape = tuple(len(catalogue.codes(table, name)) for name in table.dimension_ids)
    rows, cells = _placed(catalogue, table, columns, state)
    counts, sums = _bincount(cells, keys[rows], int(np.prod(shape, dtype=np.int64)))
    all_counts, all_sums = [counts], [sums]
    for margin in table.margins:
        away = tuple(axis for axis, name in enumerate(table.dimension_ids) if name not in margin)
        all_counts.append(counts.reshape(shape).sum(axis=away).ravel())
        all_sums.append(sums.reshape(shape).sum(axis=away, dtype=np.uint64).ravel())
    return Cube(table.id, period, np.concatenate(all_counts), np.concatenate(all_sums))


def count_columns(
    columns: CodedColumns,
    catalogue: Catalogue,
    state: str,
    year: int,
    noise: NoiseSecrets,
    perpetrators: CodedColumns | None = None,
) -> YearCubes:
    """Count one year's persons for every table planned by year and every table of its block.

    Args:
        columns: The year's counted victims.
        catalogue: The federation's catalogue.
        state: Alpha-3 code.
        year: Calendar year.
        noise: Gives the noise secret of a period.
        perpetrators: Whoever reached a stage in the year; None for nobody.
    """
    others = perpetrators if perpetrators is not None else CodedColumns.from_coded(())
    people = {"victims": once_per_person(columns), "perpetrators": once_per_person(others)}
    cubes: list[tuple[Cube, ...]] = []
    for period in (Period(year, year), block_of(year)):
        secret = noise(period)
        keys = {universe: record_keys(secret, found.person_ids) for universe, found in people.items()}
        cubes.append(
            tuple(
                count_table(catalogue, table, period, people[table.universe], keys[table.universe], state)
                for table in planned_tables(catalogue, state, period)
            )
        )
    return YearCubes(state, year, *cubes)


def count_year(store: CaseStore, catalogue: Catalogue, state: str, year: int, noise: NoiseSecrets) -> YearCubes:
    """Count one year of the register; see ``count_columns``. Reads the coded classification and nothing else."""
    perpetrators = store.coded_rows(year, "perpetrator")
    return count_columns(store.coded_rows(year), catalogue, state, year, noise, perpetrators)
