"""A log's signed head (c2sp.org/tlog-checkpoint): origin, size, root; signed twice by the log.

    tallystick/<federation id>/kaz
    42
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — tallystick/<federation id>/kaz <Ed25519, type 0x01>
    — tallystick/<federation id>/kaz <ML-DSA-44 with the time, type 0x06>

Both signatures are needed: one that every C2SP tool reads, one that outlives Ed25519. There are no extension lines:
the ML-DSA signature would not cover them. Other people's signatures (witnesses) are passed over here.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, MalformedError, SignerError
from tallystick.config.i18n import _
from tallystick.exchange.formats.merkle import HASH_SIZE, MAX_SIZE
from tallystick.exchange.formats.note import (
    ED25519,
    MLDSA44_COSIGNATURE,
    Note,
    NoteSignature,
    decode_base64,
    key_id,
    parse_note,
    vkey,
    write_note,
)
from tallystick.keys.checks import verify_signature
from tallystick.keys.roster_types import RosterKey

__all__ = [
    "Checkpoint",
    "CheckpointSigner",
    "checkpoint_body",
    "cosigned_message",
    "origin",
    "parse_checkpoint",
    "sign_checkpoint",
    "verify_checkpoint",
    "vkey",
]

_LABEL = b"subtree/v1\n\0"
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_FEDERATION = re.compile(r"[0-9a-f]{64}")
_STATE = re.compile(r"[a-z]{3}")
_TIME_BYTES = 8
_KINDS = {"ed25519": ED25519, "mldsa44": MLDSA44_COSIGNATURE}


class CheckpointSigner(Protocol):
    """What signs: ``keys.signer.Signer`` is one."""

    @property
    def algorithm(self) -> str:
        """``ed25519`` or ``mldsa44``."""

    @property
    def public(self) -> bytes:
        """The raw public key."""

    def sign(self, data: bytes) -> bytes:
        """Sign."""


@dataclass(frozen=True)
class Checkpoint:
    """A tree head.

    Attributes:
        origin: Which log; ``origin`` makes it.
        size: Leaves.
        root: RFC 6962 root over them, 32 bytes.

    Raises:
        MalformedError: A field is out of its bounds.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        name = self.origin
        if not 0 < len(name.encode()) < 256 or "+" in name or any(one.isspace() for one in name):
            raise MalformedError(_("checkpoint: the origin is not a key name of 1 to 255 bytes"))
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise MalformedError(_("checkpoint: size or root is out of range"))


def origin(federation_id: str, state: str) -> str:
    """Return the origin line of a state's log: ``tallystick/<federation id>/<cc>``.

    Args:
        federation_id: Hex SHA-256 of the genesis root.
        state: Alpha-3, in any case.
    """
    cc = state.lower()
    if not _FEDERATION.fullmatch(federation_id) or not _STATE.fullmatch(cc):
        raise MalformedError(_("log origin: a federation id in hex and an alpha-3 code belong there"))
    return f"tallystick/{federation_id}/{cc}"


def checkpoint_body(checkpoint: Checkpoint) -> str:
    """Return the note's text: three lines, each ended."""
    return f"{checkpoint.origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"


