"""The served part of the static tree: this state's own log and data, and the roster. Nothing else is opened."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tallystick.config.errors import MalformedError
from tallystick.exchange.formats.tree import checkpoint_path, parse_tree_path
from tallystick.keys.roster import roster_digest
from tallystick.keys.tuf_files import LIMITS, parse_name
from tallystick.proto.exchange.v1 import CHUNK_BYTES, MAX_PATHS
from tallystick.proto.exchange.v1.exchange_pb2 import Chunk, HeadResponse

__all__ = ["ServedTree"]

_CLOCK_TICK_NS = 100_000_000
"""A folder changed this recently may change again without its time stamp showing it."""


class ServedTree:
    """Reads files for peers; safe to use from several threads.

    Args:
        cc: The state's code in lower case; the only room but ``roster`` that is served.
        tree: The archive's static tree.
        roster: The roster's folder with ``metadata`` and ``targets``.
    """

    def __init__(self, cc: str, tree: Path, roster: Path) -> None:
        self._cc = cc
        self._rooms = {cc: tree / cc, "roster": roster}
        self._digest: tuple[object, str, tuple[str, ...]] = (None, "", ())

    def head(self) -> HeadResponse:
        """Return where log and roster stand now; read from disk, because another process may have written."""
        digest, names = self._roster()
        checkpoint = b"".join(self._pieces(checkpoint_path(self._cc)) or ())
        return HeadResponse(checkpoint=checkpoint, roster_digest=digest, roster_files=names)

    def chunks(self, paths: Sequence[str]) -> Iterator[Chunk]:
        """Yield the files of ``paths`` in their order, in pieces.

        Raises:
            MalformedError: More paths than a request may name.
        """
        if len(paths) > MAX_PATHS:
            raise MalformedError("too many paths")
        for index, path in enumerate(paths):
            pieces = self._pieces(path)
            if pieces is None:
                yield Chunk(index=index, absent=True, last=True)
                continue
            held = next(pieces, b"")
            for piece in pieces:
                yield Chunk(index=index, data=held)
                held = piece
            yield Chunk(index=index, data=held, last=True)

    def _pieces(self, path: str) -> Iterator[bytes] | None:
        """Return the file's bytes in full pieces, None where there is no such file for a peer."""
        try:
            place = parse_tree_path(path)
        except MalformedError:
            return None
        room = self._rooms.get(place.room)
        if room is None:
            return None
        try:
            handle = os.open(room / place.rest, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > place.limit:
            os.close(handle)
            return None
        return _read(handle, facts.st_size)

    def _roster(self) -> tuple[str, tuple[str, ...]]:
        """Return digest and names, computed anew when one of the two folders changed."""
        folders = [self._rooms["roster"] / part for part in ("metadata", "targets")]
        facts = [folder.stat() for folder in folders if folder.is_dir()]
        state = tuple((fact.st_ino, fact.st_mtime_ns) for fact in facts)
        settled = all(time.time_ns() - fact.st_mtime_ns > _CLOCK_TICK_NS for fact in facts)
        if self._digest[0] != state:
            names = [f"{folder.name}/{path.name}" for folder in folders if folder.is_dir() for path in folder.iterdir()]
            served = sorted(name for name in names if _is_served(name))[: LIMITS.files]
            files = {name: b"".join(self._pieces(f"roster/{name}") or ()) for name in served}
            self._digest = (state if settled else None, roster_digest(files), tuple(served))
        return self._digest[1], self._digest[2]


def _is_served(name: str) -> bool:
    try:
        return not parse_name(name).is_index
    except MalformedError:
        return False


def _read(handle: int, size: int) -> Iterator[bytes]:
    try:
        while size > 0 and (piece := os.read(handle, min(CHUNK_BYTES, size))):
            size -= len(piece)
            yield piece
    finally:
        os.close(handle)
