"""The writer of one state's log. Persist first, then sign, then publish: a signature cannot be taken back.

Files below the folder::

    <cc>.head.json      the truth: origin, size and frontier of the log; never served
    <cc>.lock           held while appending
    <cc>/tile/...       entries and hashes, served; a file of a committed size is never written again
    <cc>/checkpoint     newest signed head, served

An append goes through these steps; what a crash at each leaves behind:

1. Lock; read head and checkpoint and compare them; read all leaf hashes and compare them with the head; remove
   files beyond the head. *Nothing that anybody refers to was touched.*
2. Leave out entries that the log holds already, byte for byte: a retry adds nothing twice. *Nothing was written.*
3. Write the new entry bundles, whole and fsynced, each under a name that tells its width.
   *Files beyond the head: nobody refers to them, the next append removes them.*
4. Write the new hash tiles likewise. *As in 3.*
5. Replace the head (fsync, rename, fsync of the folder): **the entries are in the log from here on**.
   *Before: as in 3. After: the head is ahead of the checkpoint; the next append or ``settle`` signs it, and there is
   no way to another tree of this size.*
6. Sign the head. *A signature that nobody saw; signing again is over the same size and root.*
7. Replace the checkpoint. *Before: as in 5. After: done; the same call again changes nothing and returns it.*

A folder that was lost must not begin a second history: ``TileLog`` refuses to open where no head is, and ``create``
refuses where one is. A folder put back from an old backup looks sound from inside; whoever knows a newer head hands
it in as ``seen``.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tallystick.config.errors import MalformedError, RollbackError, SplitViewError, StoreError
from tallystick.config.files import PRIVATE_DIR, SHARED_FILE, fsync_dir, replace_file, write_new
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint
from tallystick.exchange.formats.merkle import Frontier, leaf_hash, range_root
from tallystick.exchange.formats.tiles import (
    ENTRY_LIMIT,
    TILE_WIDTH,
    TilePath,
    bundles_for,
    encode_entries,
    grow_tiles,
    parse_path,
)
from tallystick.exchange.log.head import head_bytes, read_head
from tallystick.exchange.log.static import StaticReader

__all__ = ["Sign", "TileLog"]

Sign = Callable[[Checkpoint], bytes]
"""Signs a head with the log's keys and returns the checkpoint file (``formats.checkpoint.sign_checkpoint``)."""


def _make_dirs(root: Path, folder: Path) -> None:
    """Create ``folder`` below ``root`` so that its name survives a crash."""
    if folder != root and not folder.is_dir():
        _make_dirs(root, folder.parent)
        folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        fsync_dir(folder.parent)


