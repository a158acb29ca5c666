"""Offline keys (ceremony, state) as TUF writes them, with ids that are computed here and never believed.

TUF lets a key id be any text, so one key under two ids would count twice towards a threshold. In a roster the id is
the hash that TUF's specification describes (hex SHA-256 of the key's canonical JSON), and a file that says otherwise
is refused. People are shown tallystick's own id, the same one that stands on their card.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.signer import Key, SSlibKey

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.keys.checks import check_public, keyid

__all__ = ["OfflineKey", "read_keys"]

_ALGORITHMS = {("ed25519", "ed25519"): "ed25519", ("ecdsa", "ecdsa-sha2-nistp256"): "ecdsa-p256"}
_MAX_TEXT = 512


@dataclass(frozen=True, order=True)
class OfflineKey:
    """A ceremony or state key: Ed25519, or ECDSA P-256 for tokens.

    Attributes:
        algorithm: ``ed25519`` or ``ecdsa-p256``.
        public: Raw public key; P-256 as the 65-byte uncompressed point.
    """

    algorithm: str
    public: bytes

    @property
    def keyid(self) -> str:
        """The id that people see, as on the card."""
        return keyid(self.algorithm, self.public)

    @property
    def tuf_keyid(self) -> str:
        """The id that stands in TUF metadata."""
        return str(_tuf_key(self).keyid)

    def to_tuf(self) -> SSlibKey:
        """Return the key as the TUF libraries hold it."""
        return _tuf_key(self)


@lru_cache(maxsize=1024)
def _tuf_key(key: OfflineKey) -> SSlibKey:
    check_public(key.algorithm, key.public)
    if key.algorithm == "ed25519":
        return SSlibKey.from_crypto(ed25519.Ed25519PublicKey.from_public_bytes(key.public))
    if key.algorithm == "ecdsa-p256":
        return SSlibKey.from_crypto(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public))
    raise MalformedError(_("a roster is signed with ed25519 or ecdsa-p256, not {name}").format(name=key.algorithm[:40]))


def _raw(algorithm: str, text: str) -> bytes:
    if algorithm == "ed25519":
        return bytes.fromhex(text)
    loaded = load_pem_public_key(text.encode("ascii"))
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise ValueError("not an elliptic curve key")  # noqa: TRY004 - turned into MalformedError by the caller
    return loaded.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _read_key(where: str, tuf_keyid: str, document: Mapping[str, Any]) -> OfflineKey:
    algorithm = _ALGORITHMS.get((document.get("keytype", ""), document.get("scheme", "")))
    text = document.get("keyval", {}).get("public", "")
    if algorithm is None or not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise MalformedError(_("{name}: a key is of a kind that rosters do not use").format(name=where))
    try:
        key = OfflineKey(algorithm, _raw(algorithm, text))
    except (ValueError, UnicodeError):
        raise MalformedError(_("{name}: a key cannot be read").format(name=where)) from None
    known = key.to_tuf()
    if known.keyid != tuf_keyid:
        raise MalformedError(_("{name}: a key id is not the hash of its key").format(name=where))
    if known.to_dict() != document:
        raise MalformedError(_("{name}: a key is not in its one spelling").format(name=where))
    return key


def read_keys(where: str, keys: Mapping[str, Key]) -> dict[str, OfflineKey]:
    """Read the ``keys`` of a root or a delegation by TUF key id; every id is recomputed.

    Args:
        where: The file's name, for messages.
        keys: As python-tuf parsed them.

    Raises:
        MalformedError: A key of another kind, in another spelling, of small order, or under a wrong id.
    """
    found = {}
    for tuf_keyid, key in keys.items():
        document = key.to_dict()
        if not isinstance(document.get("keytype"), str) or not isinstance(document.get("keyval"), dict):
            raise MalformedError(_("{name}: a key cannot be read").format(name=where))
        found[tuf_keyid] = _read_key(where, tuf_keyid, document)
    return found
