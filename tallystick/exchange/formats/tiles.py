"""Where a tiled log keeps its hashes and entries, and how they are packed (c2sp.org/tlog-tiles).

Level 0 tiles hold leaf hashes; a hash of level L + 1 is the root of a full tile of level L. A tile is 256 hashes
wide, or partial (``.p/W``). Entry bundles hold the entries themselves, each after its length in two bytes.
Paths are relative to the log's prefix, so that one layout serves folder, archive, pack and wire.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.merkle import HASH_SIZE, NodeReader, node_hash, root_of

__all__ = [
    "BUNDLE_LIMIT",
    "ENTRY_LIMIT",
    "TILE_WIDTH",
    "TilePath",
    "bundles_for",
    "decode_entries",
    "decode_tile",
    "encode_entries",
    "entries_path",
    "grow_tiles",
    "node_reader",
    "parse_path",
    "tile_path",
    "tiles_for",
]

TILE_WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""
ENTRY_LIMIT = 65_535
"""Largest entry, in bytes: its length stands in two."""
BUNDLE_LIMIT = TILE_WIDTH * (2 + ENTRY_LIMIT)
"""Largest bundle, in bytes."""
_HEIGHT = 8

_PATH = re.compile(
    r"tile/(?P<level>entries|[0-7])/(?P<n>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, order=True)
class TilePath:
    """A tile or a bundle.

    Attributes:
        level: 0 to 7, or -1 for an entry bundle.
        n: Index in the level.
        width: Hashes or entries in it, 1 to 256.
    """

    level: int
    n: int
    width: int

    @property
    def path(self) -> str:
        """The path that c2sp.org/tlog-tiles gives it."""
        return entries_path(self.n, self.width) if self.level < 0 else tile_path(self.level, self.n, self.width)

    @property
    def start(self) -> int:
        """First leaf below it."""
        return self.n << _HEIGHT * (max(self.level, 0) + 1)

    @property
    def end(self) -> int:
        """Leaf after the last one below what it holds."""
        return self.start + (self.width << _HEIGHT * max(self.level, 0))


def _index_path(n: int) -> str:
    text = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        text = f"x{n % 1000:03d}/{text}"
    return text


def _with_width(path: str, width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedError(_("tile: a width is 1 to {limit}, not {width}").format(limit=TILE_WIDTH, width=width))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def tile_path(level: int, n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a hash tile, such as ``tile/0/x001/x234/067.p/5``."""
    return _with_width(f"tile/{level}/{_index_path(n)}", width)


def entries_path(n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle, such as ``tile/entries/000.p/7``."""
    return _with_width(f"tile/entries/{_index_path(n)}", width)


def parse_path(path: str) -> TilePath:
    """Read a path; only the one spelling that ``tile_path`` and ``entries_path`` write is accepted.

    Raises:
        MalformedError: Not a path of a tile or a bundle.
    """
    found = _PATH.fullmatch(path)
    if found is not None:
        level = -1 if found["level"] == "entries" else int(found["level"])
        width = int(found["width"] or TILE_WIDTH)
        tile = TilePath(level, int(re.sub(r"[x/]", "", found["n"])), width)
        if width <= TILE_WIDTH and tile.path == path:
            return tile
    raise MalformedError(_("'{path}' is not the path of a tile").format(path=path[:80]))


def _widths(count: int, old: int) -> Iterator[tuple[int, int]]:
    """Yield index and width of what ``count`` items fill, leaving out what ``old`` items had filled the same way."""
    for n in range(old // TILE_WIDTH, -(-count // TILE_WIDTH)):
        width = min(TILE_WIDTH, count - n * TILE_WIDTH)
        if n * TILE_WIDTH + width > old:
            yield n, width


def bundles_for(size: int, old: int = 0) -> Iterator[TilePath]:
    """Yield the entry bundles of a tree of ``size`` that a tree of ``old`` did not have."""
    for n, width in _widths(size, old):
        yield TilePath(-1, n, width)


def tiles_for(size: int, old: int = 0) -> Iterator[TilePath]:
    """Yield the hash tiles of a tree of ``size`` that a tree of ``old`` did not have, level by level."""
    level = 0
    while size:
        for n, width in _widths(size, old):
            yield TilePath(level, n, width)
        size, old, level = size // TILE_WIDTH, old // TILE_WIDTH, level + 1


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Pack 1 to 256 entries into a bundle.

    Raises:
        MalformedError: An entry is larger than ``ENTRY_LIMIT`` or the number does not fit.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedError(_("entry bundle: holds 1 to {limit} entries").format(limit=TILE_WIDTH))
    for entry in entries:
        if len(entry) > ENTRY_LIMIT:
            raise MalformedError(_("log entry: larger than {limit} bytes").format(limit=ENTRY_LIMIT))
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_entries(data: bytes, count: int) -> list[bytes]:
    """Unpack a bundle of exactly ``count`` entries.

    Raises:
        MalformedError: Too large, cut off, or bytes are left over.
    """
    if len(data) > BUNDLE_LIMIT:
        raise MalformedError(_("entry bundle: larger than {limit} bytes").format(limit=BUNDLE_LIMIT))
    entries: list[bytes] = []
    at = 0
    for number in range(count):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise MalformedError(
                _("entry bundle: cut off in entry {number} of {count}").format(number=number + 1, count=count)
            )
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data):
        raise MalformedError(
            _("entry bundle: {extra} bytes after the last of {count} entries").format(extra=len(data) - at, count=count)
        )
    return entries


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """Cut a tile into its ``width`` hashes.

    Raises:
        MalformedError: Not exactly that many.
    """
    if len(data) != width * HASH_SIZE:
        raise MalformedError(
            _("hash tile: {found} bytes where {width} hashes of 32 belong").format(found=len(data), width=width)
        )
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def grow_tiles(
    old: int, leaves: Sequence[bytes], read: Callable[[TilePath], Sequence[bytes]]
) -> Iterator[tuple[TilePath, bytes]]:
    """Make the hash tiles that a tree needs after more leaves, level by level.

    Args:
        old: Size of the tree so far.
        leaves: Hashes of the leaves that come after.
        read: Gives the hashes of a partial tile of the tree so far: asked once a level at most.

    Yields:
        Each new or wider tile with its bytes; partial ones only for the final size.
    """
    level, size, fresh = 0, old, list(leaves)
    while fresh:
        first, kept = divmod(size, TILE_WIDTH)
        row = [*(read(TilePath(level, first, kept)) if kept else ()), *fresh]
        chunks = [row[at : at + TILE_WIDTH] for at in range(0, len(row), TILE_WIDTH)]
        for n, chunk in enumerate(chunks, first):
            yield TilePath(level, n, len(chunk)), b"".join(chunk)
        fresh = [root_of(chunk) for chunk in chunks if len(chunk) == TILE_WIDTH]
        size, level = first, level + 1


def node_reader(tiles: Callable[[int, int], Sequence[bytes]]) -> NodeReader:
    """Read subtree hashes out of tiles.

    Args:
        tiles: ``tiles(level, n)`` gives the hashes of that tile, as many as it has.
    """

    def read(level: int, n: int) -> bytes:
        tile_level, above = divmod(level, _HEIGHT)
        first = n << above
        hashes = list(tiles(tile_level, first // TILE_WIDTH)[first % TILE_WIDTH : first % TILE_WIDTH + (1 << above)])
        if len(hashes) != 1 << above:
            raise MalformedError(_("hash tile: level {level} is narrower than the tree").format(level=tile_level))
        while len(hashes) > 1:
            hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
        return hashes[0]

    return read
