"""All one- to three-way tables of the register at once: exact, for the register's own officers.

Eight dimensions have 92 such tables, but fourteen cubes of four dimensions hold each of the 56 three-way tables
exactly once (the Steiner system S(3,4,8): four of the numbers 0 to 7 whose exclusive-or is 0). So every record is
counted fourteen times, not 92 times, and the tables are sums over small cubes.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.node.tables.axes import Axis

__all__ = ["BLOCK_ROWS", "WIDEST", "CubeCounter", "ExactTables", "cover"]

Counts = NDArray[np.int64]
WIDEST = 3
"""Most dimensions of one table."""
BLOCK_ROWS = 1 << 14
"""Rows counted at a time: their codes stay in the processor's cache, and memory does not grow with the register."""
_FEW = 2000
"""Rows below which touching their cells one by one is faster than going through a whole cube."""
_CUBE = 4
_MOST = 8


def cover(dimensions: int) -> tuple[tuple[int, ...], ...]:
    """Choose cubes of at most four of ``dimensions`` dimensions so that any three stand together in one.

    Args:
        dimensions: How many there are, at most eight.
    """
    if dimensions <= _CUBE:
        return (tuple(range(dimensions)),)
    assert dimensions <= _MOST
    quads = [four for four in itertools.combinations(range(_MOST), _CUBE) if not _xor(four)]
    cubes = [tuple(one for one in four if one < dimensions) for four in quads]
    return tuple(one for one in cubes if not any(set(one) < set(other) for other in cubes) and len(one) >= WIDEST)


def _xor(numbers: Iterable[int]) -> int:
    result = 0
    for number in numbers:
        result ^= number
    return result


class CubeCounter:
    """Counts records into the cubes of some axes.

    Args:
        axes: At most eight.
        cubes: Counts to go on from, one flat array per cube of ``cover``; None to begin with zeros.
    """

    def __init__(self, axes: Sequence[Axis], cubes: Sequence[Counts] | None = None) -> None:
        self.axes = tuple(axes)
        self.cover = cover(len(self.axes))
        sizes = [math.prod(len(self.axes[one]) for one in cube) for cube in self.cover]
        self.cubes = [np.zeros(size, dtype=np.int64) for size in sizes] if cubes is None else list(cubes)
        assert [cube.size for cube in self.cubes] == sizes

    def add(self, columns: Mapping[str, NDArray[Any]], keep: NDArray[np.bool_] | None = None, *, sign: int = 1) -> None:
        """Count rows in, or with ``sign`` -1 out again.

        Args:
            columns: The columns that the axes read, of one length.
            keep: Which of the rows count; None for all.
            sign: 1 or -1.
        """
        rows = len(columns[self.axes[0].column])
        for start in range(0, rows, BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            chosen = None if keep is None or keep[block].all() else keep[block]
            self._add_block({axis.column: columns[axis.column][block] for axis in self.axes}, chosen, sign)

    def _add_block(self, columns: Mapping[str, NDArray[Any]], keep: NDArray[np.bool_] | None, sign: int) -> None:
        places = [axis.places.take(_kept(columns[axis.column], keep)) for axis in self.axes]
        pairs: dict[tuple[int, ...], NDArray[np.intp]] = {}
        for number, cube in enumerate(self.cover):
            codes = self._codes(cube[:2], places, pairs)
            if len(cube) > 2:
                rest = self._codes(cube[2:], places, pairs)
                codes = codes * math.prod(len(self.axes[one]) for one in cube[2:]) + rest
            counts = self.cubes[number]
            if len(codes) < _FEW:
                np.add.at(counts, codes, sign)
            else:
                counts += sign * np.bincount(codes, minlength=counts.size)

    def _codes(
        self, pair: tuple[int, ...], places: Sequence[NDArray[np.intp]], made: dict[tuple[int, ...], NDArray[np.intp]]
    ) -> NDArray[np.intp]:
        """Return the joint code of one or two axes; several cubes share each pair."""
        if pair not in made:
            first = places[pair[0]]
            made[pair] = first if len(pair) == 1 else first * len(self.axes[pair[1]]) + places[pair[1]]
        return made[pair]

    def tables(self) -> "ExactTables":
        """Return what was counted so far."""
        return ExactTables(self.axes, self.cubes)


def _kept(column: NDArray[Any], keep: NDArray[np.bool_] | None) -> NDArray[Any]:
    return column if keep is None else column[keep]


class ExactTables:
    """One- to three-way tables as sums over cubes.

    Args:
        axes: The axes that were counted by.
        cubes: One flat array per cube of ``cover``.
    """

    def __init__(self, axes: Sequence[Axis], cubes: Sequence[Counts]) -> None:
        self.axes = {axis.id: axis for axis in axes}
        self._names = [tuple(axes[one].id for one in cube) for cube in cover(len(axes))]
        shapes = [tuple(len(axes[one]) for one in cube) for cube in cover(len(axes))]
        self._cubes = {
            names: cube.reshape(shape) for names, cube, shape in zip(self._names, cubes, shapes, strict=True)
        }

    def table(self, by: Sequence[str]) -> Counts:
        """Return one table, its axes in the order of ``by``; at most three of the axes counted."""
        names = next(names for names in self._names if set(by) <= set(names))
        kept = [name for name in names if name in by]
        counts = _summed(self._cubes[names], [names.index(name) for name in kept])
        return counts.transpose([kept.index(name) for name in by])

    def all(self) -> Iterator[tuple[tuple[str, ...], Counts]]:
        """Yield every one- to three-way table once: 92 of them for eight dimensions."""
        widest = min(WIDEST, len(self.axes))
        wide: dict[tuple[str, ...], Counts] = {}
        for names, cube in self._cubes.items():
            for kept in itertools.combinations(range(len(names)), widest):
                wide.setdefault(tuple(names[one] for one in kept), _summed(cube, kept))
        yield from wide.items()
        for _width in range(widest - 1, 0, -1):
            narrow: dict[tuple[str, ...], Counts] = {}
            for wider, counts in wide.items():
                for left_out in range(len(wider)):
                    by = wider[:left_out] + wider[left_out + 1 :]
                    if by not in narrow:
                        narrow[by] = np.add.reduce(counts, axis=left_out)
            wide = narrow
            yield from wide.items()


def _summed(cube: Counts, kept: Sequence[int]) -> Counts:
    away = tuple(axis for axis in range(cube.ndim) if axis not in kept)
    summed: Counts = np.add.reduce(cube, axis=away) if away else cube
    return summed
