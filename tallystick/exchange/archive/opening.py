"""Opening what was archived for reading: the archive of a home, an archive folder, a pack. Nothing there is changed.

An archive was verified as it came in, and its index is believed; a pack was verified by nobody yet, so all of it is
verified here, from the federation that the caller names, and an index of it is derived in a folder of its own.
"""

import sqlite3
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tallystick.config.errors import BadSignatureError, StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.settings import load_border
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.index import create_index, record
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.archive.store import INDEX_NAME, Archive
from tallystick.keys.roster import GENESIS, load_roster
from tallystick.keys.roster_store import RosterStore, read_roster_folder
from tallystick.keys.roster_types import Roster
from tallystick.keys.words import Anchor

__all__ = ["Opened", "open_folder", "open_home", "open_pack", "open_path"]


@dataclass(frozen=True)
class Opened:
    """An archive, and the roster under which what is in it was verified."""

    archive: Archive
    roster: Roster


def open_path(path: Path, anchor: Anchor | None, at: datetime) -> Opened:
    """Open a home, an archive folder or a pack, whichever lies there.

    Args:
        path: The folder.
        anchor: The federation that the caller trusts. A pack needs one; an archive stands on the roster that was
            adopted beside it, which then must be of that federation.
        at: The time as of which the roster is judged.

    Raises:
        UsageError: There is no such folder.
        UnanchoredError: A pack, and no anchor.
        VerificationError: A file of a pack or of the roster does not hold, or is of another federation.
        StoreError: Neither of the three, or it cannot be read.
    """
    if not path.is_dir():
        raise UsageError(_("{path}: no such file or folder").format(path=path))
    if (path / "border" / "border.toml").is_file():
        opened = open_home(path, at)
    elif (path / "roster" / GENESIS).is_file() and not (path / INDEX_NAME).exists():
        return open_pack(path, anchor, at)
    else:
        opened = open_folder(path, at)
    if anchor is not None and opened.roster.federation_id != anchor:
        raise BadSignatureError(
            _("{path}: of federation {found}, not {wanted}").format(
                path=path, found=opened.roster.federation_id[:16], wanted=anchor[:16]
            ),
            hint=_("compare the federation's words"),
        )
    return opened


def open_home(home: Path, at: datetime) -> Opened:
    """Open the archive of a home; raises as ``open_path``, and ConfigError where the settings are not right."""
    folder = load_border(home).folder
    return _opened(folder / "archive", [folder / "roster"], at)


def open_folder(folder: Path, at: datetime) -> Opened:
    """Open an archive folder, whose roster lies in it or beside it; raises as ``open_path``."""
    return _opened(folder, [folder / "roster", folder.absolute().parent / "roster"], at)


def _opened(folder: Path, places: list[Path], at: datetime) -> Opened:
    found = next((store for store in map(RosterStore, places) if store.adopted), None)
    if found is None:
        raise StoreError(
            _("there is no roster beside {path}").format(path=folder),
            hint=_("looked in: {places}").format(places=", ".join(str(place) for place in places)),
        )
    return Opened(Archive(folder), found.load(None, at))


def open_pack(folder: Path, anchor: Anchor | None, at: datetime) -> Opened:
    """Verify a pack, all of it, and open it; raises as ``open_path``."""
    report = verify_tree(folder, anchor, at)
    roster = load_roster(read_roster_folder(folder / "roster"), anchor=Anchor(report.federation), at=at)
    archive = _PackArchive(folder)
    archive.derive(roster)
    return Opened(archive, roster)


class _PackArchive(Archive):
    """A pack as an archive; its index lies elsewhere, and goes when this does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._beside = tempfile.TemporaryDirectory(prefix="tallystick-")

    @property
    def index_path(self) -> Path:
        """Where the index lies."""
        return Path(self._beside.name) / INDEX_NAME

    def derive(self, roster: Roster) -> None:
        """Fill the index from the files of the pack, which are verified once more as they are read."""
        try:
            index = create_index(self.index_path)
            for cc in self.states():
                record(index, cc, *replay(self.tree, cc, roster))
            index.close()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                _("cannot write {path}: {reason}").format(path=self.index_path, reason=error),
                hint=_("choose a folder of your own on a disk with room"),
            ) from None
