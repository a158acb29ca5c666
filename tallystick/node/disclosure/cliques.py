"""Which joint counts must be written down so that tables that agree in sums also agree in persons.

Published tables are margins of one unseen table of persons. Whole numbers that agree on every shared margin are the
margins of some table of persons exactly when the tables' dimension sets form an acyclic hypergraph (Beeri et al. 1983;
for multisets Atserias & Kolaitis 2021). Ours need not: sex by year, age by year and sex by age in the block form a
triangle. So sets that stand in a ring are merged; within a merged set every joint cell is a variable, and between sets
agreement on the shared margin is enough.

The merging is the elimination that makes a graph chordal: dimensions leave one by one, each with its neighbours as a
set, the cheapest first; a dimension whose neighbours all meet already leaves at no cost, so what has no ring is not
merged at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import prod

__all__ = ["Clique", "JunctionTree", "junction_tree"]

Clique = frozenset[str]


@dataclass(frozen=True)
class JunctionTree:
    """An acyclic cover.

    Attributes:
        cliques: Sets of dimensions, none inside another, in a fixed order.
        edges: ``(i, j, shared)``: a tree over ``cliques``, each edge with the dimensions that both ends have.
    """

    cliques: tuple[Clique, ...]
    edges: tuple[tuple[int, int, Clique], ...]

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """Return the cliques from ``start`` to ``end`` along the tree, both included."""
        near: dict[int, list[int]] = {number: [] for number in range(len(self.cliques))}
        for left, right, _shared in self.edges:
            near[left].append(right)
            near[right].append(left)
        came = {start: start}
        waiting = [start]
        for here in waiting:
            for following in near[here]:
                if following not in came:
                    came[following] = here
                    waiting.append(following)
        back = [end]
        while back[-1] != start:
            back.append(came[back[-1]])
        return tuple(reversed(back))

    def homes(self, dimensions: Clique) -> tuple[int, ...]:
        """Return the numbers of the cliques that hold all of ``dimensions``."""
        return tuple(number for number, clique in enumerate(self.cliques) if dimensions <= clique)


def _maximal(sets: Iterable[Clique]) -> list[Clique]:
    distinct = set(sets)
    return sorted((one for one in distinct if not any(one < other for other in distinct)), key=sorted)


def _widest_tree(cliques: list[Clique]) -> list[tuple[int, int, Clique]]:
    """Return a spanning tree whose edges share as many dimensions as can be (Kruskal)."""
    pairs = sorted(combinations(range(len(cliques)), 2), key=lambda pair: -len(cliques[pair[0]] & cliques[pair[1]]))
    parent = list(range(len(cliques)))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    edges: list[tuple[int, int, Clique]] = []
    for left, right in pairs:
        if root(left) != root(right):
            parent[root(left)] = root(right)
            edges.append((left, right, cliques[left] & cliques[right]))
    return edges


def _eliminated(sets: Iterable[Clique], sizes: Mapping[str, int]) -> list[Clique]:
    """Return the maximal cliques of a chordal graph over the dimensions that holds every one of ``sets``."""
    near: dict[str, set[str]] = {}
    for one in sets:
        for name in one:
            near.setdefault(name, set()).update(one - {name})
    left, found = set(near), [frozenset[str]()]

    def cost(name: str) -> tuple[bool, int, str]:
        around = near[name] & left
        missing = any(other not in near[one] for one, other in combinations(sorted(around), 2))
        return missing, prod(sizes[one] for one in {name, *around}), name

    while left:
        leaving = min(left, key=cost)
        around = near[leaving] & left
        for first, second in combinations(around, 2):
            near[first].add(second)
            near[second].add(first)
        found.append(frozenset({leaving, *around}))
        left.remove(leaving)
    return _maximal(found)


def junction_tree(dimension_sets: Iterable[Clique], sizes: Mapping[str, int]) -> JunctionTree:
    """Cover ``dimension_sets`` with an acyclic family, merging where they form a ring.

    A widest spanning tree over the cliques of a chordal graph has the running-intersection property: every dimension's
    cliques hang together (Bernstein & Goodman 1981).

    Args:
        dimension_sets: The dimensions of every published level.
        sizes: Number of codes of each dimension; where there is a choice the smallest union is merged.
    """
    cliques = _eliminated(dimension_sets, sizes)
    return JunctionTree(tuple(cliques), tuple(_widest_tree(cliques)))
