"""One state's part of the static tree on disk: reading it back, and which files a new head asks for."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.formats.merkle import leaf_hash, range_root, root_of
from tallystick.exchange.formats.tiles import (
    BUNDLE_LIMIT,
    TILE_WIDTH,
    TilePath,
    bundles_for,
    decode_entries,
    decode_tile,
    encode_entries,
    node_reader,
    tiles_for,
)
from tallystick.exchange.formats.tree import CHECKPOINT_LIMIT
from tallystick.exchange.verify.logview import LogView

__all__ = ["LogTree"]

_TILE_LIMIT = TILE_WIDTH * 32


class LogTree:
    """A folder that holds one log as static files.

    Args:
        folder: ``<tree>/<cc>``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def checkpoint(self) -> bytes | None:
        """Return the newest signed head, None where there is none."""
        path = self._folder / "checkpoint"
        return read_bounded(path, CHECKPOINT_LIMIT) if path.exists() else None

    def entries(self, size: int) -> list[bytes]:
        """Return the first ``size`` entries as they lie there; the caller binds them to a signed root."""
        found: list[bytes] = []
        for bundle in bundles_for(size):
            found += decode_entries(read_bounded(self._folder / bundle.path, BUNDLE_LIMIT), bundle.width)
        return found

    def files_for(self, before: LogView, view: LogView, entries: Sequence[bytes]) -> Mapping[str, bytes]:
        """Return the bundles and tiles that a log has at ``view`` and had not at ``before``, by path.

        What they are built upon is read from disk, and all of it is bound to the two verified views: a bundle by
        the leaf hashes of ``before``, the upper tiles by the root of ``view``.

        Raises:
            StoreError: What lies there is not what was verified once.
        """
        old = self._partial_bundle(before) + list(entries)
        first = before.size - before.size % TILE_WIDTH
        levels = [list(before.tail) + [leaf_hash(entry) for entry in entries]]
        starts, size, seen = [first // TILE_WIDTH], view.size, before.size
        while size >= TILE_WIDTH:
            below = levels[-1]
            full = [root_of(below[at : at + TILE_WIDTH]) for at in range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)]
            size, seen = size // TILE_WIDTH, seen // TILE_WIDTH
            starts.append(seen // TILE_WIDTH)
            levels.append(self._partial_tile(len(levels), seen) + full)
        files = {
            bundle.path: encode_entries(old[bundle.start - first : bundle.start - first + bundle.width])
            for bundle in bundles_for(view.size, before.size)
        }
        for tile in tiles_for(view.size, before.size):
            at = (tile.n - starts[tile.level]) * TILE_WIDTH
            files[tile.path] = b"".join(levels[tile.level][at : at + tile.width])
        self._check_root(view, files)
        return files

    def remove_partial(self, before: LogView, view: LogView) -> None:
        """Remove partial tiles of smaller trees, where ``view`` has a wider or a full one."""
        needed = {tile.path for tile in (*bundles_for(view.size), *tiles_for(view.size))}
        for tile in (*bundles_for(view.size, before.size), *tiles_for(view.size, before.size)):
            whole = TilePath(tile.level, tile.n, TILE_WIDTH).path
            folder = self._folder / f"{whole}.p"
            if not folder.is_dir():
                continue
            for path in folder.iterdir():
                if f"{whole}.p/{path.name}" not in needed:
                    path.unlink()
            if tile.width == TILE_WIDTH:
                folder.rmdir()

    def _partial_bundle(self, view: LogView) -> list[bytes]:
        width = view.size % TILE_WIDTH
        if not width:
            return []
        path = TilePath(-1, view.size // TILE_WIDTH, width).path
        found = decode_entries(read_bounded(self._folder / path, BUNDLE_LIMIT), width)
        if [leaf_hash(entry) for entry in found] != list(view.tail):
            raise self._damaged(path)
        return found

    def _partial_tile(self, level: int, seen: int) -> list[bytes]:
        width = seen % TILE_WIDTH
        if not width:
            return []
        path = TilePath(level, seen // TILE_WIDTH, width).path
        return decode_tile(read_bounded(self._folder / path, _TILE_LIMIT), width)

    def _check_root(self, view: LogView, files: Mapping[str, bytes]) -> None:
        """Never let a checkpoint stand over tiles that do not lead to it."""
        widths = {(tile.level, tile.n): tile for tile in tiles_for(view.size)}

        def tiles(level: int, n: int) -> Sequence[bytes]:
            tile = widths[level, n]
            data = files.get(tile.path)
            return decode_tile(data or read_bounded(self._folder / tile.path, _TILE_LIMIT), tile.width)

        if view.size and range_root(node_reader(tiles), 0, view.size) != view.root:
            raise self._damaged("tile")

    def _damaged(self, path: str) -> StoreError:
        return StoreError(
            _("{path} is not what was verified when it was written").format(path=os.path.join(self._folder, path)),  # noqa: PTH118 - text
            hint=_("remove {folder} and pull that state again").format(folder=self._folder),
        )
