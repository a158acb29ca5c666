"""Merkle core: against other people's vectors, against the definition, and against every small lie."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import BadProofError, MalformedError
from tallystick.exchange.formats.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "merkle"
CASES = sorted(VECTORS.rglob("*.json"))


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


@pytest.mark.skipif(not CASES, reason="others' Merkle vectors are not at ../shared/vectors/merkle")
def test_agrees_with_every_vector_of_transparency_dev() -> None:
    wrong = []
    for path in CASES:
        case = json.loads(path.read_bytes())
        hashes = [base64.b64decode(one) for one in case["proof"] or []]
        raw = {
            name: base64.b64decode(case[name] or "") for name in ("root", "leafHash", "root1", "root2") if name in case
        }
        try:
            if "leafIdx" in case:
                verify_inclusion(raw["leafHash"], case["leafIdx"], case["treeSize"], hashes, raw["root"])
            else:
                verify_consistency(case["size1"], case["size2"], raw["root1"], raw["root2"], hashes)
            refused = False
        except BadProofError:
            refused = True
        if refused != case["wantErr"]:
            wrong.append(str(path.relative_to(VECTORS)))
    assert wrong == []
    assert len(CASES) > 150


@given(st.integers(0, 300))
def test_frontier_has_the_root_that_the_rfc_defines(count: int) -> None:
    leaves = leaves_of(count)
    assert Frontier().extend(leaves).root() == defined_root(leaves) == root_of(leaves)


@given(st.integers(0, 130), st.integers(0, 130))
def test_frontier_grows_the_same_whatever_the_batches(first: int, second: int) -> None:
    leaves = leaves_of(first + second)
    start = Frontier().extend(leaves[:first])
    assert start.extend(leaves[first:]) == Frontier().extend(leaves)
    assert start.size == first


@given(st.integers(1, 300).flatmap(lambda size: st.tuples(st.integers(0, size - 1), st.just(size))))
def test_every_leaf_can_be_proved(case: tuple[int, int]) -> None:
    index, size = case
    leaves = leaves_of(size)
    proof = inclusion_proof(leaves, index, size)
    verify_inclusion(leaves[index], index, size, proof, root_of(leaves))


@given(st.integers(0, 300).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_every_prefix_can_be_proved(case: tuple[int, int]) -> None:
    old, size = case
    leaves = leaves_of(size)
    verify_consistency(old, size, root_of(leaves[:old]), root_of(leaves), consistency_proof(leaves, old, size))


@given(st.integers(2, 70), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = leaves_of(size)
    root, proof = root_of(leaves), list(inclusion_proof(leaves, index, size))
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    bent = bytearray(proof[at])
    bent[bit // 8] ^= 1 << bit % 8
    lies = [
        (leaves[index], index, size, [*proof[:at], bytes(bent), *proof[at + 1 :]], root),
        (leaves[index], index, size, proof[:-1], root),
        (leaves[index], index, size, [*proof, proof[-1]], root),
        (leaves[index], (index + 1) % size, size, proof, root),
        (leaf_hash(b"another"), index, size, proof, root),
        (leaves[index], index, size, proof, leaf_hash(b"another root")),
        (leaves[index], -1, size, proof, root),
        (leaves[index], size, size, proof, root),
    ]
    for lie in lies:
        with pytest.raises(BadProofError):
            verify_inclusion(*lie)


@given(st.integers(2, 70), st.data())
def test_a_consistency_proof_holds_for_nothing_else(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    leaves = leaves_of(size)
    before, after = root_of(leaves[:old]), root_of(leaves)
    proof = list(consistency_proof(leaves, old, size))
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    bent = bytearray(proof[at])
    bent[bit // 8] ^= 1 << bit % 8
    other = leaf_hash(b"another root")
    lies = [
        (old, size, before, after, [*proof[:at], bytes(bent), *proof[at + 1 :]]),
        (old, size, before, after, proof[:-1]),
        (old, size, before, after, [*proof, proof[-1]]),
        (old, size, other, after, proof),
        (old, size, before, other, proof),
        (size, old, after, before, proof),
        (old, size, after, before, proof),
    ]
    for lie in lies:
        with pytest.raises(BadProofError):
            verify_consistency(*lie)


def test_an_earlier_tree_that_was_changed_has_no_proof() -> None:
    leaves = leaves_of(20)
    changed = [*leaves[:3], leaf_hash(b"changed"), *leaves[4:7]]
    with pytest.raises(BadProofError, match="earlier root"):
        verify_consistency(7, 20, root_of(changed), root_of(leaves), consistency_proof(leaves, 7, 20))


@pytest.mark.parametrize(
    ("size", "nodes"), [(1, ()), (3, (bytes(32),)), (1, (bytes(31),)), (-1, ()), (2**63, (bytes(32),))]
)
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, nodes: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedError, match="frontier"):
        Frontier(size, nodes)


def test_a_proof_of_more_than_63_hashes_is_refused_before_it_is_walked() -> None:
    with pytest.raises(BadProofError, match="63"):
        verify_inclusion(bytes(32), 0, 2**63 - 1, [bytes(32)] * 64, bytes(32))
