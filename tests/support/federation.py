"""Small federations with real keys: rosters, releases, logs, as tests of exchange, cli and node need them.

    federation = Federation.make(("KAZ", "KGZ"))
    federation.release("KAZ", "VICTIMS", "2018", {(): 86})
    federation.state("KAZ").entries, .checkpoint(), .view()

Everything is in memory; ``roster_files`` is the real TUF roster, index included, by name below ``roster/``.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tallystick.config.catalogue import Catalogue, CellKey, load_shipped
from tallystick.config.periods import parse_period
from tallystick.exchange.formats.checkpoint import Checkpoint, origin, sign_checkpoint
from tallystick.exchange.formats.merkle import leaf_hash, root_of
from tallystick.exchange.formats.sdmxcsv import Observation, write_csv
from tallystick.exchange.formats.statement import (
    Audit,
    CatalogueReference,
    Commitment,
    Metadata,
    Method,
    ReleasePredicate,
    ReleaseStatement,
    SliceReference,
    TableReference,
    payload_id,
    subject_for,
)
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease, verify_release
from tallystick.keys.card import Card, CardKeyRole, CardRole, make_card, read_card
from tallystick.keys.ceremony import sign_files
from tallystick.keys.envelope import assemble, sign_payload
from tallystick.keys.genesis import propose_genesis
from tallystick.keys.index import build_index
from tallystick.keys.roster import GENESIS, load_chains, load_roster
from tallystick.keys.roster_types import Roster, RosterKey
from tallystick.keys.signer import Signer, new_signer
from tallystick.keys.words import Anchor, anchor_of

AT = datetime(2021, 6, 1, tzinfo=UTC)
NINE = ("AFG", "AZE", "IRN", "KAZ", "KGZ", "PAK", "TJK", "TKM", "TUR")
OBSERVERS = ("AFG", "PAK")
NAMES = ("Aigerim", "Bolat", "Chingiz")
PEER_PARAMETERS: dict[str, Any] = {"D": 3, "V": 1, "k": 5, "width": 5, "decoy_bits": 6}


@dataclass
class State:
    """One state: its private keys, and its log so far."""

    code: str
    federation_id: str
    officers: list[Signer]
    log_ed25519: Signer
    log_mldsa44: Signer
    entries: list[bytes] = field(default_factory=list)
    data: dict[str, bytes] = field(default_factory=dict)
    payload_ids: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def cc(self) -> str:
        return self.code.lower()

    @property
    def origin(self) -> str:
        return origin(self.federation_id, self.code)

    def sign(self, checkpoint: Checkpoint) -> bytes:
        return sign_checkpoint(checkpoint, self.log_ed25519, self.log_mldsa44, timestamp=1_600_000_000)

    def checkpoint(self, size: int | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        root = root_of(leaf_hash(entry) for entry in self.entries[:size])
        return self.sign(Checkpoint(self.origin, size, root))

    def log_keys(self) -> tuple[RosterKey, ...]:
        return (
            RosterKey("log", "ed25519", self.log_ed25519.public, "log"),
            RosterKey("log", "mldsa44", self.log_mldsa44.public, "log"),
        )

    def view(self, size: int | None = None, before: LogView | None = None) -> LogView:
        """Return the verified view of the log at ``size`` (default: all of it), starting from ``before``."""
        before = before or empty_view(self.origin)
        size = len(self.entries) if size is None else size
        return advance(before, self.checkpoint(size), self.entries[before.size : size], self.log_keys())


@dataclass
class Federation:
    """States, their roster, and a way to release tables."""

    states: dict[str, State]
    roster: Roster
    catalogue: Catalogue
    roster_files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        codes: Sequence[str] = ("KAZ", "KGZ", "TUR"),
        *,
        demo: bool = True,
        algorithms: Sequence[str] = ("ed25519", "ed25519", "ecdsa-p256"),
        catalogue: Catalogue | None = None,
    ) -> "Federation":
        """Make keys for every state and the roster that names them."""
        catalogue = catalogue or load_shipped()
        files = _genesis(codes, algorithms, keys := {}, catalogue, demo=demo)
        roster = load_roster(files, anchor=anchor_of(files[GENESIS]), at=AT)
        for code, (officers, ed25519, mldsa44) in sorted(keys.items()):
            keys[code] = State(code, roster.federation_id, officers, ed25519, mldsa44)
        return cls(keys, roster, catalogue, build_index(load_chains(files, anchor=anchor_of(files[GENESIS]))) | files)

    @property
    def anchor(self) -> Anchor:
        return Anchor(self.roster.federation_id)

    def state(self, code: str) -> State:
        return self.states[code]

    def statement(
        self,
        code: str,
        table_id: str,
        period: str,
        data: bytes,
        *,
        revision: int = 1,
        supersedes: str | None = None,
        repaired: int = 0,
        parameters: Mapping[str, Any] | None = None,
        method: str = "keyed",
        **changes: Any,
    ) -> ReleaseStatement:
        table, when = self.catalogue.table(table_id), parse_period(period)
        withheld = data.count(b",Q,C\n")
        fields: dict[str, Any] = {
            "federation": self.roster.federation_id,
            "issuer": code,
            "demo": self.roster.demo,
            "table": TableReference(id=table.id, version=table.version),
            "catalogue": CatalogueReference(version=self.catalogue.version, sha256=self.catalogue.sha256),
            "slice": SliceReference(period=when.text, freq="A3" if when.is_block else "A"),
            "revision": revision,
            "supersedes": supersedes,
            "audience": "federation",
            "handling": "TLP:GREEN",
            "method": Method(id=method, profile="peer", parameters=dict(parameters or PEER_PARAMETERS)),
            "plan": "0" * 64,
            "audit": Audit(
                intervals="passed",
                likelihood="not run",
                shown=data.count(b"\n") - 1 - withheld,
                withheld=withheld,
                repaired=repaired,
                systems=1,
            ),
            "metadata": Metadata(
                unit=table.unit,
                reference_date_basis="date of identification",
                cut_off="2021-03-31",
                sources="national register of identified victims",
                legal_definition="Palermo Protocol, article 3",
                share_unknown=None,
                censored=False,
                notes="",
            ),
            "commitment": Commitment(algorithm="sha256", value="1" * 64),
        }
        return ReleaseStatement(subject=(subject_for(data),), predicate=ReleasePredicate(**(fields | changes)))

    def data(self, code: str, table_id: str, period: str, values: Mapping[CellKey, int | None]) -> bytes:
        """Write a table; cells that ``values`` does not name are withheld."""
        table = self.catalogue.table(table_id)
        rows = [
            Observation(key, values.get(key), withheld=values.get(key) is None) for key in self.catalogue.cells(table)
        ]
        return write_csv(self.catalogue, table, code, parse_period(period), rows)

    def release(
        self,
        code: str,
        table_id: str,
        period: str,
        values: Mapping[CellKey, int | None] | Callable[[CellKey], int | None],
        *,
        signers: Sequence[int] = (0, 1),
        **changes: Any,
    ) -> bytes:
        """Release one table: two officers sign, the envelope goes into the log; return the envelope."""
        state = self.states[code]
        if callable(values):
            values = {key: values(key) for key in self.catalogue.cells(self.catalogue.table(table_id))}
        data = self.data(code, table_id, period, values)
        payload = self.statement(code, table_id, period, data, **changes).to_payload()
        envelope = assemble(payload, [sign_payload(payload, state.officers[at]) for at in signers])
        state.entries.append(envelope)
        state.data[hashlib.sha256(data).hexdigest()] = data
        state.payload_ids[table_id, period] = payload_id(payload)
        return envelope

    def verified(self, code: str, start: int = 0) -> list[VerifiedRelease | UnknownEntry]:
        """Return the state's log as the verifier sees it, from index ``start``."""
        state = self.states[code]
        found = []
        for index, entry in enumerate(state.entries[start:], start):
            bare = verify_release(entry, index, None, self.roster, code)
            data = state.data.get(bare.data_sha256) if isinstance(bare, VerifiedRelease) else None
            found.append(verify_release(entry, index, data, self.roster, code))
        return found


