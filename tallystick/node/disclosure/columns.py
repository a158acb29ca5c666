"""The unknowns: joint counts of persons, one column for every combination of values that can occur in a clique."""

from collections.abc import Mapping, Sequence
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from tallystick.node.disclosure.cliques import Clique, JunctionTree
from tallystick.node.disclosure.readings import Spec, Support

__all__ = ["Columns", "Ints", "clique_size"]

Ints = NDArray[np.int64]
_Rows = list[tuple[int, ...]]


def _within(names: Sequence[str], supports: Sequence[Support]) -> list[Support]:
    """Return the supports that bind at least two of ``names``, projected on them."""
    found: list[Support] = []
    for axes, combinations in supports:
        kept = [place for place, name in enumerate(axes) if name in names]
        if len(kept) > 1:
            rows = frozenset(tuple(one[place] for place in kept) for one in combinations)
            found.append((tuple(axes[place] for place in kept), rows))
    return found


def _blocks(
    names: Sequence[str], sizes: Mapping[str, int], supports: Sequence[Support]
) -> list[tuple[list[str], _Rows]]:
    """Split ``names`` into groups that no support ties together, each with its combinations of values."""
    blocks: list[tuple[list[str], _Rows]] = [([name], [(value,) for value in range(sizes[name])]) for name in names]
    for axes, allowed in _within(names, supports):
        tied = [block for block in blocks if set(block[0]) & set(axes)]
        joined = [name for block in tied for name in block[0]]
        places = [joined.index(name) for name in axes]
        rows = [tuple(v for part in parts for v in part) for parts in product(*(block[1] for block in tied))]
        kept = [row for row in rows if tuple(row[place] for place in places) in allowed]
        blocks = [block for block in blocks if block not in tied] + [(joined, kept)]
    return blocks


def clique_size(clique: Clique, sizes: Mapping[str, int], supports: Sequence[Support]) -> int:
    """Return how many joint cells a clique has."""
    return prod(len(rows) for _names, rows in _blocks(sorted(clique), sizes, supports))


class Columns:
    """Numbers the joint cells of all cliques.

    Args:
        tree: The cliques.
        sizes: Number of values of every axis.
        supports: Which combinations can occur; a clique has no column for the others.
    """

    def __init__(self, tree: JunctionTree, sizes: Mapping[str, int], supports: Sequence[Support]) -> None:
        self._values: list[dict[str, Ints]] = []
        self._first: list[int] = []
        self._masks: dict[tuple[int, str, frozenset[int]], NDArray[np.bool_]] = {}
        self.count = 0
        for clique in tree.cliques:
            blocks = _blocks(sorted(clique), sizes, supports)
            names = [name for block, _rows in blocks for name in block]
            rows = [tuple(v for part in parts for v in part) for parts in product(*(rows for _names, rows in blocks))]
            table = np.array(rows, dtype=np.int64).reshape(len(rows), len(names))
            self._values.append({name: table[:, place] for place, name in enumerate(names)})
            self._first.append(self.count)
            self.count += len(rows)
        self._sizes = [end - start for start, end in zip(self._first, [*self._first[1:], self.count], strict=True)]

    def values(self, clique: int) -> Mapping[str, Ints]:
        """Return the value that every axis of a clique has in each of its columns, in the order of the columns."""
        return self._values[clique]

    def where(self, clique: int, spec: Spec) -> Ints:
        """Return the columns of a clique in which every axis of ``spec`` has one of the values meant, ascending."""
        mask = np.ones(self._sizes[clique], dtype=np.bool_)
        for name, values in spec.items():
            place = (clique, name, values)
            if place not in self._masks:
                self._masks[place] = np.isin(self._values[clique][name], list(values))
            mask &= self._masks[place]
        return np.flatnonzero(mask).astype(np.int64) + self._first[clique]
