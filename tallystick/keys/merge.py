"""What a node adopts of another's roster: whatever follows by the rules, and nothing else.

Every node merges from every peer, in any order, and all end with the same files: of every role the highest version
that follows step by step, each file with all signatures that hold. A version never falls, except where two thirds of
the members say from which version a state's old keys no longer count. Pure: no I/O, and time is an argument.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from tallystick.config.errors import KeyNotTrustedError, MalformedError, UnanchoredError, VerificationError
from tallystick.config.i18n import _
from tallystick.keys.chains import (
    Chains,
    Link,
    RootLink,
    StateLink,
    TargetsLink,
    check_root,
    check_state,
    check_targets,
    read_root,
    read_state,
    read_targets,
)
from tallystick.keys.index import build_index
from tallystick.keys.roster import GENESIS, build_roster, check_anchor, load_chains
from tallystick.keys.roster_types import Roster, RosterSplit
from tallystick.keys.tuf_files import LIMITS, FileName, parse_name
from tallystick.keys.unite import only_valid, united
from tallystick.keys.words import Anchor, anchor_of

__all__ = ["MergeResult", "merge"]

_LinkT = TypeVar("_LinkT", bound=Link[Any])
_NOTES = 100
_Read = Callable[[FileName, bytes], _LinkT]
_Check = Callable[[Sequence[_LinkT], _LinkT], frozenset[str]]


@dataclass(frozen=True)
class MergeResult:
    """What came of a merge.

    Attributes:
        files: The whole roster folder afterwards, index included.
        roster: What it says.
        changed: False where nothing new was taken.
        notes: In words, what was refused or set aside and why.
        splits: Contradictions that were found; the first known is in ``files``.
    """

    files: dict[str, bytes]
    roster: Roster
    changed: bool
    notes: tuple[str, ...]
    splits: tuple[RosterSplit, ...]


def merge(
    mine: Mapping[str, bytes], theirs: Mapping[str, bytes], *, at: datetime, anchor: Anchor | None = None
) -> MergeResult:
    """Take what is new and right from another node's roster files.

    Args:
        mine: The files that this node holds, by name relative to the roster folder; empty at first.
        theirs: Any of the other node's files; the rest of them may be missing.
        at: Now. An expired roster takes no change but a renewal of its root.
        anchor: The federation that the caller trusts; needed where ``mine`` is empty.

    Raises:
        UnanchoredError: ``mine`` is empty and no anchor was given.
        KeyNotTrustedError: The other files are another federation's.
        VerificationError: ``mine`` does not hold, ``theirs`` is beyond all bounds, or a first roster is not usable.
    """
    held = _held(mine, theirs, anchor)
    if theirs.get(GENESIS, held.roots[0].data) != held.roots[0].data:
        raise KeyNotTrustedError(_("the other node belongs to another federation (its genesis root differs)"))
    merger = _Merger(held, theirs, at)
    chains = merger.run()
    files = chains.files()
    before = {name: data for name, data in mine.items() if not parse_name(name).is_index}
    return MergeResult(
        files=files | build_index(chains),
        roster=build_roster(chains, at=at),
        changed=files != before,
        notes=tuple(dict.fromkeys(merger.notes))[:_NOTES],
        splits=tuple(merger.splits),
    )


def _held(mine: Mapping[str, bytes], theirs: Mapping[str, bytes], anchor: Anchor | None) -> Chains:
    if mine:
        return load_chains(mine, anchor=anchor_of(mine.get(GENESIS, b"")) if anchor is None else anchor)
    if anchor is None:
        raise UnanchoredError(
            _("nothing ties this roster to a federation that you trust"),
            hint=_("give the federation's 24 words, or its 1.root.json, with --root"),
        )
    check_anchor(theirs, anchor)
    genesis = read_root(parse_name(GENESIS), theirs[GENESIS])
    check_root((), genesis)
    return Chains((genesis,), (), {}, {})


class _Merger:
    """One merge: what was held, what is offered, and what is to be told afterwards."""

    def __init__(self, held: Chains, theirs: Mapping[str, bytes], at: datetime) -> None:
        if len(theirs) > LIMITS.files or sum(map(len, theirs.values())) > LIMITS.total:
            raise MalformedError(
                _("more than {files} files or {total} bytes were sent as a roster").format(
                    files=LIMITS.files, total=LIMITS.total
                )
            )
        self.held, self.at = held, at
        self.notes: list[str] = []
        self.splits: list[RosterSplit] = []
        self._files = theirs
        self._offered: dict[tuple[str, int], FileName] = {}
        self._catalogues: list[FileName] = []
        known = held.files()
        for text in sorted(theirs):
            if known.get(text) != theirs[text]:
                self._sort_in(text)

    def _sort_in(self, text: str) -> None:
        try:
            name = parse_name(text)
        except MalformedError as error:
            self.notes.append(error.message)
            return
        if name.role == "catalogue":
            self._catalogues.append(name)
        elif not name.is_index:
            self._offered[name.role, name.version] = name

    def run(self) -> Chains:
        """Grow roots, then targets, then each state's pages; return what holds."""
        if self.held.targets and not self._offered and not self._catalogues:
            return self.held
        roots, targets = self._top()
        ready = not self._expired(roots[-1]) and bool(targets) and not self._expired(targets[-1])
        if not targets:
            raise VerificationError(
                _("this roster cannot be adopted: {reason}").format(
                    reason="; ".join(self.notes) or _("it has no targets")
                )
            )
        if not ready:
            self.notes.append(_("the roster has expired: no change was taken; releases are still verified"))
        states = {
            cc: pages
            for cc in sorted(
                {role for role, _version in self._offered if FileName("", role).is_state} | set(self.held.states)
            )
            if (pages := self._state(cc, targets, ready=ready))
        }
        return Chains(roots, targets, states, self._merged_catalogues(targets))

    def _top(self) -> tuple[tuple[RootLink, ...], tuple[TargetsLink, ...]]:
        """A root that changes keys voids later old targets, so it is adopted only together with its own targets."""
        roots = self._grow("root", self.held.roots, read_root, check_root, ready=True)
        while True:
            marks = len(self.notes), len(self.splits)
            targets = self._grow(
                "targets",
                self.held.targets,
                read_targets,
                partial(check_targets, roots),
                ready=not self._expired(roots[-1]),
            )
            if len(roots) <= len(self.held.roots) or roots[-1].page.targets_from <= len(targets):
                return roots, targets
            del self.notes[marks[0] :], self.splits[marks[1] :]
            self.notes.append(
                _("{root} waits for version {version} of the targets").format(
                    root=roots[-1].name.text, version=roots[-1].page.targets_from
                )
            )
            roots = roots[:-1]

    def _state(self, cc: str, targets: Sequence[TargetsLink], *, ready: bool) -> tuple[StateLink, ...]:
        return self._grow(
            cc,
            self.held.states.get(cc, ()),
            read_state,
            partial(check_state, targets),
            ready=ready,
        )

    def _expired(self, link: Link[Any]) -> bool:
        return bool(link.metadata.signed.is_expired(self.at))

    def _grow(
        self, role: str, held: Sequence[_LinkT], read: _Read[_LinkT], check: _Check[_LinkT], *, ready: bool
    ) -> tuple[_LinkT, ...]:
        chain: list[_LinkT] = []
        kept = 0
        while True:
            own = held[len(chain)] if len(chain) < len(held) and kept == len(chain) else None
            other = self._read_offer(role, len(chain) + 1, own, read, top=len(held), ready=ready)
            found = self._pick(chain, own, other, check)
            if found is None:
                break
            chain.append(found)
            if own is not None and found.signed_bytes == own.signed_bytes:
                kept = len(chain)
        if len(chain) > kept and self._expired(chain[-1]):
            self.notes.append(_("{name}: has expired and was not adopted").format(name=chain[-1].name.text))
            del chain[kept:]
        return tuple(chain)

    def _read_offer(
        self, role: str, version: int, own: _LinkT | None, read: _Read[_LinkT], *, top: int, ready: bool
    ) -> _LinkT | None:
        name = self._offered.get((role, version))
        if name is None or (own is None and not ready):
            return None
        data = self._files[name.text]
        if own is not None and own.data == data:
            return None
        if version > min(top + LIMITS.ahead, LIMITS.versions):
            self.notes.append(_("{name}: too many versions at once").format(name=name.text))
            return None
        try:
            link = read(name, data)
        except MalformedError as error:
            self.notes.append(error.message)
            return None
        if own is None and link.page.expires > self.at + timedelta(days=LIMITS.validity_days):
            self.notes.append(_("{name}: valid for longer than three years").format(name=name.text))
            return None
        return link

    def _pick(
        self, chain: Sequence[_LinkT], own: _LinkT | None, other: _LinkT | None, check: _Check[_LinkT]
    ) -> _LinkT | None:
        good = []
        for link in (own, other):
            if link is None:
                continue
            try:
                signed = check(chain, link)
            except VerificationError as error:
                self.notes.append(error.message)
                continue
            good.append(only_valid(link, signed))
        if len(good) < 2:
            return good[0] if good else None
        first, second = good
        if first.signed_bytes != second.signed_bytes:
            self.splits.append(RosterSplit(first.name.text, first.data, second.data))
            return first
        return united(first, second)

    def _merged_catalogues(self, targets: Sequence[TargetsLink]) -> dict[str, bytes]:
        agreed = {link.page.catalogue_sha256: link.page.catalogue_length for link in targets}
        found = {digest: data for digest, data in self.held.catalogues.items() if digest in agreed}
        for name in self._catalogues:
            data = self._files[name.text]
            if agreed.get(name.digest) == len(data) and hashlib.sha256(data).hexdigest() == name.digest:
                found[name.digest] = data
            else:
                self.notes.append(_("{name}: not a catalogue that the members agreed").format(name=name.text))
        return found
