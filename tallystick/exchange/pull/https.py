"""A peer's tree as static files over HTTPS: nginx with the roster's pins, X-Road in between, or a mirror.

TLS 1.3 with our leaf; the server's leaf must be one of the target's pins, compared byte by byte of its public key.
No redirect, no encoding, one connection at a time; every answer is bounded before and while it is read.
"""

import http.client
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress

from tallystick.config.errors import PeerError
from tallystick.config.i18n import _
from tallystick.exchange.formats.tree import checkpoint_path, parse_tree_path
from tallystick.exchange.pull.names import TIMESTAMP, index_digest, listed_names
from tallystick.exchange.pull.source import HeadInfo, PullLimits
from tallystick.exchange.pull.tls import ClientTls, refused_leaf
from tallystick.exchange.pull.watch import Watch
from tallystick.keys.certificate import spki_sha256

__all__ = ["HttpsSource"]

_PIECE = 256 * 1024
_ABSENT = {403, 404, 410}
_REFUSED = {400, 495, 496}
"""What nginx says when it does not accept the client's certificate."""
_CLOSED = (
    http.client.RemoteDisconnected,
    BrokenPipeError,
    ConnectionResetError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
)
"""How a connection looks that the other side closed while it was idle."""
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "tallystick"}


def _context(tls: ClientTls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # The pins are the state's; under which host name its tree stands proves nothing more (and X-Road changes it).
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=tls.roots.decode("ascii"))
    # The ssl module reads keys from files only: this one has no name on any disk.
    handle = os.memfd_create("tls", os.MFD_CLOEXEC)
    try:
        os.write(handle, tls.private_key + b"\n" + tls.certificate)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
    return context


class HttpsSource:
    """Reads a peer's tree by GET, one file after another on one connection."""

    def __init__(self, host: str, port: int, base: str, cc: str, tls: ClientTls, limits: PullLimits) -> None:
        self._host, self._port, self._base, self._cc = host, port, base, cc
        self._tls, self._limits = tls, limits
        self._context = _context(tls)
        self._connection: http.client.HTTPSConnection | None = None
        self._timestamp = b""

    def head(self) -> HeadInfo:
        """Read checkpoint and timestamp; see ``Source.head``."""
        found = dict(self.fetch([checkpoint_path(self._cc), f"roster/{TIMESTAMP}"]))
        self._timestamp = found[f"roster/{TIMESTAMP}"] or b""
        return HeadInfo(found[checkpoint_path(self._cc)] or b"", index_digest({TIMESTAMP: self._timestamp}))

    def roster_files(self) -> tuple[str, ...]:
        """Return the names that the index implies; see ``Source.roster_files``."""

        def read(name: str) -> bytes | None:
            return dict(self.fetch([f"roster/{name}"]))[f"roster/{name}"]

        return listed_names(self._timestamp, read) if self._timestamp else ()

    def fetch(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Get files; see ``Source.fetch``."""
        limits = self._limits
        with Watch(self._cut, idle=limits.idle_seconds, total=limits.call_seconds) as watch:
            for path in paths:
                try:
                    data = self._get(path, watch)
                except PeerError as error:
                    raise self._lost(error.message, error.hint) from None
                except (OSError, http.client.HTTPException, ValueError) as error:
                    what, hint = (watch.error().message, None) if watch.was_cut else _meaning(error)
                    raise self._lost(what, hint) from None
                yield path, data

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._cut()
            self._connection.close()
            self._connection = None

    def _cut(self) -> None:
        """Make a blocked read return; ``SSLSocket.shutdown`` would tear down what that read is using."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def _lost(self, what: str, hint: str | None = None) -> PeerError:
        self.close()
        where = f"{self._host}:{self._port}{self._base}"
        return PeerError(_("{where}: {what}").format(where=where, what=what), hint=hint)

    def _connected(self) -> http.client.HTTPSConnection:
        """Return the open connection, or open one; the handshake is made where the watch can reach it."""
        if self._connection is not None:
            return self._connection
        seconds = self._limits.connect_seconds
        raw = socket.create_connection((self._host, self._port), timeout=seconds)
        wrapped = self._context.wrap_socket(raw, server_hostname=self._host, do_handshake_on_connect=False)
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._context)
        connection.sock = wrapped
        self._connection = connection
        wrapped.do_handshake()
        leaf = wrapped.getpeercert(binary_form=True)
        if not leaf or spki_sha256(leaf) not in self._tls.pins:
            raise _refused()
        return connection

    def _get(self, path: str, watch: Watch) -> bytes | None:
        limit = parse_tree_path(path).limit
        fresh = self._connection is None
        try:
            answer = self._ask(path)
        except _CLOSED:
            if fresh:
                raise
            self.close()  # the server closed an idle connection, as it may
            answer = self._ask(path)
        watch.moved()
        if answer.status in _ABSENT:
            self._skip(answer)
            return None
        if answer.status in _REFUSED:
            raise _refused()
        if answer.status != http.client.OK or answer.getheader("Content-Encoding", "identity") != "identity":
            raise PeerError(_("it answered {path} with status {status}").format(path=path, status=answer.status))
        if answer.length is None and not answer.chunked:
            raise PeerError(_("it sent {path} without its length").format(path=path))  # a cut could not be told
        return _body(answer, path, limit, watch)

    def _ask(self, path: str) -> http.client.HTTPResponse:
        connection = self._connected()
        connection.request("GET", f"{self._base}/{path}", headers=_HEADERS)
        return connection.getresponse()

    def _skip(self, answer: http.client.HTTPResponse) -> None:
        """Read away the small page that goes with "absent", so that the connection can be used again."""
        if (answer.length or 0) > _PIECE or len(answer.read(_PIECE)) == _PIECE:
            self.close()


def _refused() -> PeerError:
    what, hint = refused_leaf()
    return PeerError(what, hint=hint)


def _body(answer: http.client.HTTPResponse, path: str, limit: int, watch: Watch) -> bytes:
    pieces = bytearray()
    while piece := answer.read1(_PIECE):
        watch.moved()
        pieces += piece
        if len(pieces) > limit:
            raise PeerError(_("{path} is larger than {limit} bytes").format(path=path, limit=limit))
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    answer.close()  # read1 does not, and the connection would not take another request
    return bytes(pieces)


def _meaning(error: Exception) -> tuple[str, str | None]:
    """Say in our own words why nothing came."""
    if isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in str(getattr(error, "reason", "")):
        return refused_leaf()
    if isinstance(error, TimeoutError):
        return _("it did not answer in time"), None
    if isinstance(error, ConnectionRefusedError | socket.gaierror):
        return _("it cannot be reached"), _("is the address right, its server running, the firewall open?")
    return _("the connection broke, or what came is not HTTP"), _("it is asked again later")
