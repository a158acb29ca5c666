"""The road of the stick: links, pipes and huge files planted in a folder that somebody else wrote."""

import os
from pathlib import Path

import pytest

from tallystick.config.errors import PeerError, UsageError
from tallystick.exchange.pull import check_url, open_source, pull_peer
from tests.support.sources import Store
from tests.support.wire import NOW, Wire


@pytest.fixture
def wire() -> Wire:
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 2)
    return wire


def pull(tree: Path, store: Store) -> list[object]:
    steps = []
    source = open_source(tree.as_uri(), cc="kaz", tls=None)
    for step in pull_peer(source, "kaz", store.known, at=NOW):
        store.keep(step)
        steps.append(step)
    source.close()
    return steps


def test_a_whole_pull_from_a_stick_differs(wire: Wire, tmp_path: Path) -> None:
    tree, store = wire.tree(tmp_path / "a stick", "KAZ"), Store.empty(wire, "KAZ")
    pull(tree, store)
    assert store.entries == wire.federation.state("KAZ").entries
    assert pull(tree, store) == []
    files = wire.ceremony.indexed(wire.ceremony.new_page(wire.roster_files, "KGZ", at=NOW))
    wire.adopt(files)
    wire.tree(tree, "KAZ")
    (step,) = pull(tree, store)
    assert step.result.changed


@pytest.mark.parametrize("name", ["kaz/checkpoint", "kaz/tile/entries/000.p/2", "roster/metadata/timestamp.json"])
@pytest.mark.parametrize("trap", ["link", "pipe", "folder", "huge"])
def test_what_is_not_a_plain_file_is_read(wire: Wire, tmp_path: Path, name: str, trap: str) -> None:
    tree = wire.tree(tmp_path / "stick", "KAZ")
    path = tree / name
    real = tmp_path / "elsewhere"
    real.write_bytes(path.read_bytes())
    path.unlink()
    if trap == "link":
        path.symlink_to(real)
    elif trap == "pipe":
        os.mkfifo(path)
    elif trap == "folder":
        path.mkdir()
    else:
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    with pytest.raises(PeerError, match=r"not a regular file|cannot be read|larger than"):
        pull(tree, Store.empty(wire, "KAZ"))


@pytest.mark.parametrize("name", ["kaz", "kaz/tile", "roster/metadata"])
def test_a_link_in_the_middle_of_a_path_is_followed(wire: Wire, tmp_path: Path, name: str) -> None:
    tree = wire.tree(tmp_path / "stick", "KAZ")
    (tree / name).rename(tmp_path / "moved")
    (tree / name).symlink_to(tmp_path / "moved")
    with pytest.raises(PeerError, match="cannot be read"):
        pull(tree, Store.empty(wire, "KAZ"))


def test_a_stick_that_is_not_in_looks_like_an_empty_log(wire: Wire, tmp_path: Path) -> None:
    with pytest.raises(PeerError, match="is not there"):
        pull(tmp_path / "none", Store.empty(wire, "KAZ"))
    with pytest.raises(PeerError, match="holds nothing of KAZ"):
        pull(tmp_path, Store.empty(wire, "KAZ"))


def _index(snapshot: str) -> bytes:
    return b'{"signed":{"meta":{"snapshot.json":{"version":%s}}}}' % snapshot.encode()


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"{",
        b"[]",
        b'{"signed":[]}',
        b'{"signed":{"meta":7}}',
        *map(_index, ("true", "-1", "1e9", '"2"', "99999999999")),
        b"[" * 100_000,
    ],
)
def test_a_broken_index_breaks_more_than_the_pull(wire: Wire, tmp_path: Path, junk: bytes) -> None:
    tree = wire.tree(tmp_path / "stick", "KAZ")
    (tree / "roster/metadata/timestamp.json").write_bytes(junk)
    store = Store.empty(wire, "KAZ")
    if junk:
        with pytest.raises(PeerError, match="cannot be read"):
            pull(tree, store)
    else:
        pull(tree, store)
        assert len(store.entries) == 2


NO_PEER = """
 |kaz|http://host/|ftp://host/|grpcs://host|grpcs://host:1/path|grpcs://:1|grpcs://host:99999|grpcs://user:pass@host:1
|https://|https://host/a b|https://host/?q=1|https://host/#x|https://ho st/|file://host/path|file:relative|file:
|grpcs://host:port|https://host/%2e%2e/x|grpcs://-x:1|https://host/../x"""
PEERS = (
    "grpcs://kaz.example:7443|grpcs://[::1]:7443|https://kaz.example|https://k.example:8443/a/b-c_d/|file:///mnt/stick"
)


@pytest.mark.parametrize("url", [line.strip() for line in NO_PEER.split("|")])
def test_an_address_of_no_peer_is_taken(url: str) -> None:
    with pytest.raises(UsageError):
        check_url(url)


@pytest.mark.parametrize("url", PEERS.split("|"))
def test_an_address_of_a_peer_is_refused(url: str) -> None:
    assert check_url(url).scheme in {"grpcs", "https", "file"}
