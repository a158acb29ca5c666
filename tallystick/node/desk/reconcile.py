"""The log and the publication table must tell one story; a restored backup or a crash must not start a second.

The log wins: what stands in it was signed by two officers and by the log, and others may have read it.
"""

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.exchange.formats.statement import payload_id
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.envelope import parse_envelope
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.states import PublicationState

__all__ = ["reconcile"]


def reconcile(bench: Bench, log: TileLog | None) -> tuple[Publication, ...]:
    """Bring the publication table up to what the log's published head already holds.

    Steps, each safe to repeat:

    1. The table knows no entry that the log does not hold, and the last one it knows is the same.
    2. Every further entry belongs to a row that is drafted or signed (a crash came between log and table, or
       ``desk.db`` is older than the log): the row takes the log's envelope and index.

    Returns:
        The rows that were found to be logged.

    Raises:
        StoreError: Log and table contradict each other; nothing was changed.
    """
    known = bench.publications.logged_size()
    size = 0 if log is None else log.size
    if known > size or not bench.publications.is_complete():
        raise StoreError(
            _("desk.db knows {known} entries of the log, the log's folder holds {size}").format(known=known, size=size),
            hint=_("the log's folder is older than desk.db: put back the newest backup of HOME/desk/log"),
        )
    if log is None or size == 0:
        return ()
    entries = log.entries(max(known - 1, 0), size)
    if known and bench.publications.logged_from(known - 1)[0].envelope != entries.pop(0):
        raise StoreError(
            _("entry {index} of the log is not the one that desk.db knows").format(index=known - 1),
            hint=_("desk.db and HOME/desk/log are of different homes: put both back from one backup"),
        )
    with bench.database.transaction():
        return tuple(_adopt(bench, entry, index) for index, entry in enumerate(entries, known))


def _adopt(bench: Bench, entry: bytes, index: int) -> Publication:
    row = bench.publications.by_id(payload_id(parse_envelope(entry).payload))
    waiting = (PublicationState.DRAFTED, PublicationState.SIGNED)
    if row is None or row.state not in waiting:
        raise StoreError(
            _("entry {index} of the log is not known to desk.db").format(index=index),
            hint=_("desk.db is older than the log: put back its newest backup; drafting again would not bring it back"),
        )
    at = bench.clock.now()
    if row.state is PublicationState.DRAFTED:
        row = bench.publications.step(row, PublicationState.SIGNED, at, envelope=entry)
    return bench.publications.step(row, PublicationState.LOGGED, at, envelope=entry, log_index=index)
