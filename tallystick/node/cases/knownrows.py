"""A register's marks as a file's reader may ask about them, loaded where that pays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tallystick.node.cases.ingest import BatchWriter
from tallystick.node.cases.keyring import Keyring
from tallystick.node.cases.marks import MARK_BYTES, KnownMarks
from tallystick.node.cases.segments import SEGMENT_ROWS, read_columns

__all__ = ["KnownRows"]

_AT_ONCE = 20_000
_WHOLE = MARK_BYTES + 8
_MARKS = "SELECT record_id, mark FROM person_key WHERE record_id > ? AND length(mark) = ? ORDER BY record_id LIMIT ?"


class KnownRows:
    """See ``store.Known``; made inside a run's transaction.

    Args:
        connection: The register.
        keyring: The keyring, or None: then no row is known.
        writer: The run's; takes note of every record that is named.
    """

    def __init__(self, connection: Any, keyring: Keyring | None, writer: BatchWriter) -> None:  # noqa: ANN401 - sqlcipher3 brings no types
        self._connection = connection
        self._keyring = keyring
        self._writer = writer
        self._marks: KnownMarks | None = None

    @property
    def mark_key(self) -> bytes | None:
        """See ``store.Known``."""
        return self._keyring.mark_key if self._keyring else None

    @property
    def records(self) -> int:
        """Return how many records may be known; each costs about a microsecond when the first mark is asked about."""
        return self._writer.first_id - 1 if self._keyring else 0

    def held(self, marks: bytes) -> Sequence[bool]:
        """See ``store.Known``."""
        if self._marks is None:
            self._marks = self._load()
        ids = self._marks.find(marks)
        held = [bool(record_id) and not self._writer.see(record_id) for record_id in ids.tolist()]
        self._writer.skip(sum(held))
        return held

    def _load(self) -> KnownMarks:
        ids: list[np.ndarray[Any, np.dtype[np.int64]]] = [np.zeros(0, dtype=np.int64)]
        marks = bytearray()
        last = 0
        while self._keyring is not None:
            rows = self._keyring.connection.execute(_MARKS, [last, _WHOLE, _AT_ONCE]).fetchall()
            if not rows:
                break
            last = rows[-1][0]
            ids.append(np.array([row[0] for row in rows], dtype=np.int64))
            marks += b"".join([row[1] for row in rows])
        record_ids = np.concatenate(ids)
        versions, runs = self._versions(last)
        bounds = versions[record_ids].astype(np.uint64) | runs[record_ids].astype(np.uint64) << np.uint64(32)
        return KnownMarks(record_ids, bytes(marks), bounds)

    def _versions(self, last: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        length = (last // SEGMENT_ROWS + 1) * SEGMENT_ROWS
        versions, runs = np.zeros(length, dtype=np.uint32), np.zeros(length, dtype=np.uint32)
        stop = length // SEGMENT_ROWS
        for segment, columns in enumerate(read_columns(self._connection, ("version", "run"), 0, stop)):
            at = segment * SEGMENT_ROWS
            for whole, name in ((versions, "version"), (runs, "run")):
                whole[at : at + len(columns[name])] = columns[name]
        return versions, runs
