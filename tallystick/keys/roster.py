"""From the bytes of a roster folder to a ``Roster``: every version of every file, in order, under one anchor.

Strict, for a node's own folder and for packs: a file that does not hold is an error. What another node sends is taken
with ``keys.merge`` instead. No I/O, no clock; expiry is noted and decides nothing here, because an expired roster
takes no changes but its releases stay checkable.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

from tallystick.config.catalogue import Catalogue, parse_catalogue
from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, MalformedError
from tallystick.config.i18n import _
from tallystick.keys.chains import (
    Chains,
    Link,
    StateLink,
    TargetsLink,
    check_root,
    check_state,
    check_targets,
    read_root,
    read_state,
    read_targets,
)
from tallystick.keys.roster_types import Roster, StateEntry
from tallystick.keys.targets_page import StateGrant
from tallystick.keys.tuf_files import LIMITS, FileName, parse_name
from tallystick.keys.words import Anchor, anchor_of

__all__ = ["GENESIS", "build_roster", "check_anchor", "load_chains", "load_roster", "roster_digest"]

GENESIS = "metadata/1.root.json"
_LinkT = TypeVar("_LinkT", bound=Link[Any])
_FORMER_KEEPS = {"officer", "log"}


def check_anchor(files: Mapping[str, bytes], anchor: Anchor) -> None:
    """Check that the files' genesis root is the one that ``anchor`` names.

    Raises:
        MalformedError: There is no genesis root.
        KeyNotTrustedError: It is another federation's.
    """
    genesis = files.get(GENESIS)
    if genesis is None:
        raise MalformedError(_("the roster has no {name}").format(name=GENESIS))
    found = anchor_of(genesis)
    if found != anchor:
        raise KeyNotTrustedError(
            _("the roster is another federation's: its id is {found}, not {wanted}").format(found=found, wanted=anchor),
            hint=_("the federation's words come from outside, on paper; they are not found in what they check"),
        )


def load_chains(files: Mapping[str, bytes], *, anchor: Anchor) -> Chains:
    """Verify a whole roster folder.

    Args:
        files: Bytes by name relative to the roster folder (``metadata/1.root.json``). Snapshot and timestamp
            are not read.
        anchor: The federation that the caller trusts.

    Raises:
        VerificationError: A file is not what it must be; the message names it.
    """
    if len(files) > LIMITS.files or sum(map(len, files.values())) > LIMITS.total:
        raise MalformedError(
            _("the roster has more than {files} files or {total} bytes").format(files=LIMITS.files, total=LIMITS.total)
        )
    check_anchor(files, anchor)
    names = [name for name in map(parse_name, files) if not name.is_index]
    roots = _chain(_of_role(names, "root"), files, read_root, check_root)
    targets = _chain(_of_role(names, "targets"), files, read_targets, partial(check_targets, roots))
    if not targets:
        raise MalformedError(_("the roster has no targets"))
    states = {
        code: _chain(_of_role(names, code), files, read_state, partial(check_state, targets))
        for code in sorted({name.role for name in names if name.is_state})
    }
    return Chains(tuple(roots), tuple(targets), states, _catalogues(names, files, targets))


def _of_role(names: Sequence[FileName], role: str) -> list[FileName]:
    return sorted((name for name in names if name.role == role), key=lambda name: name.version)


def _chain(
    names: Sequence[FileName],
    files: Mapping[str, bytes],
    read: Callable[[FileName, bytes], _LinkT],
    check: Callable[[Sequence[_LinkT], _LinkT], frozenset[str]],
) -> tuple[_LinkT, ...]:
    if len(names) > LIMITS.versions:
        raise MalformedError(_("{role}: more than {limit} versions").format(role=names[0].role, limit=LIMITS.versions))
    chain: list[_LinkT] = []
    for name in names:
        link = read(name, files[name.text])
        if check(chain, link) != set(link.metadata.signatures):
            raise BadSignatureError(_("{name}: one of its signatures does not hold").format(name=name.text))
        chain.append(link)
    return tuple(chain)


def _catalogues(
    names: Sequence[FileName], files: Mapping[str, bytes], targets: Sequence[TargetsLink]
) -> dict[str, bytes]:
    agreed = {link.page.catalogue_sha256: link.page.catalogue_length for link in targets}
    found = {}
    for name in _of_role(names, "catalogue"):
        data = files[name.text]
        if agreed.get(name.digest) != len(data) or hashlib.sha256(data).hexdigest() != name.digest:
            raise MalformedError(_("{name}: not a catalogue that the members agreed").format(name=name.text))
        found[name.digest] = data
    return found


@lru_cache(maxsize=8)
def _read_catalogue(data: bytes) -> Catalogue | None:
    """Read a catalogue that the members agreed; one of a later format is no reason to distrust the roster."""
    try:
        return parse_catalogue(data)
    except MalformedError:
        return None


def _entry(grant: StateGrant, pages: Sequence[StateLink]) -> StateEntry:
    if not pages:
        return StateEntry(grant.code, grant.role, 0)
    page = pages[-1].page
    if grant.role == "former":
        keys = tuple(key for key in page.keys if key.role in _FORMER_KEEPS)
        return StateEntry(grant.code, grant.role, page.version, keys, (), page.name)
    return StateEntry(grant.code, grant.role, page.version, page.keys, page.endpoints, page.name)


def build_roster(chains: Chains, *, at: datetime) -> Roster:
    """Say what verified chains mean.

    Args:
        chains: From ``load_chains`` or a merge.
        at: The time for which the roster is asked: now, or the witnessed time of a pack.
    """
    root, targets = chains.roots[-1], chains.targets[-1]
    read = {digest: _read_catalogue(data) for digest, data in chains.catalogues.items()}
    catalogues = {digest: catalogue for digest, catalogue in read.items() if catalogue is not None}
    return Roster(
        federation_id=anchor_of(chains.roots[0].data),
        demo=root.page.demo,
        states={grant.code: _entry(grant, chains.states.get(grant.cc, ())) for grant in targets.page.grants},
        catalogue_sha256=targets.page.catalogue_sha256,
        catalogue=catalogues.get(targets.page.catalogue_sha256),
        officer_threshold=root.page.officer_threshold,
        root_version=root.page.version,
        targets_version=targets.page.version,
        expires=min(root.page.expires, targets.page.expires),
        expired=root.metadata.signed.is_expired(at) or targets.metadata.signed.is_expired(at),
        catalogues=catalogues,
    )


def load_roster(files: Mapping[str, bytes], *, anchor: Anchor, at: datetime) -> Roster:
    """Verify a whole roster folder and say what it means; see ``load_chains`` and ``build_roster``.

    Raises:
        VerificationError: A file is not what it must be, or another federation's; the message names it.
    """
    return build_roster(load_chains(files, anchor=anchor), at=at)


def roster_digest(files: Mapping[str, bytes]) -> str:
    """Return one hex digest for what a node knows, so that peers see in one look whether there is anything to merge.

    SHA-256 over one line ``name SHA-256-in-hex`` of every file but the index, sorted by name.
    """
    total = hashlib.sha256()
    for name in sorted(files):
        if not parse_name(name).is_index:
            total.update(f"{name} {hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return total.hexdigest()
