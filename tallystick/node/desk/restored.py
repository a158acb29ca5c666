"""A desk that came out of a backup signs nothing until somebody asked the peers how long its log is.

The log's folder in a backup looks sound from inside, however old it is. A head that is signed over fewer entries than
others hold is a second history of the log, for ever. So a restored desk is marked, and the mark is taken away by an
operator who says how many entries the peers hold.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import rfc8785

from tallystick.config.clock import rfc3339
from tallystick.config.errors import RollbackError, StoreError
from tallystick.config.files import fsync_dir, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.exchange.log.static import StaticReader

__all__ = ["MARK", "Restored", "confirm_log", "mark_restored", "read_mark", "require_confirmed"]

MARK = "restored.json"
"""In HOME/desk while the log was not compared with what peers hold."""
_LIMIT = 4096


class Restored(NamedTuple):
    """When the desk was restored (RFC 3339), and how many entries its log had then."""

    at: str
    log_size: int


def mark_restored(folder: Path, at: datetime, log_size: int) -> None:
    """Mark the desk in ``folder`` as restored."""
    write_new(folder / MARK, rfc8785.dumps({"at": rfc3339(at), "log_size": log_size}))


def read_mark(folder: Path) -> Restored | None:
    """Return the mark, or None where nothing has to be confirmed; a mark that cannot be read still is one."""
    if not (folder / MARK).exists():
        return None
    try:
        found = json.loads(read_bounded(folder / MARK, _LIMIT))
        return Restored(str(found["at"]), int(found["log_size"]))
    except (ValueError, KeyError, TypeError):
        return Restored("?", 0)


def require_confirmed(folder: Path) -> None:
    """Let nothing be signed while the log may be shorter than what peers hold.

    Args:
        folder: HOME/desk.

    Raises:
        StoreError: The desk was restored, and nobody compared its log with the peers yet.
    """
    mark = read_mark(folder)
    if mark is not None:
        raise StoreError(
            _("this desk was restored on {day}; its log of {size} entries was not compared with the peers yet").format(
                day=mark.at[:10], size=mark.log_size
            ),
            hint=_("ask peers how many entries they hold (tallystick peer list), then: restore --confirm-log NUMBER"),
        )


def confirm_log(folder: Path, state: str, held_by_peers: int) -> int:
    """Take the mark away once the log is known to be as long as what any peer holds.

    Args:
        folder: HOME/desk.
        state: Alpha-3 code.
        held_by_peers: The largest number of entries of this log that any peer holds.

    Returns:
        How many entries the log has here.

    Raises:
        StoreError: Nothing is to be confirmed.
        RollbackError: Peers hold more; the mark stays.
    """
    if read_mark(folder) is None:
        raise StoreError(_("nothing is to be confirmed: this desk was not restored, or it was confirmed already"))
    size = StaticReader(folder / "log", state.lower()).size
    if held_by_peers > size:
        raise RollbackError(
            _("others hold {seen} entries of this log, this desk only {have}").format(seen=held_by_peers, have=size),
            hint=_("restore a newer copy; nothing may be published from this one"),
        )
    (folder / MARK).unlink()
    fsync_dir(folder)
    return size
