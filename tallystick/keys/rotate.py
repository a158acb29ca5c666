"""The next page of one state: new keys come in by card, old ones are refused from a log index or, for TLS, dropped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.keys.card import Card
from tallystick.keys.chains import Chains
from tallystick.keys.genesis import VALIDITY, in_order, page_file
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.state_page import LASTING_ROLES, StatePage

__all__ = ["propose_page"]


def propose_page(
    chains: Chains,
    code: str,
    cards: Sequence[Card] = (),
    *,
    at: datetime,
    refuse: Mapping[str, int] | None = None,
    drop: Collection[str] = (),
) -> dict[str, bytes]:
    """Propose a state's next page.

    Args:
        chains: The verified roster.
        code: Alpha-3 code, upper case.
        cards: Officers' and nodes' cards of that state; their keys come on top of what is listed. A node card's
            endpoints replace the listed ones.
        at: Now.
        refuse: Key id (or its beginning) of an officer or log to the first log index at which it no longer counts.
        drop: Key ids (or beginnings) of TLS, witness or HPKE keys that go.

    Returns:
        The whole roster with the one unsigned file added.

    Raises:
        UsageError: A card is another state's, a key id is unknown or ambiguous, or the state has no page yet.
    """
    before = _last_page(chains, code)
    for card in cards:
        if card.state != code or card.role not in {"officer", "node"}:
            raise UsageError(
                _("{name}: a {role} card of {state} has no place on the page of {code}").format(
                    name=card.name, role=card.role, state=card.state, code=code
                )
            )
    keys = {key.keyid: key for key in before.keys}
    keys |= {key.keyid: key for card in cards for key in card.roster_keys() if key.keyid not in keys}
    for start, index in (refuse or {}).items():
        key = _find(keys, start, lasting=True)
        keys[key.keyid] = replace(key, refused_from=index if key.refused_from is None else min(index, key.refused_from))
    for start in drop:
        del keys[_find(keys, start, lasting=False).keyid]
    endpoints = tuple(dict.fromkeys(url for card in cards for url in card.endpoints))
    page = replace(
        before,
        version=before.version + 1,
        expires=(at + VALIDITY).replace(microsecond=0),
        keys=in_order(keys.values()),
        endpoints=endpoints or before.endpoints,
    )
    return chains.files() | dict([page_file(page, code.lower())])


def _last_page(chains: Chains, code: str) -> StatePage:
    pages = chains.states.get(code.lower(), ())
    if not pages:
        raise UsageError(_("the roster holds no page of {code}").format(code=code))
    return pages[-1].page


def _find(keys: Mapping[str, RosterKey], start: str, *, lasting: bool) -> RosterKey:
    found = [key for keyid, key in keys.items() if keyid.startswith(start.lower())]
    if len(start) < 8 or len(found) != 1:
        raise UsageError(
            _("key id {start}: {count} keys of this state begin so").format(start=start[:64], count=len(found)),
            hint=_("give at least 8 characters; tallystick roster show lists the key ids"),
        )
    if (found[0].role in LASTING_ROLES) is not lasting:
        raise UsageError(
            _("key id {start}: an {role} key cannot be treated so").format(start=start[:64], role=found[0].role),
            hint=_("officers' and log keys are refused from a log index; the others are dropped"),
        )
    return found[0]
