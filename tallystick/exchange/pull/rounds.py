"""One pull of one peer: roster, head, entries, verification, data; only what held is handed over.

    head ─ roster differs? ─ merge ──────────────────────────────► RosterStep
      └─── head differs? ─── entries ─ advance ─ verify each ─┐
                                         data in batches ─────┴──► DataStep ... ► LogStep

A broken connection, a kill or an error between two steps loses nothing that was handed over: the next pull begins
with what is there. Pure of storage, and asks no clock.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from tallystick.config.errors import (
    BadProofError,
    MalformedError,
    PeerError,
    RollbackError,
    SplitViewError,
    VerificationError,
)
from tallystick.config.i18n import _
from tallystick.exchange.formats.checkpoint import verify_checkpoint
from tallystick.exchange.formats.tiles import TILE_WIDTH, TilePath, bundles_for, decode_entries, decode_tile, tiles_for
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.pull.admit import Figures, admit, complete, figures, first_view
from tallystick.exchange.pull.names import index_digest
from tallystick.exchange.pull.source import HeadInfo, PullLimits, Source
from tallystick.exchange.pull.steps import DataStep, Known, LogStep, PullStep, RosterStep
from tallystick.exchange.verify.logfiles import new_entries
from tallystick.exchange.verify.logview import LogView, check_history
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, verify_release
from tallystick.keys.merge import MergeResult, merge
from tallystick.keys.roster import roster_digest
from tallystick.keys.roster_types import Roster, StateEntry
from tallystick.keys.tuf_files import LIMITS, parse_name

__all__ = ["known_digests", "pull_peer"]

_BUNDLES = 4
"""Entry bundles asked for in one request: at most 64 MiB of them, usually one."""
_HEADS = 3
"""How often a head may move on while its entries are fetched."""


def known_digests(files: Mapping[str, bytes]) -> frozenset[str]:
    """Return what a peer's head may say of his roster if he holds just these files."""
    return frozenset({roster_digest(files), index_digest(files)} - {""})


def pull_peer(
    source: Source, cc: str, known: Known, *, at: datetime, limits: PullLimits | None = None
) -> Iterator[PullStep]:
    """Pull one peer and yield what was verified, in the order in which it must be kept.

    Args:
        source: Where to read his tree.
        cc: His code in lower case.
        known: What this node holds.
        at: Now: an expired roster takes no change.
        limits: Bounds on what he may send.

    Raises:
        PeerError: He does not answer as agreed.
        VerificationError: What he sent does not hold; what was yielded before it stays right.
    """
    bounds = limits or PullLimits()
    head = source.head()
    roster = known.roster
    if head.roster_digest and head.roster_digest not in known.seen_rosters | known_digests(known.roster_files):
        theirs = _fetch_roster(source)
        result: MergeResult = merge(known.roster_files, theirs, at=at)
        roster = result.roster
        yield RosterStep(theirs, result, head.roster_digest)
    pull = _LogPull(source, roster, roster.state(cc), known, bounds)
    yield from pull.run(head)


def _fetch_roster(source: Source) -> dict[str, bytes]:
    names = [name for name in source.roster_files() if _is_trusted_kind(name)]
    found: dict[str, bytes] = {}
    total = 0
    for path, data in source.fetch([f"roster/{name}" for name in names]):
        total += len(data or b"")
        if total > LIMITS.total:
            raise PeerError(_("its roster is larger than {limit} bytes").format(limit=LIMITS.total))
        if data is not None:
            found[path.removeprefix("roster/")] = data
    return found


def _is_trusted_kind(name: str) -> bool:
    """Pass over the index, and names that only a later version of this program knows."""
    try:
        return not parse_name(name).is_index
    except MalformedError:
        return False


