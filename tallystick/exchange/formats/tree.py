"""The static tree: which paths exist, and how large what lies there may be.

One layout serves the log's folder, the archive, packs, the peer port and a mirror behind nginx. Both ends of the
wire read this table: a server opens nothing that is not in it, a client takes nothing larger than it says.
"""

import re
from dataclasses import dataclass
from typing import Literal

from tallystick.config.catalogue import CATALOGUE_LIMIT
from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tiles import BUNDLE_LIMIT, TILE_WIDTH, parse_path

__all__ = [
    "CHECKPOINT_LIMIT",
    "METADATA_LIMIT",
    "TreePath",
    "checkpoint_path",
    "data_path",
    "parse_tree_path",
]

CHECKPOINT_LIMIT = 64 * 1024
"""Largest checkpoint with its cosignatures, in bytes."""
METADATA_LIMIT = 1024 * 1024
"""Largest roster file, in bytes."""

_METADATA = re.compile(
    r"roster/(?P<rest>metadata/(?:timestamp|[1-9][0-9]{0,8}\.(?:root|targets|snapshot|[a-z]{3}))\.json)"
)
_CATALOGUE = re.compile(r"roster/(?P<rest>targets/[0-9a-f]{64}\.catalogue\.json)")
_STATE = re.compile(r"(?P<cc>[a-z]{3})/(?P<rest>checkpoint|data/sha256/[0-9a-f]{64}|tile/[0-9a-z/.]{1,60})")
_PATH_LIMIT = 120


@dataclass(frozen=True)
class TreePath:
    """One file of the static tree.

    Attributes:
        room: ``roster``, or the state's code in lower case.
        rest: The path below that room.
        kind: What lies there.
        limit: Largest size it may have, in bytes.
    """

    room: str
    rest: str
    kind: Literal["metadata", "catalogue", "checkpoint", "data", "entries", "hashes"]
    limit: int


def parse_tree_path(path: str) -> TreePath:
    """Read a path in the one spelling that each file has.

    Raises:
        MalformedError: The static tree has no such place.
    """
    if len(path) <= _PATH_LIMIT:
        if found := _METADATA.fullmatch(path):
            return TreePath("roster", found["rest"], "metadata", METADATA_LIMIT)
        if found := _CATALOGUE.fullmatch(path):
            return TreePath("roster", found["rest"], "catalogue", CATALOGUE_LIMIT)
        if found := _STATE.fullmatch(path):
            return _of_state(found["cc"], found["rest"])
    raise MalformedError("no such path in the static tree")


def _of_state(cc: str, rest: str) -> TreePath:
    if rest == "checkpoint":
        return TreePath(cc, rest, "checkpoint", CHECKPOINT_LIMIT)
    if rest.startswith("data/"):
        return TreePath(cc, rest, "data", CSV_LIMIT)
    tile = parse_path(rest)
    if tile.level < 0:
        return TreePath(cc, rest, "entries", BUNDLE_LIMIT)
    return TreePath(cc, rest, "hashes", TILE_WIDTH * 32)


def checkpoint_path(cc: str) -> str:
    """Return where a state's newest checkpoint lies."""
    return f"{cc}/checkpoint"


def data_path(cc: str, sha256: str) -> str:
    """Return where a data file of a state lies, by the hex digest of its bytes."""
    return f"{cc}/data/sha256/{sha256}"
