"""Reading the own desk's outbox. The desk is treated like a peer: what it says is verified before it is kept.

A message that cannot be read as what it claims is refused for good. One that does not verify *yet* (the roster it
needs may still come) stays open and is tried again; nothing behind it is lost.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from google.protobuf.message import DecodeError

from tallystick.config.clock import Clock
from tallystick.config.errors import MalformedError, SplitViewError, TallystickError, VerificationError
from tallystick.config.i18n import _
from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.border.state import SpoolCursor
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.pull.admit import admit, complete, first_view
from tallystick.exchange.spool import SpoolReader
from tallystick.exchange.verify.logview import LogView
from tallystick.exchange.verify.release import VerifiedRelease
from tallystick.proto.exchange.v1.spool_pb2 import LogUpdate, RosterUpdate, SpoolMessage

__all__ = ["DeskIntake", "Imported"]

_ROSTER = "roster/"
_SETTLED_NS = 1_000_000_000
_LOOK_AGAIN = timedelta(seconds=30)
"""How often a spool that did not change is read again because something in it was left open."""


@dataclass
class Imported:
    """What one pass over the outbox brought.

    Attributes:
        messages: Messages taken in.
        releases: Releases of the own state that are new in the archive.
        roster_changed: The roster changed.
        problems: What could not be taken, in words.
        looked: False where the folder did not change and was not read.
    """

    looked: bool = False
    messages: int = 0
    releases: int = 0
    roster_changed: bool = False
    problems: list[str] = field(default_factory=list)


class DeskIntake:
    """Takes the desk's messages into roster and archive.

    Args:
        outbox: The desk's spool.
        keeper: The stores.
        state: The own state, alpha-3.
        clock: Tells the time.
        owner: User id that the desk's files must belong to, or None for any.
    """

    def __init__(self, outbox: Path, keeper: Keeper, state: str, clock: Clock, owner: int | None = None) -> None:
        self._outbox, self._keeper, self._state, self._clock, self._owner = outbox, keeper, state, clock, owner
        self._seen_mtime = 0
        self._looked: datetime | None = None

    def pass_over(self) -> Imported:
        """Take what is new; cheap when the folder did not change."""
        found = Imported()
        if not self._is_due():
            return found
        found.looked = True
        owner = self._outbox.stat().st_uid if self._owner is None else self._owner
        reader = SpoolReader(self._outbox, SpoolCursor(self._keeper.state), owner=owner)
        for number, kind, data in reader.read_new():
            try:
                message = _read_message(kind, data)
            except MalformedError as error:
                found.problems.append(_("outbox, message {number}: {what}").format(number=number, what=error.message))
                reader.done(number)
                continue
            try:
                self._take(message, found)
            except VerificationError as error:
                found.problems.append(
                    _("outbox, message {number} waits: {what}").format(number=number, what=error.message)
                )
                self._sound(error)
                continue
            found.messages += 1
            reader.done(number)
        found.problems += map(str, reader.problems)
        return found

    def _is_due(self) -> bool:
        try:
            mark = self._outbox.stat().st_mtime_ns
        except OSError:
            return False
        now = self._clock.now()
        if mark == self._seen_mtime and self._looked is not None and abs(now - self._looked) < _LOOK_AGAIN:
            return False
        # A folder changed this very moment may change again without its time stamp showing it.
        self._seen_mtime, self._looked = (mark if time.time_ns() - mark > _SETTLED_NS else 0), now
        return True

    def _sound(self, error: TallystickError) -> None:
        if isinstance(error, SplitViewError):
            self._keeper.state.raise_alarm(self._state, "split view", error.message, error.evidence, self._clock.now())

    def _take(self, message: SpoolMessage, found: Imported) -> None:
        if message.WhichOneof("kind") == "roster":
            found.roster_changed |= self._take_roster(message.roster)
        else:
            found.releases += self._take_log(message.log)

    def _take_roster(self, update: RosterUpdate) -> bool:
        """Merge the desk's roster. The first one never comes this way: a spool says nothing of whom to trust."""
        self._check_joined()
        files = {file.name.removeprefix(_ROSTER): file.data for file in update.files if file.name.startswith(_ROSTER)}
        return self._keeper.adopt(files).changed

    def _check_joined(self) -> None:
        if not self._keeper.has_roster:
            raise VerificationError(
                _("this border belongs to no federation yet"),
                hint=_("adopt its roster here too: tallystick roster apply DIR --root WORDS"),
            )

    def _take_log(self, update: LogUpdate) -> int:
        self._check_joined()
        cc, held = self._state.lower(), self._keeper.held()
        state = held.roster.state(self._state)
        view = self._keeper.archive.view(cc) or first_view(held.roster, state)
        fresh = self._fresh(update, view)
        if not fresh and view.size:
            return 0
        after, releases = admit(held.roster, state, view, update.checkpoint, fresh, self._keeper.known(cc).rules())
        named = [(file.name.rpartition("/")[2], file) for file in update.data]
        given = {digest: file.data for digest, file in named if file.name == data_path(cc, digest)}
        done = complete(held.roster, releases, {}, given.get)
        bare = [one.index for one in done if isinstance(one, VerifiedRelease) and one.observations is None]
        if bare:
            raise MalformedError(_("the data file of log entry {index} is not in the message").format(index=bare[0]))
        self._keeper.archive.accept(cc, after, fresh, done, given)
        return len(fresh)

    def _fresh(self, update: LogUpdate, view: LogView) -> list[bytes]:
        """Return the entries that are new; those told before must be the same."""
        first, entries = update.first_index, list(update.entries)
        if first > view.size:
            raise VerificationError(
                _("log entries from {first} on, but only {size} are here: an earlier message is missing").format(
                    first=first, size=view.size
                ),
                hint=_("copy the whole spool"),
            )
        seen = entries[: view.size - first]
        if seen and self._keeper.archive.log(self._state.lower()).entries(first, first + len(seen)) != seen:
            raise SplitViewError(
                _("the own desk tells log entries from {first} on otherwise than before").format(first=first),
                evidence=(view.checkpoint, update.checkpoint),
                hint=_("the desk may have been restored from a backup; nothing was taken"),
            )
        return entries[view.size - first :]


def _read_message(kind: str, data: bytes) -> SpoolMessage:
    message = SpoolMessage()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise MalformedError(_("not a spool message")) from None
    if message.format != 1 or message.WhichOneof("kind") != kind or kind not in {"roster", "log"}:
        raise MalformedError(_("a message of a kind that a border takes was expected"))
    return message
