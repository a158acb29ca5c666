"""The certificate that cannot forge: real gRPC servers on loopback, a forger who holds a pinned leaf's own key.

The forger signs a certificate for another state with his pinned key and shows it with his leaf beside it. With the
profile of ``make_leaf`` both sides refuse; with the leaf that was tried first (no KeyUsage) both sides accept, so
these tests can fail.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tallystick.config.clock import FixedClock, SystemClock
from tallystick.config.errors import MalformedError
from tallystick.keys.certificate import (
    DIGITAL_SIGNATURE_ONLY,
    check_leaf,
    days_left,
    make_leaf,
    peer_name,
    spki_sha256,
)
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import new_signer

CALL = "/test.Who/Am"
CERT_SIGN = x509.KeyUsage(True, *[False] * 4, True, *[False] * 3)


Key = ec.EllipticCurvePrivateKey
LeafOf = Callable[[str, Key], bytes]


def fresh() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def crafted(
    subject: str,
    key: Any,
    *,
    issuer: str | None = None,
    signing_key: Any = None,
    usage: x509.KeyUsage | None = None,
    ca: bool = False,
    extra: tuple[x509.ExtensionType, ...] = (),
) -> bytes:
    """Make any certificate, as a forger would: ``usage`` None leaves the KeyUsage out."""
    now = datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, issuer or subject)]
    builder = (
        x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
    )
    for extension in (*([usage] if usage else []), *extra):
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.KeyUsage))
    return builder.sign(signing_key or key, hashes.SHA256()).public_bytes(Encoding.PEM)


def profile(state: str, key: Key) -> bytes:
    return make_leaf(state, [], key, SystemClock(), 30)


def without_usage(state: str, key: Key) -> bytes:
    """The leaf that was tried first: CA:FALSE, but no KeyUsage."""
    return crafted(peer_name(state), key)


def with_cert_sign(state: str, key: Key) -> bytes:
    return crafted(peer_name(state), key, usage=CERT_SIGN)


@contextmanager
def serving(chain: bytes, key: Key, pins: bytes) -> Iterator[int]:
    """Serve one call that answers with the subject of the caller's leaf."""

    def who(_request: bytes, context: grpc.ServicerContext) -> bytes:
        return (
            x509.load_pem_x509_certificate(context.auth_context()["x509_pem_cert"][0]).subject.rfc4514_string().encode()
        )

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: Any) -> Any:
            return grpc.unary_unary_rpc_method_handler(who) if details.method == CALL else None

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Handler()])
    credentials = grpc.ssl_server_credentials([(private_pem(key), chain)], pins, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def call(port: int, pins: bytes, chain: bytes, key: Key, target: str) -> str:
    """Call as a client that trusts ``pins`` and looks for ``target``; raises ``grpc.RpcError`` where refused."""
    credentials = grpc.ssl_channel_credentials(pins, private_pem(key), chain)
    options = [("grpc.ssl_target_name_override", target), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        return channel.unary_unary(CALL)(b"", timeout=5).decode()


class Pair:
    """KAZ serves, KGZ calls; KGZ's or KAZ's key is also the forger's."""

    def __init__(self, leaf_of: LeafOf) -> None:
        self.kaz_key, self.kgz_key, self.forged_key = fresh(), fresh(), fresh()
        self.kaz, self.kgz = leaf_of("KAZ", self.kaz_key), leaf_of("KGZ", self.kgz_key)

    def forged(self, pretended: str, by: str) -> bytes:
        """A certificate for ``pretended`` under the pinned leaf of ``by``, that leaf appended."""
        leaf, key = (self.kaz, self.kaz_key) if by == "KAZ" else (self.kgz, self.kgz_key)
        new = crafted(
            peer_name(pretended),
            self.forged_key,
            issuer=peer_name(by),
            signing_key=key,
            usage=DIGITAL_SIGNATURE_ONLY,
        )
        return new + leaf


def accepted(attempt: Callable[[], str], *, seen: str) -> bool:
    """Tell a handshake that was refused from a call that went through with ``seen`` as the caller."""
    try:
        answer = attempt()
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return seen in answer


def forged_client_accepted(leaf_of: LeafOf) -> bool:
    """A forger with KGZ's pinned key calls KAZ as TJK."""
    pair = Pair(leaf_of)
    with serving(pair.kaz, pair.kaz_key, pair.kgz) as port:
        assert peer_name("KGZ") in call(port, pair.kaz, pair.kgz, pair.kgz_key, peer_name("KAZ"))
        chain = pair.forged("TJK", "KGZ")
        return accepted(lambda: call(port, pair.kaz, chain, pair.forged_key, peer_name("KAZ")), seen=peer_name("TJK"))


def forged_server_accepted(leaf_of: LeafOf) -> bool:
    """A forger with KAZ's pinned key answers with a certificate that he made for KAZ's name."""
    pair = Pair(leaf_of)
    with serving(pair.forged("KAZ", "KAZ"), pair.forged_key, pair.kgz) as port:
        return accepted(lambda: call(port, pair.kaz, pair.kgz, pair.kgz_key, peer_name("KAZ")), seen=peer_name("KGZ"))


def test_a_certificate_forged_under_a_pinned_leaf_is_refused_by_the_server() -> None:
    assert not forged_client_accepted(profile)


def test_a_certificate_forged_under_a_pinned_leaf_is_refused_by_the_client() -> None:
    assert not forged_server_accepted(profile)


@pytest.mark.parametrize("mistake", [without_usage, with_cert_sign])
def test_leaves_that_were_tried_first_would_have_let_a_forger_in_both_ways(mistake: LeafOf) -> None:
    assert forged_client_accepted(mistake)
    assert forged_server_accepted(mistake)
    with pytest.raises(MalformedError):
        check_leaf(mistake("KAZ", fresh()))


def test_a_leaf_has_the_profile_and_the_names_asked_for() -> None:
    key = new_signer("ecdsa-p256")
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    pem = make_leaf("KAZ", ["border.example", "192.0.2.7"], key.private, clock, 365)
    leaf = check_leaf(pem, state="KAZ")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [peer_name("KAZ"), "border.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    assert days_left(pem, clock.now()) == 365
    assert days_left(pem, clock.now() + timedelta(days=366)) < 0
    with pytest.raises(MalformedError, match="kgz"):
        check_leaf(pem, state="KGZ")


def test_the_pin_is_that_of_the_key_and_outlives_a_renewed_certificate() -> None:
    key = new_signer("ecdsa-p256")
    first, second = (make_leaf("KAZ", [], key.private, SystemClock(), days) for days in (30, 60))
    der = x509.load_pem_x509_certificate(first).public_bytes(Encoding.DER)
    roster_key = RosterKey("tls", "ecdsa-p256", key.public, "border")
    assert first != second
    assert spki_sha256(first) == spki_sha256(second) == spki_sha256(der) == roster_key.spki_sha256


def every_mistake() -> dict[str, bytes]:
    key, name = fresh(), peer_name("KAZ")
    purposes = x509.ExtendedKeyUsage([x509.OID_CLIENT_AUTH, x509.OID_SERVER_AUTH])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    good = profile("KAZ", key)
    both = {"usage": DIGITAL_SIGNATURE_ONLY}
    edwards = ed25519.Ed25519PrivateKey.generate()
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    ed_leaf = x509.CertificateBuilder(subject, subject, edwards.public_key(), 1, now, now + timedelta(days=1))
    return {
        "an authority": crafted(name, key, ca=True, extra=(purposes, identifier), **both),
        "no purposes": crafted(name, key, extra=(identifier,), **both),
        "server only": crafted(name, key, extra=(x509.ExtendedKeyUsage([x509.OID_SERVER_AUTH]), identifier), **both),
        "no key usage": crafted(name, key, extra=(purposes, identifier)),
        "may sign certificates": crafted(name, key, usage=CERT_SIGN, extra=(purposes, identifier)),
        "one extension more": crafted(name, key, extra=(purposes, identifier, x509.OCSPNoCheck()), **both),
        "signed by another": crafted(name, key, signing_key=fresh(), extra=(purposes, identifier), **both),
        "another curve": crafted(name, ec.generate_private_key(ec.SECP384R1()), extra=(purposes, identifier), **both),
        "Ed25519": ed_leaf.sign(edwards, None).public_bytes(Encoding.PEM),
        "two certificates": good + good,
        "cut short": good[: len(good) // 2],
        "too large": good + b"\n" * 5000,
        "nothing": b"",
    }


@pytest.mark.parametrize("mistake", every_mistake().items(), ids=lambda item: item[0])
def test_a_leaf_of_any_other_profile_is_refused_before_it_is_pinned(mistake: tuple[str, bytes]) -> None:
    with pytest.raises(MalformedError):
        check_leaf(mistake[1])


def test_a_leaf_for_ever_is_neither_made_nor_pinned() -> None:
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    for days in (0, 1099):
        with pytest.raises(MalformedError, match="days"):
            make_leaf("KAZ", [], fresh(), clock, days)
    with pytest.raises(MalformedError, match="ASCII"):
        make_leaf("KAZ", ["қазақ.example"], fresh(), clock, 30)
