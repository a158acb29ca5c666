"""Every tile and every bundle that is used is authenticated, also the parts that one could do without.

The Go team's reader of tiles passed over up to two of them (CVE-2026-56865). Here nothing is sampled: all leaf
hashes are recomputed from all entries, the root must be the signed one, and each file given must be exactly what
follows from these leaves.
"""

from collections.abc import Mapping, Sequence

from tallystick.config.errors import BadProofError, MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint
from tallystick.exchange.formats.merkle import leaf_hash, root_of
from tallystick.exchange.formats.tiles import (
    TILE_WIDTH,
    TilePath,
    bundles_for,
    decode_entries,
    decode_tile,
    encode_entries,
    parse_path,
    tiles_for,
)
from tallystick.exchange.verify.logview import LogView

__all__ = ["check_log_files", "check_tiles", "new_entries"]


def _must(files: Mapping[str, bytes], path: str) -> bytes:
    found = files.get(path)
    if found is None:
        raise BadProofError(_("{path} is missing").format(path=path))
    return found


def _tile_hashes(tile: TilePath, levels: list[list[bytes]]) -> list[bytes]:
    """Return what a tile must hold; ``levels`` grows upwards by need."""
    while len(levels) <= tile.level:
        below = levels[-1]
        full = range(0, len(below) - len(below) % TILE_WIDTH, TILE_WIDTH)
        levels.append([root_of(below[at : at + TILE_WIDTH]) for at in full])
    first = tile.n * TILE_WIDTH
    return levels[tile.level][first : first + tile.width]


def check_tiles(tiles: Mapping[str, bytes], leaves: Sequence[bytes]) -> None:
    """Check that every hash tile given is what the leaf hashes make it (c2sp.org/tlog-tiles, "Merkle Tree").

    Args:
        tiles: Bytes by path; full ones, and partial ones of this or any smaller tree.
        leaves: All leaf hashes of the tree, already bound to a signed root.

    Raises:
        BadProofError: A tile is not what it must be, or reaches beyond the tree; names it.
        MalformedError: Not the path of a hash tile.
    """
    levels = [list(leaves)]
    for path, data in sorted(tiles.items()):
        tile = parse_path(path)
        if tile.level < 0:
            raise MalformedError(_("{path} is not a hash tile").format(path=path))
        wanted = _tile_hashes(tile, levels)
        if len(wanted) != tile.width:
            raise BadProofError(_("{path} reaches beyond the signed tree").format(path=path))
        if decode_tile(data, tile.width) != wanted:
            raise BadProofError(_("{path} does not hold the hashes of its entries").format(path=path))


def check_log_files(checkpoint: Checkpoint, files: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """Check a whole log as files: the shape in which packs, archives and mirrors hold it.

    1. The entry bundles of the signed size are all there and decode exactly (tlog-tiles, "Log entries").
    2. Their leaf hashes lead to the signed root (RFC 6962, 2.1).
    3. The hash tiles of the signed size are all there, so that others' tools can use the log.
    4. Every file given, partial ones of earlier sizes included, is exactly what follows from these entries; there is
       no file of another kind.

    Args:
        checkpoint: A verified head.
        files: Bytes by path below the log's prefix: ``tile/...`` only.

    Returns:
        All entries in order.

    Raises:
        BadProofError: A file is missing, or is not what the signed root asks for; names it.
        MalformedError: A path or a bundle that is none.
    """
    entries: list[bytes] = []
    for bundle in bundles_for(checkpoint.size):
        entries += decode_entries(_must(files, bundle.path), bundle.width)
    leaves = [leaf_hash(entry) for entry in entries]
    if root_of(leaves) != checkpoint.root:
        raise BadProofError(
            _("{origin}: the entries do not lead to the root signed for size {size}").format(
                origin=checkpoint.origin, size=checkpoint.size
            ),
            hint=_("at least one bundle of entries was changed"),
        )
    for tile in tiles_for(checkpoint.size):
        _must(files, tile.path)
    check_tiles({path: data for path, data in files.items() if parse_path(path).level >= 0}, leaves)
    for path, data in files.items():
        _check_bundle(path, data, entries)
    return tuple(entries)


def _check_bundle(path: str, data: bytes, entries: Sequence[bytes]) -> None:
    bundle = parse_path(path)
    if bundle.level >= 0:
        return
    wanted = entries[bundle.start : bundle.start + bundle.width]
    if len(wanted) != bundle.width:
        raise BadProofError(_("{path} reaches beyond the signed tree").format(path=path))
    if encode_entries(wanted) != data:
        raise BadProofError(_("{path} does not hold the entries of the signed tree").format(path=path))


def new_entries(view: LogView, size: int, bundles: Mapping[str, bytes]) -> list[bytes]:
    """Take the entries from a view's size up to ``size`` out of delivered bundles.

    The first bundle may repeat entries that were seen before: these are compared with the view's own leaf hashes,
    so that no byte of a bundle goes unchecked. The rest is bound to the signed root by ``logview.advance``.

    Args:
        view: What was seen.
        size: Entries of the newer head.
        bundles: Bytes by path: exactly those that ``bundles_for(size, view.size)`` names.

    Raises:
        BadProofError: A bundle is missing, or repeats the past otherwise than it was.
        MalformedError: A bundle does not decode.
    """
    entries: list[bytes] = []
    for bundle in bundles_for(size, view.size):
        found = decode_entries(_must(bundles, bundle.path), bundle.width)
        seen = max(view.size - bundle.start, 0)
        if [leaf_hash(entry) for entry in found[:seen]] != list(view.tail[:seen]):
            raise BadProofError(
                _("{origin}: {path} tells the entries seen before otherwise").format(
                    origin=view.origin, path=bundle.path
                )
            )
        entries += found[seen:]
    return entries
