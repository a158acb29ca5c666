"""Column segments: the classification of every record, column by column in blobs, found by record id alone.

Record ``n`` stands at position ``n % SEGMENT_ROWS`` of segment ``n // SEGMENT_ROWS`` of every column. A blob holds
the used part of its segment, rounded up to a power of two. Counting reads the columns it needs and nothing else; an
edit rewrites the blobs that it changes. Blobs live inside the encrypted register and are no safer than it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.coding import CENSORED, CODED_DTYPE, COUNTED, PERSON_ID_BYTES, ROLE_SHIFT

__all__ = [
    "CENSORED",
    "COLUMNS",
    "COUNTED",
    "ROLE_SHIFT",
    "SEGMENT_ROWS",
    "SegmentReader",
    "SegmentWriter",
    "column_of",
    "find_person",
    "last_segment",
    "people",
    "read_columns",
    "role_flags",
    "segment_rows",
]

SEGMENT_ROWS = 4096
COLUMNS: tuple[tuple[str, np.dtype[Any]], ...] = (
    ("version", np.dtype("<u4")),
    ("run", np.dtype("<u4")),
    ("agency", np.dtype("<u4")),
    ("person_id", np.dtype(f"V{PERSON_ID_BYTES}")),
    *((name, CODED_DTYPE[name]) for name in CODED_DTYPE.names or ()),
)
"""Column names with their types; a column's number is its place here, so this only ever grows at its end.

``version`` is 0 where no record has the id; ``agency`` and ``run`` are ids of those tables.
"""
_NUMBER = {name: number for number, (name, _dtype) in enumerate(COLUMNS)}
_DTYPE = dict(COLUMNS)
_ROW = np.dtype([*COLUMNS[:4], ("coded", CODED_DTYPE)])
_SMALLEST = 64
_HELD = 32
"""Segments kept open while writing: 0.2 MB each, twice that where they were changed."""

Row = NDArray[Any]


def segment_rows() -> Row:
    """Return an empty segment, all columns side by side."""
    return np.zeros(SEGMENT_ROWS, dtype=_ROW)


def column_of(rows: Row, name: str) -> NDArray[Any]:
    """Return one column of rows that lie side by side."""
    found: NDArray[Any] = rows["coded"][name] if name in (CODED_DTYPE.names or ()) else rows[name]
    return found


def _length(rows: Row) -> int:
    """Return how long the blobs of a segment must be: up to the last record, rounded up."""
    used = np.flatnonzero(rows["version"])
    if not len(used):
        return 0
    return min(max(1 << int(used[-1]).bit_length(), _SMALLEST), SEGMENT_ROWS)


def role_flags(role: int) -> int:
    """Return the ``flags`` of a counted record of a role whose source was not censored."""
    return COUNTED | role << ROLE_SHIFT


def _key(name: str, segment: int) -> int:
    return _NUMBER[name] << 32 | segment


def last_segment(connection: Any) -> int:  # noqa: ANN401 - sqlcipher3 brings no types
    """Return the number of the last segment, -1 where there is none."""
    query = "SELECT coalesce(max(id), -1) FROM column_segment WHERE id < ?"
    return int(connection.execute(query, [1 << 32]).fetchone()[0])


def _read(connection: Any, name: str, segment: int) -> NDArray[Any]:  # noqa: ANN401 - as above
    row = connection.execute("SELECT data FROM column_segment WHERE id = ?", [_key(name, segment)]).fetchone()
    return np.frombuffer(row[0] if row else b"", dtype=_DTYPE[name])


class _Columns(dict[str, NDArray[Any]]):
    """The columns of one segment, each read when it is asked for."""

    def __init__(self, connection: Any, names: Sequence[str], segment: int) -> None:  # noqa: ANN401 - as above
        super().__init__()
        self._connection = connection
        self._names = names
        self._segment = segment

    def __missing__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        self[name] = _read(self._connection, name, self._segment)
        return self[name]


def read_columns(
    connection: Any,  # noqa: ANN401 - as above
    names: Sequence[str],
    start_segment: int = 0,
    stop_segment: int | None = None,
) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Yield the named columns segment by segment, each column read when it is first looked at.

    Position i of the k-th mapping is record ``(start_segment + k) * SEGMENT_ROWS + i``; where no record has that id
    all columns are 0 there. All columns of a segment are equally long, at most ``SEGMENT_ROWS``; unused ones
    are empty.

    Args:
        connection: The open register.
        names: Of ``COLUMNS``.
        start_segment: First segment.
        stop_segment: One past the last segment, or None for all.
    """
    stop = last_segment(connection) + 1 if stop_segment is None else stop_segment
    for segment in range(start_segment, stop):
        yield _Columns(connection, names, segment)


def find_person(connection: Any, person_id: bytes) -> int | None:  # noqa: ANN401 - as above
    """Return the record of a person id, or None."""
    wanted = np.frombuffer(person_id, dtype="<u8")
    for segment, columns in enumerate(read_columns(connection, ["person_id"])):
        halves = columns["person_id"].view("<u8").reshape(-1, 2)
        found = np.flatnonzero((halves[:, 0] == wanted[0]) & (halves[:, 1] == wanted[1]))
        if len(found) and wanted.any():
            return segment * SEGMENT_ROWS + int(found[0])
    return None


