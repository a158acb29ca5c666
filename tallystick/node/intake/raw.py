"""A CSV file's rows before they are cut into cells: numbered, marked, and left out where the register knows them."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from itertools import chain

from tallystick.node.cases.marks import MARK_BYTES
from tallystick.node.cases.store import Known
from tallystick.node.intake.making import Plan, Raw
from tallystick.node.intake.textfile import TextLines, csv_fault

__all__ = ["RawRows"]

BATCH = 2000
_WORTH = 20
"""Marks are looked up for files of at least one row for so many records held; smaller ones are compared in full."""


def _rows(text: TextLines) -> Iterator[tuple[int, str, str]]:
    """Yield number, text and fault of each row; only lines with a quotation mark need a reader to find their end."""
    number = text.number
    for line in text.lines:
        number += 1
        if '"' not in line:
            yield number, line, ""
            continue
        taken: list[str] = []
        reader = csv.reader(_taking(chain([line], text.lines), taken), delimiter=text.delimiter, strict=True)
        try:
            next(reader, None)
            yield number, "".join(taken), ""
        except csv.Error as error:
            yield number, "", csv_fault(error, reader.line_num)
            number += reader.line_num - 1


def _taking(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


class RawRows:
    """Reads a file's rows in batches, and counts those that were left out.

    Args:
        text: The open file.
        plan: What its records depend on besides the rows.
        known: The register's marks.
    """

    def __init__(self, text: TextLines, plan: Plan, known: Known) -> None:
        self._text = text
        self._known = known
        key = known.mark_key
        context = json.dumps([version("tallystick"), "htcds", *plan[:4]]).encode()
        self._digest = hashlib.blake2b(context, digest_size=MARK_BYTES, key=key) if key is not None else None
        self.known_rows = 0

    def _mark(self, text: str) -> bytes:
        assert self._digest is not None
        digest = self._digest.copy()
        digest.update(text.rstrip("\r\n").encode())
        return digest.digest()

    def batches(self) -> Iterator[list[Raw]]:
        """Yield what the register does not know yet, each row with its mark."""
        batch: list[tuple[int, str, str]] = []
        ask: bool | None = None
        for found in _rows(self._text):
            batch.append(found)
            if len(batch) == BATCH:
                ask = self._worth_asking(batch) if ask is None else ask
                yield self._unknown(batch, ask=ask)
                batch = []
        if batch:
            yield self._unknown(batch, ask=self._worth_asking(batch) if ask is None else ask)

    def _worth_asking(self, batch: Sequence[tuple[int, str, str]]) -> bool:
        average = sum(len(text) for _number, text, _fault in batch) / len(batch) + 1
        return 0 < self._known.records <= self._text.size / average * _WORTH

    def _unknown(self, batch: Sequence[tuple[int, str, str]], *, ask: bool) -> list[Raw]:
        if self._digest is None:
            return [Raw(*found) for found in batch]
        marks = [self._mark(text) for _number, text, _fault in batch]
        if not ask:
            return [Raw(*found, mark) for found, mark in zip(batch, marks, strict=True)]
        held = self._known.held(b"".join(marks))
        self.known_rows += sum(held)
        return [Raw(*found, mark) for found, mark, is_held in zip(batch, marks, held, strict=True) if not is_held]
