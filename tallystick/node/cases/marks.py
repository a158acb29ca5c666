"""Row marks: a source row that was taken in before is known again without being parsed or unsealed.

A mark is BLAKE2b-16 over the row, keyed with the keyring's mark key, under a person string for everything else that
the record depends on (format, headings, agency, the parser's version). It stands in the keyring beside the person's
key, with the version and run that it was made for, and dies with the key. Without the mark key it tells nothing of
the row; who has the keyring open has the identities themselves.
"""

import struct

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARK_BYTES", "KnownMarks", "bound"]

MARK_BYTES = 16
_BOUND = struct.Struct("<II")
_WHOLE = np.dtype([("low", "<u8"), ("high", "<u8"), ("bound", "<u8")])


def bound(version: int, run: int) -> bytes:
    """Return what is kept behind a mark: the version that it was made for, and the run that wrote it."""
    return _BOUND.pack(version, run)


class KnownMarks:
    """The marks of current versions, searched by batches; 20 bytes a record.

    Args:
        record_ids: int64, shape (n,).
        marks: The n marks with what is bound to them, one after another.
        bounds: uint64, shape (n,): what each must be bound to, ``bound`` of the record's version and run.
    """

    def __init__(self, record_ids: NDArray[np.int64], marks: bytes, bounds: NDArray[np.uint64]) -> None:
        found = np.frombuffer(marks, dtype=_WHOLE)
        valid = np.flatnonzero(found["bound"] == bounds)
        order = valid[np.argsort(found["low"][valid], kind="stable")]
        self._low = found["low"][order]
        self._high = found["high"][order]
        self._ids = record_ids[order].astype(np.uint32)

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, marks: bytes) -> NDArray[np.uint32]:
        """Return the record of each of the marks that stand one after another, 0 where it is not known."""
        asked = np.frombuffer(marks, dtype=[("low", "<u8"), ("high", "<u8")])
        if not len(self):
            return np.zeros(len(asked), dtype=np.uint32)
        at = np.minimum(np.searchsorted(self._low, asked["low"]), len(self) - 1)
        same = (self._low[at] == asked["low"]) & (self._high[at] == asked["high"])
        return np.where(same, self._ids[at], 0).astype(np.uint32)
