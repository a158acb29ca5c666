"""The first roster, from people's and nodes' public cards: what is proposed to all members, unsigned.

A state with a ceremony card votes (member); one with state cards alone does not (observer, or facilitator where it is
named as one). Every state brings three state cards; its officers' and nodes' cards make its first page.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import Metadata

from tallystick.config.catalogue import Catalogue
from tallystick.config.codes import country_names
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.keys.card import Card
from tallystick.keys.chains import read_root
from tallystick.keys.root_page import RootPage
from tallystick.keys.roster import GENESIS
from tallystick.keys.roster_types import KEY_ROLES, RosterKey
from tallystick.keys.state_page import StatePage
from tallystick.keys.targets_page import STATE_KEYS, GrantRole, StateGrant, TargetsPage
from tallystick.keys.tuf_files import LIMITS, parse_name, write_file
from tallystick.keys.tuf_keys import OfflineKey

__all__ = ["VALIDITY", "in_order", "offline_key", "page_file", "propose_genesis"]

VALIDITY = timedelta(days=3 * 365)
"""How long a root, targets or a state's page is good."""
OFFICER_THRESHOLD = 2


@dataclass(frozen=True)
class _Bundle:
    """One state's cards."""

    code: str
    ceremony: tuple[OfflineKey, ...]
    state: tuple[OfflineKey, ...]
    keys: tuple[RosterKey, ...]
    endpoints: tuple[str, ...]


def offline_key(card: Card) -> OfflineKey:
    """Return the one key of a ceremony or state card."""
    return OfflineKey(card.keys[0].algorithm, card.keys[0].raw)


def in_order(keys: Collection[RosterKey]) -> tuple[RosterKey, ...]:
    """Return keys as pages list them: by role, then by key id."""
    return tuple(sorted(keys, key=lambda key: (KEY_ROLES.index(key.role), key.keyid)))


def page_file(page: RootPage | TargetsPage | StatePage, role: str) -> tuple[str, bytes]:
    """Return name and bytes of a page that nobody has signed yet."""
    metadata: Metadata[Any] = Metadata(page.to_signed())
    return f"metadata/{page.version}.{role}.json", write_file(metadata)


def _bundle(code: str, cards: Sequence[Card]) -> _Bundle:
    ceremony = {offline_key(card) for card in cards if card.role == "ceremony"}
    state = {offline_key(card) for card in cards if card.role == "state"}
    if len(ceremony) > 1:
        raise UsageError(_("{code}: {count} ceremony cards where one belongs").format(code=code, count=len(ceremony)))
    if len(state) != STATE_KEYS:
        raise UsageError(
            _("{code}: {count} state cards where {needed} belong").format(
                code=code, count=len(state), needed=STATE_KEYS
            ),
            hint=_("three people of the state each run: tallystick key new --for state"),
        )
    keys = {key.keyid: key for card in cards for key in card.roster_keys()}
    endpoints = dict.fromkeys(url for card in cards if card.role == "node" for url in card.endpoints)
    return _Bundle(code, tuple(ceremony), tuple(sorted(state)), in_order(keys.values()), tuple(endpoints))


def _bundles(cards: Sequence[Card], *, demo: bool) -> list[_Bundle]:
    if not demo and any(card.demo for card in cards):
        raise UsageError(
            _("a card stamped DEMO cannot enter a federation that is meant"),
            hint=_("make keys with: tallystick key new"),
        )
    codes = sorted({card.state for card in cards})
    return [_bundle(code, [card for card in cards if card.state == code]) for code in codes]


def _role(bundle: _Bundle, facilitators: Collection[str]) -> GrantRole:
    if bundle.code in facilitators:
        if bundle.ceremony:
            raise UsageError(
                _("{code}: a facilitator has no ceremony card, because it has no vote").format(code=bundle.code)
            )
        return "facilitator"
    return "member" if bundle.ceremony else "observer"


def propose_genesis(
    cards: Sequence[Card],
    catalogue: Catalogue,
    *,
    demo: bool,
    at: datetime,
    expires: datetime | None = None,
    facilitators: Collection[str] = (),
) -> dict[str, bytes]:
    """Propose a federation.

    Args:
        cards: Everybody's cards: ceremony, state, officer and node cards in any order.
        catalogue: The tables that the members agree.
        demo: Stamp it DEMO; cards so stamped enter no other.
        at: Now.
        expires: When root, targets and pages expire; ``VALIDITY`` after ``at`` where not given.
        facilitators: Codes of those that witness and read and are no states.

    Returns:
        Unsigned files by name relative to the roster folder.

    Raises:
        UsageError: A state brings too few or too many cards, or nobody votes.
    """
    expires = (expires or at + VALIDITY).replace(microsecond=0)
    if not at < expires <= at + timedelta(days=LIMITS.validity_days):
        raise UsageError(_("a roster is valid for three years at most"))
    bundles = _bundles(cards, demo=demo)
    members = tuple((bundle.code, bundle.ceremony[0]) for bundle in bundles if bundle.ceremony)
    if not members:
        raise UsageError(_("no ceremony card was given, so nobody would vote"))
    data = catalogue.to_bytes()
    root = RootPage(1, expires, demo, members, OFFICER_THRESHOLD, 1)
    grants = tuple(StateGrant(bundle.code, _role(bundle, facilitators), _sorted(bundle.state), 1) for bundle in bundles)
    genesis = read_root(parse_name(GENESIS), page_file(root, "root")[1]).signed_digest
    targets = TargetsPage(1, expires, grants, catalogue.sha256, len(data), genesis)
    files = dict([page_file(root, "root"), page_file(targets, "targets")])
    for bundle in bundles:
        name = country_names().get(bundle.code, bundle.code)
        page = StatePage(1, expires, bundle.code, name, bundle.keys, bundle.endpoints, genesis)
        files |= dict([page_file(page, bundle.code.lower())])
    return files | {f"targets/{catalogue.sha256}.catalogue.json": data}


def _sorted(keys: Sequence[OfflineKey]) -> tuple[OfflineKey, ...]:
    """Order state keys as they are read back: by the id that stands in the delegation."""
    return tuple(sorted(keys, key=lambda key: key.tuf_keyid))
