"""Exact counts that are kept and brought up to date, instead of counting a million records for every question.

What is kept is as of a run. Of every run since, records that are new are added, and records that were replaced are
subtracted as they were and added as they became. A count in another shape (a new year or agency, another version of
this program, another corridor list) is thrown away and made anew, so nothing here needs to be migrated.

A person counts once a year: of several records of one person the first counts, and which ones were left out for that
reason is kept with the counts.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.coding import CODED_DTYPE
from tallystick.node.cases.recoding import COUNTING_COLUMNS, Recodings, counted_victims
from tallystick.node.cases.record import LAST_YEAR
from tallystick.node.cases.segments import SEGMENT_ROWS
from tallystick.node.cases.store import Changes
from tallystick.node.tables.axes import Axis, make_axes
from tallystick.node.tables.exact_tables import CubeCounter

__all__ = [
    "CountingStore",
    "KeptCounts",
    "counted_blocks",
    "full_count",
    "kept_count",
    "repeated_persons",
    "years_held",
]

VERSION = 1
_WRITE_AFTER = 20_000
"""Changed records after which the counts are written back: fewer are faster to apply again than to write."""
ROW = np.dtype([*((name, CODED_DTYPE[name]) for name in COUNTING_COLUMNS if name != "agency"), ("agency", "<u4")])
_NOTHING = 1 << 31
"""A run that will never be: nothing came after it."""
Columns = Mapping[str, NDArray[Any]]
Rows = NDArray[np.void]


class CountingStore(Protocol):
    """What counting needs of a register."""

    def snapshot(self) -> AbstractContextManager[None]:
        """See one state of the register while it lasts, whoever writes meanwhile."""
        ...

    def columns(self, names: Sequence[str], start_segment: int = 0) -> Iterator[Columns]:
        """Yield the named columns segment by segment; position i of segment k is record k * SEGMENT_ROWS + i."""
        ...

    def agency_numbers(self) -> Mapping[int, str]:
        """Return every agency by the register's number of it."""
        ...

    def changes_since(self, run_id: int) -> Changes:
        """Return what the runs after ``run_id`` did."""
        ...

    def same_person(self) -> Sequence[Sequence[int]]:
        """Return the record ids of each person that has several, ascending."""
        ...

    def kept_counts(self) -> tuple[str, bytes] | None:
        """Return header and cells that ``keep_counts`` was given last."""
        ...

    def keep_counts(self, header: str, cells: bytes) -> None:
        """Keep counts, if nobody else is writing; nothing is lost where they are not kept."""
        ...


class KeptCounts(NamedTuple):
    """Counts as of a run.

    Attributes:
        run_id: The latest run that they contain.
        counter: The cubes.
        left_out: Records that do not count because the person does already: record id to their row.
    """

    run_id: int
    counter: CubeCounter
    left_out: dict[int, Any]


def counted_blocks(store: CountingStore, first: int = 0, last: int | None = None) -> Iterator[tuple[Columns, Any]]:
    """Yield columns and which of their rows count, block by block, of the records ``first`` to ``last``."""
    segment = first // SEGMENT_ROWS
    for columns in store.columns(COUNTING_COLUMNS, segment):
        start = segment * SEGMENT_ROWS
        if last is not None and start > last:
            return
        chosen = slice(max(first - start, 0), None if last is None else last - start + 1)
        counts = counted_victims(columns["flags"][chosen])
        if counts.any():
            yield (columns if chosen == slice(0, None) else _part(columns, chosen)), counts
        segment += 1


def _part(columns: Columns, chosen: slice) -> Columns:
    return {name: columns[name][chosen] for name in COUNTING_COLUMNS}


