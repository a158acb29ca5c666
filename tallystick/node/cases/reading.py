"""What counting asks of the column segments, answered without looking at anything else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.coding import CENSORED, COUNTED, PERSON_ID_BYTES, ROLE_SHIFT, CodedColumns, stages_reached
from tallystick.node.cases.record import LAST_YEAR, ROLES, STAGES
from tallystick.node.cases.segments import read_columns

__all__ = ["coded_rows", "counts_by_agency", "counts_by_year"]

_STAGES = tuple(stage.lower() for stage in STAGES)
_DRAWN = ("person_id", "sex", "age", "citizenship", "area", "forms", "relationship", "controls")
_VICTIM = 0

Columns = Mapping[str, NDArray[Any]]


def _counted(columns: Columns, role: int) -> NDArray[np.bool_]:
    flags = columns["flags"]
    counted: NDArray[np.bool_] = (flags & COUNTED > 0) & (flags >> ROLE_SHIFT == role)
    return counted


def _of_year(columns: Columns, year: int, role: int) -> NDArray[np.intp]:
    """Return the positions of a role's counted persons of a year: a victim's own, a perpetrator's stages'."""
    names = ("year",) if role == _VICTIM else _STAGES
    in_year = np.zeros(len(columns[names[0]]), dtype=np.bool_)
    for name in names:
        in_year |= columns[name] == year
    if not in_year.any():
        return np.zeros(0, dtype=np.intp)
    return np.flatnonzero(in_year & _counted(columns, role))


def coded_rows(connection: Any, year: int, role: str) -> CodedColumns:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return what ``CaseStore.coded_rows`` returns."""
    names = ("year", "flags", *_DRAWN, *_STAGES)
    return CodedColumns.concatenated(_drawn(read_columns(connection, names), year, ROLES.index(role)))


def _drawn(segments: Iterator[Columns], year: int, role: int) -> Iterator[CodedColumns]:
    for columns in segments:
        rows = _of_year(columns, year, role)
        if not len(rows):
            continue
        drawn = {name: columns[name][rows] for name in _DRAWN}
        people = drawn.pop("person_id").view(np.uint8).reshape(-1, PERSON_ID_BYTES)
        stages = _reached(columns, rows, year if role != _VICTIM else None)
        censored = columns["flags"][rows] & CENSORED > 0
        yield CodedColumns(person_ids=people, censored=censored, stages=stages, **drawn)


def _reached(columns: Columns, rows: NDArray[np.intp], year: int | None) -> NDArray[np.uint8]:
    if year is None:
        return np.zeros(len(rows), dtype=np.uint8)
    years: Sequence[NDArray[Any]] = [columns[name][rows] for name in _STAGES]
    return stages_reached(years, year)


def counts_by_year(connection: Any) -> Mapping[int, int]:  # noqa: ANN401 - as above
    """Return counted victims by year, ascending."""
    total = np.zeros(LAST_YEAR + 1, dtype=np.int64)
    for columns in read_columns(connection, ("year", "flags")):
        total += np.bincount(columns["year"][_counted(columns, _VICTIM)], minlength=len(total))
    return {int(year): int(total[year]) for year in np.flatnonzero(total)}


def counts_by_agency(connection: Any, year: int) -> Mapping[int, int]:  # noqa: ANN401 - as above
    """Return counted victims of a year by agency id."""
    total: dict[int, int] = {}
    for columns in read_columns(connection, ("year", "flags", "agency")):
        rows = _of_year(columns, year, _VICTIM)
        for agency, count in zip(*np.unique(columns["agency"][rows], return_counts=True), strict=True):
            total[int(agency)] = total.get(int(agency), 0) + int(count)
    return total
