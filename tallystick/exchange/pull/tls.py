"""The client's side of mutual TLS: our leaf, and the target's pins only.

With the union of all pins one state's leaf would pass as another's, so there is one of these per peer.
"""

from dataclasses import dataclass, field

from tallystick.config.i18n import _
from tallystick.keys.certificate import peer_name
from tallystick.keys.roster_types import StateEntry

__all__ = ["ClientTls", "refused_leaf"]


@dataclass(frozen=True)
class ClientTls:
    """What a connection to one peer needs.

    Attributes:
        state: The peer, alpha-3.
        certificate: Our own leaf, PEM.
        private_key: Its key, PEM; only ever in memory.
        pins: The peer's leaves, PEM, by the SHA-256 of their public keys.
    """

    state: str
    certificate: bytes
    private_key: bytes = field(repr=False)
    pins: dict[bytes, bytes]

    @classmethod
    def towards(cls, peer: StateEntry, certificate: bytes, private_key: bytes) -> "ClientTls":
        """Return what is needed to reach ``peer`` as the holder of ``private_key``."""
        pins = {key.spki_sha256: key.certificate for key in peer.tls_keys if key.certificate}
        return cls(peer.code, certificate, private_key, pins)

    @property
    def name(self) -> str:
        """The DNS name that every leaf of the peer bears, whatever the host."""
        return peer_name(self.state)

    @property
    def roots(self) -> bytes:
        """The pinned leaves as one PEM document."""
        return b"".join(self.pins.values())


def refused_leaf() -> tuple[str, str]:
    """Return message and hint for a handshake that failed, whichever side refused whose leaf."""
    return (
        _("its TLS leaf is none that the roster names for it, or ours is not accepted there"),
        _("compare both rosters (tallystick roster show); a renewed leaf must be rotated in first"),
    )
