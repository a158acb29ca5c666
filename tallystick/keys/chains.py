"""The rules by which one roster file follows another; every check cites what it defends.

Root N+1 is signed by the threshold of root N and by its own (TUF specification 5.3). Targets are signed under the root
that governs their version, a state's page under the targets that govern its version: a root or targets that change
keys say from which version the new keys count (``targets_from``, ``versions_from``). So every old file stays checkable
under the keys that signed it, and stolen old keys cannot sign a new one. Nothing here asks what time it is.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from tuf.api.metadata import Metadata, Root, Targets, VerificationResult

from tallystick.config.errors import BadSignatureError, KeyNotTrustedError, MalformedError
from tallystick.config.i18n import _
from tallystick.keys.root_page import RootPage
from tallystick.keys.state_page import StatePage
from tallystick.keys.targets_page import StateGrant, TargetsPage
from tallystick.keys.tuf_files import FileName, read_file

__all__ = [
    "Chains",
    "Link",
    "RootLink",
    "StateLink",
    "TargetsLink",
    "check_root",
    "check_state",
    "check_targets",
    "governing_grant",
    "governing_root",
    "read_root",
    "read_state",
    "read_targets",
]

PageT = TypeVar("PageT", RootPage, TargetsPage, StatePage)


@dataclass(frozen=True)
class Link(Generic[PageT]):
    """One file that was read, its bytes as they came and what they say."""

    name: FileName
    data: bytes
    metadata: Metadata[Any] = field(repr=False)
    page: PageT

    @cached_property
    def signed_bytes(self) -> bytes:
        """What the signatures are over; two files that agree here say the same."""
        return self.metadata.signed_bytes

    @property
    def signed_digest(self) -> str:
        """Hex SHA-256 of what the signatures are over; the genesis root's names the federation in all later files."""
        return hashlib.sha256(self.signed_bytes).hexdigest()


RootLink = Link[RootPage]
TargetsLink = Link[TargetsPage]
StateLink = Link[StatePage]


@dataclass(frozen=True)
class Chains:
    """Everything that held: the roots, the targets and each state's pages, version by version from 1."""

    roots: tuple[RootLink, ...]
    targets: tuple[TargetsLink, ...]
    states: Mapping[str, tuple[StateLink, ...]]
    catalogues: Mapping[str, bytes]

    def files(self) -> dict[str, bytes]:
        """Return the files without the index, by name relative to the roster folder."""
        pages: list[StateLink] = [link for chain in self.states.values() for link in chain]
        links: list[Link[Any]] = [*self.roots, *self.targets, *pages]
        return {link.name.text: link.data for link in links} | {
            f"targets/{digest}.catalogue.json": data for digest, data in sorted(self.catalogues.items())
        }


def read_root(name: FileName, data: bytes) -> RootLink:
    """Read a root; checks no signature. Raises ``MalformedError``."""
    metadata: Metadata[Any] = read_file(name, data)
    return Link(name, data, metadata, RootPage.from_signed(name.text, metadata.signed))


def read_targets(name: FileName, data: bytes) -> TargetsLink:
    """Read targets; checks no signature. Raises ``MalformedError``."""
    metadata: Metadata[Any] = read_file(name, data)
    return Link(name, data, metadata, TargetsPage.from_signed(name.text, metadata.signed))


def read_state(name: FileName, data: bytes) -> StateLink:
    """Read a state's page; checks no signature. Raises ``MalformedError``."""
    metadata: Metadata[Any] = read_file(name, data)
    page = StatePage.from_signed(name.text, metadata.signed)
    if page.code.lower() != name.role:
        raise MalformedError(_("{name}: speaks for another state").format(name=name.text))
    return Link(name, data, metadata, page)


def _signers(delegator: Root | Targets, role: str, link: Link[Any]) -> VerificationResult:
    return delegator.get_verification_result(role, link.signed_bytes, link.metadata.signatures)


def _too_few(link: Link[Any], result: VerificationResult, names: Mapping[str, str]) -> BadSignatureError:
    missing = ", ".join(sorted(names.get(keyid, keyid[:8]) for keyid in result.unsigned))
    return BadSignatureError(
        _("{name}: {found} valid signatures where {needed} are needed; missing: {missing}").format(
            name=link.name.text, found=len(result.signed), needed=result.threshold, missing=missing
        )
    )


def _voters(page: RootPage) -> dict[str, str]:
    return {key.tuf_keyid: code for code, key in page.members}


def _check_genesis(link: RootLink) -> frozenset[str]:
    result = _signers(link.metadata.signed, "root", link)
    if result.unsigned or not result.verified:
        result.threshold = len(link.page.members)
        raise _too_few(link, result, _voters(link.page))
    if link.page.targets_from != 1:
        raise MalformedError(_("{name}: a genesis governs targets from version 1").format(name=link.name.text))
    return frozenset(result.signed)


