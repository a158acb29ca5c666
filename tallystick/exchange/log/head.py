"""The log's truth in one small file: origin, size and right edge. Whatever is beyond it is not in the log.

The writer replaces it before it signs, so it is never behind the checkpoint; where it is, somebody put back part of a
folder, and nothing may be signed until all of it fits again.
"""

import json
from pathlib import Path

import rfc8785

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint
from tallystick.exchange.formats.merkle import Frontier

__all__ = ["head_bytes", "read_head"]

_FORMAT = "tallystick-log-head-1"
_LIMIT = 16 * 1024


def head_bytes(origin: str, frontier: Frontier) -> bytes:
    """Return the file's content."""
    nodes = [node.hex() for node in frontier.nodes]
    return rfc8785.dumps({"format": _FORMAT, "origin": origin, "size": frontier.size, "nodes": nodes})


def _parse(data: bytes) -> tuple[str, Frontier]:
    """Read what ``head_bytes`` wrote, and only that."""
    try:
        stored = json.loads(data)
        frontier = Frontier(stored["size"], tuple(bytes.fromhex(node) for node in stored["nodes"]))
        head = Checkpoint(stored["origin"], frontier.size, frontier.root())
        same = head_bytes(head.origin, frontier) == data
    except (ValueError, KeyError, TypeError, AttributeError, rfc8785.CanonicalizationError):
        same = False
    if not same:
        raise MalformedError(_("not a log's head"))
    return head.origin, frontier


def read_head(path: Path, signed: Checkpoint | None) -> tuple[str, Frontier]:
    """Read a log's head and compare it with the newest checkpoint.

    Args:
        path: The head's file.
        signed: What the newest checkpoint says, or None before the first.

    Returns:
        Origin and right edge of the log.

    Raises:
        StoreError: There is none, it is damaged, or the checkpoint is ahead of it or of another tree.
    """
    if not path.exists():
        raise StoreError(
            _("{path} is not there: no log was begun here, or it was lost").format(path=path),
            hint=_("put the log's folder back from its backup; a second log of one name would be a split view"),
        )
    try:
        origin, frontier = _parse(read_bounded(path, _LIMIT))
    except MalformedError as error:
        raise StoreError(_("{path}: {what}").format(path=path, what=error.message)) from None
    if signed is not None:
        agree = signed.size < frontier.size or (signed.size, signed.root) == (frontier.size, frontier.root())
        if not agree or signed.origin != origin:
            raise StoreError(
                _("{path}: the signed checkpoint of size {size} does not fit it").format(path=path, size=signed.size),
                hint=_("part of the log's folder is older than the rest; put all of it back from one backup"),
            )
    return origin, frontier
