"""What changed in the classification of records that were there already: the journal that keeps counts up to date.

One blob for each batch of replaced records: counts that were kept after an earlier run subtract what a record was and
add what it became, and need not read the columns of a million records for a thousand edits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.node.cases.coding import CODED_DTYPE, COUNTED, ROLE_SHIFT

__all__ = [
    "COUNTING_COLUMNS",
    "RECODING",
    "RecodingJournal",
    "Recodings",
    "counted_victims",
    "read_recodings",
    "recodings",
]

RECODING = np.dtype([("record_id", "<u8"), ("agency", "<u4"), ("before", CODED_DTYPE), ("after", CODED_DTYPE)])
COUNTING_COLUMNS = ("year", "sex", "age", "agency", "citizenship", "area", "forms", "relationship", "flags")
"""The register's columns that exact counts read."""
Recodings = NDArray[np.void]


def recodings(rows: Sequence[tuple[int, int, bytes, bytes]]) -> bytes:
    """Return one batch as the journal keeps it: record id, agency id, packed classification before and after."""
    batch = np.zeros(len(rows), dtype=RECODING)
    for row, (record_id, agency_id, before, after) in enumerate(rows):
        batch["record_id"][row], batch["agency"][row] = record_id, agency_id
        batch["before"][row] = np.frombuffer(before, dtype=CODED_DTYPE)[0]
        batch["after"][row] = np.frombuffer(after, dtype=CODED_DTYPE)[0]
    return batch.tobytes()


def read_recodings(blobs: Iterable[bytes]) -> Recodings:
    """Return the journal's batches as one array of ``RECODING``, oldest first."""
    return np.frombuffer(b"".join(blobs), dtype=RECODING)


def counted_victims(flags: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows are victims who count; rows without a record are not among them."""
    counted: NDArray[np.bool_] = (flags & COUNTED > 0) & (flags >> ROLE_SHIFT == 0)
    return counted


class RecodingJournal:
    """Writes what a run changes in records that were there; the caller holds the transaction.

    Args:
        connection: The register.
        run_id: The run.
    """

    def __init__(self, connection: Any, run_id: int) -> None:  # noqa: ANN401 - sqlcipher3 brings no types
        self._connection = connection
        self._run_id = run_id
        self._parts = 0
        self._rows: list[tuple[int, int, bytes, bytes]] = []

    def note(self, record_id: int, agency_id: int, before: bytes, after: bytes) -> None:
        """Note one record's packed classification before and after; a person's change alone leaves both equal."""
        self._rows.append((record_id, agency_id, before, after))

    def flush(self) -> None:
        """Write what was noted since the last time, as one batch."""
        if self._rows:
            self._parts += 1
            blob = recodings(self._rows)
            self._connection.execute("INSERT INTO recoding VALUES (?, ?, ?)", [self._run_id, self._parts, blob])
            self._rows.clear()
