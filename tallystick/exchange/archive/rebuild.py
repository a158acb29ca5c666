"""Deriving what the index says from the static tree alone, with every check made again."""

from dataclasses import replace
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import origin, verify_checkpoint
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.log.static import StaticReader
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, catalogue_of, verify_data, verify_release
from tallystick.keys.roster_types import Roster

__all__ = ["replay"]


def replay(tree: Path, cc: str, roster: Roster) -> tuple[LogView, tuple[VerifiedRelease | UnknownEntry, ...]]:
    """Verify one state's log as it lies in a tree, from its first entry.

    Args:
        tree: The static tree.
        cc: The state, lower case.
        roster: The verified roster.

    Returns:
        The view of the whole log, and every entry; ``observations`` is None where the data file is not there.

    Raises:
        StoreError: A file is missing or unreadable.
        VerificationError: A file does not hold; the message names the state.
    """
    reader, state = StaticReader(tree, cc), roster.state(cc)
    checkpoint = reader.checkpoint()
    if checkpoint is None:
        raise StoreError(_("{folder}: there is no checkpoint").format(folder=reader.root))
    name = origin(roster.federation_id, cc)
    size = verify_checkpoint(checkpoint, origin=name, keys=state.log_keys).size
    entries = reader.entries(0, size)
    view = advance(empty_view(name), checkpoint, entries, state.log_keys)
    return view, tuple(_release(tree, cc, entry, index, roster) for index, entry in enumerate(entries))


def _release(tree: Path, cc: str, entry: bytes, index: int, roster: Roster) -> VerifiedRelease | UnknownEntry:
    release = verify_release(entry, index, None, roster, cc.upper())
    if isinstance(release, UnknownEntry):
        return release
    path = tree / data_path(cc, release.data_sha256)
    if not path.exists():
        return release
    data, catalogue = read_bounded(path, CSV_LIMIT), catalogue_of(release.statement, roster)
    observations = verify_data(release.statement, data, catalogue)
    return replace(release, observations=observations)
