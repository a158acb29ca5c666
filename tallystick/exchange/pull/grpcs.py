"""A peer's border over gRPC: one channel per peer, with that peer's pins only."""

from collections.abc import Iterator, Sequence

import grpc

from tallystick.config.errors import ConfigError, PeerError
from tallystick.config.i18n import _
from tallystick.exchange.formats.tree import CHECKPOINT_LIMIT, parse_tree_path
from tallystick.exchange.pull.source import HeadInfo, PullLimits
from tallystick.exchange.pull.tls import ClientTls, refused_leaf
from tallystick.exchange.pull.watch import Watch
from tallystick.keys.tuf_files import LIMITS
from tallystick.proto.exchange.v1 import CHUNK_BYTES, MAX_MESSAGE_BYTES, MAX_PATHS, TLS13_ONLY
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, FetchRequest, HeadRequest, HeadResponse
from tallystick.proto.exchange.v1.exchange_pb2_grpc import ExchangeServiceStub

__all__ = ["GrpcSource"]

_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    ("grpc.keepalive_time_ms", 120_000),
]


class GrpcSource:
    """Reads a peer's tree through ``ExchangeService``."""

    def __init__(self, host: str, port: int, tls: ClientTls, limits: PullLimits) -> None:
        if not TLS13_ONLY:
            raise ConfigError(
                _("gRPC was imported before its TLS suites were set; a peer could choose TLS 1.2"),
                hint=_("import tallystick.proto.exchange.v1 before grpc, or set GRPC_SSL_CIPHER_SUITES"),
            )
        self._limits = limits
        self._where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        credentials = grpc.ssl_channel_credentials(tls.roots, tls.private_key, tls.certificate)
        options = [*_OPTIONS, ("grpc.ssl_target_name_override", tls.name)]
        self._channel = grpc.secure_channel(self._where, credentials, options=options)
        self._stub = ExchangeServiceStub(self._channel)
        self._names: tuple[str, ...] = ()

    def head(self) -> HeadInfo:
        """Ask where the peer stands; see ``Source.head``."""
        try:
            answer: HeadResponse = self._stub.Head(HeadRequest(), timeout=self._limits.connect_seconds)
        except grpc.RpcError as error:
            raise self._explain(error) from None
        names = tuple(answer.roster_files)
        if len(answer.checkpoint) > CHECKPOINT_LIMIT or len(answer.roster_digest) > 64 or len(names) > LIMITS.files:
            raise self._broken(_("its head is larger than agreed"))
        self._names = names
        return HeadInfo(answer.checkpoint, answer.roster_digest)

    def roster_files(self) -> tuple[str, ...]:
        """Return the names that came with the last head."""
        return self._names

    def fetch(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Stream files; see ``Source.fetch``."""
        for first in range(0, len(paths), MAX_PATHS):
            yield from self._request(paths[first : first + MAX_PATHS])

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _request(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        limits = self._limits
        call = self._stub.Fetch(FetchRequest(paths=paths), timeout=limits.call_seconds)
        with Watch(call.cancel, idle=limits.idle_seconds, total=limits.call_seconds) as watch:
            try:
                yield from self._files(paths, call, watch)
            except grpc.RpcError as error:
                raise self._about(watch.error()) if watch.was_cut else self._explain(error) from None
            finally:
                call.cancel()

    def _files(self, paths: Sequence[str], chunks: Iterator[Chunk], watch: Watch) -> Iterator[tuple[str, bytes | None]]:
        index, held = 0, bytearray()
        for chunk in chunks:
            watch.moved()
            if chunk.index != index or index >= len(paths):
                raise self._broken(_("files came in another order than asked for"))
            if chunk.absent:
                if held or chunk.data:
                    raise self._broken(_("a file began and was then said to be absent"))
                yield paths[index], None
                index += 1
                continue
            held += chunk.data
            if len(held) > parse_tree_path(paths[index]).limit:
                raise self._broken(_("{path} is larger than agreed").format(path=paths[index]))
            if chunk.last:
                yield paths[index], bytes(held)
                index, held = index + 1, bytearray()
            elif len(chunk.data) != CHUNK_BYTES:
                raise self._broken(_("a piece of a file has another size than agreed"))
        if index != len(paths):
            raise self._broken(_("only {count} of {wanted} files came").format(count=index, wanted=len(paths)))

    def _about(self, error: PeerError) -> PeerError:
        return PeerError(_("{where}: {what}").format(where=self._where, what=error.message), hint=error.hint)

    def _broken(self, what: str) -> PeerError:
        return self._about(PeerError(what, hint=_("that node does not follow the exchange's contract")))

    def _explain(self, error: grpc.RpcError) -> PeerError:
        what, hint = _meaning(error.code(), error.details() or "")
        return self._about(PeerError(what, hint=hint))


def _meaning(status: grpc.StatusCode, details: str) -> tuple[str, str | None]:
    """Say in our own words what a status means, and what to do; the peer's own words are not repeated."""
    code = grpc.StatusCode
    if status == code.UNAVAILABLE and ("SSL" in details or "andshake" in details):
        return refused_leaf()
    if status == code.UNAVAILABLE and ("closed" in details or "reset" in details):
        return (
            _("it closed the connection without a word"),
            _("its roster may not name our TLS leaf yet, or no longer; compare them (tallystick roster show)"),
        )
    if "larger than max" in details or "ompress" in details:
        status = code.DATA_LOSS
    words = {
        code.UNAVAILABLE: (_("it cannot be reached"), _("is the address right, its node running, the firewall open?")),
        code.DEADLINE_EXCEEDED: (_("it did not answer in time"), None),
        code.DATA_LOSS: (_("it sent a message larger than {limit} bytes").format(limit=MAX_MESSAGE_BYTES), None),
        code.RESOURCE_EXHAUSTED: (_("it is busy with earlier calls of ours"), _("it is asked again later")),
        code.PERMISSION_DENIED: (
            _("it does not take our TLS leaf for one of the roster's"),
            _("its roster may be older or newer than ours; compare them (tallystick roster show)"),
        ),
    }
    other = _("it answered {status}").format(status=status.name), _("that node's operator can see more in its log")
    return words.get(status, other)
