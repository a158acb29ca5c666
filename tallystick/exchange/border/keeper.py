"""What this border holds of the federation: roster, archive, memory; and what it does with a verified step.

The only place where results of a pull, or of the desk's spool, are stored. Order of one pull: roster, data, log;
each durable before the next. Safe to use from several threads: roster store and archive lock themselves.
"""

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.files import read_bounded
from tallystick.exchange.archive.index import DATA_MISSING
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.state import BorderState
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.pull import DataStep, Known, LogStep, PullStep, RosterStep, known_digests
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.merge import MergeResult
from tallystick.keys.roster import roster_digest
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.roster_types import Roster

__all__ = ["Held", "Keeper"]

_SETTLED_NS = 100_000_000
_RELOAD_SECONDS = 3600
"""How long a loaded roster is used before it is asked again whether it has expired."""


@dataclass(frozen=True)
class Held:
    """The roster in force: what it says, its files, their digest."""

    roster: Roster
    files: dict[str, bytes]
    digest: str


class Keeper:
    """Stores of one border folder.

    Args:
        folder: ``HOME/border``.
        clock: Tells the time.
        state: The border's memory.
    """

    def __init__(self, folder: Path, clock: Clock, state: BorderState) -> None:
        self.archive = Archive(folder / "archive")
        self.rosters = RosterStore(folder / "roster")
        self.state = state
        self._clock, self._lock = clock, threading.Lock()
        self._held: tuple[tuple[int, ...], float, Held] | None = None

    @property
    def has_roster(self) -> bool:
        """True once this border belongs to a federation."""
        return self.rosters.adopted

    def held(self) -> Held:
        """Return the roster in force, verified; loaded again when its folder changed.

        Raises:
            VerificationError: The folder does not hold.
        """
        now = self._clock.now()
        with self._lock:
            mark = _mark(self.rosters.folder)
            if self._held is None or self._held[0] != mark or abs(now.timestamp() - self._held[1]) > _RELOAD_SECONDS:
                roster = self.rosters.load(None, now)
                files = self.rosters.files()
                held = Held(roster, files, roster_digest(files))
                if not _is_settled(mark):
                    return held
                self._held = (mark, now.timestamp(), held)
            return self._held[2]

    def adopt(self, theirs: dict[str, bytes]) -> MergeResult:
        """Merge roster files into this border's own; raises as ``RosterStore.adopt``."""
        result = self.rosters.adopt(theirs, at=self._clock.now())
        with self._lock:
            self._held = None
        return result

    def known(self, cc: str) -> Known:
        """Return what a pull of a peer starts from."""
        held, before = self.held(), self.state.peer(cc.upper()).rosters
        seen = known_digests(held.files) | ({before[1]} if before[0] == held.digest else set())
        view = self.archive.view(cc)
        return Known(
            roster=held.roster,
            roster_files=held.files,
            seen_rosters=frozenset(seen),
            view=view,
            rules=lambda: self._rules(cc),
            read_data=lambda digest: self._read_data(cc, digest),
            incomplete=self._incomplete(cc) if view else (),
        )

    def keep(self, cc: str, step: PullStep) -> MergeResult | None:
        """Store a verified step durably; return what came of merging a roster.

        Raises:
            StoreError: The disk refuses; the pull must not go on.
            VerificationError: Another pull changed the roster in between so that this one no longer follows.
        """
        if isinstance(step, RosterStep):
            return self.adopt(dict(step.theirs))
        if isinstance(step, DataStep):
            self.archive.store_data(cc, step.data)
        elif isinstance(step, LogStep):
            self.archive.accept(cc, step.view, step.entries, step.releases, {})
        return None

    def releases(self, cc: str) -> list[tuple[int, str, str]]:
        """Return log index, payload id and status of a state's entries, in log order."""
        if self.archive.view(cc) is None:
            return []
        with closing(self.archive.open_index()) as index:
            rows = index.execute(
                "SELECT log_index, payload_id, status FROM releases WHERE state = ? ORDER BY log_index", (cc.upper(),)
            ).fetchall()
        return [(int(at), str(identity), str(status)) for at, identity, status in rows]

    def entries(self, cc: str) -> list[bytes]:
        """Return all entries of a state's log that were verified."""
        view = self.archive.view(cc)
        return self.archive.log(cc).entries(0, view.size) if view else []

    def _rules(self, cc: str) -> SliceRules:
        """Return what a state has released so far, from the index; the envelopes are there as evidence."""
        rules = SliceRules(cc.upper())
        if self.archive.view(cc) is None:
            return rules
        with closing(self.archive.open_index()) as index:
            rows = index.execute(
                "SELECT table_id, period, revision, payload_id, log_index FROM releases"
                " WHERE state = ? AND table_id IS NOT NULL ORDER BY revision, log_index DESC",
                (cc.upper(),),
            ).fetchall()
        entries = self.entries(cc) if rows else []
        for table, period, revision, identity, at in rows:
            rules.standing[table, period] = (revision, identity, entries[at])
        return rules

    def _incomplete(self, cc: str) -> tuple[tuple[int, bytes], ...]:
        with closing(self.archive.open_index()) as index:
            rows = index.execute(
                "SELECT log_index FROM releases WHERE state = ? AND status = ? ORDER BY log_index",
                (cc.upper(), DATA_MISSING),
            ).fetchall()
        wanted = [row[0] for row in rows]
        entries = self.entries(cc) if wanted else []
        return tuple((at, entries[at]) for at in wanted)

    def _read_data(self, cc: str, digest: str) -> bytes | None:
        if not self.archive.has_data(cc, digest):
            return None
        try:
            return read_bounded(self.archive.tree / data_path(cc, digest), CSV_LIMIT)
        except (StoreError, MalformedError):
            return None


def _mark(folder: Path) -> tuple[int, ...]:
    """Return what changes when a file of the roster does."""
    parts = [folder / "metadata", folder / "targets"]
    return tuple(part.stat().st_mtime_ns for part in parts if part.is_dir())


def _is_settled(mark: tuple[int, ...]) -> bool:
    """Say whether the folders would show a further change: one of this very moment may bear the same time stamp."""
    return time.time_ns() - max(mark, default=0) > _SETTLED_NS
