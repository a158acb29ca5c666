"""Where a reader stands in a spool: kept on the reader's side, replaced whole."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tallystick.config.errors import StoreError
from tallystick.config.files import read_bounded, replace_file
from tallystick.config.i18n import _

__all__ = ["OPEN_LIMIT", "Cursor", "CursorStore", "FileCursor"]

OPEN_LIMIT = 1_000
"""How many numbers may be missing or unreadable below the highest one read."""
_CURSOR_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Cursor:
    """What was read: everything up to ``high`` except the numbers in ``open``.

    ``digest`` is the message digest of number ``high``: a folder that shows another message under that number
    has been restored from a backup or swapped.
    """

    high: int = 0
    open: tuple[int, ...] = ()
    digest: str = ""

    def is_done(self, number: int) -> bool:
        """Tell whether ``number`` was read and dealt with."""
        return number <= self.high and number not in self.open

    def with_done(self, number: int, digest: str) -> "Cursor":
        """Return the cursor after ``number`` was dealt with."""
        if number <= self.high:
            return Cursor(self.high, tuple(left for left in self.open if left != number), self.digest)
        return Cursor(number, (*self.open, *range(self.high + 1, number)), digest)


class CursorStore(Protocol):
    """Where a cursor is kept; ``save`` returns only when it is durable."""

    def load(self) -> Cursor:
        """Return the cursor, a fresh one if none was saved."""
        ...

    def save(self, cursor: Cursor) -> None:
        """Replace the cursor."""
        ...


class FileCursor:
    """A cursor in a JSON file of its reader's own folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Cursor:
        """Return the cursor, a fresh one if the file is not there.

        Raises:
            StoreError: The file is there but not a cursor.
        """
        if not self._path.exists():
            return Cursor()
        try:
            found = json.loads(read_bounded(self._path, _CURSOR_LIMIT))
            return Cursor(int(found["high"]), tuple(int(number) for number in found["open"]), str(found["digest"]))
        except (ValueError, TypeError, KeyError):
            raise StoreError(
                _("{path} is not a spool cursor").format(path=self._path),
                hint=_("remove it: everything is then read and checked once more"),
            ) from None

    def save(self, cursor: Cursor) -> None:
        """Replace the file durably."""
        document = {"high": cursor.high, "open": cursor.open, "digest": cursor.digest}
        replace_file(self._path, json.dumps(document).encode())
