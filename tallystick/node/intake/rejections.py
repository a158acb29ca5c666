"""What could not be taken in: row, field, value, reason; values of sealed fields are never shown."""

import csv
import os
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TextIO

from tallystick.config.errors import StoreError
from tallystick.config.files import PRIVATE_FILE, fsync_dir
from tallystick.config.formulas import harmless
from tallystick.config.i18n import _
from tallystick.node.intake.rows import Change

__all__ = ["Rejection", "Rejections", "Sink"]

SHOWN = 10
_VALUE_LIMIT = 60


class Rejection(NamedTuple):
    """One rejected value; ``row`` counts as a spreadsheet does, headings being row 1."""

    row: int
    field: str
    value: str
    reason: str


class Sink(Protocol):
    """Takes what could not be taken in, or not as it stood."""

    def add(self, row: int, field: str, value: str, reason: str, *, sealed: bool) -> None:
        """Note one rejected value."""
        ...

    def change(self, row: int, found: Change) -> None:
        """Note one changed value."""
        ...


class Rejections:
    """Takes rejections in row order; keeps the first few, writes all of them to a file if there is one.

    The file appears only when it is complete, readable by its owner alone, and never replaces one.

    Args:
        report: Where to write all of them as CSV, or None.

    Raises:
        StoreError: ``report`` is already there.
    """

    def __init__(self, report: Path | None = None) -> None:
        self.first: list[Rejection] = []
        self.first_changes: list[tuple[int, Change]] = []
        self.values = 0
        self.changed = 0
        self.rows = 0
        self._last_row = 0
        self._report = report
        self._stream: TextIO | None = None
        self._writer: Any = None
        if report is not None:
            self._open(report)

    def _open(self, report: Path) -> None:
        if report.exists():
            raise StoreError(
                _("{path} already exists and was not touched").format(path=report), hint=_("choose another --report")
            )
        self._draft = report.with_name(f".{report.name}.{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            handle = os.open(self._draft, flags, PRIVATE_FILE)
        except OSError as error:
            raise StoreError(_("cannot write {path}: {reason}").format(path=report, reason=error.strerror)) from None
        self._stream = os.fdopen(handle, "w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow((*Rejection._fields, "kind", "became"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_details: object) -> None:
        if self._stream is None or self._report is None:
            return
        try:
            self._stream.flush()
            os.fsync(self._stream.fileno())
            if kind is None:
                self._draft.rename(self._report)
                fsync_dir(self._report.parent)
        finally:
            self._stream.close()
            self._draft.unlink(missing_ok=True)

    def add(self, row: int, field: str, value: str, reason: str, *, sealed: bool) -> None:
        """Note one rejected value.

        Args:
            row: Spreadsheet row.
            field: Field id, or empty where the whole row is meant.
            value: The cell's text.
            reason: Why, without the value.
            sealed: The value may name somebody: it is not shown anywhere.
        """
        shown = _("(not shown)") if sealed and value else _short(value)
        found = Rejection(row, field, shown, reason)
        self.values += 1
        self.rows += row != self._last_row
        self._last_row = row
        if len(self.first) < SHOWN:
            self.first.append(found)
        if self._writer is not None:
            self._writer.writerow((row, *(harmless(text) for text in found[1:]), "rejected", ""))

    def change(self, row: int, found: Change) -> None:
        """Note one value that was not taken as it stood; its row was.

        Args:
            row: Spreadsheet row.
            found: What was changed and why; its values are empty where the field is sealed.
        """
        self.changed += 1
        if len(self.first_changes) < SHOWN:
            self.first_changes.append((row, found))
        if self._writer is not None:
            texts = (found.field, found.value, found.reason, "changed", found.became)
            self._writer.writerow((row, *(harmless(text) for text in texts)))

    def count_rows(self) -> int:
        """Return how many rows were rejected so far."""
        return self.rows


def _short(value: str) -> str:
    return value if len(value) <= _VALUE_LIMIT else value[: _VALUE_LIMIT - 1] + "…"
