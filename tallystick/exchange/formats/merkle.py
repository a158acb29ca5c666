"""Merkle trees of RFC 6962 over SHA-256: roots, the compact range, inclusion and consistency proofs.

Pure functions over 32-byte hashes. What is proved is named in RFC 6962, section 2.1; the two verifying algorithms
are those of RFC 9162, sections 2.1.3.2 and 2.1.4.2, which spell them out. Every verifier raises, none returns a bool.

    >>> tree = Frontier().extend(leaf_hash(entry) for entry in (b"a", b"b", b"c"))
    >>> tree.size, tree.root().hex()[:16]
    (3, '36642e73c2540ab1')
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tallystick.config.errors import BadProofError, MalformedError
from tallystick.config.i18n import _

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_PROOF",
    "MAX_SIZE",
    "Frontier",
    "NodeReader",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "nodes_of",
    "range_root",
    "root_of",
    "verify_consistency",
    "verify_inclusion",
]

HASH_SIZE = 32
"""Bytes of a hash."""
MAX_SIZE = 2**63 - 1
"""Largest tree size, in leaves (c2sp.org/tlog-cosignature signs it as a 64-bit number)."""
MAX_PROOF = 63
"""Largest number of hashes in a proof: one per level of the largest tree."""

NodeReader: TypeAlias = Callable[[int, int], bytes]
"""``reader(level, n)`` gives the hash of the n-th perfect subtree of ``2**level`` leaves."""

_sha256 = hashlib.sha256
EMPTY_ROOT = _sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962, 2.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry as a leaf: ``SHA-256(0x00 || entry)``."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent: ``SHA-256(0x01 || left || right)``."""
    return _sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The right edge of a tree (compact range): enough to append for ever, and to know the root.

    Attributes:
        size: Leaves so far.
        nodes: Hashes of the perfect subtrees that the set bits of ``size`` stand for, largest first.

    Raises:
        MalformedError: The nodes do not fit the size.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise MalformedError(_("frontier: size {size} is out of range").format(size=self.size))
        wanted = self.size.bit_count()
        if len(self.nodes) != wanted or any(len(node) != HASH_SIZE for node in self.nodes):
            raise MalformedError(
                _("frontier: a tree of {size} leaves has {wanted} nodes of 32 bytes").format(
                    size=self.size, wanted=wanted
                )
            )

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier with one more leaf hash; this one stays as it is."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "Frontier":
        """Return the frontier with more leaf hashes; this one stays as it is."""
        size, nodes = self.size, list(self.nodes)
        for leaf in leaves:
            carry, bits = leaf, size
            while bits & 1:
                carry = _sha256(b"\x01" + nodes.pop() + carry).digest()
                bits >>= 1
            nodes.append(carry)
            size += 1
        return Frontier(size, tuple(nodes))

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.nodes:
            return EMPTY_ROOT
        found = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            found = node_hash(node, found)
        return found


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    return Frontier().extend(leaves).root()


def nodes_of(leaves: Sequence[bytes]) -> NodeReader:
    """Return a reader over leaf hashes that are all in memory; each level is hashed once, when first asked for."""
    levels: list[Sequence[bytes]] = [leaves]

    def read(level: int, n: int) -> bytes:
        while len(levels) <= level:
            below = levels[-1]
            levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
        return levels[level][n]

    return read


def _split(width: int) -> int:
    """Return the largest power of two smaller than ``width`` (RFC 6962, 2.1: k)."""
    return 1 << ((width - 1).bit_length() - 1)


