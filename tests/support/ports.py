"""A real peer port in a thread, and raw calls to it as another program would make them."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from tallystick.exchange.service import CallRecord, Limits, PeerServer, Pins, ServedTree
from tallystick.proto.exchange.v1.exchange_pb2_grpc import ExchangeServiceStub
from tests.support.leaves import TestLeaf


def pins_of(leaves: dict[str, Sequence[TestLeaf]]) -> Pins:
    """Pin these leaves, by state."""
    pairs = [(leaf, state) for state, some in leaves.items() for leaf in some]
    return Pins({leaf.roster_key.spki_sha256: state for leaf, state in pairs}, tuple(leaf.pem for leaf, _ in pairs))


class RunningPort:
    """A server on loopback with an event loop of its own."""

    def __init__(self, server: PeerServer) -> None:
        self.server = server
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.port: int = self.do(server.start())

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def stop(self) -> None:
        self.do(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@contextmanager
def running_port(
    tree: Path, leaf: TestLeaf, pins: Pins, *, limits: Limits | None = None, calls: list[CallRecord] | None = None
) -> Iterator[RunningPort]:
    """Serve ``tree`` (with ``roster`` in it) as KAZ."""
    records = calls if calls is not None else []
    served = ServedTree("kaz", tree, tree / "roster")
    port = RunningPort(PeerServer(served, "127.0.0.1:0", leaf.leaf, pins, limits=limits, on_call=records.append))
    try:
        yield port
    finally:
        port.stop()


@contextmanager
def raw_channel(
    port: int,
    client: TestLeaf | None,
    server: TestLeaf,
    *,
    chain: bytes = b"",
    name: str = "kaz.example",
    options: Sequence[tuple[str, Any]] = (),
) -> Iterator[tuple[grpc.Channel, ExchangeServiceStub]]:
    """Open a channel that trusts ``server`` and shows ``client``."""
    credentials = grpc.ssl_channel_credentials(
        server.pem, client.key_pem if client else None, client.pem + chain if client else None
    )
    every = [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1), *options]
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials, options=every) as channel:
        yield channel, ExchangeServiceStub(channel)
