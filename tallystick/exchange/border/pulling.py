"""One attempt to pull one peer, from opening the road to a line about how it went."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from tallystick.config.clock import Clock, rfc3339
from tallystick.config.errors import (
    PeerError,
    RollbackError,
    SplitViewError,
    TallystickError,
    UsageError,
    VerificationError,
)
from tallystick.config.i18n import _
from tallystick.exchange.border.keeper import Keeper
from tallystick.exchange.border.state import AlarmKind, PeerStanding
from tallystick.exchange.pull import DataStep, LogStep, PullLimits, PullStep, RosterStep, Source, pull_peer
from tallystick.exchange.verify.release import UnknownEntry

__all__ = ["Attempt", "Progress", "Puller", "silent"]

Progress = Callable[[str, int], None]
"""Told of each step of a pull: ``roster``, ``data`` or ``log``, and how many files or entries."""


def silent(_what: str, _count: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Attempt:
    """How one attempt went.

    Attributes:
        state: The peer, alpha-3.
        standing: What is remembered of it.
        alarms: Kinds of the alarms that are new.
        roster_changed: The roster took something from this peer.
        again: There is more to fetch at once.
    """

    state: str
    standing: PeerStanding
    alarms: tuple[AlarmKind, ...] = ()
    roster_changed: bool = False
    again: bool = False

    @property
    def ok(self) -> bool:
        """True where nothing went wrong."""
        return self.standing.error is None

    def with_new(self, new: int) -> "Attempt":
        """Return the same with another count of new entries, for several passes told as one."""
        return replace(self, standing=replace(self.standing, new=new))


class Puller:
    """Pulls one peer once and remembers how it went.

    Args:
        keeper: The stores.
        state: The peer, alpha-3.
        url: His address, for the record.
        clock: Tells the time.
        limits: Bounds on what he may send.
        progress: Told of each step.
    """

    def __init__(
        self,
        keeper: Keeper,
        state: str,
        url: str,
        clock: Clock,
        *,
        limits: PullLimits | None = None,
        progress: Progress = silent,
    ) -> None:
        self._keeper, self._state, self._url, self._clock = keeper, state, url, clock
        self._limits, self._progress = limits, progress
        self._before = keeper.state.peer(state)
        self._rosters = self._before.rosters
        self._new = self._missing = self._fetched = 0
        self._notes: list[str] = []
        self._alarms: list[AlarmKind] = []
        self._changed = False

    def run(self, open_it: Callable[[], Source]) -> Attempt:
        """Pull; raises only where this node's own disk fails.

        Args:
            open_it: Gives the source; it is not closed here, so that a connection can be used again.

        Raises:
            StoreError: This node cannot write.
        """
        cc, error = self._state.lower(), None
        try:
            known = self._keeper.known(cc)
            for step in pull_peer(open_it(), cc, known, at=self._clock.now(), limits=self._limits):
                self._take(cc, step)
        except (PeerError, VerificationError, UsageError) as found:
            error = found
            self._sound(found)
        standing = self._standing(cc, error)
        self._keeper.state.set_peer(self._state, standing)
        return Attempt(
            self._state,
            standing,
            tuple(self._alarms),
            self._changed,
            again=error is None and self._missing > 0 and self._fetched > 0,
        )

    def _take(self, cc: str, step: PullStep) -> None:
        result = self._keeper.keep(cc, step)
        if isinstance(step, RosterStep) and result is not None:
            self._changed |= result.changed
            self._notes += result.notes
            # What was refused may be taken later without a byte of it changing: the clock is put right, for one.
            settled = not result.notes or result.splits
            self._rosters = (self._keeper.held().digest, step.digest) if settled else ("", "")
            for split in result.splits:
                self._alarm("roster split", split.to_error().message, split.to_error().evidence)
            self._progress("roster", len(step.theirs))
        elif isinstance(step, DataStep):
            self._fetched += len(step.data)
            self._progress("data", len(step.data))
        elif isinstance(step, LogStep):
            self._new += len(step.releases)
            self._missing = step.missing
            unknown = sum(isinstance(one, UnknownEntry) for one in step.releases)
            if unknown:
                self._notes.append(_("entries of a kind not known here, kept: {count}").format(count=unknown))
            if step.missing:
                self._notes.append(_("releases without their data file: {count}").format(count=step.missing))
            self._progress("log", len(step.releases))

    def _sound(self, error: TallystickError) -> None:
        """Keep what a person must see: a log that goes back, or says two things."""
        if isinstance(error, SplitViewError):
            self._alarm("split view", error.message, error.evidence)
        elif isinstance(error, RollbackError):
            self._alarm("rollback", error.message, error.evidence)

    def _alarm(self, kind: AlarmKind, message: str, evidence: tuple[bytes, ...]) -> None:
        if self._keeper.state.raise_alarm(self._state, kind, message, evidence, self._clock.now()):
            self._alarms.append(kind)

    def _standing(self, cc: str, error: TallystickError | None) -> PeerStanding:
        view = self._keeper.archive.view(cc)
        size = view.size if view else 0
        base = replace(
            self._before,
            url=self._url,
            tried=rfc3339(self._clock.now()),
            attempts=self._before.attempts + 1,
            rosters=self._rosters,
            notes=tuple(self._notes),
            size=size,
            new=self._new,
        )
        if error is not None:
            return base.failed(error)
        return replace(base, succeeded=base.tried, failures=0, error=None, hint=None, refused=False)
