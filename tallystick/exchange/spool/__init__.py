"""The spool: how the desk and the border hand each other whole messages through a folder (or a stick).

The writer owns its folder. A reader keeps a cursor elsewhere and never writes or deletes there.

    SpoolWriter(outbox).put("log", message)

    reader = SpoolReader(outbox, FileCursor(state / "outbox.cursor"), owner=desk_uid)
    for number, kind, message in reader.read_new():
        import_message(kind, message)  # must be idempotent: a crash here delivers it once more
        reader.done(number)
    for problem in reader.problems:
        log.warning(str(problem))

Life of a message, and what a crash after each step leaves behind (DESIGN, section 3):

1. ``.00000007.log.<sha256>.tmp`` written and synced: readers see nothing. The next ``put`` completes it if its
   bytes match its name, else removes it; the number was never seen by anybody.
2. folder synced: the same.
3. renamed to ``00000007.log``: readers see it whole.
4. folder synced: ``put`` returns 7. Until then the caller may put the message again, as 8.

The folder is *not trusted* by its reader: who controls it can withhold messages or show old ones, which is
reported; what a message says is believed only after its signatures were verified.
"""

from tallystick.exchange.spool.cursor import Cursor, CursorStore, FileCursor
from tallystick.exchange.spool.frame import KINDS, MESSAGE_LIMIT
from tallystick.exchange.spool.reader import SpoolProblem, SpoolReader
from tallystick.exchange.spool.writer import SpoolWriter

__all__ = [
    "KINDS",
    "MESSAGE_LIMIT",
    "Cursor",
    "CursorStore",
    "FileCursor",
    "SpoolProblem",
    "SpoolReader",
    "SpoolWriter",
]
