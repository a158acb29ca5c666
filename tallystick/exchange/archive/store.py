"""The archive as its owner uses it: accept what was verified, hand out the index, derive it anew."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import SHARED_FILE, fsync_dir
from tallystick.config.i18n import _
from tallystick.exchange.archive.files import make_shared, write_all
from tallystick.exchange.archive.index import create_index, open_immutable, open_private, read_view, record
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.archive.tree import files_for, remove_partial
from tallystick.exchange.formats.tree import checkpoint_path, data_path
from tallystick.exchange.log.static import StaticReader
from tallystick.exchange.verify.logview import LogView, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease
from tallystick.keys.roster_types import Roster

__all__ = ["INDEX_NAME", "Archive"]

INDEX_NAME = "index.sqlite"
_CC = re.compile(r"[a-z]{3}")


class Archive:
    """Everything verified, of every state. Believes its caller: only what went through ``verify`` is handed in.

    Args:
        folder: The archive; made (0750) by the first ``accept``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def tree(self) -> Path:
        """The folder that holds ``<cc>/checkpoint``, ``<cc>/tile/...`` and ``<cc>/data/...``."""
        return self._folder

    @property
    def index_path(self) -> Path:
        """Where the index lies."""
        return self._folder / INDEX_NAME

    def log(self, cc: str) -> StaticReader:
        """Return a reader of one state's log as it lies in the tree."""
        return StaticReader(self._folder, _checked(cc))

    def states(self) -> tuple[str, ...]:
        """Return the states of which the archive holds a log, lower case, sorted."""
        if not self._folder.is_dir():
            return ()
        names = (path.name for path in self._folder.iterdir() if (path / "checkpoint").is_file())
        return tuple(sorted(name for name in names if _CC.fullmatch(name)))

    def open_index(self) -> sqlite3.Connection:
        """Open the index for reading, immutable; the caller closes it.

        Raises:
            StoreError: There is none yet, or it cannot be read.
        """
        return open_immutable(self.index_path)

    def view(self, cc: str) -> LogView | None:
        """Return how far a state's log was verified, None where nothing was accepted yet."""
        if not self.index_path.exists():
            return None
        with closing(self.open_index()) as index:
            return read_view(index, _checked(cc))

    def has_data(self, cc: str, sha256: str) -> bool:
        """Tell whether a data file is here; files come in whole or not at all."""
        return (self._folder / data_path(_checked(cc), sha256)).is_file()

    def store_data(self, cc: str, data: Mapping[str, bytes]) -> None:
        """Keep data files durably, ahead of the head that names them: a broken pull goes on where it stopped.

        Args:
            cc: The state.
            data: Bytes by hex SHA-256, which is recomputed.
        """
        _checked(cc)
        for digest, content in data.items():
            if hashlib.sha256(content).hexdigest() != digest:
                raise StoreError(_("{cc}: a data file does not have the digest {digest}").format(cc=cc, digest=digest))
        new = {data_path(cc, digest): content for digest, content in data.items() if not self.has_data(cc, digest)}
        with _store_errors(self._folder):
            write_all(make_shared(self._folder), new)

    def accept(
        self,
        cc: str,
        view: LogView,
        entries: Sequence[bytes],
        releases: Sequence[VerifiedRelease | UnknownEntry],
        data: Mapping[str, bytes],
    ) -> None:
        """Take a verified step of a state's log, durably and as a whole.

        Making the same step again does nothing; ``entries`` may be empty where only data came later.

        Args:
            cc: The state, lower case.
            view: The verified view after the step.
            entries: Every entry from the archive's own view up to ``view.size``.
            releases: What they are, and earlier ones whose data came; with ``observations`` where data is at hand.
            data: Data files by hex SHA-256; those stored before may be left out.

        Raises:
            StoreError: It does not follow from what is here, a release's data is missing, or the disk refuses.
        """
        self.store_data(cc, data)
        for release in releases:
            if isinstance(release, UnknownEntry) or release.observations is None:
                continue
            if not self.has_data(cc, release.data_sha256):
                raise StoreError(
                    _("{cc}: the data of entry {index} was not handed in").format(cc=cc, index=release.index)
                )
        with _store_errors(self._folder), self._locked():
            before = self.view(cc) or empty_view(view.origin)
            if before == view and not releases:
                return
            if before.size == view.size and before.root == view.root:
                entries = ()
            if before.origin != view.origin or before.size + len(entries) != view.size:
                raise StoreError(
                    _("{cc}: {count} entries do not lead from {before} to {after}").format(
                        cc=cc, count=len(entries), before=before.size, after=view.size
                    ),
                    hint=_("another process was faster; pull again"),
                )
            self._write_log(cc, before, view, entries)
            self._replace_index(lambda index: record(index, cc, view, releases))
            remove_partial(self.log(cc), before, view)

    def rebuild(self, roster: Roster) -> None:
        """Derive the index anew from the static tree, which is verified from its first entry.

        Raises:
            StoreError: A file is missing or cannot be read; the index that was there stays.
            VerificationError: A file does not hold; likewise.
        """

        def fill(index: sqlite3.Connection) -> None:
            for cc in self.states():
                record(index, cc, *replay(self._folder, cc, roster))

        with _store_errors(self._folder), self._locked():
            self._replace_index(fill, fresh=True)

    def _write_log(self, cc: str, before: LogView, view: LogView, entries: Sequence[bytes]) -> None:
        files = files_for(self.log(cc), before, view, entries)
        write_all(self._folder, {f"{cc}/{path}": content for path, content in files.items()})
        if view.checkpoint:
            write_all(self._folder, {checkpoint_path(cc): view.checkpoint})

    def _replace_index(self, fill: Callable[[sqlite3.Connection], None], *, fresh: bool = False) -> None:
        temporary = self._folder / f".{INDEX_NAME}.tmp"
        if fresh or not self.index_path.exists():
            connection = create_index(temporary)
        else:
            shutil.copyfile(self.index_path, temporary)
            connection = open_private(temporary)
        with closing(connection):
            fill(connection)
        handle = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(handle, SHARED_FILE)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.rename(self.index_path)
        fsync_dir(self._folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_shared(self._folder)
        handle = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _checked(cc: str) -> str:
    if not _CC.fullmatch(cc):
        raise StoreError(_("'{cc}' is not an alpha-3 code in lower case").format(cc=cc[:10]))
    return cc


@contextlib.contextmanager
def _store_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise StoreError(
            _("cannot write to the archive {folder}: {reason}").format(folder=folder, reason=reason),
            hint=_("it must belong to the user who runs this, on a disk with room"),
        ) from None
