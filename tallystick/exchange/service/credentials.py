"""Who we are and whom we let in, as gRPC wants it; both can change while the port is open."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

import grpc

from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _
from tallystick.keys.roster_types import Roster
from tallystick.proto.exchange.v1 import TLS13_ONLY

__all__ = ["Leaf", "Pins", "ServerCredentials"]


@dataclass(frozen=True)
class Leaf:
    """This node's self-signed TLS leaf with its private key, both PEM; the key only ever in memory."""

    certificate: bytes
    private_key: bytes = field(repr=False)


@dataclass(frozen=True)
class Pins:
    """The leaves that the roster names.

    Attributes:
        states: SHA-256 of a leaf's SubjectPublicKeyInfo to the state it stands for (alpha-3, upper case).
        certificates: The same leaves in PEM: what TLS accepts at all.
    """

    states: Mapping[bytes, str]
    certificates: tuple[bytes, ...]

    @classmethod
    def of(cls, roster: Roster, *, without: Iterable[str] = ()) -> "Pins":
        """Return the pins of every state of ``roster`` but those named."""
        left_out = set(without)
        keys = [(key, entry.code) for entry in roster.states.values() for key in entry.tls_keys]
        kept = [(key, code) for key, code in keys if code not in left_out and key.certificate]
        return cls(
            {key.spki_sha256: code for key, code in kept},
            tuple(key.certificate for key, _code in kept if key.certificate),
        )


class ServerCredentials:
    """Server credentials that gRPC asks for anew at each handshake.

    An empty set of pins is served as it is: it locks everybody out, which is what "no peers" means.
    """

    def __init__(self, leaf: Leaf, pins: Pins) -> None:
        if not TLS13_ONLY:
            raise ConfigError(
                _("gRPC was imported before its TLS suites were set; the peer port would accept TLS 1.2"),
                hint=_("import tallystick.proto.exchange.v1 before grpc, or set GRPC_SSL_CIPHER_SUITES"),
            )
        self._lock = Lock()
        self._leaf, self._pins, self._changed = leaf, pins, False

    def replace(self, *, leaf: Leaf | None = None, pins: Pins | None = None) -> None:
        """Use another leaf or other pins from the next handshake on."""
        with self._lock:
            self._leaf, self._pins, self._changed = leaf or self._leaf, pins or self._pins, True

    def for_port(self) -> grpc.ServerCredentials:
        """Return what ``add_secure_port`` takes; a client certificate is always required."""
        with self._lock:
            first, self._changed = self._configuration(), False
        return grpc.dynamic_ssl_server_credentials(first, self._fetch, require_client_authentication=True)

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        pair = (self._leaf.private_key, self._leaf.certificate)
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=b"".join(self._pins.certificates))

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the configuration if it changed since the last handshake, else None (unchanged)."""
        with self._lock:
            if not self._changed:
                return None
            self._changed = False
            return self._configuration()
