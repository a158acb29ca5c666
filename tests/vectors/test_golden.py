"""The frozen vectors: written again byte for byte, and each of them read as the format that it is of."""

import hashlib
from pathlib import Path

import pytest

from tallystick.config.errors import VerificationError
from tallystick.exchange.formats.checkpoint import verify_checkpoint
from tallystick.exchange.formats.note import parse_vkey
from tallystick.exchange.formats.sdmxcsv import parse_csv, write_csv
from tallystick.exchange.formats.statement import ReleaseStatement, parse_payload
from tallystick.exchange.formats.tlogproof import verify_proof
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.verify.logfiles import check_log_files
from tallystick.exchange.verify.logview import advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, verify_release
from tests.support.golden import EXPECTED, LISTED, LOGS, PACK, RELEASES, ROSTER, contents, envelope, identity, log_keys
from tests.vectors.make_golden import GOLDEN, build, read_frozen


def test_todays_code_writes_every_frozen_byte_again(tmp_path: Path) -> None:
    build(tmp_path, *read_frozen())
    written, frozen = contents(tmp_path), contents(GOLDEN)
    assert sorted(written) == sorted(frozen)
    assert [path for path in frozen if written[path] != frozen[path]] == []


def test_the_vectors_stay_small() -> None:
    assert sum(len(data) for data in contents(GOLDEN).values()) < 300_000


def test_key_ids_and_verifier_keys_are_recomputed() -> None:
    keys = [(code, key) for code, state in ROSTER.states.items() for key in state.keys]
    for listed, (code, key) in zip(LISTED, keys, strict=True):
        assert (listed["state"], listed["role"], listed["public"]) == (code, key.role, key.public.hex())
        assert (listed["keyid"], listed["refused_from"]) == (key.keyid, key.refused_from)
        if "vkey" in listed:
            assert parse_vkey(listed["vkey"]).public == key.public
    assert sum("vkey" in listed for listed in LISTED) == 4


def test_data_files_are_named_by_their_bytes_and_canonical() -> None:
    catalogue = ROSTER.catalogue
    files = list(PACK.glob("*/data/sha256/*"))
    assert len(files) == 4
    for path in files:
        data = path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == path.name
        parsed = parse_csv(data, catalogue)
        assert write_csv(catalogue, parsed.table, parsed.state, parsed.period, parsed.observations) == data


def test_statements_are_canonical_and_named_by_their_bytes() -> None:
    for path in (GOLDEN / "statements").iterdir():
        payload = path.read_bytes()
        assert path.name == f"{hashlib.sha256(payload).hexdigest()}.json"
        found = parse_payload(payload)
        if isinstance(found, ReleaseStatement):
            assert found.to_payload() == payload


@pytest.mark.parametrize(("cc", "index"), [*RELEASES, ("kaz", 3)])
def test_every_entry_holds_and_its_receipt_proves_it(cc: str, index: int) -> None:
    entry = envelope(cc, index)
    bare = verify_release(entry, index, None, ROSTER, cc.upper())
    assert bare.payload_id == identity(cc, index)
    receipt = (PACK / cc / "releases" / f"{bare.payload_id}.tlog-proof").read_bytes()
    assert verify_proof(receipt, entry, EXPECTED[cc]["origin"], log_keys(cc))[0] == index
    if (cc, index) == ("kaz", 3):
        assert isinstance(bare, UnknownEntry)
        return
    assert isinstance(bare, VerifiedRelease)
    signed = {"officer 2", "officer 3"} if (cc, index) == ("kaz", 2) else {"officer 1", "officer 2"}
    assert set(bare.officers) == signed
    data = (PACK / cc / "data" / "sha256" / bare.data_sha256).read_bytes()
    assert verify_release(entry, index, data, ROSTER, cc.upper()).observations  # type: ignore[union-attr]


@pytest.mark.parametrize("cc", LOGS)
def test_the_log_holds_as_files(cc: str) -> None:
    head = verify_checkpoint((PACK / cc / "checkpoint").read_bytes(), origin=EXPECTED[cc]["origin"], keys=log_keys(cc))
    assert (head.size, head.root.hex()) == (EXPECTED[cc]["size"], EXPECTED[cc]["root"])
    tiles = {path: data for path, data in contents(PACK / cc).items() if path.startswith("tile/")}
    assert list(check_log_files(head, tiles)) == [envelope(cc, index) for index in range(head.size)]


def verify_growth(early: bytes) -> None:
    entries, name = [envelope("kaz", index) for index in range(4)], EXPECTED["kaz"]["origin"]
    before = advance(empty_view(name), early, entries[:2], log_keys("kaz"))
    after = advance(before, (PACK / "kaz" / "checkpoint").read_bytes(), entries[2:], log_keys("kaz"))
    assert after.root.hex() == EXPECTED["kaz"]["root"]


def test_the_log_grew_from_its_early_head_and_from_no_changed_one() -> None:
    early = (GOLDEN / "kaz.checkpoint.2").read_bytes()
    verify_growth(early)
    for at in range(0, len(early), 97):
        with pytest.raises(VerificationError):
            verify_growth(early[:at] + bytes([early[at] ^ 1]) + early[at + 1 :])


def test_a_desks_log_folder_holds_the_tiles_of_the_pack(tmp_path: Path) -> None:
    log = TileLog.create(tmp_path, EXPECTED["kaz"]["origin"])
    log.append([envelope("kaz", index) for index in range(4)], lambda _head: (PACK / "kaz" / "checkpoint").read_bytes())
    packed = {path: data for path, data in contents(PACK / "kaz").items() if path.startswith("tile/")}
    assert dict(log.files()) == packed
