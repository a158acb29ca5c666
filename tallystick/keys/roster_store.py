"""A node's roster folder on disk: ``metadata/`` and ``targets/``, a TUF repository as it is served.

Order of writing: catalogues, roots, targets, states' pages, snapshot, timestamp; every file whole and durable. So a
crash leaves a folder that still holds by the rules, and the next merge brings the rest. The genesis root of a first
adoption comes last of all: without it nothing was adopted. One writer at a time (a lock).
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.config.errors import MalformedError
from tallystick.config.files import SHARED_FILE, fsync_dir, make_dir, read_bounded, replace_file
from tallystick.config.i18n import _
from tallystick.keys.chains import Chains
from tallystick.keys.roster import GENESIS, build_roster, load_chains
from tallystick.keys.roster_types import Roster
from tallystick.keys.tuf_files import LIMITS, FileName, parse_name, read_file
from tallystick.keys.words import Anchor, anchor_of

if TYPE_CHECKING:
    from tallystick.keys.merge import MergeResult

__all__ = ["RosterStore", "read_roster_folder"]

_FOLDERS = ("metadata", "targets")
_FOLDER_MODE = 0o750
_ORDER = {"catalogue": 0, "root": 1, "targets": 2, "snapshot": 4, "timestamp": 5}


def read_roster_folder(folder: Path) -> dict[str, bytes]:
    """Read every file of a roster folder, within bounds; hidden files are passed over.

    Raises:
        MalformedError: A name that no roster file has, or too many or too large files.
        StoreError: A file cannot be read, or is a link.
    """
    found: dict[str, bytes] = {}
    total = 0
    for part in _FOLDERS:
        for text in _listed(folder / part):
            name = parse_name(f"{part}/{text}")
            found[name.text] = read_bounded(folder / name.text, LIMITS.bytes_for(name))
            total += len(found[name.text])
            if len(found) > LIMITS.files or total > LIMITS.total:
                raise MalformedError(
                    _("{folder}: more than {files} files or {total} bytes").format(
                        folder=folder, files=LIMITS.files, total=LIMITS.total
                    )
                )
    return found


def _listed(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))


def _set_aside(name: FileName, found: Mapping[str, bytes], files: Mapping[str, bytes]) -> bool:
    """Say whether what stands under a name must go before anything new is written: it no longer holds."""
    new, old = files.get(name.text), found[name.text]
    if new is None or name.is_index or name.digest or new == old:
        return new is None
    return read_file(name, new).signed_bytes != read_file(name, old).signed_bytes


def _rank(name: FileName) -> tuple[int, int, str]:
    return _ORDER.get(name.role, 3), name.version, name.role


class RosterStore:
    """The verified roster of one node.

    Args:
        folder: ``HOME/desk/roster`` or ``HOME/border/roster``; made when the first roster is adopted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def adopted(self) -> bool:
        """True once a federation's genesis stands here."""
        return (self.folder / GENESIS).is_file()

    def files(self) -> dict[str, bytes]:
        """Return all files by name relative to the folder, index included. Raises as ``read_roster_folder``."""
        return read_roster_folder(self.folder)

    def chains(self, anchor: Anchor | None = None) -> Chains:
        """Verify the folder; without an anchor, under the genesis that was adopted here.

        Raises:
            VerificationError: A file does not hold, or nothing was adopted yet.
        """
        files = self.files()
        return load_chains(files, anchor=anchor_of(files.get(GENESIS, b"")) if anchor is None else anchor)

    def load(self, anchor: Anchor | None, at: datetime) -> Roster:
        """Verify the folder and return what it says at ``at``; see ``chains`` for ``anchor`` and errors."""
        return build_roster(self.chains(anchor), at=at)

    def adopt(self, theirs: Mapping[str, bytes], *, at: datetime, anchor: Anchor | None = None) -> "MergeResult":
        """Merge another node's files and keep what came of it; see ``keys.merge``.

        Args:
            theirs: Files by name relative to the roster folder.
            at: Now.
            anchor: The federation that the caller trusts; needed for the first roster.

        Raises:
            VerificationError: As ``keys.merge.merge``; nothing was changed.
            UnanchoredError: Nothing was adopted yet and no anchor was given.
        """
        from tallystick.keys.merge import merge  # noqa: PLC0415 - a verifier only reads

        with self._locked():
            mine = self.files() if self.adopted else {}
            result = merge(mine, theirs, at=at, anchor=anchor)
            if not mine:
                self._remove([parse_name(text) for text in self.files()])
            if result.files != mine:
                self._write(mine, result.files)
        return result

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_dir(self.folder, _FOLDER_MODE)
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, SHARED_FILE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, found: Mapping[str, bytes], files: Mapping[str, bytes]) -> None:
        for part in _FOLDERS:
            make_dir(self.folder / part, _FOLDER_MODE)
        gone = [name for name in map(parse_name, found) if _set_aside(name, found, files)]
        self._remove(sorted((name for name in gone if not name.is_index), key=_rank, reverse=True))
        order = sorted(map(parse_name, files), key=_rank)
        if not self.adopted:
            order.sort(key=lambda name: name.text == GENESIS)
        for name in order:
            if found.get(name.text) != files[name.text] or name in gone:
                replace_file(self.folder / name.text, files[name.text], SHARED_FILE)
        self._remove([name for name in gone if name.is_index])

    def _remove(self, names: list[FileName]) -> None:
        for name in names:
            path = self.folder / name.text
            path.unlink(missing_ok=True)
            fsync_dir(path.parent)
