"""Keys from published seeds, and what comes out otherwise each time it is made, frozen."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tallystick.keys.signer import Signer

__all__ = ["Frozen", "fixed_signer", "seed"]

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HEDGED = ("ecdsa-p256", "mldsa44")


@dataclass
class Frozen:
    """Bytes that come out otherwise each time: signatures by the digest of key and message, leaves by their name."""

    known: dict[str, str]
    growing: bool = False

    def keep(self, place: str, make: Callable[[], bytes]) -> bytes:
        if place not in self.known:
            if not self.growing:
                raise LookupError(f"nothing frozen under {place}: what it is made from has changed")
            self.known[place] = base64.b64encode(make()).decode()
        return base64.b64decode(self.known[place])

    def signer(self, real: Signer) -> Signer:
        """Return a signer with frozen bytes; ``cast``, since whoever signs asks for no more than it has."""
        return cast("Signer", _FrozenSigner(real, self))


@dataclass(frozen=True)
class _FrozenSigner:
    """Signs like ``keys.signer.Signer``, with the bytes that were frozen where the algorithm is hedged."""

    real: Signer
    frozen: Frozen

    @property
    def algorithm(self) -> str:
        return self.real.algorithm

    @property
    def public(self) -> bytes:
        return self.real.public

    @property
    def keyid(self) -> str:
        return self.real.keyid

    def sign(self, data: bytes) -> bytes:
        if self.algorithm not in _HEDGED:
            return self.real.sign(data)
        place = hashlib.sha256(bytes.fromhex(self.keyid) + data).hexdigest()
        return self.frozen.keep(place, lambda: self.real.sign(data))


def seed(name: str) -> bytes:
    """Return 32 bytes that anybody can compute from a name."""
    return hashlib.sha256(f"tallystick golden vector: {name}".encode()).digest()


def fixed_signer(name: str, algorithm: str) -> Signer:
    """Return the key that a name has."""
    if algorithm == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(seed(name))
        return Signer(algorithm, key.public_key().public_bytes_raw(), key)
    if algorithm == "mldsa44":
        post_quantum = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed(name))
        return Signer(algorithm, post_quantum.public_key().public_bytes_raw(), post_quantum)
    curve = ec.derive_private_key(int.from_bytes(seed(name), "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())
    point = curve.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return Signer(algorithm, point, curve)
