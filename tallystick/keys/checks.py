"""What a public key must be before anything is believed of it, and the one call that checks a signature.

The library accepts Ed25519 keys that are no honest keys: encodings with two spellings, points of small order
(one signature fits every message) and points with a torsion part (verifiers disagree about their signatures).
Rules follow RFC 8032, section 5.1.3, and Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (2020).
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

from tallystick.config.errors import BadSignatureError, MalformedError
from tallystick.config.i18n import _

__all__ = ["ALGORITHMS", "PUBLIC_SIZES", "check_public", "keyid", "verify_signature"]

PUBLIC_SIZES = {"ed25519": 32, "ecdsa-p256": 65, "mldsa44": 1312}
"""Raw public keys, in bytes; P-256 as the uncompressed point of SEC 1, section 2.3.3."""
ALGORITHMS = tuple(PUBLIC_SIZES)

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_IDENTITY = (0, 1, 1, 0)

_Point = tuple[int, int, int, int]


def keyid(algorithm: str, public: bytes) -> str:
    """Name a key by its own bytes: hex SHA-256 over algorithm and raw key; recomputed everywhere, never believed."""
    return hashlib.sha256(b"tallystick-key\n" + algorithm.encode() + b"\n" + public).hexdigest()


def _recover_x(y: int, sign: int) -> int | None:
    """Decompress as RFC 8032, section 5.1.3, steps 2 to 4 say; None where no point has this encoding."""
    numerator, denominator = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = numerator * pow(denominator, 3, _P) * pow(numerator * pow(denominator, 7, _P), (_P - 5) // 8, _P) % _P
    if denominator * x * x % _P != numerator:
        x = x * _SQRT_M1 % _P
    if denominator * x * x % _P != numerator or (x == 0 and sign):
        return None
    return x if x & 1 == sign else _P - x


def _add(one: _Point, two: _Point) -> _Point:
    """Add in extended coordinates (RFC 8032, section 5.1.4)."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % _P, (one[1] + one[0]) * (two[1] + two[0]) % _P
    c, d = 2 * one[3] * two[3] * _D % _P, 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    result = _IDENTITY
    for bit in f"{scalar:b}":
        result = _add(result, result)
        if bit == "1":
            result = _add(result, point)
    return result


def _is_identity(point: _Point) -> bool:
    return point[0] % _P == 0 and (point[1] - point[2]) % _P == 0


def _check_ed25519(public: bytes, entering: bool) -> None:
    encoded = int.from_bytes(public, "little")
    y, sign = encoded & (2**255 - 1), encoded >> 255
    if y >= _P:
        raise MalformedError(_("the Ed25519 key is not canonically encoded"))
    x = _recover_x(y, sign)
    if x is None:
        raise MalformedError(_("the Ed25519 key is not a point of the curve"))
    point = (x, y, 1, x * y % _P)
    if _is_identity(_times(8, point)):
        raise MalformedError(_("the Ed25519 key is a point of small order"))
    if entering and not _is_identity(_times(_L, point)):
        raise MalformedError(_("the Ed25519 key is not in the prime-order group"))


def _check_p256(public: bytes, _entering: bool) -> None:
    if public[0] != 4:
        raise MalformedError(_("the P-256 key is not an uncompressed point"))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    except ValueError:
        raise MalformedError(_("the P-256 key is not a point of the curve")) from None


def _check_mldsa44(public: bytes, _entering: bool) -> None:
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public)
    except ValueError:
        raise MalformedError(_("the ML-DSA-44 key cannot be read")) from None


_CHECKS: dict[str, Callable[[bytes, bool], None]] = {
    "ed25519": _check_ed25519,
    "ecdsa-p256": _check_p256,
    "mldsa44": _check_mldsa44,
}


@lru_cache(maxsize=4096)
def check_public(algorithm: str, public: bytes, *, entering: bool = False) -> None:
    """Refuse a public key that no honest key generation makes.

    Args:
        algorithm: One of ``ALGORITHMS``.
        public: The raw key, ``PUBLIC_SIZES`` bytes.
        entering: The key is seen for the first time (a card): ask for the prime-order group too, which costs 2 ms.

    Raises:
        MalformedError: Unknown algorithm, wrong size, non-canonical, not on the curve, small or mixed order.
    """
    if algorithm not in PUBLIC_SIZES:
        raise MalformedError(_("'{algorithm}' is not a signature algorithm").format(algorithm=algorithm[:40]))
    if len(public) != PUBLIC_SIZES[algorithm]:
        raise MalformedError(
            _("a {algorithm} key has {expected} bytes, this one {found}").format(
                algorithm=algorithm, expected=PUBLIC_SIZES[algorithm], found=len(public)
            )
        )
    _CHECKS[algorithm](public, entering)


_Verify = Callable[[bytes, bytes], None]


@lru_cache(maxsize=4096)
def _verifier(algorithm: str, public: bytes) -> _Verify:
    check_public(algorithm, public)
    if algorithm == "ed25519":
        return ed25519.Ed25519PublicKey.from_public_bytes(public).verify
    if algorithm == "mldsa44":
        return mldsa.MLDSA44PublicKey.from_public_bytes(public).verify
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    scheme = ec.ECDSA(hashes.SHA256())
    return lambda signature, data: point.verify(signature, data, scheme)


def verify_signature(algorithm: str, public: bytes, signature: bytes, data: bytes) -> None:
    """Check one signature over ``data``.

    Args:
        algorithm: ``ed25519`` (RFC 8032), ``ecdsa-p256`` (SHA-256, DER signature) or ``mldsa44`` (FIPS 204, pure).
        public: The raw key; it goes through ``check_public`` once a process.
        signature: What the signer wrote.
        data: What was signed.

    Raises:
        BadSignatureError: It does not match.
        MalformedError: The key itself is refused.
    """
    verify = _verifier(algorithm, public)
    try:
        verify(signature, data)
    except (InvalidSignature, ValueError):
        raise BadSignatureError(_("the signature does not match")) from None
