"""Exact counts of a table and the key sums that its noise is drawn from; they never leave the node.

A cube is what a draft freezes (the sealed evidence): disclosure control reads cubes, never the register.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import Catalogue
from tallystick.config.errors import MalformedError, UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, block_of, parse_period

__all__ = ["Counts", "Cube", "KeySums", "YearCubes", "block_cubes"]

Counts = NDArray[np.int64]
KeySums = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Cube:
    """One table's exact counts for one period.

    Attributes:
        table_id: Table of the catalogue.
        period: The year, or the block (of which this may be one year's contribution).
        counts: Persons, shape (rows,), in the order of ``catalogue.cells(table)``: inner cells, then margins.
        key_sums: Sum of the record keys of the persons in each row modulo 2**64, same shape and order.
    """

    table_id: str
    period: Period
    counts: Counts
    key_sums: KeySums

    def __post_init__(self) -> None:
        if self.counts.dtype != np.int64 or self.key_sums.dtype != np.uint64:
            raise MalformedError(_("cube of {table}: wrong number type").format(table=self.table_id))
        if self.counts.ndim != 1 or self.counts.shape != self.key_sums.shape:
            raise MalformedError(_("cube of {table}: counts and key sums differ in shape").format(table=self.table_id))
        if (self.counts < 0).any():
            raise MalformedError(_("cube of {table}: a count is negative").format(table=self.table_id))
        self.counts.setflags(write=False)
        self.key_sums.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cube):
            return NotImplemented
        same_slice = (self.table_id, self.period) == (other.table_id, other.period)
        return same_slice and bool(
            np.array_equal(self.counts, other.counts) and np.array_equal(self.key_sums, other.key_sums)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Cube({self.table_id} {self.period.text}, {self.counts.size} rows)"

    def __add__(self, other: "Cube") -> "Cube":
        """Add another contribution to the same slice; key sums wrap modulo 2**64."""
        if (self.table_id, self.period, self.counts.shape) != (other.table_id, other.period, other.counts.shape):
            raise MalformedError(_("cubes of different slices cannot be added"))
        return Cube(self.table_id, self.period, self.counts + other.counts, self.key_sums + other.key_sums)

    def fits(self, catalogue: Catalogue) -> bool:
        """Tell whether the cube has one row for every row key of its table in ``catalogue``."""
        return self.counts.size == len(catalogue.cells(catalogue.table(self.table_id)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; key sums as hexadecimal text, since JSON numbers lose their low bits."""
        return {
            "table": self.table_id,
            "period": self.period.text,
            "counts": [int(value) for value in self.counts],
            "key_sums": [f"{int(value):016x}" for value in self.key_sums],
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises:
            MalformedError: Something is missing or of another type.
        """
        try:
            return cls(
                str(document["table"]),
                parse_period(document["period"]),
                np.array(document["counts"], dtype=np.int64),
                np.array([int(text, 16) for text in document["key_sums"]], dtype=np.uint64),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise MalformedError(_("sealed evidence: a cube is not readable")) from None


@dataclass(frozen=True)
class YearCubes:
    """What one state's register gave for one year, counted once and frozen.

    Attributes:
        state: Alpha-3 code.
        year: Calendar year of registration.
        tables: Cubes of the tables that are planned by year; ``period`` is the year.
        block_parts: The year's contribution to the tables of its block; ``period`` is the block.
    """

    state: str
    year: int
    tables: tuple[Cube, ...]
    block_parts: tuple[Cube, ...]


def block_cubes(years: Sequence[YearCubes]) -> list[Cube]:
    """Sum the frozen contributions of a block's years; the live register is never read again.

    Args:
        years: Every year of one block, one state, in any order.

    Returns:
        One cube per block table, in catalogue order.

    Raises:
        UsageError: A year is missing, stands twice, or belongs to another block or state.
    """
    if not years:
        raise UsageError(_("a block needs its years"))
    block = block_of(years[0].year)
    if len({part.state for part in years}) != 1 or tuple(sorted(part.year for part in years)) != block.years:
        found = ", ".join(str(year) for year in sorted(part.year for part in years))
        raise UsageError(
            _("block {block} needs each of its years once, of one state; it was given {found}").format(
                block=block.text, found=found
            ),
            hint=_("draft the missing year first"),
        )
    ordered = sorted(years, key=lambda part: part.year)
    summed = list(ordered[0].block_parts)
    for part in ordered[1:]:
        if [cube.table_id for cube in part.block_parts] != [cube.table_id for cube in summed]:
            raise UsageError(_("the years of block {block} were counted for different tables").format(block=block.text))
        summed = [mine + theirs for mine, theirs in zip(summed, part.block_parts, strict=True)]
    return summed
