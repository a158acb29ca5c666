"""Copies of the keyring that doctor can see: which are past their day, and is there one at all."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.desk.restored import read_mark
from tallystick.node.home.backup import known_folders
from tallystick.node.home.copies import KEYRING_LIFE, find_copies
from tallystick.node.home.findings import Finding

__all__ = ["check_backups"]

_LATE = timedelta(days=7)
_LIVE = {"keyring.db", "keyring.db-wal", "keyring.db-shm", "keyring.db-journal"}


def check_backups(home: Path, now: datetime) -> list[Finding]:
    """Look at copies of the keyring: old ones undo an erasure, and one beside a register's copy opens it.

    Looked through are the home itself and the folders into which ``tallystick backup`` put copies.
    """
    found = [*_restored(home / "desk"), *_stray(home, now)]
    folders = known_folders(home / "desk")
    for folder in folders:
        found += _folder(folder, now)
    if not folders and not any(path.parent != home / "desk" for path in home.glob("**/keyring*.db*")):
        what = _("no copy of keyring.db is seen in this home, and no backup was made yet")
        found.append(Finding("note", what, _("back up daily: tallystick backup DIR")))
    return found


def _restored(desk: Path) -> Iterator[Finding]:
    mark = read_mark(desk)
    if mark is not None:
        what = _("restored on {day}: the log of {size} entries was not compared with the peers yet").format(
            day=mark.at[:10], size=mark.log_size
        )
        hint = _("ask what they hold, then: tallystick restore --confirm-log NUMBER")
        yield Finding("error", what, hint, StoreError.exit_code)


def _stray(home: Path, now: datetime) -> Iterator[Finding]:
    """Find copies in the home that no backup of ours made."""
    for path in home.glob("**/keyring*.db*"):
        if path.parent == home / "desk" and path.name in _LIVE:
            continue
        age = now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if age > KEYRING_LIFE:
            what = _("{path} is {days} days old; copies of the keyring live {limit} days").format(
                path=path, days=age.days, limit=KEYRING_LIFE.days
            )
            yield Finding("warning", what, _("delete it, or erased persons come back with it"))
        if any(path.parent.glob("register*.db*")):
            what = _("{path} lies in one folder with the register or its copy").format(path=path)
            yield Finding("warning", what, _("keep copies of the two apart"))


def _folder(folder: Path, now: datetime) -> Iterator[Finding]:
    if not os.access(folder, os.R_OK | os.X_OK):
        what = _("the backup folder {folder} is not there now; its copies were not looked at").format(folder=folder)
        yield Finding("note", what, _("mount it, and run doctor again"))
        return
    copies = find_copies(folder, "keyring")
    for copy in copies:
        if copy.is_over(now):
            what = _("{path} ended on {day}: copies of the keyring live {limit} days").format(
                path=copy.path, day=str(copy.expires_at)[:10], limit=KEYRING_LIFE.days
            )
            yield Finding("warning", what, _("the next tallystick backup removes it; or delete the folder"))
    if copies and now - copies[0].made_at > _LATE:
        what = _("the newest backup in {folder} is {days} days old").format(
            folder=folder, days=(now - copies[0].made_at).days
        )
        yield Finding(
            "warning", what, _("run tallystick backup daily; after 35 days without, names are lost with the disk")
        )
