"""Tools that are not ours accept the golden federation: the Go team's log verifier, openssl, python-tuf."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.ngclient._internal import trusted_metadata_set

from tallystick.exchange.formats.checkpoint import checkpoint_body, parse_checkpoint
from tallystick.keys.envelope import parse_envelope
from tallystick.keys.roster import GENESIS
from tests.support.foreign import go_verifier, openssl_accepts, run_go
from tests.support.golden import (
    EXPECTED,
    LISTED,
    LOGS,
    PACK,
    RELEASES,
    ROSTER,
    ROSTER_FILES,
    contents,
    envelope,
    identity,
    log_keys,
)
from tests.support.stock_tuf import read_with_python_tuf, serving, write
from tests.vectors.golden_roster import READ_AT
from tests.vectors.make_golden import GOLDEN


def ed25519_vkey(cc: str) -> str:
    found: str = next(
        key["vkey"] for key in LISTED if (key["state"], key["role"], key["algorithm"]) == (cc.upper(), "log", "ed25519")
    )
    return found


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return go_verifier(tmp_path_factory.mktemp("go"))


@pytest.mark.parametrize("cc", LOGS)
def test_the_go_teams_verifier_accepts_log_and_receipts(go: Path, cc: str) -> None:
    size = EXPECTED[cc]["size"]
    asked: list[str | Path] = ["old", GOLDEN / "kaz.checkpoint.2"] if cc == "kaz" else []
    for index in range(size):
        asked += ["receipt", PACK / cc / "releases" / f"{identity(cc, index)}.tlog-proof"]
    answer = run_go(go, ed25519_vkey(cc), PACK / cc, *asked)
    assert answer.returncode == 0, answer.stderr
    grown = ["consistent 2"] if cc == "kaz" else []
    assert answer.stdout.splitlines() == [f"included {size}", *grown, *(f"receipt {index}" for index in range(size))]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("checkpoint", "signature"), ("tile/0/000.p/4", "tiles"), ("tile/entries/000.p/4", "inclusion")],
)
def test_the_go_teams_verifier_refuses_a_changed_byte(go: Path, tmp_path: Path, path: str, reason: str) -> None:
    files = contents(PACK / "kaz")
    files[path] = files[path][:99] + bytes([files[path][99] ^ 1]) + files[path][100:]
    answer = run_go(go, ed25519_vkey("kaz"), write(tmp_path / "kaz", files))
    assert answer.returncode == 1
    assert reason in answer.stderr


def dsse_bytes(payload: bytes) -> bytes:
    """What is signed (DSSE's pre-authentication encoding), spelt out here once more."""
    kind = b"application/vnd.in-toto+json"
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


@pytest.mark.parametrize(("cc", "index"), [*RELEASES, ("kaz", 3)])
def test_openssl_accepts_both_officers_and_no_other_payload(tmp_path: Path, cc: str, index: int) -> None:
    keys = {key.keyid: key for key in ROSTER.state(cc).officers}
    parsed = parse_envelope(envelope(cc, index))
    assert parsed.payload == (GOLDEN / "statements" / f"{identity(cc, index)}.json").read_bytes()
    assert len(parsed.signatures) == 2
    for signature in parsed.signatures:
        key = keys[signature.keyid]
        assert openssl_accepts(tmp_path, key.algorithm, key.public, signature.sig, dsse_bytes(parsed.payload))
        assert not openssl_accepts(
            tmp_path, key.algorithm, key.public, signature.sig, dsse_bytes(parsed.payload + b" ")
        )


@pytest.mark.parametrize("cc", LOGS)
def test_openssl_accepts_the_logs_ed25519_signature(tmp_path: Path, cc: str) -> None:
    head, note = parse_checkpoint((PACK / cc / "checkpoint").read_bytes())
    key = next(key for key in log_keys(cc) if key.algorithm == "ed25519")
    body = checkpoint_body(head).encode()
    assert openssl_accepts(tmp_path, "ed25519", key.public, note.signatures[0].signature, body)


def signed_part(data: bytes) -> bytes:
    """The bytes that a roster file's signatures are over, made with the standard library alone."""
    signed = json.loads(data)["signed"]
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_openssl_accepts_every_members_signature_on_the_genesis(tmp_path: Path) -> None:
    data = ROSTER_FILES[GENESIS]
    document: dict[str, Any] = json.loads(data)
    assert len(document["signatures"]) == 3
    for signature in document["signatures"]:
        public = bytes.fromhex(document["signed"]["keys"][signature["keyid"]]["keyval"]["public"])
        assert openssl_accepts(tmp_path, "ed25519", public, bytes.fromhex(signature["sig"]), signed_part(data))


class _Then(dt.datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "dt.datetime":
        return READ_AT


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """python-tuf asks the clock itself; everything else of it is as it was shipped."""
    shim = SimpleNamespace(datetime=_Then, timezone=dt.timezone)
    monkeypatch.setattr(trusted_metadata_set, "datetime", shim)


@pytest.mark.usefixtures("stopped_clock")
def test_python_tuf_reads_the_golden_roster(tmp_path: Path) -> None:
    with serving(PACK / "roster") as url:
        catalogue = read_with_python_tuf(url, tmp_path / "cache", ROSTER_FILES[GENESIS], ["kaz", "kgz", "tur"])
    assert ROSTER.catalogue is not None
    assert catalogue == ROSTER.catalogue.to_bytes()
    assert (tmp_path / "cache" / "kaz.json").read_bytes() == ROSTER_FILES["metadata/2.kaz.json"]


@pytest.mark.usefixtures("stopped_clock")
def test_python_tuf_refuses_a_changed_page(tmp_path: Path) -> None:
    page = ROSTER_FILES["metadata/2.kaz.json"]
    forged = dict(ROSTER_FILES) | {"metadata/2.kaz.json": page.replace(b"officer 3", b"officer 4")}
    with serving(write(tmp_path / "roster", forged)) as url, pytest.raises(RepositoryError):
        read_with_python_tuf(url, tmp_path / "cache", ROSTER_FILES[GENESIS], ["kaz"])
