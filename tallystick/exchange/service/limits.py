"""Every bound of the peer port in one place, with its unit and what it is there against.

Measured with grpcio 1.85 (docs/THREATS.md): a gzip bomb of 1 GiB costs 53 MB with a message limit and 3.8 GB
without; 10,000 raw connections 41 MB with the connection limits and 799 MB without.
"""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds of one server.

    Attributes:
        calls_per_peer: Calls of one state that may run at once; gRPC's own limit is global and lets one starve all.
        call_seconds: Longest life of one call; a slow reader costs one place until then.
        request_bytes: Largest request after decompression; 256 paths fit twice.
        metadata_bytes: Largest header block of a call.
        connections: TLS handshakes and connections that may be open towards this port at once.
        handshake_ms: Longest handshake.
        settings_ms: Longest wait for the first HTTP/2 frame.
        streams: Calls that one connection may open at once (rapid reset).
        connection_age_ms: Connections are closed after this; backstop for a peer whose leaf was removed.
        connection_grace_ms: How long calls may finish after that.
        stop_seconds: How long calls may finish when the process is asked to end.
    """

    calls_per_peer: int = 8
    call_seconds: float = 300.0
    request_bytes: int = 64 * 1024
    metadata_bytes: int = 8 * 1024
    connections: int = 200
    handshake_ms: int = 5_000
    settings_ms: int = 3_000
    streams: int = 32
    connection_age_ms: int = 600_000
    connection_grace_ms: int = 30_000
    stop_seconds: float = 3.0

    def options(self) -> list[tuple[str, int]]:
        """Return the channel arguments that put these bounds into gRPC."""
        return [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", self.request_bytes),
            ("grpc.max_metadata_size", self.metadata_bytes),
            ("grpc.absolute_max_metadata_size", 2 * self.metadata_bytes),
            ("grpc.max_allowed_incoming_connections", self.connections),
            ("grpc.server_handshake_timeout_ms", self.handshake_ms),
            ("grpc.http2.settings_timeout", self.settings_ms),
            ("grpc.max_concurrent_streams", self.streams),
            ("grpc.max_connection_age_ms", self.connection_age_ms),
            ("grpc.max_connection_age_grace_ms", self.connection_grace_ms),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
        ]
