"""Private keys: made once, kept as encrypted PKCS #8 PEM, opened by URI, used through one small class.

The library writes PKCS #8 with 2,048 rounds of PBKDF2, which a graphics card undoes; so the standard's own
container (PBES2, RFC 8018) is written here with scrypt (RFC 7914), and ``openssl pkey`` reads it.
"""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7

from tallystick.config.errors import SignerError
from tallystick.config.files import write_new
from tallystick.config.i18n import _
from tallystick.keys.checks import ALGORITHMS, keyid
from tallystick.keys.secrets import HUMAN, Secrets, Work, read_private

__all__ = ["PrivateKey", "Signer", "encrypted_pem", "generate_key", "keyid", "load_signer", "new_signer"]

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | mldsa.MLDSA44PrivateKey
_MAX_PEM = 16_384
_OID_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_OID_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_OID_AES256_CBC = bytes.fromhex("060960864801650304012a")


@dataclass(frozen=True)
class Signer:
    """A private key that signs bytes and says which public key it is; the key itself stays inside.

    Attributes:
        algorithm: ``ed25519``, ``ecdsa-p256`` or ``mldsa44``.
        public: Raw public key; P-256 as the 65-byte uncompressed point.
    """

    algorithm: str
    public: bytes
    _key: PrivateKey = field(repr=False, compare=False)

    @property
    def keyid(self) -> str:
        """The key's id, computed from its bytes."""
        return keyid(self.algorithm, self.public)

    @property
    def private(self) -> PrivateKey:
        """The library's key object, for what must be made with it (a certificate, a TLS context)."""
        return self._key

    @property
    def p256(self) -> ec.EllipticCurvePrivateKey:
        """The P-256 key object.

        Raises:
            SignerError: The key is of another kind.
        """
        if not isinstance(self._key, ec.EllipticCurvePrivateKey):
            raise SignerError(_("a P-256 key is needed here, not {kind}").format(kind=self.algorithm))
        return self._key

    def sign(self, data: bytes) -> bytes:
        """Sign ``data``: 64 bytes (Ed25519), DER (P-256 over SHA-256), 2,420 bytes (ML-DSA-44, hedged)."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
        return self._key.sign(data)


def _as_signer(key: object) -> Signer:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return Signer("ed25519", key.public_key().public_bytes_raw(), key)
    if isinstance(key, mldsa.MLDSA44PrivateKey):
        return Signer("mldsa44", key.public_key().public_bytes_raw(), key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return Signer("ecdsa-p256", point, key)
    raise SignerError(_("the key is of another kind than {kinds}").format(kinds=", ".join(ALGORITHMS)))


_MAKERS: dict[str, Callable[[], PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "mldsa44": mldsa.MLDSA44PrivateKey.generate,
}


def new_signer(algorithm: str) -> Signer:
    """Make a fresh key in memory only.

    Raises:
        SignerError: Unknown algorithm.
    """
    if algorithm not in _MAKERS:
        raise SignerError(
            _("'{algorithm}' is not a signature algorithm").format(algorithm=algorithm),
            hint=_("choose one of {kinds}").format(kinds=", ".join(ALGORITHMS)),
        )
    return _as_signer(_MAKERS[algorithm]())


def _tlv(tag: int, body: bytes) -> bytes:
    """Write one DER element (X.690, section 8.1)."""
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    width = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | width]) + size.to_bytes(width, "big") + body


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _integer(number: int) -> bytes:
    return _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def encrypted_pem(key: PrivateKey, phrase: bytes, work: Work = HUMAN) -> bytes:
    """Write a key as encrypted PKCS #8 PEM: PBES2 with scrypt and AES-256-CBC."""
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    salt, iv = os.urandom(16), os.urandom(16)
    secret = Scrypt(salt=salt, length=32, n=work.n, r=work.r, p=work.p).derive(phrase)
    padder = PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    sealed = cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()
    kdf = _sequence(_OID_SCRYPT, _sequence(_tlv(0x04, salt), *map(_integer, (work.n, work.r, work.p))))
    scheme = _sequence(_OID_PBES2, _sequence(kdf, _sequence(_OID_AES256_CBC, _tlv(0x04, iv))))
    text = base64.b64encode(_sequence(scheme, _tlv(0x04, sealed))).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def generate_key(path: Path, algorithm: str, ask: Secrets, role: str, *, work: Work = HUMAN) -> Signer:
    """Make a key and keep it at ``path``, encrypted, mode 0600.

    Args:
        path: Where it shall be; its folder exists.
        algorithm: ``ed25519``, ``ecdsa-p256`` or ``mldsa44``.
        ask: Who is asked for the new passphrase.
        role: What the key is for, in words for whoever is asked.
        work: What one guess at the passphrase shall cost.

    Raises:
        StoreError: Something is at ``path`` already; it was not touched.
        SignerError: Unknown algorithm, or no usable passphrase.
    """
    signer = new_signer(algorithm)
    write_new(path, encrypted_pem(signer.private, ask.passphrase(role, new=True), work))
    return signer


def _path_of(uri: str | Path) -> Path:
    text = str(uri)
    scheme, colon, rest = text.partition(":")
    if colon and scheme == "file":
        return Path(rest.removeprefix("//"))
    if colon and scheme in {"hsm", "pkcs11", "awskms", "gcpkms", "azurekms"}:
        raise SignerError(_("keys under '{scheme}:' cannot be used yet").format(scheme=scheme), hint=_("use file:PATH"))
    return Path(text)


def load_signer(uri: str | Path, ask: Secrets, *, role: str | None = None) -> Signer:
    """Open a private key.

    Args:
        uri: ``file:PATH`` or a path.
        ask: Who is asked for its passphrase.
        role: What the key is for, in words; the path where not given.

    Raises:
        SignerError: Absent, readable by others, not encrypted, wrong passphrase, or of an unknown kind.
    """
    path = _path_of(uri)
    pem = read_private(path, _MAX_PEM)
    if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" not in pem:
        raise SignerError(
            _("{path} is not an encrypted private key (PKCS #8 PEM)").format(path=path),
            hint=_("make keys with: tallystick key new"),
        )
    phrase = ask.passphrase(role or str(path))
    try:
        key = serialization.load_pem_private_key(pem, phrase)
    except (ValueError, TypeError):
        raise SignerError(_("wrong passphrase for {path}, or the file is damaged").format(path=path)) from None
    return _as_signer(key)
