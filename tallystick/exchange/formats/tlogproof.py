"""A receipt (c2sp.org/tlog-proof): index, inclusion proof and checkpoint in one text, checkable with no network.

    c2sp.org/tlog-proof@v1
    index 7
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

    tallystick/<federation id>/kaz
    ...

The format's ``extra`` line is neither written nor accepted: nothing authenticates it.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.config.errors import BadProofError, MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from tallystick.exchange.formats.merkle import HASH_SIZE, MAX_PROOF, leaf_hash, verify_inclusion
from tallystick.exchange.formats.note import NOTE_LIMIT, decode_base64
from tallystick.keys.roster_types import RosterKey

__all__ = ["PROOF_LIMIT", "TlogProof", "encode_proof", "parse_proof", "proof_bytes", "verify_proof"]

PROOF_LIMIT = NOTE_LIMIT + 4096
"""Largest receipt, in bytes."""
_FIRST = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class TlogProof:
    """A receipt, taken apart; nothing verified.

    Attributes:
        index: Zero-based index of the entry.
        hashes: Inclusion proof, from the leaf's sibling to the root's child.
        checkpoint: The log's checkpoint, verbatim.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes


def encode_proof(index: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Write a receipt.

    Args:
        index: Zero-based index of the entry.
        proof: Hashes from the leaf's sibling to the root's child.
        checkpoint: The log's checkpoint, verbatim.
    """
    data = proof_bytes(index, proof, checkpoint)
    parse_proof(data)
    return data


def proof_bytes(index: int, proof: Sequence[bytes], checkpoint: bytes) -> bytes:
    """Return the one spelling of a receipt, whatever it is made of: what a verifier compares a given one with."""
    lines = [_FIRST, f"index {index}", *(base64.b64encode(one).decode() for one in proof)]
    return "\n".join(lines).encode() + b"\n\n" + checkpoint


def _hash(line: str, number: int) -> bytes:
    found = decode_base64(line, lambda: _("receipt, line {number}").format(number=number))
    if len(found) != HASH_SIZE:
        raise MalformedError(_("receipt, line {number}: not a hash of 32 bytes").format(number=number))
    return found


def parse_proof(data: bytes) -> TlogProof:
    """Read a receipt; nothing is verified.

    Raises:
        MalformedError: Too large, or a line that does not belong there; names it.
    """
    if len(data) > PROOF_LIMIT:
        raise MalformedError(_("receipt: larger than {limit} bytes").format(limit=PROOF_LIMIT))
    head, found, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise MalformedError(_("receipt: not ASCII before the checkpoint")) from None
    if not found or lines[0] != _FIRST:
        raise MalformedError(_("receipt: not a c2sp.org/tlog-proof@v1 with a checkpoint"))
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if index is None:
        raise MalformedError(_("receipt, line 2: 'index' and a number belong there"))
    if len(lines) - 2 > MAX_PROOF:
        raise MalformedError(_("receipt: more than {limit} hashes").format(limit=MAX_PROOF))
    hashes = tuple(_hash(line, number) for number, line in enumerate(lines[2:], 3))
    parse_checkpoint(checkpoint)
    return TlogProof(int(index[1]), hashes, checkpoint)


def verify_proof(data: bytes, entry: bytes, origin: str, keys: Sequence[RosterKey]) -> tuple[int, Checkpoint]:
    """Check that a receipt proves an entry (c2sp.org/tlog-proof, "Verifying a tlog proof").

    1. The leaf hash is that of the entry's bytes (RFC 6962, 2.1).
    2. Origin and log signatures hold: ``verify_checkpoint``.
    3. Cosignatures: none are asked for where the quorum is ``none``.
    4. The inclusion proof binds the leaf hash to the signed root.

    Args:
        data: The receipt.
        entry: The entry's bytes: the release's envelope.
        origin: The log that it must be of.
        keys: The state's keys.

    Returns:
        The entry's index, and the head under which it stands.

    Raises:
        MalformedError: Not a receipt.
        KeyNotTrustedError: Another log, or not signed by its keys.
        BadSignatureError: A log signature does not match.
        BadProofError: The entry is not in the log at that place.
    """
    proof = parse_proof(data)
    checkpoint = verify_checkpoint(proof.checkpoint, origin=origin, keys=keys)
    try:
        verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    except BadProofError as error:
        raise BadProofError(
            _("receipt of {origin}, index {index}: {what}").format(
                origin=origin, index=proof.index, what=error.message
            ),
            hint=_("the receipt is of another release, or one of the two was changed"),
        ) from None
    return proof.index, checkpoint
