"""Private keys on disk: encrypted for real, never overwritten, never shown."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tallystick.config.errors import SignerError, StoreError
from tallystick.keys.checks import ALGORITHMS, keyid, verify_signature
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.keys.signer import encrypted_pem, generate_key, load_signer, new_signer

PHRASE = b"seven quiet rivers cross"


@pytest.fixture
def ask(tmp_path: Path) -> FileSecrets:
    path = tmp_path / "phrase"
    path.write_bytes(PHRASE)
    path.chmod(0o600)
    return FileSecrets(path)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_made_key_is_opened_again_by_path_and_by_uri(tmp_path: Path, ask: FileSecrets, algorithm: str) -> None:
    path = tmp_path / "key.pem"
    made = generate_key(path, algorithm, ask, "officer key", work=GENERATED)
    assert path.stat().st_mode & 0o777 == 0o600
    for uri in (path, str(path), f"file:{path}", f"file://{path}"):
        found = load_signer(uri, ask)
        assert (found.algorithm, found.public, found.keyid) == (algorithm, made.public, keyid(algorithm, made.public))
    verify_signature(algorithm, made.public, load_signer(path, ask).sign(b"x"), b"x")


def test_a_key_is_never_written_over(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    generate_key(path, "ed25519", ask, "officer key", work=GENERATED)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="already exists"):
        generate_key(path, "ed25519", ask, "officer key", work=GENERATED)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.endswith(".tmp")] == []


def test_a_wrong_passphrase_opens_nothing_and_is_not_repeated(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    generate_key(path, "ed25519", ask, "officer key", work=GENERATED)
    ask.path.write_bytes(b"not that passphrase")
    with pytest.raises(SignerError, match="wrong passphrase") as caught:
        load_signer(path, ask)
    assert "not that" not in str(caught.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    generate_key(path, "ed25519", ask, "officer key", work=GENERATED)
    path.chmod(0o644)
    with pytest.raises(SignerError, match="other users"):
        load_signer(path, ask)


def test_a_key_without_passphrase_is_refused(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    plain = new_signer("ed25519").private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(plain)
    path.chmod(0o600)
    with pytest.raises(SignerError, match="not an encrypted private key"):
        load_signer(path, ask)


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_a_key_of_another_kind_is_refused(tmp_path: Path, ask: FileSecrets, kind: str) -> None:
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP384R1())
    path = tmp_path / "key.pem"
    path.write_bytes(encrypted_pem(key, PHRASE, GENERATED))  # type: ignore[arg-type]
    path.chmod(0o600)
    with pytest.raises(SignerError, match="another kind"):
        load_signer(path, ask)


def test_tokens_and_unknown_algorithms_are_refused_by_name(ask: FileSecrets) -> None:
    with pytest.raises(SignerError, match="hsm:"):
        load_signer("hsm:slot=1", ask)
    with pytest.raises(SignerError, match="rsa"):
        new_signer("rsa")
    with pytest.raises(SignerError, match="cannot read"):
        load_signer("/nowhere/key.pem", ask)


def test_neither_key_nor_passphrase_stands_in_a_repr_or_on_disk(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    signer = generate_key(path, "ed25519", ask, "officer key", work=GENERATED)
    raw = signer.private.private_bytes_raw()  # type: ignore[union-attr]
    assert "PrivateKey" not in repr(signer)
    assert raw.hex() not in repr(signer)
    assert PHRASE not in path.read_bytes()
    assert "seven" not in repr(ask)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_the_key_with_the_passphrase_and_only_with_it(tmp_path: Path, ask: FileSecrets) -> None:
    path = tmp_path / "key.pem"
    signer = generate_key(path, "ed25519", ask, "officer key")
    command = ["openssl", "pkey", "-in", str(path), "-pubout", "-outform", "DER", "-passin"]
    right = subprocess.run([*command, f"file:{ask.path}"], capture_output=True, check=True)
    assert right.stdout[-32:] == signer.public
    assert subprocess.run([*command, "pass:wrong"], capture_output=True, check=False).returncode != 0
    listing = subprocess.run(["openssl", "asn1parse", "-in", str(path)], capture_output=True, check=True, text=True)
    assert "scrypt" in listing.stdout
    assert "aes-256-cbc" in listing.stdout