class _LogPull:
    """The log's part of one pull."""

    def __init__(self, source: Source, roster: Roster, state: StateEntry, known: Known, limits: PullLimits) -> None:
        self._source, self._roster, self._state = source, roster, state
        self._known, self._limits = known, limits
        self._view = known.view or first_view(roster, state)
        self._figures: dict[str, Figures] = {}

    def run(self, head: HeadInfo) -> Iterator[PullStep]:
        """Yield the steps of log and data."""
        view, state, late = self._view, self._state, self._late()
        if head.checkpoint == view.checkpoint and not late:
            return
        if not head.checkpoint:
            raise RollbackError(
                _("{state}: it shows no log, but {size} entries were seen").format(state=state.code, size=view.size)
            )
        after, entries, fresh = self._advance(head)
        for batch in self._data([*late, *fresh]):
            yield DataStep(batch)
        done = complete(self._roster, [*late, *fresh], self._figures, self._known.read_data)
        useful = [one for one in done if isinstance(one, UnknownEntry) or one.index >= view.size or one.observations]
        missing = sum(isinstance(one, VerifiedRelease) and one.observations is None for one in done)
        if useful or after != view:
            yield LogStep(after, tuple(entries), tuple(useful), missing)

    def _late(self) -> list[VerifiedRelease | UnknownEntry]:
        """Return earlier releases whose data may come now; one that was refused since then needs none."""
        found = []
        for index, entry in self._known.incomplete:
            with suppress(VerificationError):
                found.append(verify_release(entry, index, None, self._roster, self._state.code))
        return found

    def _advance(self, head: HeadInfo) -> tuple[LogView, list[bytes], list[VerifiedRelease | UnknownEntry]]:
        """Fetch and verify what is new; a head that moves on meanwhile is asked for again."""
        view, state = self._view, self._state
        for _attempt in range(_HEADS):
            if head.checkpoint == view.checkpoint:
                return view, [], []
            size = verify_checkpoint(head.checkpoint, origin=view.origin, keys=state.log_keys).size
            bundles = self._bundles(size)
            if bundles is not None:
                break
            head = self._source.head()
        else:
            raise PeerError(
                _("{state}: it does not give the entries of the log that it shows").format(state=state.code)
            )
        try:
            entries = new_entries(view, size, bundles)
            after, fresh = admit(self._roster, state, view, head.checkpoint, entries, self._known.rules())
        except BadProofError:
            self._look_for_split(head.checkpoint, size)
            raise
        except RollbackError as error:
            error.evidence = (view.checkpoint, head.checkpoint)
            raise
        return after, entries, fresh

    def _bundles(self, size: int) -> dict[str, bytes] | None:
        """Return the bundles with what is new, under the names that a log of ``size`` gives them; None if gone."""
        if size - self._view.size > self._limits.entries:
            raise PeerError(
                _("{state}: {count} new entries, more than the {limit} that one pull takes").format(
                    state=self._state.code, count=size - self._view.size, limit=self._limits.entries
                )
            )
        wanted = list(bundles_for(size, self._view.size))
        found: dict[str, bytes] = {}
        for first in range(0, len(wanted), _BUNDLES):
            group = wanted[first : first + _BUNDLES]
            for tile, data in zip(group, self._tiles(group), strict=True):
                if data is None:
                    return None
                found[tile.path] = data
            if sum(map(len, found.values())) > self._limits.entry_bytes:
                raise PeerError(
                    _("{state}: new entries of more than {limit} bytes").format(
                        state=self._state.code, limit=self._limits.entry_bytes
                    )
                )
        return found

    def _tiles(self, tiles: Sequence[TilePath]) -> list[bytes | None]:
        """Fetch tiles; a partial one that is gone is cut out of the full one (tlog-tiles, "Partial Tiles")."""
        cc = self._state.cc
        found = [data for _path, data in self._source.fetch([f"{cc}/{tile.path}" for tile in tiles])]
        for at, tile in enumerate(tiles):
            if found[at] is None and tile.width < TILE_WIDTH:
                whole = TilePath(tile.level, tile.n, TILE_WIDTH)
                data = dict(self._source.fetch([f"{cc}/{whole.path}"]))[f"{cc}/{whole.path}"]
                found[at] = _cut(data, tile) if data is not None else None
        return found

    def _look_for_split(self, checkpoint: bytes, size: int) -> None:
        """Find out whether the log itself signed two histories.

        Raises:
            SplitViewError: It did; the evidence is both heads and the leaf hashes of the second history.
        """
        wanted = [tile for tile in tiles_for(size) if tile.level == 0]
        leaves: list[bytes] = []
        try:
            for first in range(0, len(wanted), self._limits.files):
                group = wanted[first : first + self._limits.files]
                for tile, data in zip(group, self._tiles(group), strict=True):
                    leaves += decode_tile(data or b"", tile.width)
            check_history(self._view, checkpoint, leaves, self._state.log_keys)
        except SplitViewError as error:
            error.evidence = (*error.evidence, b"".join(leaves))
            raise
        except (PeerError, MalformedError, BadProofError):
            return  # nothing is proved; the caller's own error stands

    def _data(self, releases: Sequence[VerifiedRelease | UnknownEntry]) -> Iterator[dict[str, bytes]]:
        """Fetch the data files that are not here yet, verify each, yield them in batches, up to the pull's share."""
        named = {one.data_sha256: one for one in releases if isinstance(one, VerifiedRelease)}
        wanted = [digest for digest in named if self._known.read_data(digest) is None]
        share = self._limits.data_bytes
        for first in range(0, len(wanted), self._limits.files):
            paths = [data_path(self._state.cc, digest) for digest in wanted[first : first + self._limits.files]]
            batch: dict[str, bytes] = {}
            try:
                for path, data in self._source.fetch(paths):
                    if data is not None:
                        release = named[path.rpartition("/")[2]]
                        self._figures[release.payload_id] = figures(self._roster, release, data)
                        batch[release.data_sha256] = data
            except PeerError:
                if batch:
                    yield batch  # whole and verified: the next pull need not fetch them again
                raise
            if batch:
                yield batch
            share -= sum(map(len, batch.values()))
            if share <= 0:
                return


def _cut(whole: bytes, tile: TilePath) -> bytes:
    """Return the part of a full tile or bundle that the partial one of ``tile.width`` was."""
    if tile.level >= 0:
        return whole[: tile.width * 32]
    entries = decode_entries(whole, TILE_WIDTH)[: tile.width]
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
