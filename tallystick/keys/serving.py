"""The serving key: it signs snapshot and timestamp, and it carries no trust.

TUF clients insist on two online roles. Real online keys would bring no trust here and much harm: a rogue timestamp of
version 2^31 or a forgotten renewal stops a peer's whole delivery, and rotating one needs five governments. So these
two roles belong to one key whose private half stands below for everybody to use. Trust rests on root, targets and the
states' own pages alone; no check in this code base asks what this key signed.
"""

from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey

__all__ = ["SERVING_SEED", "serving_key", "serving_signer"]

SERVING_SEED = b"tallystick: published, no trust!"
"""The private half, 32 bytes, published: carries no trust."""


@cache
def serving_signer() -> CryptoSigner:
    """Return the signer that everybody has."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(SERVING_SEED), serving_key())


@cache
def serving_key() -> SSlibKey:
    """Return the public half, as every root lists it."""
    return SSlibKey.from_crypto(Ed25519PrivateKey.from_private_bytes(SERVING_SEED).public_key())
