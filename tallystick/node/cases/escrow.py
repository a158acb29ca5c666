"""The identity key of the day, sealed to the recovery sheets: what two sheets still open after a rotation.

The sheets hold a root that never changes and opens no file by itself. From it a key pair is derived (X25519); the
desk knows the public half only, and at each rotation seals the new identity key to it (HPKE, RFC 9180). The box lies
beside the sealed identity key and travels and ends with the copies of the keyring. So an old keyring of which no box
is left is opened by nobody, the sheets' holders included.

In a home made before there were boxes the first identity key itself is on the sheets, and is the root.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tallystick.config.errors import SignerError
from tallystick.config.i18n import _

__all__ = ["BOX_LIMIT", "open_box", "public_of", "seal_box"]

BOX_LIMIT = 1024
"""Largest box read, in bytes; one is 80."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = b"tallystick-identity-box-1"


def _private(root: bytes) -> X25519PrivateKey:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"tallystick-recovery-x25519-1").derive(root)
    return X25519PrivateKey.from_private_bytes(derived)


def public_of(root: bytes) -> bytes:
    """Return the public half of the sheets' key pair, 32 bytes.

    Args:
        root: What two sheets give, 32 bytes.
    """
    return _private(root).public_key().public_bytes_raw()


def seal_box(public: bytes, identity_key: bytes) -> bytes:
    """Seal an identity key so that two recovery sheets open it."""
    return _SUITE.encrypt(identity_key, X25519PublicKey.from_public_bytes(public), info=_INFO)


def open_box(root: bytes, box: bytes) -> bytes:
    """Open what ``seal_box`` made.

    Raises:
        SignerError: Sealed to other sheets, or altered.
    """
    try:
        return _SUITE.decrypt(box, _private(root), info=_INFO)
    except (InvalidTag, ValueError):
        raise SignerError(
            _("identity.box does not open with these sheets"),
            hint=_("it must be the one that was saved together with the keyring"),
        ) from None