def people(connection: Any) -> Iterator[tuple[bytes, int]]:  # noqa: ANN401 - as above
    """Yield person id and record id of every record."""
    for segment, columns in enumerate(read_columns(connection, ["version", "person_id"])):
        for at in np.flatnonzero(columns["version"]).tolist():
            yield columns["person_id"][at].tobytes(), segment * SEGMENT_ROWS + at


class SegmentReader:
    """Looks single records up; of each segment touched the classification is read once.

    Args:
        connection: The open register.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - as above
        self._connection = connection
        self._read: dict[int, list[NDArray[Any]]] = {}

    def coded(self, record_id: int) -> bytes:
        """Return one record's classification, packed."""
        segment, at = divmod(record_id, SEGMENT_ROWS)
        if segment not in self._read:
            self._read[segment] = [_read(self._connection, name, segment) for name in CODED_DTYPE.names or ()]
        return b"".join(column[at].tobytes() for column in self._read[segment])

    def person_id(self, record_id: int) -> bytes:
        """Return one record's person id."""
        segment, at = divmod(record_id, SEGMENT_ROWS)
        return bytes(_read(self._connection, "person_id", segment)[at].tobytes())


class SegmentWriter:
    """Reads and changes rows of the segments; what was changed is written by ``flush``.

    Args:
        connection: The register, inside the caller's transaction.
    """

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - as above
        self._connection = connection
        self._open: OrderedDict[int, Row] = OrderedDict()
        self._as_stored: dict[int, Row | None] = {}

    def _segment(self, number: int) -> Row:
        found = self._open.get(number)
        if found is not None:
            self._open.move_to_end(number)
            return found
        if len(self._open) >= _HELD:
            self._close(next(iter(self._open)))
        rows = segment_rows()
        for name, _dtype in COLUMNS:
            stored = _read(self._connection, name, number)
            column_of(rows, name)[: len(stored)] = stored
        self._open[number] = rows
        return rows

    def _for_writing(self, number: int) -> Row:
        rows = self._segment(number)
        if number not in self._as_stored:
            self._as_stored[number] = rows.copy() if rows["version"].any() else None
        return rows

    def coded(self, record_id: int) -> bytes:
        """Return one record's classification, packed."""
        rows = self._segment(record_id // SEGMENT_ROWS)
        return bytes(rows["coded"][record_id % SEGMENT_ROWS].tobytes())

    def person_id(self, record_id: int) -> bytes:
        """Return one record's person id."""
        rows = self._segment(record_id // SEGMENT_ROWS)
        return bytes(rows["person_id"][record_id % SEGMENT_ROWS].tobytes())

    def run(self, record_id: int) -> int:
        """Return which run wrote one record's current version."""
        return int(self._segment(record_id // SEGMENT_ROWS)["run"][record_id % SEGMENT_ROWS])

    def replace(self, record_id: int, coded: bytes, *, version: int, run: int) -> None:
        """Put a new classification in place of one record's."""
        rows, at = self._for_writing(record_id // SEGMENT_ROWS), record_id % SEGMENT_ROWS
        rows["coded"][at] = np.frombuffer(coded, dtype=CODED_DTYPE)[0]
        rows["version"][at], rows["run"][at] = version, run

    def extend(
        self,
        first: int,
        coded: Sequence[bytes],
        agencies: Sequence[int],
        run: int,
        people: bytes,
        *,
        version: int = 1,
    ) -> None:
        """Write records with contiguous ids that stand nowhere yet.

        Args:
            first: Id of the first.
            coded: Packed classifications.
            agencies: Agency ids, as many.
            run: The run that brings them.
            people: Person ids, one after another.
            version: Their version.
        """
        fresh = np.zeros(len(coded), dtype=_ROW)
        fresh["coded"] = np.frombuffer(b"".join(coded), dtype=CODED_DTYPE)
        fresh["agency"], fresh["version"], fresh["run"] = agencies, version, run
        fresh["person_id"] = np.frombuffer(people, dtype=_DTYPE["person_id"])
        done = 0
        while done < len(fresh):
            segment, at = divmod(first + done, SEGMENT_ROWS)
            count = min(SEGMENT_ROWS - at, len(fresh) - done)
            self._for_writing(segment)[at : at + count] = fresh[done : done + count]
            done += count

    def _close(self, number: int) -> None:
        self._write(number)
        del self._open[number]

    def _write(self, number: int) -> None:
        if number not in self._as_stored:
            return
        rows, before = self._open[number], self._as_stored.pop(number)
        length = _length(rows)
        grown = before is None or _length(before) != length
        changed = [
            name
            for name, _dtype in COLUMNS
            if grown or before is None or not np.array_equal(column_of(rows, name), column_of(before, name))
        ]
        self._connection.executemany(
            "INSERT INTO column_segment VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET data = ?2",
            [(_key(name, number), column_of(rows, name)[:length].tobytes()) for name in changed],
        )

    def flush(self) -> None:
        """Write every changed segment."""
        for number in list(self._open):
            self._write(number)
