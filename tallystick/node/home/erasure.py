"""Erasing a case by order of two officers, at the desk: is the order good, was it carried out, carry it out.

``cases.erasure_order`` is the paper, ``cases.erasing`` the deed; here settings, roster, officers and keys come in.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import Clock, rfc3339
from tallystick.config.errors import StoreError, UsageError
from tallystick.config.i18n import _
from tallystick.config.settings import DeskSettings, load_desk
from tallystick.exchange.log.static import StaticReader
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.secrets import Secrets
from tallystick.node.cases.erasing import find_record, no_progress, settle
from tallystick.node.cases.erasure_order import OFFICERS, Order, Reason, SignedOrder, merge, require_officers
from tallystick.node.cases.opening import desk_keys, open_desk_secret, open_register
from tallystick.node.cases.rotation import hold
from tallystick.node.cases.tombstones import TOMBSTONES, Tombstone, TombstoneFile, case_mac, tombstone_key
from tallystick.node.home.officers import list_officers

__all__ = ["ERASING_LOCK", "Erased", "apply_order", "officers_of", "propose_order"]

ERASING_LOCK = ".erasing.lock"
"""Held while somebody is erased, or a backup is made: one after the other."""


@dataclass(frozen=True)
class Erased:
    """What was done.

    Attributes:
        erased_at: When the case was erased, RFC 3339.
        officers: Who signed.
        resumed: An interrupted erasure by this very order was finished; it began at ``erased_at``.
        others: How many erasures of other orders were finished or repeated on the way.
    """

    erased_at: str
    officers: tuple[str, ...]
    resumed: bool
    others: int


def officers_of(settings: DeskSettings, clock: Clock) -> tuple[tuple[RosterKey, ...], int]:
    """Return whose signatures count at this desk, and how many are needed.

    The roster says it where the desk has one; before that, the officers whose cards the desk has enrolled.
    """
    store = RosterStore(settings.folder / "roster")
    if store.adopted:
        roster = store.load(None, clock.now())
        size = StaticReader(settings.folder / "log", settings.state.lower()).size
        # A revoked officer is refused from an index of the log on, never from a date.
        return roster.state(settings.state).officers_for(size), max(OFFICERS, roster.officer_threshold)
    cards = list_officers(settings.folder)
    return tuple(key for card in cards for key in card.roster_keys()), OFFICERS


def _refuse_erased(file: TombstoneFile, mac: bytes) -> None:
    stone = next((stone for stone in file.read() if stone.mac == mac), None)
    if stone is not None:
        raise UsageError(_("this case was erased on {day} already").format(day=stone.erased_at[:10]))


def propose_order(
    home: Path,
    ask: Secrets,
    clock: Clock,
    agency: str,
    number: str,
    reason: Reason,
    *,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Order:
    """Make the order to erase a case that the register holds.

    Raises:
        StoreError: The register does not hold it.
        UsageError: It was erased already, or agency or number cannot be one.
    """
    settings = load_desk(home)
    register_key = open_desk_secret(settings.folder, "register", ask)
    order = Order.propose(settings.state, agency, number, reason, clock.now(), random_bytes)
    file = TombstoneFile(settings.folder / TOMBSTONES, register_key)
    _refuse_erased(file, case_mac(tombstone_key(register_key), agency, number))
    _require_held(find_record(settings.folder, register_key, agency, number))
    return order


def _require_held(record_id: int | None) -> int:
    if record_id is None:
        raise StoreError(
            _("the register holds no case of that agency with that number"),
            hint=_("write both exactly as the register has them: tallystick case find"),
        )
    return record_id


def apply_order(
    home: Path,
    ask: Secrets,
    clock: Clock,
    copies: Sequence[SignedOrder],
    *,
    random_bytes: Callable[[int], bytes] = os.urandom,
    advance: Callable[[int], None] = no_progress,
) -> Erased:
    """Carry out an order that two officers signed; finish what an interrupted one began.

    Args:
        home: The home.
        ask: Whoever knows the passphrase; the new identity key is sealed under the same one.
        clock: Tells the time.
        copies: The order, once or in several copies that were signed apart.
        random_bytes: Where the new identity key and the random number come from.
        advance: Told of keyring rows done.

    Raises:
        UsageError: Another state's order, too old, carried out before, or the case was erased by another order.
        BadSignatureError, KeyNotTrustedError: Fewer than two different officers signed it.
        StoreError: The register does not hold the case, another command is writing, or the disk fails; what was
            begun goes on with the same command.
    """
    settings = load_desk(home)
    signed = merge(copies)
    signed.order.require_fresh(clock.now(), settings.state)
    officers = require_officers(signed, *officers_of(settings, clock))
    with hold(settings.folder, name=ERASING_LOCK):
        return _apply(settings.folder, ask, clock, signed.order, officers, random_bytes, advance)


def _apply(
    folder: Path,
    ask: Secrets,
    clock: Clock,
    order: Order,
    officers: tuple[str, ...],
    random_bytes: Callable[[int], bytes],
    advance: Callable[[int], None],
) -> Erased:
    register_key = open_desk_secret(folder, "register", ask)
    file = TombstoneFile(folder / TOMBSTONES, register_key)
    with hold(folder):
        keys = desk_keys(folder, register_key, ask)
        open_register(folder, register_key, keys.identity).close()  # brings files of an earlier version up to date
    done, _key = settle(folder, keys, random_bytes=random_bytes, advance=advance)
    mine = next((stone for stone in file.read() if stone.order_sha256 == order.sha256), None)
    if mine is not None and mine in done:
        return Erased(mine.erased_at, officers, resumed=True, others=len(done) - 1)
    if mine is not None:
        raise UsageError(_("this order was carried out on {day}").format(day=mine.erased_at[:10]))
    mac = case_mac(tombstone_key(register_key), order.agency, order.number)
    _refuse_erased(file, mac)
    record_id = _require_held(find_record(folder, register_key, order.agency, order.number))
    stone = Tombstone(mac, record_id, rfc3339(clock.now()), order.sha256)
    with hold(folder):
        keys = desk_keys(folder, register_key, ask)
    more, _key = settle(folder, keys, [stone], random_bytes=random_bytes, advance=advance)
    return Erased(stone.erased_at, officers, resumed=False, others=len(done | more) - 1)