def check_root(before: Sequence[RootLink], link: RootLink) -> frozenset[str]:
    """Check that ``link`` is the root that follows ``before``; the first needs every member's signature.

    Returns:
        TUF key ids of the signatures that hold.

    Raises:
        BadSignatureError: Too few members signed, in the old or the new composition.
        MalformedError: Out of turn, or it changes what a root may not change.
    """
    _check_turn(len(before), link)
    _check_federation(link, before[0].signed_digest if before else None)
    if not before:
        return _check_genesis(link)
    last = before[-1].page
    signed: set[str] = set()
    for page, delegator in ((last, before[-1].metadata.signed), (link.page, link.metadata.signed)):
        result = _signers(delegator, "root", link)
        if not result.verified:
            raise _too_few(link, result, _voters(page))
        signed |= set(result.signed)
    if (link.page.demo, link.page.officer_threshold) != (last.demo, last.officer_threshold):
        raise MalformedError(_("{name}: a DEMO mark or officer threshold never changes").format(name=link.name.text))
    _check_cut(link.name.text, link.page.members == last.members, last.targets_from, link.page.targets_from)
    return frozenset(signed)


def _check_turn(count: int, link: Link[Any]) -> None:
    if link.page.version != count + 1:
        raise MalformedError(
            _("{name}: version {wanted} is missing before it").format(name=link.name.text, wanted=count + 1)
        )


def _check_federation(link: Link[Any], genesis: str | None) -> None:
    """A key may serve two federations; what it signed for one of them counts in that one only."""
    if link.page.genesis != genesis:
        raise KeyNotTrustedError(_("{name}: was signed for another federation").format(name=link.name.text))


def _check_cut(name: str, same_keys: bool, old: int, new: int) -> None:
    """New keys count from a later version than the keys before; the same keys move no boundary."""
    if (new != old) if same_keys else (new <= old):
        raise MalformedError(_("{name}: the version from which keys count does not fit the change").format(name=name))


def governing_root(roots: Sequence[RootLink], version: int) -> RootLink:
    """Return the root whose keys sign targets of ``version``: the latest that counts from there or before."""
    return next(link for link in reversed(roots) if link.page.targets_from <= version)


def check_targets(roots: Sequence[RootLink], before: Sequence[TargetsLink], link: TargetsLink) -> frozenset[str]:
    """Check that ``link`` are the targets that follow ``before`` under ``roots``.

    Returns:
        TUF key ids of the signatures that hold.

    Raises:
        BadSignatureError: Too few of the governing root's members signed.
        MalformedError: Out of turn, other members than the root's, a state that vanished, a key in two places.
    """
    _check_turn(len(before), link)
    _check_federation(link, roots[0].signed_digest)
    root = governing_root(roots, link.page.version)
    result = _signers(root.metadata.signed, "targets", link)
    if not result.verified:
        raise _too_few(link, result, _voters(root.page))
    if link.page.members != root.page.codes:
        raise MalformedError(_("{name}: other members than the root's").format(name=link.name.text))
    if link.page.keys & root.page.keys:
        raise MalformedError(_("{name}: a ceremony key stands as a state key").format(name=link.name.text))
    for grant in before[-1].page.grants if before else ():
        _check_grant(link, grant)
    new = {grant.code for grant in link.page.grants} - {
        grant.code for grant in (before[-1].page.grants if before else ())
    }
    if any(grant.versions_from != 1 for grant in link.page.grants if grant.code in new):
        raise MalformedError(_("{name}: a new state's keys count from version 1").format(name=link.name.text))
    return frozenset(result.signed)


def _check_grant(link: TargetsLink, old: StateGrant) -> None:
    new = link.page.grant(old.code)
    if new is None:
        raise MalformedError(
            _("{name}: {code} is gone").format(name=link.name.text, code=old.code),
            hint=_("a state that leaves stays listed as 'former', so that its releases stay checkable"),
        )
    _check_cut(link.name.text, new.keys == old.keys, old.versions_from, new.versions_from)


def governing_grant(targets: Sequence[TargetsLink], code: str, version: int) -> tuple[TargetsLink, StateGrant] | None:
    """Return the targets and the grant under which a state's page of ``version`` is signed, or None."""
    for link in reversed(targets):
        grant = link.page.grant(code)
        if grant is not None and grant.versions_from <= version:
            return link, grant
    return None


def check_state(targets: Sequence[TargetsLink], before: Sequence[StateLink], link: StateLink) -> frozenset[str]:
    """Check that ``link`` is the page that follows ``before`` under ``targets``.

    Returns:
        TUF key ids of the signatures that hold.

    Raises:
        KeyNotTrustedError: The members granted that state nothing, or no longer.
        BadSignatureError: Fewer than two of the governing state keys signed.
        MalformedError: Out of turn, or it forgets an officer's or a log's key.
    """
    _check_turn(len(before), link)
    found = governing_grant(targets, link.page.code, link.page.version)
    if found is None or found[1].role == "former":
        raise KeyNotTrustedError(
            _("{name}: the members do not list {code} for this version").format(
                name=link.name.text, code=link.page.code
            )
        )
    delegator, grant = found
    _check_federation(link, delegator.page.genesis)
    result = _signers(delegator.metadata.signed, grant.cc, link)
    if not result.verified:
        raise _too_few(link, result, {key.tuf_keyid: key.keyid[:8] for key in grant.keys})
    if {key.keyid for key in grant.keys} & {key.keyid for key in link.page.keys}:
        raise MalformedError(_("{name}: a state key stands as an operational key").format(name=link.name.text))
    if before:
        link.page.check_follows(link.name.text, before[-1].page)
    return frozenset(result.signed)
