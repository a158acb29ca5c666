"""The releases that a question touches, read from the index: one ``Slice`` per state, table and period."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tallystick.config.catalogue import CellKey
from tallystick.config.periods import Period, parse_period
from tallystick.exchange.archive.index import DATA_MISSING, NOT_WITNESSED
from tallystick.exchange.formats.sdmxcsv import MAX_VALUE

__all__ = ["Slice", "SliceReader"]


@dataclass(frozen=True, eq=False)
class Slice:
    """One release in force: the newest revision of a state's table in a period.

    Attributes:
        state: Alpha-3.
        table_id: Table.
        period: Year or block.
        payload_id: The release's identity.
        log_index: Its place in the state's log.
        status: As the index has it.
        officers: Who signed.
        statement: The in-toto statement as JSON text.
        cells: Published value by key, None where withheld.
    """

    state: str
    table_id: str
    period: Period
    payload_id: str
    log_index: int
    status: str
    officers: tuple[str, ...]
    statement: str = field(repr=False)
    cells: Mapping[CellKey, int | None] = field(repr=False)

    @cached_property
    def predicate(self) -> dict[str, Any]:
        """What the officers signed about the table."""
        found: dict[str, Any] = json.loads(self.statement)["predicate"]
        return found

    def _parameter(self, name: str) -> int | None:
        """Return a parameter; what no method can mean (a text, less than nothing) counts as not told.

        Officers sign what they like: a verified release may still say nonsense of its own method.
        """
        value = self.predicate["method"]["parameters"].get(name)
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_VALUE
        return value if fits else None

    @cached_property
    def reach(self) -> int | None:
        """Largest amount D by which a figure is off; None where the method does not bound it."""
        return 0 if self.predicate["method"]["id"] == "exact" else self._parameter("D")

    @cached_property
    def variance(self) -> int | None:
        """Variance V of a figure's noise; None where the method does not tell it."""
        return 0 if self.predicate["method"]["id"] == "exact" else self._parameter("V")

    @cached_property
    def highest_withheld(self) -> int | None:
        """Largest count that the threshold alone can have withheld: k - 1 + D, if nothing else withheld any cell.

        ``repaired`` counts the cells that were withheld although they reached the threshold; with one of them in the
        table no cell of it is bounded by the threshold.
        """
        threshold = self._parameter("k")
        if not threshold or self.reach is None or self.predicate["audit"]["repaired"] != 0:
            return None
        return threshold - 1 + self.reach


class SliceReader:
    """Reads the slices of some tables and states; cells are fetched when a slice is first asked for.

    Args:
        index: The archive's index.
        tables: Ids of the tables that the answer may touch.
        states: Alpha-3 codes.
    """

    def __init__(self, index: sqlite3.Connection, tables: Iterable[str], states: Iterable[str]) -> None:
        self._index = index
        self._found: dict[tuple[str, str, str], Slice | None] = {}
        self._rows: dict[tuple[str, str, str], int] = {}
        self.seen = {state for (state,) in index.execute("SELECT state FROM logs")}
        self.without_data: set[tuple[str, str, str]] = set()
        self._periods: dict[str, set[str]] = {}
        wanted = set(states)
        for table in tables:
            for row in index.execute(
                "SELECT state, period, status, id FROM releases WHERE table_id = ? AND status IN (?, ?)",
                (table, NOT_WITNESSED, DATA_MISSING),
            ):
                self._periods.setdefault(table, set()).add(row[1])
                if row[0] not in wanted:
                    continue
                place = (row[0], table, row[1])
                if row[2] == DATA_MISSING:
                    self.without_data.add(place)
                else:
                    self._rows[place] = row[3]

    def periods(self, table: str) -> tuple[Period, ...]:
        """Return the periods of which anybody at all released ``table``, years first."""
        found = [parse_period(period) for period in self._periods.get(table, ())]
        return tuple(sorted(found, key=lambda period: (period.is_block, period)))

    def get(self, state: str, table: str, period: Period) -> Slice | None:
        """Return a slice in force, None where there is none or its data is not here."""
        place = (state, table, period.text)
        if place not in self._found:
            number = self._rows.get(place)
            self._found[place] = None if number is None else self._slice(number, state, table, period)
        return self._found[place]

    def _slice(self, number: int, state: str, table: str, period: Period) -> Slice:
        payload_id, log_index, status, officers, statement = self._index.execute(
            "SELECT payload_id, log_index, status, officers, statement FROM releases WHERE id = ?", (number,)
        ).fetchone()
        cells = self._index.execute("SELECT key, value FROM cells WHERE release = ? ORDER BY place", (number,))
        by_key = {tuple(key.split("|")) if key else (): value for key, value in cells}
        return Slice(
            state, table, period, payload_id, log_index, status, tuple(json.loads(officers)), statement, by_key
        )
