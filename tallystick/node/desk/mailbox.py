"""The desk's side of the spool: what it tells its border, and what it believes of what comes back.

Outgoing: the roster as the desk verified it, and every log entry with its data. Incoming: roster files (merged by the
desk itself; the border is not believed) and receipts for own releases (verified, then kept beside the log).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from tallystick.config.errors import MalformedError, StoreError, TallystickError
from tallystick.config.files import SHARED_FILE, make_dir, replace_file
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from tallystick.exchange.formats.tlogproof import parse_proof, verify_proof
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.spool import FileCursor, SpoolReader, SpoolWriter
from tallystick.keys.roster import roster_digest
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.roster_types import RosterKey
from tallystick.node.desk.bench import Bench
from tallystick.proto.exchange.v1 import spool_pb2

__all__ = ["SyncReport", "feed_outbox", "read_inbox", "seen_head", "tell_roster"]

_ROSTER = "roster/"
_RECEIPT = ".tlog-proof"
_FED, _TOLD, _SEEN = "outbox log size", "outbox roster digest", "newest head that others hold"


@dataclass(frozen=True)
class SyncReport:
    """What came of reading the inbox.

    Attributes:
        roster_changed: A newer roster was adopted.
        receipts: How many receipts were kept.
        notes: What was refused or looks wrong, in words.
    """

    roster_changed: bool
    receipts: int
    notes: tuple[str, ...]


def _outbox(bench: Bench) -> SpoolWriter:
    return SpoolWriter(bench.settings.resolve(bench.settings.outbox))


def tell_roster(bench: Bench, store: RosterStore) -> bool:
    """Put the desk's roster into the outbox if the border was not told of these very files yet."""
    files = store.files()
    digest = roster_digest(files)
    if bench.database.mark(_TOLD) == digest:
        return False
    message = spool_pb2.SpoolMessage(format=1)
    for name, data in sorted(files.items()):
        message.roster.files.add(name=_ROSTER + name, data=data)
    _outbox(bench).put("roster", message.SerializeToString(deterministic=True))
    with bench.database.transaction():
        bench.database.set_mark(_TOLD, digest)
    return True


def feed_outbox(bench: Bench, log: TileLog) -> int:
    """Tell the border of everything that the log holds and it was not told of; return how many entries.

    A crash between the message and the mark tells it twice, which its reader takes as nothing new.
    """
    first = int(bench.database.mark(_FED) or 0)
    rows = bench.publications.logged_from(first)
    checkpoint = log.checkpoint()
    if not rows or checkpoint is None:
        return 0
    message = spool_pb2.SpoolMessage(format=1)
    message.log.first_index = first
    message.log.checkpoint = checkpoint
    for row in rows:
        message.log.entries.append(row.envelope or b"")
        digest = hashlib.sha256(row.data).hexdigest()
        message.log.data.add(name=data_path(bench.cc, digest), data=row.data)
    _outbox(bench).put("log", message.SerializeToString(deterministic=True))
    with bench.database.transaction():
        bench.database.set_mark(_FED, str(first + len(rows)))
    return len(rows)


def seen_head(bench: Bench) -> Checkpoint | None:
    """Return the newest head of the own log that came back from outside: the log may not fall behind it."""
    stored = bench.database.mark(_SEEN)
    return None if stored is None else parse_checkpoint(base64.b64decode(stored))[0]


def read_inbox(bench: Bench, store: RosterStore) -> SyncReport:
    """Take in what the border put into the inbox; each message once, whatever is wrong with it only noted."""
    inbox = bench.settings.resolve(bench.settings.inbox)
    if not inbox.is_dir():
        return SyncReport(roster_changed=False, receipts=0, notes=())
    cursor = FileCursor(bench.settings.folder / "inbox.cursor")
    reader = SpoolReader(inbox, cursor, owner=inbox.stat().st_uid)
    taker = _Taker(bench, store)
    for number, kind, data in reader.read_new():
        try:
            taker.take(kind, data)
        except StoreError:  # this desk's own disk, not the message: it stays unread and is taken the next time
            raise
        except TallystickError as error:
            taker.notes.append(_("inbox, message {number}: {what}").format(number=number, what=error.message))
        reader.done(number)
    notes = (*taker.notes, *map(str, reader.problems))
    return SyncReport(taker.roster_changed, taker.receipts, notes)


class _Taker:
    """What one reading of the inbox adds up to."""

    def __init__(self, bench: Bench, store: RosterStore) -> None:
        self._bench = bench
        self._store = store
        self.roster_changed = False
        self.receipts = 0
        self.notes: list[str] = []

    def take(self, kind: str, data: bytes) -> None:
        message = spool_pb2.SpoolMessage()
        try:
            message.ParseFromString(data)
        except DecodeError:
            raise MalformedError(_("not a spool message")) from None
        if message.format != 1 or message.WhichOneof("kind") != kind or kind not in {"roster", "receipts"}:
            raise MalformedError(_("a message of a kind that a desk takes was expected"))
        if kind == "roster":
            self._take_roster({file.name: file.data for file in message.roster.files})
        else:
            self._take_receipts({file.name: file.data for file in message.receipts.files})

    def _take_roster(self, files: Mapping[str, bytes]) -> None:
        theirs = {name.removeprefix(_ROSTER): data for name, data in files.items() if name.startswith(_ROSTER)}
        result = self._store.adopt(theirs, at=self._bench.clock.now())
        self.roster_changed |= result.changed
        self.notes += result.notes
        for split in result.splits:
            kept = make_dir(self._bench.settings.folder / "evidence")
            for data in (split.kept, split.other):
                replace_file(kept / f"{hashlib.sha256(data).hexdigest()}.json", data)
            self.notes.append(
                _("{name}: two different versions were signed; both are kept in {folder}").format(
                    name=split.name, folder=kept
                )
            )

    def _take_receipts(self, files: Mapping[str, bytes]) -> None:
        """Keep the receipts that hold; one that does not spoils no other."""
        roster = self._bench.roster()
        log = self._bench.log(roster)
        if log is None:
            raise MalformedError(_("receipts for a log that was not begun"))
        keys = roster.state(self._bench.state).log_keys
        for name, data in files.items():
            try:
                self._take_receipt(log.origin, keys, name, data)
            except StoreError:
                raise
            except TallystickError as error:
                self.notes.append(_("{name}: {what}").format(name=name[:120], what=error.message))

    def _take_receipt(self, origin: str, keys: Sequence[RosterKey], name: str, data: bytes) -> None:
        """Keep a receipt for a release of our own, and remember the newest head that others hold."""
        checkpoint = parse_proof(data).checkpoint
        self._remember(checkpoint, verify_checkpoint(checkpoint, origin=origin, keys=keys))
        identity = name.rpartition("/")[2].removesuffix(_RECEIPT)
        row = self._bench.publications.by_id(identity)
        if row is None or row.envelope is None or row.log_index is None:
            raise MalformedError(_("a receipt for no release of ours"))
        index, _head = verify_proof(data, row.envelope, origin, keys)
        if index != row.log_index:
            raise MalformedError(_("a receipt for another index"))
        replace_file(_receipts(self._bench) / f"{identity}{_RECEIPT}", data, SHARED_FILE)
        self.receipts += 1

    def _remember(self, checkpoint: bytes, head: Checkpoint) -> None:
        known = seen_head(self._bench)
        if known is None or head.size > known.size:
            with self._bench.database.transaction():
                self._bench.database.set_mark(_SEEN, base64.b64encode(checkpoint).decode())


def _receipts(bench: Bench) -> Path:
    return make_dir(bench.log_folder / bench.cc / "releases")
