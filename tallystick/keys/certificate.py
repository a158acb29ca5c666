"""TLS leaves that the roster pins: self-signed, and unable to sign another certificate.

Without a KeyUsage, or with keyCertSign, gRPC took certificates forged under a pinned leaf for the pinned state's,
in both directions (tests/keys/test_certificate.py shows it with real servers). So the profile is closed: a leaf
with anything else in it is refused before it is pinned.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tallystick.config.clock import Clock
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = [
    "DIGITAL_SIGNATURE_ONLY",
    "MAX_CERTIFICATE",
    "MAX_DAYS",
    "Leaf",
    "check_leaf",
    "days_left",
    "make_leaf",
    "peer_name",
    "spki_sha256",
]

MAX_CERTIFICATE = 4096
"""Largest PEM of a leaf, in bytes."""
MAX_DAYS = 3 * 366
_SKEW = timedelta(hours=1)
DIGITAL_SIGNATURE_ONLY = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_PURPOSES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
Leaf = x509.Certificate


def peer_name(state: str) -> str:
    """Return the DNS name that every leaf of a state bears and that clients ask for (RFC 6761: it never resolves)."""
    return f"{state.lower()}.tallystick.invalid"


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def make_leaf(
    state: str, host_names: Sequence[str], private_key: ec.EllipticCurvePrivateKey, clock: Clock, days: int
) -> bytes:
    """Make a state's self-signed leaf.

    Args:
        state: Alpha-3 code.
        host_names: Further DNS names or addresses beside ``peer_name(state)``.
        private_key: P-256.
        clock: Tells from when it is valid; an hour is granted to peers whose clock is behind.
        days: How long it is valid, at most ``MAX_DAYS``.

    Returns:
        PEM.

    Raises:
        MalformedError: ``days`` out of bounds, or a host name that cannot stand in a certificate.
    """
    if not 1 <= days <= MAX_DAYS:
        raise MalformedError(_("a certificate is valid for 1 to {limit} days").format(limit=MAX_DAYS))
    names = dict.fromkeys([peer_name(state), *host_names])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, peer_name(state))])
    start, public = clock.now(), private_key.public_key()
    try:
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    except ValueError:
        raise MalformedError(_("a host name cannot stand in a certificate; write it in ASCII")) from None
    leaf = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _SKEW)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(DIGITAL_SIGNATURE_ONLY, critical=True)
        .add_extension(_PURPOSES, critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private_key, hashes.SHA256())
    )
    return leaf.public_bytes(Encoding.PEM)


def _load(certificate: bytes) -> Leaf:
    try:
        if b"-----BEGIN" in certificate:
            found = x509.load_pem_x509_certificates(certificate)
            if len(found) != 1:
                raise MalformedError(_("the leaf must be one certificate, not {count}").format(count=len(found)))
            return found[0]
        return x509.load_der_x509_certificate(certificate)
    except (ValueError, x509.InvalidVersion):
        raise MalformedError(_("the certificate cannot be read")) from None


def _public_key(leaf: Leaf) -> CertificatePublicKeyTypes:
    try:
        return leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise MalformedError(_("the certificate cannot be read")) from None


def spki_sha256(certificate: bytes) -> bytes:
    """Return the SHA-256 of a certificate's SubjectPublicKeyInfo: what a peer is recognised by.

    Args:
        certificate: PEM or DER, one certificate.

    Raises:
        MalformedError: It cannot be read.
    """
    public = _public_key(_load(certificate))
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def _check_extensions(leaf: Leaf) -> None:
    """Compare with the only five extensions that a leaf has."""
    try:
        found = {extension.oid: extension for extension in leaf.extensions}
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise MalformedError(_("the leaf's extensions cannot be read")) from None
    kinds = x509.OID_BASIC_CONSTRAINTS, x509.OID_KEY_USAGE, x509.OID_EXTENDED_KEY_USAGE
    if set(found) != {*kinds, x509.OID_SUBJECT_ALTERNATIVE_NAME, x509.OID_SUBJECT_KEY_IDENTIFIER}:
        raise MalformedError(_("the leaf must have exactly the extensions of the profile"))
    constraints, usage, purposes = (found[kind] for kind in kinds)
    if not constraints.critical or constraints.value != x509.BasicConstraints(ca=False, path_length=None):
        raise MalformedError(_("the leaf must say that it is no authority (CA:FALSE, critical)"))
    if not usage.critical or usage.value != DIGITAL_SIGNATURE_ONLY:
        raise MalformedError(
            _("the leaf's key usage must be digitalSignature alone, critical"),
            hint=_("with any other usage a pinned peer could forge certificates"),
        )
    if set(purposes.value) != set(_PURPOSES):
        raise MalformedError(_("the leaf must be for clients and servers"))


def check_leaf(certificate: bytes, *, state: str | None = None) -> Leaf:
    """Refuse a leaf that is not exactly of the profile that ``make_leaf`` makes; the time is not looked at.

    Args:
        certificate: One PEM certificate of at most ``MAX_CERTIFICATE`` bytes.
        state: The state whose name it must bear, or None for any.

    Raises:
        MalformedError: Another key, signature, extension, name or validity than a leaf has.
    """
    if len(certificate) > MAX_CERTIFICATE:
        raise MalformedError(_("the leaf is larger than {limit} bytes").format(limit=MAX_CERTIFICATE))
    leaf = _load(certificate)
    public = _public_key(leaf)
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise MalformedError(_("the leaf's key must be ECDSA P-256"))
    _check_extensions(leaf)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if state is not None and peer_name(state) not in names.get_values_for_type(x509.DNSName):
        raise MalformedError(_("the leaf does not bear the name {name}").format(name=peer_name(state)))
    if leaf.not_valid_after_utc - leaf.not_valid_before_utc > timedelta(days=MAX_DAYS) + _SKEW:
        raise MalformedError(_("the leaf is valid for more than {limit} days").format(limit=MAX_DAYS))
    try:
        leaf.verify_directly_issued_by(leaf)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        raise MalformedError(_("the leaf is not signed by its own key")) from None
    return leaf


def days_left(certificate: bytes, at: datetime) -> int:
    """Return for how many whole days a leaf is still valid at ``at``; negative where it has expired."""
    return (_load(certificate).not_valid_after_utc - at) // timedelta(days=1)
