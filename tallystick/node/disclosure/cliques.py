"""Which joint counts must be written down so that tables that agree in sums also agree in persons.

Published tables are margins of one unseen table of persons. Whole numbers that agree on every shared margin are the
margins of some table of persons exactly when the tables' dimension sets form an acyclic hypergraph (Beeri et al. 1983;
for multisets Atserias & Kolaitis 2021). Ours need not: sex by year, age by year and sex by age in the block form a
triangle. So sets are merged until none is left in a ring; within a merged set every joint cell is a variable, and
between sets agreement on the shared margin is enough.
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


def junction_tree(dimension_sets: Iterable[Clique], sizes: Mapping[str, int]) -> JunctionTree:
    """Cover ``dimension_sets`` with an acyclic family, merging where they form a ring.

    Args:
        dimension_sets: The dimensions of every published level.
        sizes: Number of codes of each dimension; where there is a choice the smallest union is merged.
    """
    cliques = _maximal(dimension_sets)
    while True:
        edges = _widest_tree(cliques)
        # A widest spanning tree has the running-intersection property exactly when its shared dimensions add up to
        # the surplus of the sets over their union (Bernstein & Goodman 1981).
        surplus = sum(len(clique) for clique in cliques) - len(frozenset().union(*cliques))
        if sum(len(shared) for _left, _right, shared in edges) == surplus:
            return JunctionTree(tuple(cliques), tuple(edges))
        rings = [(left | right) for left, right in combinations(cliques, 2) if left & right]
        merged = min(rings, key=lambda union: (prod(sizes[name] for name in union), sorted(union)))
        cliques = _maximal([*cliques, merged])
