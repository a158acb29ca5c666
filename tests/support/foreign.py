"""Verifiers that are not ours: the Go team's packages as Debian ships them, and openssl."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

GOCODE = Path("/usr/share/gocode")
_SOURCE = Path(__file__).resolve().parents[1] / "exchange" / "log" / "foreign" / "main.go"


@cache
def _built(folder: Path) -> Path:
    cache_folder = Path(os.environ.get("GOCACHE") or Path.home() / ".cache" / "go-build")
    environment = os.environ | {
        "GOPATH": str(GOCODE),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOCACHE": str(cache_folder),
    }
    binary = folder / "foreign"
    subprocess.run(["go", "build", "-o", binary, _SOURCE], check=True, env=environment, timeout=300)
    return binary


def go_verifier(folder: Path) -> Path:
    """Return the program of ``main.go``, built once a run; skip where Debian's packages are absent."""
    if shutil.which("go") is None or not (GOCODE / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("needs Debian's packages golang-go and golang-golang-x-mod-dev")
    return _built(folder)


def run_go(binary: Path, vkey: str, tree: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binary, vkey, tree, *more], capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL
    )


def public_pem(algorithm: str, public: bytes) -> bytes:
    """Return a raw public key as openssl reads it."""
    key = (
        ed25519.Ed25519PublicKey.from_public_bytes(public)
        if algorithm == "ed25519"
        else ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    )
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def openssl_accepts(folder: Path, algorithm: str, public: bytes, signature: bytes, data: bytes) -> bool:
    """Ask openssl (3.0 or later) whether a signature holds; skip where it is absent."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    files = {"key.pem": public_pem(algorithm, public), "data": data, "signature": signature}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    digest = [] if algorithm == "ed25519" else ["-digest", "sha256"]
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", *digest]
    command += ["-in", "data", "-sigfile", "signature"]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return answer.returncode == 0 and "Verified Successfully" in answer.stdout
