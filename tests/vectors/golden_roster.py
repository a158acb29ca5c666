"""The golden federation's roster: three members, made in one ceremony from fixed keys; KAZ then changes an officer."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tallystick.config.catalogue import Catalogue
from tallystick.config.clock import FixedClock
from tallystick.keys.card import Card, CardKeyRole, CardRole, make_card, read_card
from tallystick.keys.ceremony import sign_files
from tallystick.keys.certificate import make_leaf
from tallystick.keys.genesis import propose_genesis
from tallystick.keys.index import build_index
from tallystick.keys.roster import GENESIS, load_chains
from tallystick.keys.rotate import propose_page
from tallystick.keys.signer import Signer
from tallystick.keys.words import anchor_of
from tests.vectors.golden_keys import Frozen, fixed_signer

__all__ = ["CODES", "READ_AT", "REFUSED_FROM", "log_signers", "make_roster", "officer"]

CODES = ("KAZ", "KGZ", "TUR")
FOUNDED_AT = datetime(2021, 3, 1, tzinfo=UTC)
ROTATED_AT = datetime(2021, 4, 1, tzinfo=UTC)
READ_AT = datetime(2021, 6, 1, tzinfo=UTC)
"""The time as of which the roster is judged."""
REFUSED_FROM = 2
"""Index in KAZ's log from which its first officer no longer counts."""


def officer(code: str, number: int) -> Signer:
    """Return an officer's key; KAZ's second officer has a token, which signs with P-256."""
    return fixed_signer(f"{code} officer {number}", "ecdsa-p256" if (code, number) == ("KAZ", 2) else "ed25519")


def log_signers(code: str) -> tuple[Signer, Signer]:
    """Return both keys of a state's log."""
    return fixed_signer(f"{code} log", "ed25519"), fixed_signer(f"{code} log, ML-DSA", "mldsa44")


def _state_keys(code: str) -> list[Signer]:
    return [fixed_signer(f"{code} state {number}", "ed25519") for number in (1, 2, 3)]


def _ceremony_key(code: str) -> Signer:
    return fixed_signer(f"{code} ceremony", "ed25519")


def _card(role: CardRole, code: str, name: str, keys: Sequence[tuple[CardKeyRole, Signer]]) -> Card:
    return read_card(make_card(role, code, name, keys, demo=True))


def _officer_card(code: str, number: int) -> Card:
    return _card("officer", code, f"officer {number}", [("officer", officer(code, number))])


def _border_card(code: str, frozen: Frozen) -> Card:
    tls, witness = fixed_signer(f"{code} tls", "ecdsa-p256"), fixed_signer(f"{code} witness", "ed25519")
    host = f"{code.lower()}.example"
    leaf = frozen.keep(f"tls leaf {code}", lambda: make_leaf(code, [host], tls.p256, FixedClock(FOUNDED_AT), 365))
    endpoint = f"grpcs://{host}:7000"
    keys: list[tuple[CardKeyRole, Signer]] = [("tls", tls), ("witness", witness)]
    return read_card(make_card("node", code, "border", keys, demo=True, endpoints=[endpoint], certificate=leaf))


def _cards(code: str, frozen: Frozen) -> list[Card]:
    log, post_quantum = log_signers(code)
    return [
        _card("ceremony", code, "minister", [("ceremony", _ceremony_key(code))]),
        *(_card("state", code, f"state {n}", [("state", key)]) for n, key in enumerate(_state_keys(code), 1)),
        *(_officer_card(code, number) for number in (1, 2)),
        _card("node", code, "desk", [("log", log), ("log", post_quantum)]),
        _border_card(code, frozen),
    ]


def make_roster(frozen: Frozen, catalogue: Catalogue) -> dict[str, bytes]:
    """Return every roster file by name, index included; two of each state's three keys sign."""
    cards = [card for code in CODES for card in _cards(code, frozen)]
    files: dict[str, bytes] = propose_genesis(cards, catalogue, demo=True, at=FOUNDED_AT)
    for code in CODES:
        for key in (_ceremony_key(code), *_state_keys(code)[:2]):
            files = sign_files(files, key)
    anchor = anchor_of(files[GENESIS])
    refuse = {officer("KAZ", 1).keyid: REFUSED_FROM}
    chains = load_chains(files, anchor=anchor)
    files = propose_page(chains, "KAZ", [_officer_card("KAZ", 3)], at=ROTATED_AT, refuse=refuse)
    for key in _state_keys("KAZ")[1:]:
        files = sign_files(files, key)
    return files | build_index(load_chains(files, anchor=anchor))
