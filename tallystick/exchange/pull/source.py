"""Where a peer's static tree can be read: the three roads look alike from here on.

A source brings bytes and nothing else: it bounds them and gives up in time, and whatever it brings is believed only
after ``pull.rounds`` verified it. Addresses: ``grpcs://HOST:PORT`` (a border), ``https://HOST[:PORT][/PATH]`` (the
tree behind nginx, X-Road or a mirror), ``file:///PATH`` (a mounted stick or a pack).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from tallystick.config.errors import PeerError, UsageError
from tallystick.config.i18n import _
from tallystick.exchange.formats.tiles import BUNDLE_LIMIT
from tallystick.exchange.pull.tls import ClientTls

__all__ = ["SCHEMES", "HeadInfo", "PullLimits", "Source", "check_url", "open_source"]

SCHEMES = ("grpcs", "https", "file")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True)
class PullLimits:
    """How much a peer may send, and how long he may take.

    Attributes:
        connect_seconds: Longest wait for a connection and for the first answer.
        idle_seconds: Longest silence while files come.
        call_seconds: Longest time for one request of several files, however they trickle.
        entries: Most new log entries taken in one pull.
        entry_bytes: Most bytes of them.
        files: Files asked for in one request.
        data_bytes: About how many bytes of data files one pull takes; the next one takes the rest.
    """

    connect_seconds: float = 10.0
    idle_seconds: float = 20.0
    call_seconds: float = 300.0
    entries: int = 65_536
    entry_bytes: int = 8 * BUNDLE_LIMIT
    files: int = 64
    data_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class HeadInfo:
    """Where a peer's log and roster stand, as he says.

    Attributes:
        checkpoint: His newest checkpoint; empty before his first release.
        roster_digest: Changes when his roster does; comparable with ``known_digests`` only.
    """

    checkpoint: bytes
    roster_digest: str


class Source(Protocol):
    """One peer's tree, by whatever road."""

    def head(self) -> HeadInfo:
        """Return where the peer stands.

        Raises:
            PeerError: He cannot be reached or does not answer as agreed.
        """
        ...

    def roster_files(self) -> tuple[str, ...]:
        """Return the names of his roster's files, relative to ``roster/``; raises as ``head``."""
        ...

    def fetch(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield path and bytes in the order asked for, None where there is no such file for us.

        Raises:
            PeerError: What came before it is whole; the rest did not come.
        """
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


def check_url(url: str) -> SplitResult:
    """Read a peer's address.

    Raises:
        UsageError: Another scheme, no host, a user name or query in it, or characters that do not belong there.
    """
    hint = _("write grpcs://HOST:PORT, https://HOST/PATH or file:///PATH")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(_("'{url}' is not an address").format(url=url[:80]), hint=hint) from None
    if parts.scheme not in SCHEMES or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(_("'{url}' is not the address of a peer").format(url=url[:80]), hint=hint)
    if parts.scheme == "file":
        if parts.netloc or not Path(unquote(parts.path)).is_absolute():
            raise UsageError(_("'{url}' names no absolute path").format(url=url[:80]), hint=hint)
        return parts
    if not _HOST.fullmatch(parts.hostname or "") or not _PATH.fullmatch(parts.path):
        raise UsageError(_("'{url}' names no host").format(url=url[:80]), hint=hint)
    if parts.scheme == "grpcs" and (port is None or parts.path not in {"", "/"}):
        raise UsageError(_("'{url}' must name host and port, and nothing else").format(url=url[:80]), hint=hint)
    return parts


def open_source(url: str, *, cc: str, tls: ClientTls | None, limits: PullLimits | None = None) -> Source:
    """Make the source that an address names; connects only when first used.

    Args:
        url: The peer's address.
        cc: His code in lower case.
        tls: Who we are and which of his leaves are pinned; not needed for ``file:``.
        limits: Bounds on what he may send.

    Raises:
        UsageError: Not an address of a peer.
        PeerError: There is no pin to know the peer by.
    """
    parts, bounds = check_url(url), limits or PullLimits()
    if parts.scheme == "file":
        from tallystick.exchange.pull.folder import FolderSource  # noqa: PLC0415 - one road loads one road's parts

        return FolderSource(Path(unquote(parts.path)), cc)
    if tls is None or not tls.pins:
        raise PeerError(
            _("{state}: the roster names no TLS leaf of that state").format(state=cc.upper()),
            hint=_("its roster page must be rotated in before it can be reached over a network"),
        )
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "grpcs":
        from tallystick.exchange.pull.grpcs import GrpcSource  # noqa: PLC0415

        return GrpcSource(host, port or 0, tls, bounds)
    from tallystick.exchange.pull.https import HttpsSource  # noqa: PLC0415

    return HttpsSource(host, port or 443, parts.path.rstrip("/"), cc, tls, bounds)
