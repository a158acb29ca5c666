"""The border's own TLS leaf: certificate beside an encrypted key, opened into memory only."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tallystick.config.errors import SignerError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.service import Leaf
from tallystick.keys.certificate import MAX_CERTIFICATE, check_leaf
from tallystick.keys.secrets import Secrets
from tallystick.keys.signer import load_signer

__all__ = ["CERTIFICATE", "PRIVATE_KEY", "load_leaf"]

CERTIFICATE = Path("tls.crt")
PRIVATE_KEY = Path("secrets") / "tls.pem"


def load_leaf(folder: Path, state: str, ask: Secrets) -> Leaf:
    """Open ``HOME/border/tls.crt`` and ``secrets/tls.pem``.

    Args:
        folder: ``HOME/border``.
        state: Alpha-3 code that the leaf must bear.
        ask: Who is asked for the passphrase.

    Raises:
        SignerError: The key cannot be opened, or is not the certificate's.
        MalformedError: The certificate is not of the roster's profile.
        StoreError: One of the two files is not there.
    """
    pem = read_bounded(folder / CERTIFICATE, MAX_CERTIFICATE)
    leaf = check_leaf(pem, state=state)
    signer = load_signer(f"file:{folder / PRIVATE_KEY}", ask, role=_("the border's TLS key"))
    form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    if leaf.public_key().public_bytes(*form) != signer.public:
        raise SignerError(
            _("{key} is not the key of {certificate}").format(
                key=folder / PRIVATE_KEY, certificate=folder / CERTIFICATE
            ),
            hint=_("put back the pair that belongs together"),
        )
    key = signer.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Leaf(pem, key)
