"""What one node has seen of one state's log, and how that may change: forward only, and only by what was proved.

Every node keeps all entries of every log, so no consistency proof is needed between two heads: the root is recomputed
from the frontier of what was seen and all entries since.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tallystick.config.errors import BadProofError, MalformedError, RollbackError, SplitViewError
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from tallystick.exchange.formats.merkle import HASH_SIZE, Frontier, leaf_hash, root_of
from tallystick.exchange.formats.note import decode_base64
from tallystick.exchange.formats.tiles import ENTRY_LIMIT, TILE_WIDTH
from tallystick.keys.roster_types import RosterKey

__all__ = ["LogView", "advance", "check_history", "empty_view"]


def _stored() -> str:
    return _("stored view of a log")


@dataclass(frozen=True)
class LogView:
    """The newest head of one log that this node has verified, and what it needs to verify the next.

    Attributes:
        origin: Which log.
        size: Entries seen.
        frontier: Right edge of the tree over them.
        checkpoint: The signed head, verbatim; empty before the first.
        tail: Leaf hashes of the last bundle if it is partial (0 to 255): what authenticates the older part of that
            bundle when it comes again, wider.
    """

    origin: str
    size: int
    frontier: Frontier
    checkpoint: bytes
    tail: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """Root over all entries seen."""
        return self.frontier.root()

    def to_dict(self) -> dict[str, Any]:
        """Return the view as plain JSON values."""
        return {
            "origin": self.origin,
            "size": self.size,
            "nodes": [base64.b64encode(node).decode() for node in self.frontier.nodes],
            "tail": base64.b64encode(b"".join(self.tail)).decode(),
            "checkpoint": base64.b64encode(self.checkpoint).decode(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "LogView":
        """Read what ``to_dict`` wrote; frontier, tail and checkpoint must fit each other.

        Raises:
            MalformedError: They do not, or a field is missing or of another kind.
        """
        try:
            origin, size = str(stored["origin"]), int(stored["size"])
            nodes = tuple(decode_base64(node, _stored) for node in stored["nodes"])
            packed = decode_base64(stored["tail"], _stored)
            checkpoint = decode_base64(stored["checkpoint"], _stored)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise MalformedError(_("stored view of a log: a field is missing or unreadable")) from None
        tail = tuple(packed[at : at + HASH_SIZE] for at in range(0, len(packed), HASH_SIZE))
        view = cls(origin, size, Frontier(size, nodes), checkpoint, tail)
        _check_fits(view)
        return view


def _check_fits(view: LogView) -> None:
    kept = len(view.tail)
    partial = view.frontier.nodes[len(view.frontier.nodes) - kept.bit_count() :] if kept else ()
    if kept != view.size % TILE_WIDTH or Frontier().extend(view.tail).nodes != partial:
        raise MalformedError(_("stored view of a log: the last leaves do not belong to the tree"))
    if view.checkpoint:
        head, _note = parse_checkpoint(view.checkpoint)
        fits = (head.origin, head.size, head.root) == (view.origin, view.size, view.root)
    else:
        fits = view.size == 0
    if not fits:
        raise MalformedError(_("stored view of a log: the checkpoint is of another tree"))


def empty_view(origin: str) -> LogView:
    """Return the view of a log of which nothing was seen yet."""
    return LogView(origin, 0, Frontier(), b"")


def _split(view: LogView, checkpoint: bytes, size: int) -> SplitViewError:
    return SplitViewError(
        _("{origin}: the log signed two different histories of its first {size} entries").format(
            origin=view.origin, size=size
        ),
        evidence=(view.checkpoint, checkpoint),
        hint=_("keep both signed heads and show them to the other members; nothing was taken from this log"),
    )


def _same_size(view: LogView, checkpoint: bytes, head: Checkpoint, entries: Sequence[bytes]) -> LogView:
    if entries:
        raise MalformedError(_("{origin}: entries came along with a head that adds none").format(origin=view.origin))
    if head.root != view.root:
        raise _split(view, checkpoint, head.size)
    return view if checkpoint == view.checkpoint else replace(view, checkpoint=checkpoint)


def advance(view: LogView, checkpoint: bytes, new_entries: Sequence[bytes], keys: Sequence[RosterKey]) -> LogView:
    """Move a view to a newer head.

    1. The head is signed by the log: ``verify_checkpoint`` with the view's own origin.
    2. It is not smaller than what was seen (tlog-witness, "add-checkpoint": the old size must not exceed it).
    3. At the same size the root is the same: two signed roots of one size are a split view, and both are evidence.
    4. Beyond it, all entries in between are here, and the root recomputed from the frontier and their leaf hashes is
       the signed one (RFC 6962, 2.1). Otherwise something on the way changed an entry, or the log signed another
       history; ``check_history`` tells which.

    Args:
        view: What was seen; ``empty_view`` at first.
        checkpoint: The newer head, verbatim.
        new_entries: Every entry from ``view.size`` to the head's size, in order.
        keys: The state's keys.

    Returns:
        The new view; the same one where nothing changed.

    Raises:
        RollbackError: Rule 2.
        SplitViewError: Rule 3, with both signed heads as evidence.
        BadProofError: Rule 4.
        VerificationError: Rule 1, as ``verify_checkpoint`` says.
    """
    head = verify_checkpoint(checkpoint, origin=view.origin, keys=keys)
    if head.size < view.size:
        raise RollbackError(
            _("{origin}: a head of {size} entries, but {seen} were seen").format(
                origin=view.origin, size=head.size, seen=view.size
            ),
            hint=_("the log or whoever delivered it shows an older state; what was verified is kept"),
        )
    if head.size == view.size and view.checkpoint:
        return _same_size(view, checkpoint, head, new_entries)
    if len(new_entries) != head.size - view.size:
        raise BadProofError(
            _("{origin}: {found} new entries where {wanted} belong").format(
                origin=view.origin, found=len(new_entries), wanted=head.size - view.size
            )
        )
    if any(len(entry) > ENTRY_LIMIT for entry in new_entries):
        raise MalformedError(_("log entry: larger than {limit} bytes").format(limit=ENTRY_LIMIT))
    leaves = [leaf_hash(entry) for entry in new_entries]
    frontier = view.frontier.extend(leaves)
    if frontier.root() != head.root:
        raise BadProofError(
            _("{origin}: its entries do not lead to the root that it signed for size {size}").format(
                origin=view.origin, size=head.size
            ),
            hint=_("an entry was changed on the way, or the log signed another history; nothing was taken"),
        )
    kept = head.size % TILE_WIDTH
    tail = (*view.tail, *leaves)[-kept:] if kept else ()
    return LogView(view.origin, head.size, frontier, checkpoint, tail)


def check_history(view: LogView, checkpoint: bytes, leaves: Sequence[bytes], keys: Sequence[RosterKey]) -> None:
    """Find out why a newer head did not follow from a view, given the leaf hashes that the log serves for it.

    If the leaves lead to the newer signed root and their beginning does not lead to the root that was seen, the log
    itself signed two histories: the two heads prove it to anybody, together with the leaves.

    Args:
        view: What was seen.
        checkpoint: The newer head.
        leaves: All leaf hashes from the first, as the level 0 tiles give them.
        keys: The state's keys.

    Raises:
        SplitViewError: The log signed both.
        BadProofError: The leaves do not belong to the newer head: whoever delivered them changed something.
    """
    head = verify_checkpoint(checkpoint, origin=view.origin, keys=keys)
    if len(leaves) != head.size or root_of(leaves) != head.root:
        raise BadProofError(
            _("{origin}: the tiles do not lead to the root that it signed for size {size}").format(
                origin=view.origin, size=head.size
            )
        )
    if view.size <= head.size and root_of(leaves[: view.size]) != view.root:
        raise _split(view, checkpoint, view.size)
