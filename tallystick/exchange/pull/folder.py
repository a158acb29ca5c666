"""A peer's tree on a mounted stick or in a pack. Whoever wrote it may have planted links, pipes or huge files."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from tallystick.config.errors import MalformedError, PeerError
from tallystick.config.i18n import _
from tallystick.exchange.formats.tree import checkpoint_path, parse_tree_path
from tallystick.exchange.pull.names import TIMESTAMP, index_digest, listed_names
from tallystick.exchange.pull.source import HeadInfo

__all__ = ["FolderSource"]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderSource:
    """Reads a tree below one folder; follows no link below it, at no step of a path."""

    def __init__(self, folder: Path, cc: str) -> None:
        self._folder, self._cc = folder, cc
        self._timestamp = b""

    def head(self) -> HeadInfo:
        """Read checkpoint and timestamp; see ``Source.head``."""
        if not self._folder.is_dir():
            raise PeerError(
                _("{folder} is not there").format(folder=self._folder), hint=_("is the stick in and mounted?")
            )
        checkpoint = self._read(checkpoint_path(self._cc))
        self._timestamp = self._read(f"roster/{TIMESTAMP}") or b""
        if checkpoint is None and not self._timestamp:
            raise PeerError(
                _("{folder} holds nothing of {state}").format(folder=self._folder, state=self._cc.upper()),
                hint=_("the address must name the folder in which '{cc}' and 'roster' lie").format(cc=self._cc),
            )
        return HeadInfo(checkpoint or b"", index_digest({TIMESTAMP: self._timestamp}))

    def roster_files(self) -> tuple[str, ...]:
        """Return the names that the index implies; see ``Source.roster_files``."""
        return listed_names(self._timestamp, lambda name: self._read(f"roster/{name}")) if self._timestamp else ()

    def fetch(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
        """Read files; see ``Source.fetch``."""
        for path in paths:
            yield path, self._read(path)

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, path: str) -> bytes | None:
        """Return a file's bytes, None where it is absent.

        Raises:
            PeerError: It is there but is not a regular file of the agreed size, or cannot be read.
        """
        try:
            place = parse_tree_path(path)
        except MalformedError:
            return None
        where = self._folder / path
        try:
            handle = self._open(path.split("/"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PeerError(
                _("{path} cannot be read: {reason}").format(path=where, reason=error.strerror),
                hint=_("a plain folder of plain files was expected; links are not followed"),
            ) from None
        try:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise PeerError(_("{path} is not a regular file").format(path=where))
            if facts.st_size > place.limit:
                raise PeerError(
                    _("{path} is larger than {limit} bytes").format(path=where, limit=place.limit),
                )
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(place.limit)
        except OSError as error:
            raise PeerError(_("{path} cannot be read: {reason}").format(path=where, reason=error.strerror)) from None
        finally:
            os.close(handle)

    def _open(self, parts: Sequence[str]) -> int:
        """Open a file step by step, so that no folder on the way can be a link either."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts[:-1]:
                deeper = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=folder)
                os.close(folder)
                folder = deeper
            return os.open(parts[-1], _FLAGS, dir_fd=folder)
        finally:
            os.close(folder)