def _rows_at(store: CountingStore, record_ids: Sequence[int]) -> dict[int, Any]:
    """Return the classification of single records, by record id."""
    found: dict[int, Any] = {}
    for segment in sorted({one // SEGMENT_ROWS for one in record_ids}):
        columns = next(store.columns(COUNTING_COLUMNS, segment))
        ids = [one for one in record_ids if one // SEGMENT_ROWS == segment]
        rows = np.zeros(len(ids), dtype=ROW)
        for name in COUNTING_COLUMNS:
            rows[name] = columns[name][[one % SEGMENT_ROWS for one in ids]]
        found.update(zip(ids, rows, strict=True))
    return found


def repeated_persons(store: CountingStore, groups: Sequence[Sequence[int]]) -> dict[int, Any]:
    """Return the records that count a person a second time in one year, with their rows."""
    rows = _rows_at(store, sorted({one for group in groups for one in group}))
    found = {}
    for group in groups:
        counted = [one for one in sorted(group) if counted_victims(rows[one]["flags"])]
        years: set[int] = set()
        for one in counted:
            year = int(rows[one]["year"])
            if year in years:
                found[one] = rows[one]
            years.add(year)
    return found


def full_count(store: CountingStore) -> KeptCounts:
    """Count every record."""
    with store.snapshot():
        run_id = store.changes_since(_NOTHING).run_id
        counter = CubeCounter(make_axes(years_held(store), store.agency_numbers()))
        for columns, counts in counted_blocks(store):
            counter.add(columns, counts)
        left_out = repeated_persons(store, store.same_person())
    _add_rows(counter, left_out.values(), sign=-1)
    return KeptCounts(run_id, counter, left_out)


def years_held(store: CountingStore) -> list[int]:
    """Return the years of the victims who count."""
    found = np.zeros(LAST_YEAR + 1, dtype=bool)
    for columns in store.columns(("year", "flags")):
        found[columns["year"][counted_victims(columns["flags"])]] = True
    return [int(year) for year in np.flatnonzero(found)]


def _columns_of(rows: Rows) -> Columns:
    return {name: rows[name] for name in COUNTING_COLUMNS}


def _add_rows(counter: CubeCounter, rows: Iterable[Any], *, sign: int) -> None:
    listed = np.array(list(rows), dtype=ROW)
    if listed.size:
        counter.add(_columns_of(listed), sign=sign)


def kept_count(store: CountingStore) -> KeptCounts:
    """Return the counts as of the latest run: kept ones brought up to date, or all counted anew."""
    with store.snapshot():
        kept, changed = _read(store), None
        if kept is not None:
            changes = store.changes_since(kept.run_id)
            changed = _brought_up(store, kept, changes) if changes.run_id >= kept.run_id else None
            kept = kept._replace(run_id=changes.run_id)
    if kept is None or changed is None:
        kept, changed = full_count(store), _WRITE_AFTER
    if changed >= _WRITE_AFTER:
        _write(store, kept)
    return kept


def _brought_up(store: CountingStore, kept: KeptCounts, changes: Changes) -> int | None:
    """Apply what happened since; return how many records changed, or None where the counts do not fit any more."""
    first, last, recoded = changes.first_fresh, changes.last_fresh, changes.recoded
    recoded = recoded[(recoded["record_id"] < first) | (recoded["record_id"] > last)]
    parts = [(*_side(recoded, "before"), -1), (*_side(recoded, "after"), 1)]
    if first <= last:
        parts += [(*block, 1) for block in counted_blocks(store, first, last)]
    if not all(_fits(kept.counter.axes, columns, counts) for columns, counts, _sign in parts):
        return None
    for columns, counts, sign in parts:
        kept.counter.add(columns, counts, sign=sign)
    touched = {int(one) for one in recoded["record_id"]}
    _settle_persons(store, kept, lambda one: one in touched or first <= one <= last)
    return len(recoded) + max(last - first + 1, 0)


def _side(recoded: Recodings, side: str) -> tuple[Columns, NDArray[np.bool_]]:
    rows = recoded[side]
    columns = {name: recoded["agency"] if name == "agency" else rows[name] for name in COUNTING_COLUMNS}
    return columns, counted_victims(columns["flags"])


def _fits(axes: Sequence[Axis], columns: Columns, counts: NDArray[np.bool_]) -> bool:
    return all(axis.holds(columns[axis.column][counts]) for axis in axes)


def _settle_persons(store: CountingStore, kept: KeptCounts, changed: Callable[[int], bool]) -> None:
    """Leave out again whoever counts twice, in the groups of which a record changed."""
    groups = [group for group in store.same_person() if any(map(changed, group))]
    concerned = {one for group in groups for one in group}
    back = [kept.left_out.pop(one) for one in list(kept.left_out) if one in concerned or changed(one)]
    _add_rows(kept.counter, back, sign=1)
    again = repeated_persons(store, groups)
    _add_rows(kept.counter, again.values(), sign=-1)
    kept.left_out.update(again)


def _shape(axes: Sequence[Axis]) -> list[Any]:
    return [[axis.id, list(axis.codes)] for axis in axes]


def _write(store: CountingStore, kept: KeptCounts) -> None:
    axes = kept.counter.axes
    header = {
        "version": VERSION,
        "run": kept.run_id,
        "years": [int(code) for code in axes[0].codes],
        "shape": _shape(axes),
        "left_out": sorted(kept.left_out),
    }
    cells = np.concatenate(kept.counter.cubes).astype("<u4").tobytes()
    rows = np.array([kept.left_out[one] for one in sorted(kept.left_out)], dtype=ROW).tobytes()
    store.keep_counts(json.dumps(header, separators=(",", ":")), cells + rows)


def _read(store: CountingStore) -> KeptCounts | None:
    """Return what was kept if it has today's shape; its run may be an older one."""
    found = store.kept_counts()
    if found is None:
        return None
    header, data = json.loads(found[0]), found[1]
    if header["version"] != VERSION:
        return None
    axes = make_axes(header["years"], store.agency_numbers())
    counter = CubeCounter(axes)
    size = sum(cube.size for cube in counter.cubes)
    if header["shape"] != _shape(axes) or len(data) != 4 * size + ROW.itemsize * len(header["left_out"]):
        return None
    flat = np.frombuffer(data, dtype="<u4", count=size).astype(np.int64)
    ends = np.cumsum([cube.size for cube in counter.cubes])[:-1]
    rows = np.frombuffer(data, dtype=ROW, offset=4 * size)
    left_out = dict(zip(header["left_out"], rows, strict=True))
    return KeptCounts(header["run"], CubeCounter(axes, np.split(flat, ends)), left_out)