def range_root(nodes: NodeReader, start: int, end: int) -> bytes:
    """Return ``MTH(D[start:end])`` from perfect subtrees; ``start`` is where RFC 6962's recursion would cut."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(width)
    return node_hash(range_root(nodes, start, middle), range_root(nodes, middle, end))


def inclusion_proof(nodes: NodeReader | Sequence[bytes], index: int, size: int) -> tuple[bytes, ...]:
    """Prove that the leaf at ``index`` is in the tree of ``size`` leaves (``PATH(m, D[n])``, RFC 6962, 2.1.1).

    Args:
        nodes: A reader of subtree hashes, or the leaf hashes themselves.
        index: Zero-based.
        size: Leaves in the tree; ``nodes`` may hold more.

    Returns:
        Hashes from the leaf's sibling up to the root's child.
    """
    if not 0 <= index < size:
        raise BadProofError(
            _("inclusion proof: index {index} is not in a tree of {size}").format(index=index, size=size)
        )
    read = nodes if callable(nodes) else nodes_of(nodes)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_root(read, middle, end))
            end = middle
        else:
            proof.append(range_root(read, start, middle))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(nodes: NodeReader | Sequence[bytes], old: int, size: int) -> tuple[bytes, ...]:
    """Prove that the tree of ``old`` leaves is a prefix of the tree of ``size`` (``PROOF(m, D[n])``, RFC 6962, 2.1.2).

    Args:
        nodes: A reader of subtree hashes, or the leaf hashes themselves.
        old: Leaves in the earlier tree.
        size: Leaves in the later one.

    Returns:
        The hashes; none where ``old`` is zero or equals ``size``.
    """
    if not 0 <= old <= size:
        raise BadProofError(_("consistency proof: {old} leaves are not a prefix of {size}").format(old=old, size=size))
    if old in {0, size}:
        return ()
    read = nodes if callable(nodes) else nodes_of(nodes)
    proof: list[bytes] = []
    start, end, whole = 0, size, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_root(read, middle, end))
            end = middle
        else:
            proof.append(range_root(read, start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(range_root(read, start, end))
    return tuple(reversed(proof))


def _check_hashes(proof: Sequence[bytes], *hashes: bytes) -> None:
    if len(proof) > MAX_PROOF:
        raise BadProofError(_("proof: more than {limit} hashes").format(limit=MAX_PROOF))
    if any(len(one) != HASH_SIZE for one in (*proof, *hashes)):
        raise BadProofError(_("proof: a hash is not {size} bytes long").format(size=HASH_SIZE))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at ``index`` in the tree of ``size`` leaves with ``root`` (RFC 9162, 2.1.3.2).

    Raises:
        BadProofError: It is not proved; the message says where it fails.
    """
    _check_hashes(proof, leaf, root)
    if not 0 <= index < size <= MAX_SIZE:
        raise BadProofError(
            _("inclusion proof: index {index} is not in a tree of {size}").format(index=index, size=size)
        )
    fn, sn, found = index, size - 1, leaf
    for one in proof:
        if sn == 0:
            raise BadProofError(_("inclusion proof: too many hashes"))
        if fn & 1 or fn == sn:
            found = node_hash(one, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, one)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise BadProofError(_("inclusion proof: too few hashes"))
    if found != root:
        raise BadProofError(_("inclusion proof: leads to another root"))


def _walk_consistency(old: int, size: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots that the path leads to, for the earlier and the later tree (RFC 9162, 2.1.4.2, steps 4-6)."""
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for one in path[1:]:
        if sn == 0:
            raise BadProofError(_("consistency proof: too many hashes"))
        if fn & 1 or fn == sn:
            first, second = node_hash(one, first), node_hash(one, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, one)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise BadProofError(_("consistency proof: too few hashes"))
    return first, second


def verify_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of ``old`` leaves is a prefix of the tree of ``size`` (RFC 9162, 2.1.4.2).

    The empty tree is a prefix of every tree: its root must be ``EMPTY_ROOT`` and its proof empty
    (c2sp.org/tlog-witness).

    Raises:
        BadProofError: It is not proved; the message says where it fails.
    """
    _check_hashes(proof, *(() if old == size else (old_root, root)))
    if not 0 <= old <= size <= MAX_SIZE:
        raise BadProofError(_("consistency proof: {old} leaves are not a prefix of {size}").format(old=old, size=size))
    if old in {0, size}:
        if proof:
            raise BadProofError(_("consistency proof: too many hashes"))
        if (old == 0 and old_root != EMPTY_ROOT) or (old == size and old_root != root):
            raise BadProofError(_("consistency proof: the roots differ"))
        return
    if not proof:
        raise BadProofError(_("consistency proof: too few hashes"))
    path = proof if old & (old - 1) else (old_root, *proof)
    first, second = _walk_consistency(old, size, path)
    if first != old_root:
        raise BadProofError(_("consistency proof: leads to another earlier root"))
    if second != root:
        raise BadProofError(_("consistency proof: leads to another root"))
