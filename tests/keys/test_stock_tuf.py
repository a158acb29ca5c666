"""A roster folder stays a TUF repository: clients that are not ours read every node, and refuse what we refuse.

They know no reference time, so this federation is made now.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError

from tallystick.config.catalogue import load_shipped
from tallystick.config.errors import BadSignatureError
from tallystick.keys.merge import merge
from tallystick.keys.roster import load_roster
from tests.support.rosters import NINE, Ceremony, Files, only_signed_by
from tests.support.stock_tuf import install_tuf_js, read_with_python_tuf, read_with_tuf_js, serving, write

NOW = datetime.now(UTC)
STATES = [code.lower() for code in NINE]
GENESIS = "metadata/1.root.json"


@cache
def federation() -> Ceremony:
    """Nine states; one member and its state sign with P-256 tokens."""
    return Ceremony.make(at=NOW, algorithm=lambda code: "ecdsa-p256" if code == "TUR" else "ed25519")


@cache
def nodes() -> tuple[Files, Files, Files]:
    """Two nodes that saw different rotations, and what both come to."""
    ceremony = federation()
    kaz = ceremony.indexed(ceremony.new_page(ceremony.files, "KAZ", at=NOW))
    tur = ceremony.indexed(ceremony.new_page(ceremony.files, "TUR", at=NOW))
    return kaz, tur, merge(kaz, tur, at=NOW).files


@cache
def admission(signatures: int) -> Files:
    """A second version of the targets, signed by so many of seven."""
    ceremony = federation()
    files = ceremony.new_targets(ceremony.files, lambda page: page)
    indexed = ceremony.indexed(files)
    return only_signed_by(indexed, "metadata/2.targets.json", signatures)


@pytest.mark.parametrize("node", [0, 1, 2])
def test_python_tuf_reads_every_node(tmp_path: Path, node: int) -> None:
    with serving(write(tmp_path / "node", nodes()[node])) as url:
        catalogue = read_with_python_tuf(url, tmp_path / "cache", federation().files[GENESIS], STATES)
    assert catalogue == load_shipped().to_bytes()


def test_a_stock_client_of_one_node_follows_it_through_the_merge(tmp_path: Path) -> None:
    genesis, tree = federation().files[GENESIS], tmp_path / "node"
    with serving(write(tree, nodes()[0])) as url:
        read_with_python_tuf(url, tmp_path / "cache", genesis, STATES)
        write(tree, nodes()[2])
        read_with_python_tuf(url, tmp_path / "cache", genesis, STATES)
    assert (tmp_path / "cache" / "tur.json").read_bytes() == nodes()[2]["metadata/2.tur.json"]


def test_a_stock_client_refuses_what_a_stolen_serving_key_can_do(tmp_path: Path) -> None:
    """Everybody has the serving key; the worst that comes of it is a page that does not verify."""
    forged = nodes()[0] | {"metadata/2.kaz.json": nodes()[0]["metadata/2.kaz.json"].replace(b"KAZ", b"KGZ")}
    with serving(write(tmp_path / "node", forged)) as url, pytest.raises(RepositoryError):
        read_with_python_tuf(url, tmp_path / "cache", federation().files[GENESIS], ["kaz"])


def test_four_of_seven_are_refused_by_ours_and_by_python_tuf(tmp_path: Path) -> None:
    ceremony = federation()
    with pytest.raises(BadSignatureError):
        load_roster(admission(4), anchor=ceremony.anchor, at=NOW)
    with serving(write(tmp_path / "four", admission(4))) as url, pytest.raises(UnsignedMetadataError, match="4/5"):
        read_with_python_tuf(url, tmp_path / "cache-4", ceremony.files[GENESIS], [])
    assert load_roster(admission(5), anchor=ceremony.anchor, at=NOW).targets_version == 2
    with serving(write(tmp_path / "five", admission(5))) as url:
        read_with_python_tuf(url, tmp_path / "cache-5", ceremony.files[GENESIS], STATES)


def test_a_root_of_four_is_refused_by_ours_and_by_python_tuf(tmp_path: Path) -> None:
    ceremony = federation()
    renewed = ceremony.indexed(ceremony.new_root(ceremony.files))
    four = only_signed_by(renewed, "metadata/2.root.json", 4)
    with pytest.raises(BadSignatureError):
        load_roster(four, anchor=ceremony.anchor, at=NOW)
    with serving(write(tmp_path / "four", four)) as url, pytest.raises(UnsignedMetadataError):
        read_with_python_tuf(url, tmp_path / "cache", ceremony.files[GENESIS], [])


def test_stock_tuf_takes_a_genesis_of_five_that_ours_refuses(tmp_path: Path) -> None:
    """Why n of n is checked by us: for TUF the threshold is enough from the first version on."""
    from tallystick.keys.words import anchor_of

    five = only_signed_by(nodes()[0], GENESIS, 5)
    with serving(write(tmp_path / "node", five)) as url:
        read_with_python_tuf(url, tmp_path / "cache", five[GENESIS], STATES)
    with pytest.raises(BadSignatureError, match="5 valid signatures where 7 are needed"):
        load_roster(five, anchor=anchor_of(five[GENESIS]), at=NOW)


def test_tuf_js_reads_every_node_and_refuses_four_of_seven(tmp_path: Path) -> None:
    home, genesis = install_tuf_js(), federation().files[GENESIS]

    def read(files: Files, cache: str) -> str:
        with serving(write(tmp_path / "node", files)) as url:
            return read_with_tuf_js(home, url, tmp_path / cache, genesis, STATES)

    assert read(nodes()[0], "one") == "read"
    assert read(nodes()[2], "one") == "read"
    assert read(nodes()[1], "two") == "read"
    assert (tmp_path / "one" / "tur.json").read_bytes() == nodes()[2]["metadata/2.tur.json"]
    assert (tmp_path / "one" / "catalogue.json").read_bytes() == load_shipped().to_bytes()
    assert "targets was signed by 4/5 keys" in read(admission(4), "four")
    assert read(admission(5), "five") == "read"
