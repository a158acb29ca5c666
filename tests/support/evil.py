"""Servers that do not keep to the contract: a gRPC peer and an HTTPS one that say whatever a test wants."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc

from tallystick.proto.exchange.v1 import SERVICE
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, FetchRequest, HeadRequest, HeadResponse
from tests.support.leaves import TestLeaf


@contextmanager
def evil_port(
    leaf: TestLeaf,
    trusts: Iterable[TestLeaf],
    *,
    head: Callable[[HeadRequest, Any], HeadResponse] = lambda _request, _context: HeadResponse(),
    fetch: Callable[[FetchRequest, Any], Iterator[Chunk]] = lambda _request, _context: iter(()),
    chain: bytes = b"",
    compression: grpc.Compression | None = None,
    raw_head: Callable[[HeadResponse], bytes] = HeadResponse.SerializeToString,
) -> Iterator[int]:
    """A gRPC server with any leaf, which sends what it is told; yields its port."""
    server = grpc.server(ThreadPoolExecutor(4), compression=compression, options=[("grpc.so_reuseport", 0)])
    methods = {
        "Head": grpc.unary_unary_rpc_method_handler(head, HeadRequest.FromString, raw_head),
        "Fetch": grpc.unary_stream_rpc_method_handler(fetch, FetchRequest.FromString, Chunk.SerializeToString),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    roots = b"".join(one.pem for one in trusts)
    pair = [(leaf.key_pem, leaf.pem + chain)]
    credentials = grpc.ssl_server_credentials(pair, roots, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


def server_context(folder: Path, leaf: TestLeaf, trusts: Iterable[TestLeaf], chain: bytes = b"") -> ssl.SSLContext:
    """TLS as nginx would be set up: client certificates required."""
    (folder / "server.pem").write_bytes(leaf.key_pem + leaf.pem + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata="".join(one.pem.decode() for one in trusts))
    return context


class WebServer:
    """One thread a connection; ``answer(path, connection)`` returns the bytes to send, or sends them itself."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[str, ssl.SSLSocket], bytes | None]) -> None:
        self._context, self._answer = context, answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.paths: list[str] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()
        for one in self._open:
            with suppress(OSError):
                one.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _address = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(raw, server_side=True) as connection:
            self._open.append(connection)
            held = b""
            while True:
                while b"\r\n\r\n" not in held:
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    held += piece
                request, _end, held = held.partition(b"\r\n\r\n")
                path = request.split(b" ")[1].decode()
                self.paths.append(path)
                answer = self._answer(path, connection)
                if answer is None:
                    return
                connection.sendall(answer)


def ok(data: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {code} X", "Content-Length: 0", *headers, "", ""]).encode()


def tree_answer(tree: Path) -> Callable[[str, ssl.SSLSocket], bytes]:
    """Answer as a plain file server would."""

    def answer(path: str, _connection: ssl.SSLSocket) -> bytes:
        place = tree / path.lstrip("/")
        return ok(place.read_bytes()) if place.is_file() else status(404)

    return answer


@contextmanager
def web_server(context: ssl.SSLContext, answer: Callable[[str, ssl.SSLSocket], bytes | None]) -> Iterator[WebServer]:
    server = WebServer(context, answer)
    try:
        yield server
    finally:
        server.close()
