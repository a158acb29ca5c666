"""Reading a log that lies in a folder as static files (c2sp.org/tlog-tiles).

Whoever reads its own disk may believe it; what came from somebody else goes through ``verify.logfiles`` first, which
takes the same files.
"""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint
from tallystick.exchange.formats.merkle import HASH_SIZE, NodeReader, consistency_proof, inclusion_proof
from tallystick.exchange.formats.note import NOTE_LIMIT
from tallystick.exchange.formats.tiles import (
    BUNDLE_LIMIT,
    TILE_WIDTH,
    TilePath,
    bundles_for,
    decode_entries,
    decode_tile,
    node_reader,
    parse_path,
)

__all__ = ["StaticReader"]

_CC = re.compile(r"[a-z]{3}")


class StaticReader:
    """One state's log below a folder: ``<folder>/<cc>/checkpoint`` and ``<folder>/<cc>/tile/...``.

    Args:
        folder: Root of the static tree.
        cc: Alpha-3 code in lower case.
    """

    def __init__(self, folder: Path, cc: str) -> None:
        if not _CC.fullmatch(cc):
            raise MalformedError(_("'{cc}' is not an alpha-3 code in lower case").format(cc=cc[:10]))
        self.root = folder / cc
        self.cc = cc

    def checkpoint(self) -> bytes | None:
        """Return the newest checkpoint, verbatim; None before the first."""
        path = self.root / "checkpoint"
        return read_bounded(path, NOTE_LIMIT) if os.path.lexists(path) else None

    def head(self) -> Checkpoint | None:
        """Return what the newest checkpoint says, unverified; None before the first."""
        data = self.checkpoint()
        return None if data is None else parse_checkpoint(data)[0]

    @property
    def size(self) -> int:
        """Entries under the newest checkpoint."""
        head = self.head()
        return 0 if head is None else head.size

    def _read(self, tile: TilePath) -> tuple[bytes, int]:
        """Read a tile, or a wider one that begins with it; return its bytes and its width.

        Batches leave no partial tile of a width in their middle, and partial tiles go when the full one is there.
        """
        limit = BUNDLE_LIMIT if tile.level < 0 else TILE_WIDTH * HASH_SIZE
        path = self.root / tile.path
        if tile.width < TILE_WIDTH and not os.path.lexists(path):
            names = [found.name for found in path.parent.iterdir()] if path.parent.is_dir() else []
            widths = [int(name) for name in names if name.isascii() and name.isdigit() and int(name) > tile.width]
            tile = TilePath(tile.level, tile.n, min(widths, default=TILE_WIDTH))
            path = self.root / tile.path
        return read_bounded(path, limit), tile.width

    def hashes(self, tile: TilePath) -> list[bytes]:
        """Return the hashes of a tile, as many as its width says."""
        return decode_tile(*self._read(tile))[: tile.width]

    def bundle(self, tile: TilePath) -> list[bytes]:
        """Return the entries of a bundle, as many as its width says."""
        return decode_entries(*self._read(tile))[: tile.width]

    def entries(self, start: int, stop: int) -> list[bytes]:
        """Return the entries from ``start`` up to but not including ``stop``.

        Raises:
            StoreError: They are not all there.
        """
        found: list[bytes] = []
        first = start - start % TILE_WIDTH
        for bundle in bundles_for(stop, first) if start < stop else ():
            found += self.bundle(bundle)
        return found[start - first :]

    def leaf_hashes(self, size: int) -> list[bytes]:
        """Return all leaf hashes of the tree of ``size``, from the level 0 tiles."""
        return [one for bundle in bundles_for(size) for one in self.hashes(TilePath(0, bundle.n, bundle.width))]

    def nodes(self, size: int) -> NodeReader:
        """Return a reader of subtree hashes of the tree of ``size``; each tile is read once."""

        @lru_cache(maxsize=256)
        def tiles(level: int, n: int) -> list[bytes]:
            return self.hashes(TilePath(level, n, min(TILE_WIDTH, (size >> 8 * level) - n * TILE_WIDTH)))

        return node_reader(tiles)

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove an entry in the tree of ``size`` (default: the newest checkpoint's).

        Raises:
            BadProofError: There is no such entry in that tree.
        """
        size = self.size if size is None else size
        return inclusion_proof(self.nodes(size), index, size)

    def consistency(self, old: int, size: int | None = None) -> tuple[bytes, ...]:
        """Prove that the tree of ``old`` is a prefix of the tree of ``size`` (default: the newest checkpoint's)."""
        size = self.size if size is None else size
        return consistency_proof(self.nodes(size), old, size)

    def paths(self) -> Iterator[str]:
        """Yield the paths of all tiles and bundles that lie there, sorted.

        Raises:
            StoreError: Something lies there that is neither; half-written files of the writer are passed over.
        """
        for path in sorted((self.root / "tile").rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            if path.name.startswith(".") and path.name.endswith(".tmp"):
                continue
            name = path.relative_to(self.root).as_posix()
            try:
                parse_path(name)
            except MalformedError as error:
                raise StoreError(_("{folder}: {what}").format(folder=self.root, what=error.message)) from None
            yield name

    def files(self) -> dict[str, bytes]:
        """Return all tiles and bundles by path, in the shape that ``verify.logfiles.check_log_files`` takes."""
        return {name: read_bounded(self.root / name, BUNDLE_LIMIT) for name in self.paths()}
