"""Cliques must be acyclic, or tables that agree in sums need not agree in persons."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.node.disclosure.cliques import JunctionTree, junction_tree

SETS = st.lists(st.frozensets(st.sampled_from("abcdef"), max_size=4), min_size=1, max_size=8)
SIZES = dict(zip("abcdef", (2, 3, 2, 4, 2, 3), strict=True))


def runs_through(tree: JunctionTree) -> bool:
    """Tell whether every dimension's cliques hang together over edges that share it."""
    for name in frozenset().union(*tree.cliques):
        holders = {number for number, clique in enumerate(tree.cliques) if name in clique}
        reached = {min(holders)}
        for _clique in tree.cliques:
            touching = [{left, right} for left, right, shared in tree.edges if name in shared]
            reached = reached.union(*(ends for ends in touching if ends & reached))
        if not holders <= reached:
            return False
    return True


@settings(max_examples=200)
@given(sets=SETS)
def test_every_cover_is_a_tree_in_which_each_dimension_runs_through(sets: list[frozenset[str]]) -> None:
    tree = junction_tree(sets, SIZES)
    assert all(any(one <= clique for clique in tree.cliques) for one in sets)
    assert len(tree.edges) == len(tree.cliques) - 1
    assert runs_through(tree)


def test_a_ring_is_closed_and_a_star_is_left_alone() -> None:
    ring = [frozenset("ab"), frozenset("bc"), frozenset("ac")]
    assert junction_tree(ring, SIZES).cliques == (frozenset("abc"),)
    star = [frozenset("ab"), frozenset("ac"), frozenset("ad")]
    assert len(junction_tree(star, SIZES).cliques) == 3


def test_why_a_ring_must_be_closed() -> None:
    # Sex by age, sex by year and age by year that agree on every single margin, and no table of persons has them.
    same, crossed = [[1, 0], [0, 1]], [[0, 1], [1, 0]]
    pairs = {"c": same, "a": same, "b": crossed}
    tables = [np.reshape(flat, (2, 2, 2)) for flat in itertools.product(range(3), repeat=8) if sum(flat) == 2]
    fitting = [
        table
        for table in tables
        if all((table.sum(axis="abc".index(left_out)) == wanted).all() for left_out, wanted in pairs.items())
    ]
    assert not fitting
