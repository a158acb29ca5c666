"""Snapshot and timestamp: made from the files alone, by a key that everybody has."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tallystick.keys.index import build_index
from tallystick.keys.merge import merge
from tallystick.keys.serving import SERVING_SEED, serving_key
from tests.support.rosters import AT, nine_states


def test_two_nodes_with_the_same_files_write_the_same_index() -> None:
    ceremony = nine_states()
    assert build_index(ceremony.chains()) == build_index(ceremony.chains())


def test_the_index_names_every_page_by_its_version_and_expires_with_the_root() -> None:
    ceremony = nine_states()
    files = ceremony.new_page(ceremony.files, "KAZ")
    index = build_index(ceremony.chains(files))
    (snapshot,) = (json.loads(data)["signed"] for name, data in index.items() if "snapshot" in name)
    timestamp = json.loads(index["metadata/timestamp.json"])["signed"]
    assert snapshot["meta"]["kaz.json"] == {"version": 2}
    assert snapshot["meta"]["targets.json"] == {"version": 1}
    assert len(snapshot["meta"]) == 10
    assert snapshot["version"] == timestamp["version"] == timestamp["meta"]["snapshot.json"]["version"] == 1 + 1 + 8 + 2
    assert snapshot["expires"] == timestamp["expires"] == json.loads(files["metadata/1.root.json"])["signed"]["expires"]


def test_the_serving_keys_private_half_is_published() -> None:
    public = Ed25519PrivateKey.from_private_bytes(SERVING_SEED).public_key().public_bytes_raw().hex()
    assert serving_key().keyval == {"public": public}
    root = json.loads(nine_states().files["metadata/1.root.json"])["signed"]
    assert root["roles"]["snapshot"] == root["roles"]["timestamp"] == {"keyids": [serving_key().keyid], "threshold": 1}


def test_whatever_stands_in_an_index_is_written_anew_and_decides_nothing() -> None:
    ceremony = nine_states()
    right = ceremony.indexed(ceremony.files)
    rogue = ceremony.files | {"metadata/timestamp.json": b"\xff", "metadata/999999999.snapshot.json": b"{"}
    assert merge(rogue, rogue, at=AT).files == right
    assert merge(right, rogue, at=AT).files == right
