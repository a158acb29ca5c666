"""Tiles and bundles: the paths and bytes of c2sp.org/tlog-tiles, and nothing that only looks like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    range_root,
    root_of,
)
from tallystick.exchange.formats.tiles import (
    BUNDLE_LIMIT,
    ENTRY_LIMIT,
    TILE_WIDTH,
    TilePath,
    bundles_for,
    decode_entries,
    decode_tile,
    encode_entries,
    entries_path,
    grow_tiles,
    node_reader,
    parse_path,
    tile_path,
    tiles_for,
)


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 0, 17) == "tile/1/000.p/17"
    assert entries_path(5) == "tile/entries/005"
    assert entries_path(1000, 1) == "tile/entries/x001/000.p/1"


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    tiles = list(tiles_for(70_000))
    by_level = {level: [tile.width for tile in tiles if tile.level == level] for level in (0, 1, 2)}
    assert by_level == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert [tile.path for tile in tiles_for(256)] == ["tile/0/000", "tile/1/000.p/1"]


@given(st.integers(0, 2**48), st.integers(-1, 7), st.integers(1, 256))
def test_every_path_reads_back(n: int, level: int, width: int) -> None:
    tile = TilePath(level, n, width)
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/07",
        "tile/0/000.p/",
        "tile/0/001/234",
        "tile/entries/000.p/1/",
        "tile/Entries/000",
        "/tile/0/000",
        "tile/0/../0/000",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "checkpoint",
        "",
    ],
)
def test_another_spelling_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(MalformedError, match="not the path of a tile"):
        parse_path(path)


@pytest.mark.parametrize("width", [0, 257, -1])
def test_a_width_outside_a_tile_is_refused(width: int) -> None:
    with pytest.raises(MalformedError, match="width"):
        tile_path(0, 0, width)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=TILE_WIDTH))
def test_entries_of_any_bytes_read_back(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries), len(entries)) == entries


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=9), st.integers(1, 9), st.integers(1, 60))
def test_a_bundle_cut_or_counted_otherwise_is_refused(entries: list[bytes], count: int, cut: int) -> None:
    data = encode_entries(entries)
    with pytest.raises(MalformedError, match="entry bundle"):
        decode_entries(data[:-cut], len(entries))
    if count != len(entries):
        with pytest.raises(MalformedError, match="entry bundle"):
            decode_entries(data, count)


def test_limits_are_kept() -> None:
    largest = bytes(ENTRY_LIMIT)
    assert decode_entries(encode_entries([largest] * TILE_WIDTH), TILE_WIDTH) == [largest] * TILE_WIDTH
    with pytest.raises(MalformedError, match="65535 bytes"):
        encode_entries([largest + b"x"])
    with pytest.raises(MalformedError, match="1 to 256"):
        encode_entries([])
    with pytest.raises(MalformedError, match="1 to 256"):
        encode_entries([b""] * 257)
    with pytest.raises(MalformedError, match=str(BUNDLE_LIMIT)):
        decode_entries(bytes(BUNDLE_LIMIT + 1), TILE_WIDTH)


@pytest.mark.parametrize("size", [0, 31, 33, 63, 65])
def test_a_hash_tile_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="2 hashes"):
        decode_tile(bytes(size), 2)


def grown(batches: list[int]) -> tuple[list[bytes], dict[TilePath, bytes]]:
    """Grow a tree batch by batch; return its leaves and every tile ever written."""
    leaves: list[bytes] = []
    tiles: dict[TilePath, bytes] = {}

    def read(tile: TilePath) -> list[bytes]:
        return decode_tile(tiles[tile], tile.width)

    for batch in batches:
        fresh = [leaf_hash(str(len(leaves) + at).encode()) for at in range(batch)]
        tiles.update(grow_tiles(len(leaves), fresh, read))
        leaves += fresh
    return leaves, tiles


@given(st.lists(st.sampled_from([0, 1, 2, 5, 100, 255, 256, 257, 600]), min_size=1, max_size=6))
def test_growing_by_batches_gives_the_tiles_that_the_size_asks_for(batches: list[int]) -> None:
    leaves, tiles = grown(batches)
    size = len(leaves)
    for tile in tiles_for(size):
        span = 1 << 8 * tile.level
        wanted = [root_of(leaves[at : at + span]) for at in range(tile.start, tile.end, span)]
        assert decode_tile(tiles[tile], tile.width) == wanted
    assert {tile for tile in tiles if tile.end > size} == set()


def test_new_tiles_are_those_that_an_older_tree_did_not_have() -> None:
    assert {*tiles_for(600)} - {*tiles_for(300)} == {*tiles_for(600, 300)}
    assert [bundle.path for bundle in bundles_for(513, 255)] == [
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/1",
    ]
    assert list(bundles_for(300, 300)) == []


def test_proofs_from_tiles_are_those_from_all_leaves() -> None:
    leaves, tiles = grown([70_000])
    by_place = {(tile.level, tile.n): decode_tile(data, tile.width) for tile, data in tiles.items()}
    nodes = node_reader(lambda level, n: by_place[level, n])
    everything = nodes_of(leaves)
    assert range_root(nodes, 0, len(leaves)) == root_of(leaves)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        assert inclusion_proof(nodes, index, 70_000) == inclusion_proof(everything, index, 70_000)
    for old in (1, 256, 65_536, 66_000, 69_999):
        assert consistency_proof(nodes, old, 70_000) == consistency_proof(everything, old, 70_000)


def test_a_tile_narrower_than_the_tree_is_noticed() -> None:
    with pytest.raises(MalformedError, match="narrower"):
        node_reader(lambda _level, _n: [bytes(32)])(0, 1)
