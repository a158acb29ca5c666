"""Others' tools accept what we write, and refuse what we would refuse: the formats are the standards', not ours."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tallystick.exchange.formats.checkpoint import checkpoint_body, parse_checkpoint
from tallystick.exchange.formats.note import vkey
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.envelope import parse_envelope
from tests.support.federation import Federation
from tests.support.foreign import go_verifier, openssl_accepts, run_go

ORIGIN = f"tallystick/{'ab' * 32}/kaz"
SIZES = (1, 255, 256, 300, 700)


class Grown:
    """A log that grew in steps, with the checkpoint of each step kept beside it."""

    def __init__(self, folder: Path, keys: Any) -> None:
        log = TileLog.create(folder, ORIGIN)
        entries = [b"entry %d" % number for number in range(SIZES[-1])]
        self.older: list[Path] = []
        for size in SIZES:
            checkpoint = log.append(entries[:size], keys.sign)
            self.older.append(folder / f"checkpoint.{size}")
            self.older[-1].write_bytes(checkpoint)
        self.tree = log.root
        self.vkey = vkey(ORIGIN, "ed25519", keys.ed25519.public)
        self.receipts = []
        for index in (0, 299, 699):
            self.receipts.append(folder / f"{index}.tlog-proof")
            self.receipts[-1].write_bytes(encode_proof(index, log.inclusion(index), checkpoint))


@pytest.fixture
def grown(folder: Path, keys: Any) -> Grown:
    return Grown(folder, keys)


@pytest.fixture
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp() / "go"
    folder.mkdir(exist_ok=True)
    return go_verifier(folder)


def test_the_go_teams_verifier_accepts_signature_tiles_inclusion_consistency_and_receipts(
    go: Path, grown: Grown
) -> None:
    wanted = [item for path in grown.older for item in ("old", path)]
    wanted += [item for path in grown.receipts for item in ("receipt", path)]
    answer = run_go(go, grown.vkey, grown.tree, *wanted)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split("\n")[:-1] == [
        "included 700",
        *(f"consistent {size}" for size in SIZES),
        *(f"receipt {index}" for index in (0, 299, 699)),
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("checkpoint", "signature"),
        # Debian's version passes over this tile (CVE-2026-56865) and stumbles over the proof made from it.
        ("tile/0/001", ""),
        ("tile/1/000.p/2", "tiles"),
        ("tile/entries/002.p/188", "inclusion"),
    ],
)
def test_the_go_teams_verifier_refuses_a_changed_file(go: Path, grown: Grown, path: str, words: str) -> None:
    data = bytearray((grown.tree / path).read_bytes())
    data[data.index(b"\n700\n") + 1 if path == "checkpoint" else -1] ^= 1
    (grown.tree / path).write_bytes(bytes(data))
    answer = run_go(go, grown.vkey, grown.tree)
    assert answer.returncode == 1
    assert f"refused: {words}" in answer.stderr


def test_the_go_teams_verifier_refuses_another_key_and_another_history(
    tmp_path: Path, go: Path, grown: Grown, keys: Any
) -> None:
    stranger = vkey(ORIGIN, "ed25519", bytes([88]) + keys.ed25519.public[1:])
    assert "refused: signature" in run_go(go, stranger, grown.tree).stderr
    shutil.rmtree(grown.tree)
    (tmp_path / "other").mkdir()
    other = TileLog.create(tmp_path / "other", ORIGIN)
    other.append([b"other %d" % number for number in range(700)], keys.sign)
    answer = run_go(go, grown.vkey, other.root, "old", grown.older[2])
    assert "included 700" in answer.stdout
    assert "refused: consistency" in answer.stderr


def test_openssl_accepts_the_logs_signature_over_the_checkpoints_text(tmp_path: Path, grown: Grown, keys: Any) -> None:
    head, note = parse_checkpoint((grown.tree / "checkpoint").read_bytes())
    body = checkpoint_body(head).encode()
    signature = note.signatures[0].signature
    public = keys.ed25519.public
    assert openssl_accepts(tmp_path, "ed25519", public, signature, body)
    assert not openssl_accepts(tmp_path, "ed25519", public, signature, body.replace(b"\n700\n", b"\n701\n"))


def test_openssl_accepts_both_kinds_of_officers_keys_over_the_envelopes_payload(tmp_path: Path) -> None:
    federation = Federation.make(("KAZ",))
    envelope = parse_envelope(federation.release("KAZ", "VICTIMS", "2018", {(): 86}, signers=(0, 2)))
    kind = b"application/vnd.in-toto+json"
    # DSSE's pre-authentication encoding, written out (dsse/protocol.md).
    encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(envelope.payload), envelope.payload)
    officers = {key.keyid: key for key in federation.roster.states["KAZ"].officers}
    seen = set()
    for signature in envelope.signatures:
        key = officers[signature.keyid]
        seen.add(key.algorithm)
        assert openssl_accepts(tmp_path, key.algorithm, key.public, signature.sig, encoded)
        assert not openssl_accepts(tmp_path, key.algorithm, key.public, signature.sig, encoded + b" ")
    assert seen == {"ed25519", "ecdsa-p256"}
