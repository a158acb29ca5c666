"""The gRPC server of the peer port: every handler behind one wrapper that knows the caller, the gate and the clock."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from tallystick.config.errors import PeerError
from tallystick.config.i18n import _
from tallystick.exchange.service.callers import Callers, Lease
from tallystick.exchange.service.credentials import Leaf, Pins, ServerCredentials
from tallystick.exchange.service.errors import INTERNAL, PUBLIC, Refusal, public_error
from tallystick.exchange.service.limits import Limits
from tallystick.exchange.service.tree import ServedTree
from tallystick.proto.exchange.v1 import CHUNK_BYTES, SERVICE
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, FetchRequest, HeadRequest, HeadResponse

__all__ = ["CallRecord", "PeerServer"]

_READ_AHEAD = 4 * CHUNK_BYTES
"""Bytes that one call takes from the disk at a time, in one step outside the event loop."""
Answer = TypeVar("Answer")
Request = TypeVar("Request", HeadRequest, FetchRequest)


@dataclass(frozen=True)
class CallRecord:
    """What the log may know of a call: no path and no byte that the peer sent.

    Attributes:
        state: The caller, or None where nobody was recognised.
        method: ``Head`` or ``Fetch``.
        status: The gRPC status it ended with.
        files: Files asked for.
        sent: Bytes of files sent.
        seconds: How long it took.
        error: Class of an unexpected exception, else None.
    """

    state: str | None
    method: str
    status: str
    files: int = 0
    sent: int = 0
    seconds: float = 0.0
    error: str | None = None


@dataclass
class _Call:
    """One call while it runs."""

    method: str
    started: float
    lease: Lease | None = None
    files: int = 0
    sent: int = 0

    def record(self, status: grpc.StatusCode, error: BaseException | None = None) -> CallRecord:
        """Return what is worth keeping of it."""
        return CallRecord(
            self.lease.caller.state if self.lease else None,
            self.method,
            status.name,
            self.files,
            self.sent,
            round(time.monotonic() - self.started, 4),
            type(error).__name__ if error is not None and public_error(error) is INTERNAL else None,
        )


class PeerServer:
    """One listening port.

    Args:
        tree: What is served.
        listen: ``HOST:PORT``; port 0 takes a free one.
        leaf: This node's certificate and key.
        pins: Who may call.
        limits: Every bound.
        on_call: Told of every call when it ended; must not block.
    """

    def __init__(
        self,
        tree: ServedTree,
        listen: str,
        leaf: Leaf,
        pins: Pins,
        *,
        limits: Limits | None = None,
        on_call: Callable[[CallRecord], None] = lambda _record: None,
    ) -> None:
        self._tree, self._listen = tree, listen
        self._limits = limits or Limits()
        self._credentials = ServerCredentials(leaf, pins)
        self._callers = Callers(pins.states, self._limits.calls_per_peer)
        self._on_call = on_call
        self._server: grpc.aio.Server | None = None

    async def start(self) -> int:
        """Open the port; return its number.

        Raises:
            PeerError: The address cannot be listened on.
        """
        server = grpc.aio.server(options=self._limits.options())
        methods = {
            "Head": grpc.unary_unary_rpc_method_handler(
                self._unary, _reader(HeadRequest), HeadResponse.SerializeToString
            ),
            "Fetch": grpc.unary_stream_rpc_method_handler(self._stream, _reader(FetchRequest), Chunk.SerializeToString),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        try:
            port: int = server.add_secure_port(self._listen, self._credentials.for_port())
            await server.start()
        except RuntimeError:
            raise PeerError(
                _("cannot listen on {listen}").format(listen=self._listen),
                hint=_("another program may hold that port; the address is 'listen' in border.toml"),
            ) from None
        self._server = server
        return port

    async def replace_pins(self, pins: Pins) -> None:
        """Let exactly these in from now on: calls of removed leaves end, handshakes see the new set."""
        self._callers.replace(pins.states)
        self._credentials.replace(pins=pins)

    def replace_leaf(self, leaf: Leaf) -> None:
        """Show another certificate from the next handshake on."""
        self._credentials.replace(leaf=leaf)

    async def stop(self) -> None:
        """Take no more calls, give those that run a moment, then end them with words."""
        if self._server is None:
            return
        stopping = asyncio.ensure_future(self._server.stop(self._limits.stop_seconds + 1.0))
        await asyncio.wait([stopping], timeout=self._limits.stop_seconds)
        self._callers.end_all()
        await stopping
        self._server = None

    async def _unary(self, request: HeadRequest | None, context: Any) -> HeadResponse | None:  # noqa: ANN401 - as below
        async def work(_call: _Call) -> HeadResponse:
            if request is None:
                raise Refusal("request")
            return await asyncio.to_thread(self._tree.head)

        return await self._guarded("Head", context, work)

    async def _stream(self, request: FetchRequest | None, context: Any) -> None:  # noqa: ANN401 - grpc is untyped
        async def work(call: _Call) -> None:
            if request is None:
                raise Refusal("request")
            call.files = len(request.paths)
            chunks = self._tree.chunks(request.paths)
            while ready := await asyncio.to_thread(_take, chunks):
                for chunk in ready:
                    await context.write(chunk)
                    call.sent += len(chunk.data)

        await self._guarded("Fetch", context, work)

    async def _guarded(
        self,
        method: str,
        context: Any,  # noqa: ANN401 - grpc is untyped
        work: Callable[[_Call], Awaitable[Answer]],
    ) -> Answer | None:
        """Run a handler's work for a recognised caller, within his share and his time; answer errors from one table."""
        call = _Call(method, time.monotonic())
        try:
            caller = self._callers.identify(context.auth_context())
            with self._callers.admit(caller) as call.lease:
                async with asyncio.timeout(self._limits.call_seconds):
                    answer = await work(call)
            self._on_call(call.record(grpc.StatusCode.OK))
        except asyncio.CancelledError:
            await self._cancelled(call, context)
        except Exception as error:  # noqa: BLE001 - the one place where anything becomes a status
            told = public_error(error)
            self._on_call(call.record(told.status, error))
            await context.abort(told.status, told.words)
        else:
            return answer
        return None

    async def _cancelled(self, call: _Call, context: Any) -> None:  # noqa: ANN401 - grpc is untyped
        """Tell the peer why, if it was we who ended the call; a task cancelled from outside leaves him hanging."""
        row = call.lease.ended_by if call.lease else None
        if row is None:
            self._on_call(call.record(grpc.StatusCode.CANCELLED))
            raise asyncio.CancelledError
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        self._on_call(call.record(PUBLIC[row].status))
        await context.abort(PUBLIC[row].status, PUBLIC[row].words)


def _reader(kind: type[Request]) -> Callable[[bytes], Request | None]:
    """Return what reads a request; junk is None, since gRPC would tell the peer which library of ours refused it."""

    def read(data: bytes) -> Request | None:
        try:
            return kind.FromString(data)
        except DecodeError:
            return None

    return read


def _take(chunks: Iterator[Chunk]) -> list[Chunk]:
    """Return the next chunks, about ``_READ_AHEAD`` bytes of them; empty at the end."""
    taken: list[Chunk] = []
    size = 0
    while size < _READ_AHEAD and (chunk := next(chunks, None)) is not None:
        taken.append(chunk)
        size += len(chunk.data) + 64
    return taken
