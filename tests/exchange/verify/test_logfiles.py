"""Forge any one or any two files of a log: every tile and every bundle is authenticated (CVE-2026-56865)."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.config.errors import BadProofError, MalformedError, VerificationError
from tallystick.exchange.formats.checkpoint import Checkpoint
from tallystick.exchange.formats.merkle import leaf_hash, root_of
from tallystick.exchange.formats.tiles import (
    bundles_for,
    decode_tile,
    encode_entries,
    grow_tiles,
    parse_path,
    tiles_for,
)
from tallystick.exchange.verify.logfiles import check_log_files, check_tiles, new_entries
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tests.support.federation import Federation

KAZ = Federation.make(("KAZ",)).state("KAZ")
KEYS = KAZ.log_keys()
ENTRIES = [f"entry {number}".encode() for number in range(1100)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def head(size: int) -> Checkpoint:
    return Checkpoint(KAZ.origin, size, root_of(LEAVES[:size]))


def files_of(*sizes: int) -> dict[str, bytes]:
    """Return every file of a log that grew by these sizes, the older partial ones included."""
    files: dict[str, bytes] = {}
    old = 0
    for size in sizes:
        for bundle in bundles_for(size, old):
            files[bundle.path] = encode_entries(ENTRIES[bundle.start : bundle.start + bundle.width])
        for tile, data in grow_tiles(old, LEAVES[old:size], lambda tile: decode_tile(files[tile.path], tile.width)):
            files[tile.path] = data
        old = size
    return files


FILES = files_of(3, 255, 700, 1100)
HEAD = head(1100)


def forged(files: Mapping[str, bytes], *paths: str) -> dict[str, bytes]:
    """Change one bit in the middle of each of ``paths``, so that the file still has its right shape."""
    bent = dict(files)
    for path in paths:
        data = bytearray(bent[path])
        data[len(data) // 2 if parse_path(path).level >= 0 else 5] ^= 1
        bent[path] = bytes(data)
    return bent


def test_an_honest_log_gives_all_its_entries() -> None:
    assert list(check_log_files(HEAD, FILES)) == ENTRIES
    assert len(FILES) == 18


def test_an_empty_log_has_no_file() -> None:
    assert check_log_files(head(0), {}) == ()


@pytest.mark.parametrize("path", sorted(FILES))
def test_forging_any_one_file_is_noticed(path: str) -> None:
    with pytest.raises(BadProofError):
        check_log_files(HEAD, forged(FILES, path))


def test_forging_any_two_files_is_noticed() -> None:
    small = files_of(2, 5, 258, 300)
    pairs = list(itertools.combinations(sorted(small), 2))
    assert len(pairs) > 50
    unnoticed = []
    for pair in pairs:
        try:
            check_log_files(head(300), forged(small, *pair))
        except BadProofError:
            continue
        unnoticed.append(pair)
    assert unnoticed == []


def test_forging_any_two_files_of_the_large_log_is_noticed() -> None:
    for pair in itertools.combinations(sorted(FILES), 2):
        with pytest.raises(BadProofError):
            check_log_files(HEAD, forged(FILES, *pair))


def test_a_bundle_forged_together_with_its_own_tiles_is_noticed() -> None:
    """The forger recomputes every tile above a changed entry: only the signed root gives it away."""
    entries = [*ENTRIES]
    entries[300] = b"forged"
    leaves = [leaf_hash(entry) for entry in entries]
    files = {
        bundle.path: encode_entries(entries[bundle.start : bundle.start + bundle.width]) for bundle in bundles_for(1100)
    }
    files |= {tile.path: data for tile, data in grow_tiles(0, leaves, lambda _tile: [])}
    with pytest.raises(BadProofError, match="root signed for size 1100"):
        check_log_files(HEAD, files)


@pytest.mark.parametrize(
    "path", sorted({*(tile.path for tile in tiles_for(1100)), *(b.path for b in bundles_for(1100))})
)
def test_a_missing_file_is_named(path: str) -> None:
    with pytest.raises(BadProofError, match="missing"):
        check_log_files(HEAD, {name: data for name, data in FILES.items() if name != path})


def test_a_file_beyond_the_signed_tree_is_refused() -> None:
    larger = files_of(700, 1100)
    for path in ("tile/0/004.p/76", "tile/entries/004.p/76"):
        assert path in larger
        with pytest.raises(BadProofError, match="beyond"):
            check_log_files(head(700), files_of(700) | {path: larger[path]})


def test_a_file_of_another_kind_is_refused() -> None:
    with pytest.raises(MalformedError, match="not the path of a tile"):
        check_log_files(HEAD, FILES | {"tile/entries/readme": b""})


def test_a_tile_that_is_given_alone_is_checked_against_the_leaves() -> None:
    check_tiles({path: data for path, data in FILES.items() if parse_path(path).level >= 0}, LEAVES)
    with pytest.raises(MalformedError, match="not a hash tile"):
        check_tiles({"tile/entries/000": b""}, LEAVES)


@given(st.sampled_from(sorted(FILES)), st.data())
def test_any_change_to_any_file_is_refused(path: str, data: st.DataObject) -> None:
    original = FILES[path]
    bent = data.draw(
        st.one_of(
            st.tuples(st.integers(0, len(original) - 1), st.integers(1, 255)).map(
                lambda flip: original[: flip[0]] + bytes([original[flip[0]] ^ flip[1]]) + original[flip[0] + 1 :]
            ),
            st.integers(0, len(original) - 1).map(lambda cut: original[:cut]),
            st.binary(min_size=1, max_size=40).map(lambda extra: original + extra),
        )
    )
    with pytest.raises(VerificationError):
        check_log_files(HEAD, FILES | {path: bent})


def view_at(size: int) -> LogView:
    return advance(empty_view(KAZ.origin), KAZ.sign(head(size)), ENTRIES[:size], KEYS)


BUNDLES = {bundle.path: FILES[bundle.path] for bundle in bundles_for(1100, 255)}


def pulled(view: LogView, bundles: Mapping[str, bytes]) -> LogView:
    return advance(view, KAZ.sign(HEAD), new_entries(view, 1100, bundles), KEYS)


def test_a_pull_takes_the_new_entries_out_of_bundles_that_repeat_old_ones() -> None:
    assert new_entries(view_at(255), 1100, BUNDLES) == ENTRIES[255:]
    assert pulled(view_at(255), BUNDLES).size == 1100
    assert new_entries(view_at(1100), 1100, {}) == []


def test_a_pull_notices_any_one_and_any_two_forged_bundles() -> None:
    """The first bundle is forged in an entry that was seen before and is not used: noticed all the same."""
    view = view_at(255)
    for paths in [*itertools.combinations(BUNDLES, 1), *itertools.combinations(BUNDLES, 2)]:
        with pytest.raises(BadProofError):
            pulled(view, forged(BUNDLES, *paths))


def test_a_pull_that_lacks_a_bundle_is_refused() -> None:
    for path in BUNDLES:
        with pytest.raises(BadProofError, match="missing"):
            pulled(view_at(255), {name: data for name, data in BUNDLES.items() if name != path})
