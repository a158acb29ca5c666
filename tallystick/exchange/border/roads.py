"""Open roads to peers, kept between pulls: a connection lasts until its address, the peer's pins or our leaf change."""

import threading
from dataclasses import dataclass

from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.pull import ClientTls, PullLimits, Source, open_source
from tallystick.exchange.service import Leaf

__all__ = ["Roads"]


@dataclass(frozen=True)
class _Open:
    url: str
    tls: ClientTls | None
    source: Source


class Roads:
    """Gives each peer's source.

    Args:
        keeper: Knows the roster.
        leaf: Our TLS leaf, or None where only ``file:`` addresses are used.
        limits: Bounds on what peers may send.
    """

    def __init__(self, keeper: Keeper, leaf: Leaf | None, limits: PullLimits | None = None) -> None:
        self._keeper, self._leaf, self._limits = keeper, leaf, limits
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def use_leaf(self, leaf: Leaf) -> None:
        """Show another leaf from the next connection on."""
        with self._lock:
            self._leaf = leaf

    def to(self, state: str, url: str) -> Source:
        """Return the source of a peer, a new one where something about it changed.

        Raises:
            PeerError: The roster names no leaf to know the peer by.
            KeyNotTrustedError: The roster names no such state.
        """
        with self._lock:
            leaf, known = self._leaf, self._open.get(state)
        tls = self._tls(state, leaf) if not url.startswith("file:") else None
        if known is not None and (known.url, known.tls) == (url, tls):
            return known.source
        self.drop(state)
        source = open_source(url, cc=state.lower(), tls=tls, limits=self._limits)
        with self._lock:
            self._open[state] = _Open(url, tls, source)
        return source

    def drop(self, state: str) -> None:
        """Close the connection to a peer; a transfer on it breaks off."""
        with self._lock:
            known = self._open.pop(state, None)
        if known is not None:
            known.source.close()

    def close(self) -> None:
        """Close all of them."""
        for state in list(self._open):
            self.drop(state)

    def _tls(self, state: str, leaf: Leaf | None) -> ClientTls | None:
        entry = self._keeper.held().roster.state(state)
        return ClientTls.towards(entry, leaf.certificate, leaf.private_key) if leaf else None