class TileLog(StaticReader):
    """One state's log, for its writer; reading is ``StaticReader``'s, up to the newest checkpoint.

    Args:
        folder: Where it lies; ``create`` was called there once.
        cc: Alpha-3 code in lower case.

    Raises:
        StoreError: There is no log, or what is there contradicts itself.
    """

    def __init__(self, folder: Path, cc: str) -> None:
        super().__init__(folder, cc)
        self.folder = folder
        self.origin, _frontier = self._head()

    @classmethod
    def create(cls, folder: Path, origin: str) -> "TileLog":
        """Begin an empty log; done once in its life.

        Args:
            folder: An existing folder.
            origin: The log's origin; its last part is the state's code in lower case.

        Raises:
            StoreError: There is a log already; it was not touched.
        """
        cc = StaticReader(folder, origin.rpartition("/")[2]).cc
        write_new(folder / f"{cc}.head.json", head_bytes(origin, Frontier()))
        return cls(folder, cc)

    @property
    def _head_path(self) -> Path:
        return self.folder / f"{self.cc}.head.json"

    def _head(self) -> tuple[str, Frontier]:
        return read_head(self._head_path, self.head())

    def index_of(self, entry: bytes) -> int | None:
        """Return the index of an entry under the newest checkpoint, or None."""
        hashes = self.leaf_hashes(self.size)
        wanted = leaf_hash(entry)
        return hashes.index(wanted) if wanted in hashes else None

    def append(self, entries: Sequence[bytes], sign: Sign, *, seen: Checkpoint | None = None) -> bytes:
        """Append entries and publish a signed head over them; the module's docstring has the steps.

        Args:
            entries: 0 to 65,535 bytes each; those that the log holds already are left out.
            sign: Called at most once, after everything is on disk.
            seen: The newest head of this log that others hold, if any is known.

        Returns:
            The checkpoint under which all of ``entries`` stand.

        Raises:
            MalformedError: An entry is too large; nothing was written.
            RollbackError: ``seen`` is ahead of this folder; nothing was written.
            SplitViewError: ``seen`` is another tree; nothing was written.
            StoreError: The folder contradicts itself, or cannot be written; the same call may be repeated.
        """
        for entry in entries:
            if len(entry) > ENTRY_LIMIT:
                raise MalformedError(_("log entry: larger than {limit} bytes").format(limit=ENTRY_LIMIT))
        try:
            with self._locked():
                return self._append(entries, sign, seen)
        except OSError as error:
            raise StoreError(
                _("{path}: cannot be written: {reason}").format(path=self.root, reason=error.strerror),
                hint=_("nothing was lost; mend the cause and repeat the command"),
            ) from error

    def _append(self, entries: Sequence[bytes], sign: Sign, seen: Checkpoint | None) -> bytes:
        _origin, frontier = self._head()
        held = self._held(frontier)
        self._compare(seen, frontier)
        self._sweep(frontier.size)
        fresh = [entry for entry in dict.fromkeys(entries) if leaf_hash(entry) not in held]
        if fresh:
            frontier = self._persist(frontier, fresh)
        return self._publish(frontier, sign)

    def settle(self, sign: Sign) -> bytes:
        """Sign and publish what an interrupted append left persisted; returns the checkpoint."""
        return self.append((), sign)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self.folder / f"{self.cc}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                _("{path}: another process is appending to this log").format(path=self.root),
                hint=_("wait until it has ended, then repeat"),
            ) from None

    def _held(self, frontier: Frontier) -> frozenset[bytes]:
        """Return all leaf hashes of the committed tree; they must lead to the head (step 1)."""
        hashes = self.leaf_hashes(frontier.size)
        if Frontier().extend(hashes) != frontier:
            raise StoreError(
                _("{path}: the tiles do not lead to the log's head").format(path=self.root),
                hint=_("a file was changed or lost; put the folder back from its backup"),
            )
        return frozenset(hashes)

    def _compare(self, seen: Checkpoint | None, frontier: Frontier) -> None:
        if seen is None or seen.size == 0:
            return
        if seen.size > frontier.size:
            raise RollbackError(
                _("{path}: others hold {seen} entries of this log, this folder only {have}").format(
                    path=self.root, seen=seen.size, have=frontier.size
                ),
                hint=_("fetch the missing entries back from a peer before anything is signed again"),
            )
        if range_root(self.nodes(frontier.size), 0, seen.size) != seen.root:
            raise SplitViewError(
                _("{path}: others hold another history of this log's first {size} entries").format(
                    path=self.root, size=seen.size
                ),
                evidence=tuple(one for one in (self.checkpoint(),) if one),
            )

    def _sweep(self, size: int) -> None:
        """Remove what an interrupted append left beyond the head (steps 3 and 4)."""
        for name in self.paths():
            tile = parse_path(name)
            if tile.end > size:
                (self.root / name).unlink()

    def _write(self, tile: TilePath, data: bytes) -> None:
        path = self.root / tile.path
        _make_dirs(self.folder, path.parent)
        replace_file(path, data, SHARED_FILE)

    def _persist(self, frontier: Frontier, fresh: Sequence[bytes]) -> Frontier:
        """Steps 3 to 5; return the new head."""
        old = frontier.size
        first = old - old % TILE_WIDTH
        tail = self.entries(first, old)
        leaves = [leaf_hash(entry) for entry in fresh]
        if [leaf_hash(entry) for entry in tail] != self.leaf_hashes(old)[first:]:
            raise StoreError(
                _("{path}: the last bundle does not hold the log's entries").format(path=self.root),
                hint=_("a file was changed or lost; put the folder back from its backup"),
            )
        pending = [*tail, *fresh]
        for bundle in bundles_for(old + len(fresh), old):
            start = bundle.start - first
            self._write(bundle, encode_entries(pending[start : start + bundle.width]))
        for tile, data in grow_tiles(old, leaves, self.hashes):
            self._write(tile, data)
        grown = frontier.extend(leaves)
        replace_file(self._head_path, head_bytes(self.origin, grown))
        return grown

    def _publish(self, frontier: Frontier, sign: Sign) -> bytes:
        """Steps 6 and 7; return the checkpoint."""
        current = self.checkpoint()
        if current is not None and parse_checkpoint(current)[0].size == frontier.size:
            return current
        head = Checkpoint(self.origin, frontier.size, frontier.root())
        signed = sign(head)
        if parse_checkpoint(signed)[0] != head:
            raise StoreError(_("{path}: the signer signed another head than it was given").format(path=self.root))
        _make_dirs(self.folder, self.root)
        replace_file(self.root / "checkpoint", signed, SHARED_FILE)
        return signed
