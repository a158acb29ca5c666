"""TLS leaves for tests: the profile that the roster wants, and those that must not pass."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tallystick.exchange.service import Leaf
from tallystick.keys.roster_types import RosterKey


@dataclass(frozen=True)
class TestLeaf:
    """A certificate with its key."""

    __test__ = False

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def leaf(self) -> Leaf:
        return Leaf(self.pem, self.key_pem)

    @property
    def roster_key(self) -> RosterKey:
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return RosterKey("tls", "ecdsa-p256", point, "border", certificate=self.pem)


def make_test_leaf(
    state: str,
    *,
    host: str | None = None,
    issuer: TestLeaf | None = None,
    days: float = 30,
    started: float = 1,
    cert_sign: bool = False,
    key_usage: bool = True,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> TestLeaf:
    """Make a leaf as FACTS has it; each switch takes one of its properties away.

    Args:
        state: Common name, and the host name below ``.example`` if no other is given.
        host: The one DNS name in it.
        issuer: Who signs it; None for itself.
        days: Validity from now, negative for an expired one.
        started: Days ago that it became valid.
        cert_sign: Allow it to sign certificates.
        key_usage: Whether it says at all what its key is for.
        key: Its key; a fresh one by default.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"tallystick {state}")])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=max(started, started - days)))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=cert_sign, path_length=None), critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host or f"{state.lower()}.example")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if key_usage:
        builder = builder.add_extension(usage, critical=True)
    return TestLeaf(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)
