"""The frozen vectors: written again byte for byte, accepted by us and by others, refused with one byte changed."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tallystick.config.catalogue import parse_catalogue
from tallystick.config.errors import VerificationError
from tallystick.exchange.formats.checkpoint import checkpoint_body, parse_checkpoint, verify_checkpoint
from tallystick.exchange.formats.note import parse_vkey
from tallystick.exchange.formats.sdmxcsv import parse_csv, write_csv
from tallystick.exchange.formats.statement import ReleaseStatement, parse_payload
from tallystick.exchange.formats.tlogproof import verify_proof
from tallystick.exchange.verify.logfiles import check_log_files
from tallystick.exchange.verify.logview import advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, verify_release
from tallystick.keys.envelope import parse_envelope
from tallystick.keys.roster_types import Roster, RosterKey, StateEntry
from tests.support.foreign import go_verifier, openssl_accepts, run_go
from tests.vectors.make_golden import GOLDEN, build, read_frozen

EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_bytes())
LISTED: list[dict[str, str]] = json.loads((GOLDEN / "keys.json").read_bytes())
KEYS = tuple(RosterKey(key["role"], key["algorithm"], bytes.fromhex(key["public"]), key["name"]) for key in LISTED)
CATALOGUE = parse_catalogue((GOLDEN / "catalogue.json").read_bytes())
ROSTER = Roster(
    federation_id=EXPECTED["federation"],
    demo=True,
    states={"KAZ": StateEntry("KAZ", "member", 1, KEYS)},
    catalogue_sha256=CATALOGUE.sha256,
    catalogue=CATALOGUE,
    officer_threshold=2,
    root_version=1,
    targets_version=1,
    expires=datetime(2024, 1, 1, tzinfo=UTC),
)
ORIGIN: str = EXPECTED["origin"]
RELEASES = GOLDEN / "kaz" / "releases"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def envelope(index: int) -> bytes:
    return (RELEASES / f"{EXPECTED['payload_ids'][index]}.dsse.json").read_bytes()


def data_file(digest: str) -> bytes:
    return (GOLDEN / "kaz" / "data" / "sha256" / digest).read_bytes()


def test_todays_code_writes_every_frozen_byte_again(tmp_path: Path) -> None:
    build(tmp_path, *read_frozen())
    written, frozen = contents(tmp_path), contents(GOLDEN)
    assert sorted(written) == sorted(frozen)
    assert [path for path in frozen if written[path] != frozen[path]] == []


def test_the_vectors_stay_small() -> None:
    assert sum(len(data) for data in contents(GOLDEN).values()) < 100_000


def test_key_ids_and_verifier_keys_are_recomputed() -> None:
    for listed, key in zip(LISTED, KEYS, strict=True):
        assert listed["keyid"] == key.keyid
        if "vkey" in listed:
            assert parse_vkey(listed["vkey"]).public == key.public


def test_data_files_are_named_by_their_bytes_and_canonical() -> None:
    files = list((GOLDEN / "kaz" / "data" / "sha256").iterdir())
    assert len(files) == 3
    for path in files:
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == path.name
        parsed = parse_csv(data, CATALOGUE)
        assert write_csv(CATALOGUE, parsed.table, parsed.state, parsed.period, parsed.observations) == data


def test_statements_are_canonical_and_named_by_their_bytes() -> None:
    for path in RELEASES.glob("*.statement.json"):
        payload = path.read_bytes()
        assert path.name == f"{hashlib.sha256(payload).hexdigest()}.statement.json"
        statement = parse_payload(payload)
        if isinstance(statement, ReleaseStatement):
            assert statement.to_payload() == payload


@pytest.mark.parametrize("index", range(4))
def test_every_entry_holds_and_its_receipt_proves_it(index: int) -> None:
    entry = envelope(index)
    bare = verify_release(entry, index, None, ROSTER, "KAZ")
    if index == 3:
        assert isinstance(bare, UnknownEntry)
    else:
        assert isinstance(bare, VerifiedRelease)
        assert bare.officers in {("officer 1", "officer 2"), ("officer 2", "officer 1")}
        assert verify_release(entry, index, data_file(bare.data_sha256), ROSTER, "KAZ")
    assert bare.payload_id == EXPECTED["payload_ids"][index]
    receipt = (RELEASES / f"{bare.payload_id}.tlog-proof").read_bytes()
    assert verify_proof(receipt, entry, ORIGIN, KEYS)[0] == index


def test_the_log_holds_as_files_and_by_steps() -> None:
    checkpoint = (GOLDEN / "kaz" / "checkpoint").read_bytes()
    head = verify_checkpoint(checkpoint, origin=ORIGIN, keys=KEYS)
    assert (head.size, head.root.hex()) == (EXPECTED["size"], EXPECTED["root"])
    tiles = {path: data for path, data in contents(GOLDEN / "kaz").items() if path.startswith("tile/")}
    entries = check_log_files(head, tiles)
    assert list(entries) == [envelope(index) for index in range(4)]
    early = advance(empty_view(ORIGIN), (GOLDEN / "kaz.checkpoint.2").read_bytes(), entries[:2], KEYS)
    assert advance(early, checkpoint, entries[2:], KEYS).root == head.root


def verify_as_files(files: dict[str, bytes]) -> None:
    """Verify the log, and that the early head is a beginning of it."""
    head = verify_checkpoint(files["kaz/checkpoint"], origin=ORIGIN, keys=KEYS)
    tiles = {name.removeprefix("kaz/"): data for name, data in files.items() if name.startswith("kaz/tile/")}
    entries = check_log_files(head, tiles)
    advance(empty_view(ORIGIN), files["kaz.checkpoint.2"], entries[:2], KEYS)


@pytest.mark.parametrize(
    "path", ["kaz/checkpoint", "kaz/tile/0/000.p/4", "kaz/tile/entries/000.p/4", "kaz.checkpoint.2"]
)
def test_a_changed_vector_is_refused(path: str) -> None:
    files = contents(GOLDEN)
    data = bytearray(files[path])
    data[100] ^= 1
    files[path] = bytes(data)
    with pytest.raises(VerificationError):
        verify_as_files(files)


def test_the_go_teams_verifier_accepts_the_frozen_log(tmp_path: Path) -> None:
    key = next(key["vkey"] for key in LISTED if key["role"] == "log" and key["algorithm"] == "ed25519")
    receipts = [item for path in sorted(RELEASES.glob("*.tlog-proof")) for item in ("receipt", path)]
    answer = run_go(go_verifier(tmp_path), key, GOLDEN / "kaz", "old", GOLDEN / "kaz.checkpoint.2", *receipts)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[:2] == ["included 4", "consistent 2"]
    assert sorted(lines[2:]) == [f"receipt {index}" for index in range(4)]


def test_openssl_accepts_the_frozen_signatures(tmp_path: Path) -> None:
    by_id = {key.keyid: key for key in KEYS}
    kind = b"application/vnd.in-toto+json"
    for index in range(4):
        parsed = parse_envelope(envelope(index))
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(parsed.payload), parsed.payload)
        for signature in parsed.signatures:
            key = by_id[signature.keyid]
            assert openssl_accepts(tmp_path, key.algorithm, key.public, signature.sig, signed)
    head, note = parse_checkpoint((GOLDEN / "kaz" / "checkpoint").read_bytes())
    log_key = next(key for key in KEYS if key.role == "log" and key.algorithm == "ed25519")
    body = checkpoint_body(head).encode()
    assert openssl_accepts(tmp_path, "ed25519", log_key.public, note.signatures[0].signature, body)