def cosigned_message(name: str, timestamp: int, checkpoint: Checkpoint) -> bytes:
    """Return what an ML-DSA-44 signature of a whole tree is over (c2sp.org/tlog-cosignature, ``cosigned_message``).

    Args:
        name: Key name of whoever signs; for the log its origin.
        timestamp: POSIX seconds.
        checkpoint: The head.
    """
    if not 0 <= timestamp <= MAX_SIZE:
        raise MalformedError(_("checkpoint: the time is out of range"))
    signer, log = name.encode(), checkpoint.origin.encode()
    return b"".join(
        (
            _LABEL,
            bytes([len(signer)]),
            signer,
            timestamp.to_bytes(8, "big"),
            bytes([len(log)]),
            log,
            bytes(8),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def sign_checkpoint(
    checkpoint: Checkpoint, ed25519: CheckpointSigner, mldsa44: CheckpointSigner, *, timestamp: int
) -> bytes:
    """Sign a head with both keys of the log.

    Args:
        checkpoint: What to sign; the caller has made sure that no other tree of this size was ever signed.
        ed25519: The log's Ed25519 key.
        mldsa44: The log's ML-DSA-44 key.
        timestamp: POSIX seconds, above zero.

    Raises:
        SignerError: A key is of another algorithm, or there is no time.
    """
    if ed25519.algorithm != "ed25519" or mldsa44.algorithm != "mldsa44" or timestamp <= 0:
        raise SignerError(_("a checkpoint is signed with an Ed25519 key, an ML-DSA-44 key and the time"))
    name, body = checkpoint.origin, checkpoint_body(checkpoint)
    timed = timestamp.to_bytes(_TIME_BYTES, "big")
    return write_note(
        body,
        (
            NoteSignature(name, key_id(name, ED25519, ed25519.public), ed25519.sign(body.encode())),
            NoteSignature(
                name,
                key_id(name, MLDSA44_COSIGNATURE, mldsa44.public),
                timed + mldsa44.sign(cosigned_message(name, timestamp, checkpoint)),
            ),
        ),
    )


def parse_checkpoint(data: bytes) -> tuple[Checkpoint, Note]:
    """Read a checkpoint; nothing is verified.

    Raises:
        MalformedError: Not a note, not three lines, a size or root in another spelling, or extension lines.
    """
    note = parse_note(data)
    lines = note.text[:-1].split("\n")
    if len(lines) != 3:
        raise MalformedError(_("checkpoint: three lines belong there, no extension lines"))
    name, size, root = lines
    if not _SIZE.fullmatch(size):
        raise MalformedError(_("checkpoint: '{size}' is not a tree size").format(size=size[:40]))
    return Checkpoint(name, int(size), decode_base64(root, lambda: _("checkpoint: root"))), note


def _verify_line(line: NoteSignature, key: RosterKey, checkpoint: Checkpoint) -> None:
    try:
        if key.algorithm == "ed25519":
            verify_signature("ed25519", key.public, line.signature, checkpoint_body(checkpoint).encode())
        else:
            timestamp = int.from_bytes(line.signature[:_TIME_BYTES], "big")
            message = cosigned_message(line.name, timestamp, checkpoint)
            verify_signature("mldsa44", key.public, line.signature[_TIME_BYTES:], message)
    except BadSignatureError:
        raise BadSignatureError(
            _("checkpoint of {origin}: the {algorithm} signature does not match").format(
                origin=checkpoint.origin, algorithm=key.algorithm
            )
        ) from None


def verify_checkpoint(data: bytes, *, origin: str, keys: Sequence[RosterKey]) -> Checkpoint:
    """Check a log's signed head.

    1. It is a note of at most 16 signatures and exactly three lines (c2sp.org/tlog-checkpoint, "Note text").
    2. Its origin is the one expected (tlog-proof, "Verifying", step 2).
    3. Signatures by unknown keys are passed over; one that has name and id of a log key must verify
       (c2sp.org/signed-note, "Signatures"). Ids are computed from the roster's keys.
    4. Ed25519 and ML-DSA-44 both signed (DESIGN, section 5). A key that is refused from index r may still sign for
       trees up to size r, which hold the entries before it.

    Args:
        data: The checkpoint file.
        origin: The log that it must be of.
        keys: The state's keys; those that are not for logs are passed over.

    Raises:
        MalformedError: Rule 1.
        KeyNotTrustedError: Rule 2, or no log key of one of the two kinds signed.
        BadSignatureError: Rule 3.
    """
    checkpoint, note = parse_checkpoint(data)
    if checkpoint.origin != origin:
        raise KeyNotTrustedError(
            _("checkpoint: it is of the log {found}, not {wanted}").format(found=checkpoint.origin[:120], wanted=origin)
        )
    known = {
        key_id(origin, _KINDS[key.algorithm], key.public): key
        for key in keys
        if key.role == "log" and key.algorithm in _KINDS and key.counts_at(max(checkpoint.size - 1, 0))
    }
    signed = set()
    for line in note.signatures:
        key = known.get(line.key_id) if line.name == origin else None
        if key is not None:
            _verify_line(line, key, checkpoint)
            signed.add(key.algorithm)
    missing = sorted(set(_KINDS) - signed)
    if missing:
        raise KeyNotTrustedError(
            _("checkpoint of {origin}: no signature by a log key of the roster of kind {kinds}").format(
                origin=origin, kinds=", ".join(missing)
            )
        )
    return checkpoint
