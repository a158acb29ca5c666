"""Who is calling, may he, and how many calls he has open: the gate in front of every handler.

The caller is the leaf that the TLS session was made with and nothing else; never the chain beside it, which the
peer chooses. A leaf is recognised by the SHA-256 of its public key, so that a renewed certificate of one key stays.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tallystick.exchange.service.errors import Refusal

__all__ = ["Caller", "Callers", "Lease"]

_CERTIFICATE_LIMIT = 16 * 1024
_TLS13 = b"TLSv1.3"


@dataclass(frozen=True)
class Caller:
    """A state (alpha-3, upper case), and by which leaf it was recognised."""

    state: str
    pin: bytes


@dataclass(eq=False)
class Lease:
    """One running call; ``ended_by`` is the row of the error table if this node ended it."""

    caller: Caller
    task: "asyncio.Task[object] | None"
    ended_by: str | None = None

    def end(self, row: str) -> None:
        """End the call from outside: its handler catches the cancellation and tells the peer why."""
        if self.ended_by is None and self.task is not None:
            self.ended_by = row
            self.task.cancel()


@lru_cache(maxsize=256)
def _pin_of(certificate: bytes) -> bytes:
    key = x509.load_pem_x509_certificate(certificate).public_key()
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


class Callers:
    """The states that may call, and their calls that run now. Used from the server's event loop only."""

    def __init__(self, states: Mapping[bytes, str], calls_per_peer: int) -> None:
        self._states = dict(states)
        self._limit = calls_per_peer
        self._running: dict[str, set[Lease]] = {}

    def identify(self, auth: Mapping[str, list[bytes]]) -> Caller:
        """Return who is calling, from the TLS session's facts.

        Raises:
            Refusal: Not TLS 1.3, no certificate, or one that no state of the roster has.
        """
        if auth.get("ssl_tls_version") != [_TLS13]:
            raise Refusal("tls")
        certificates = auth.get("x509_pem_cert") or []
        if len(certificates) != 1 or len(certificates[0]) > _CERTIFICATE_LIMIT:
            raise Refusal("unknown")
        try:
            pin = _pin_of(bytes(certificates[0]))
        except ValueError:
            raise Refusal("unknown") from None
        state = self._states.get(pin)
        if state is None:
            raise Refusal("unknown")
        return Caller(state, pin)

    @contextmanager
    def admit(self, caller: Caller) -> Iterator[Lease]:
        """Hold one of the state's places while the block runs.

        Raises:
            Refusal: All of them are taken.
        """
        running = self._running.setdefault(caller.state, set())
        if len(running) >= self._limit:
            raise Refusal("busy")
        lease = Lease(caller, asyncio.current_task())
        running.add(lease)
        try:
            yield lease
        finally:
            running.discard(lease)

    def replace(self, states: Mapping[bytes, str]) -> None:
        """Recognise these leaves from now on, and end the calls of those that are gone."""
        self._states = dict(states)
        for lease in self._leases():
            if self._states.get(lease.caller.pin) != lease.caller.state:
                lease.end("removed")

    def end_all(self) -> None:
        """End every call; the node is stopping."""
        for lease in self._leases():
            lease.end("stopping")

    def _leases(self) -> list[Lease]:
        return [lease for leases in self._running.values() for lease in leases]
