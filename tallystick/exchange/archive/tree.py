"""Which files a new head of a log asks for, and which ones it makes needless."""

from collections.abc import Mapping, Sequence

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.exchange.formats.merkle import leaf_hash, range_root
from tallystick.exchange.formats.tiles import (
    TILE_WIDTH,
    TilePath,
    bundles_for,
    decode_tile,
    encode_entries,
    grow_tiles,
    node_reader,
    tiles_for,
)
from tallystick.exchange.log.static import StaticReader
from tallystick.exchange.verify.logview import LogView

__all__ = ["files_for", "remove_partial"]


def files_for(reader: StaticReader, before: LogView, view: LogView, entries: Sequence[bytes]) -> Mapping[str, bytes]:
    """Return the bundles and tiles that a log has at ``view`` and had not at ``before``, by path.

    What they are built upon is read from disk and bound to the two verified views: the last bundle by the leaf
    hashes of ``before``, the hash tiles by the root of ``view``. So no checkpoint ever stands over tiles that do
    not lead to it.

    Args:
        reader: The log as it lies there.
        before: The view that was accepted last.
        view: The view to be accepted.
        entries: All entries between the two.

    Raises:
        StoreError: What lies there is not what was verified when it was written.
    """
    first = before.size - before.size % TILE_WIDTH
    pending = [*reader.entries(first, before.size), *entries]
    if [leaf_hash(entry) for entry in pending[: before.size - first]] != list(before.tail):
        raise _damaged(reader)
    leaves = [leaf_hash(entry) for entry in entries]
    files = {
        bundle.path: encode_entries(pending[bundle.start - first : bundle.start - first + bundle.width])
        for bundle in bundles_for(view.size, before.size)
    }
    files |= {tile.path: data for tile, data in grow_tiles(before.size, leaves, reader.hashes)}
    if entries and _root(reader, view.size, files) != view.root:
        raise _damaged(reader)
    return files


def _root(reader: StaticReader, size: int, files: Mapping[str, bytes]) -> bytes:
    """Return the root that the tiles lead to, new ones from ``files``, the others from disk."""
    present = {(tile.level, tile.n): tile for tile in tiles_for(size)}

    def tiles(level: int, n: int) -> Sequence[bytes]:
        tile = present[level, n]
        data = files.get(tile.path)
        return decode_tile(data, tile.width) if data is not None else reader.hashes(tile)

    return range_root(node_reader(tiles), 0, size)


def remove_partial(reader: StaticReader, before: LogView, view: LogView) -> None:
    """Remove partial tiles of smaller trees, where ``view`` has a wider or a full one."""
    for tile in (*bundles_for(view.size, before.size), *tiles_for(view.size, before.size)):
        folder = reader.root / f"{TilePath(tile.level, tile.n, TILE_WIDTH).path}.p"
        if not folder.is_dir():
            continue
        for path in folder.iterdir():
            if path.name != str(tile.width):
                path.unlink()
        if tile.width == TILE_WIDTH:
            folder.rmdir()


def _damaged(reader: StaticReader) -> StoreError:
    return StoreError(
        _("{path}: its files are not those that were verified when they were written").format(path=reader.root),
        hint=_("move that folder and the index away and pull that state again"),
    )
