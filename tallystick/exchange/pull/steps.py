"""What a pull starts from and what it hands over, as plain values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tallystick.exchange.verify.logview import LogView
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.merge import MergeResult
from tallystick.keys.roster_types import Roster

__all__ = ["DataStep", "Known", "LogStep", "PullStep", "RosterStep"]


def _nothing(_digest: str) -> None:
    return None


def _no_rules() -> None:
    return None


@dataclass(frozen=True)
class Known:
    """What this node holds when a pull begins.

    Attributes:
        roster: What its roster says.
        roster_files: The roster's files, by name relative to the roster folder.
        seen_rosters: What ``HeadInfo.roster_digest`` may say without anything being new: our own roster's digests
            and the one that this peer showed at the last merge.
        view: How far this peer's log was verified, None before the first time.
        rules: Gives what this peer has released so far, by slice; asked only when there is something new.
        read_data: Gives a data file of this peer that is already here, by hex SHA-256, else None.
        incomplete: Log index and entry of this peer's releases whose data did not come yet.
    """

    roster: Roster
    roster_files: Mapping[str, bytes]
    seen_rosters: frozenset[str] = frozenset()
    view: LogView | None = None
    rules: Callable[[], SliceRules | None] = _no_rules
    read_data: Callable[[str], bytes | None] = _nothing
    incomplete: Sequence[tuple[int, bytes]] = ()


@dataclass(frozen=True)
class RosterStep:
    """The peer's roster differed: what he holds, and what came of merging it."""

    theirs: Mapping[str, bytes] = field(repr=False)
    result: MergeResult
    digest: str


@dataclass(frozen=True)
class DataStep:
    """Data files that verified releases name, by hex SHA-256; to be kept before the head that needs them."""

    data: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class LogStep:
    """A verified step of the peer's log.

    Attributes:
        view: The log afterwards.
        entries: Every entry since the view before, verbatim.
        releases: What they are, in log order, and earlier ones whose data came now.
        missing: How many of them are without their data file, which the peer did not give.
    """

    view: LogView
    entries: tuple[bytes, ...] = field(repr=False)
    releases: tuple[VerifiedRelease | UnknownEntry, ...] = field(repr=False)
    missing: int


PullStep = RosterStep | DataStep | LogStep