_Keys = tuple[list[Signer], Signer, Signer]


def _genesis(
    codes: Sequence[str], algorithms: Sequence[str], keys: dict[str, Any], catalogue: Catalogue, *, demo: bool
) -> dict[str, bytes]:
    """Hold a whole ceremony: three officers, three state keys and a log per state, a ceremony key per member."""
    cards, offline = [], []
    for code in sorted(codes):
        officers = [new_signer(algorithm) for algorithm in algorithms]
        ed25519, mldsa44 = new_signer("ed25519"), new_signer("mldsa44")
        keys[code] = (officers, ed25519, mldsa44)
        for name, signer in zip(NAMES, officers, strict=True):
            cards.append(_card("officer", code, f"{name} of {code}", [("officer", signer)]))
        cards.append(_card("node", code, f"desk of {code}", [("log", ed25519), ("log", mldsa44)]))
        state = [new_signer("ed25519") for _ in range(3)]
        cards += [
            _card("state", code, f"state {number} of {code}", [("state", key)]) for number, key in enumerate(state)
        ]
        if code not in OBSERVERS:
            ceremony = new_signer("ed25519")
            cards.append(_card("ceremony", code, f"minister of {code}", [("ceremony", ceremony)]))
            offline.append(ceremony)
        offline += state[:2]
    files: dict[str, bytes] = propose_genesis(cards, catalogue, demo=demo, at=AT)
    for signer in offline:
        files = sign_files(files, signer)
    return files


def _card(role: CardRole, state: str, name: str, signers: Sequence[tuple[CardKeyRole, Signer]]) -> Card:
    return read_card(make_card(role, state, name, signers))
