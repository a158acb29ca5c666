"""Real rosters with real keys: a ceremony of states, and every later change to their roster.

ceremony = Ceremony.make(("KAZ", "KGZ", "TUR"), observers=("TUR",))
ceremony.files                                          the genesis, signed by everybody
ceremony.new_page(ceremony.files, "KAZ", add=[card])    the roster with KAZ's next page, signed by two of its three
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from tuf.api.metadata import Metadata

from tallystick.config.catalogue import load_shipped
from tallystick.config.clock import FixedClock
from tallystick.keys.card import Card, CardKeyRole, CardRole, make_card, read_card
from tallystick.keys.ceremony import sign_files
from tallystick.keys.certificate import make_leaf
from tallystick.keys.chains import Chains, read_root
from tallystick.keys.genesis import page_file, propose_genesis
from tallystick.keys.index import build_index
from tallystick.keys.root_page import RootPage
from tallystick.keys.roster import load_chains
from tallystick.keys.rotate import propose_page
from tallystick.keys.signer import Signer, new_signer
from tallystick.keys.state_page import StatePage
from tallystick.keys.targets_page import TargetsPage
from tallystick.keys.tuf_files import parse_name, write_file
from tallystick.keys.tuf_keys import OfflineKey
from tallystick.keys.words import Anchor, anchor_of

AT = datetime(2021, 6, 1, tzinfo=UTC)
NINE = ("AFG", "AZE", "IRN", "KAZ", "KGZ", "PAK", "TJK", "TKM", "TUR")
OBSERVERS = ("AFG", "PAK")
Files = dict[str, bytes]


def card(
    role: CardRole, state: str, name: str, signers: Sequence[tuple[CardKeyRole, Signer]], **more: Any
) -> tuple[Card, bytes]:
    data = make_card(role, state, name, signers, **more)
    return read_card(data), data


def officer_card(state: str, name: str, signer: Signer | None = None) -> Card:
    return card("officer", state, name, [("officer", signer or new_signer("ed25519"))])[0]


def border_card(state: str, port: int = 7000) -> Card:
    tls = new_signer("ecdsa-p256")
    leaf = make_leaf(state, ["localhost"], tls.private, FixedClock(AT), 365)
    keys: list[tuple[CardKeyRole, Signer]] = [("tls", tls), ("witness", new_signer("ed25519"))]
    return card("node", state, f"{state} border", keys, certificate=leaf, endpoints=[f"grpcs://127.0.0.1:{port}"])[0]


def desk_card(state: str) -> Card:
    keys: list[tuple[CardKeyRole, Signer]] = [("log", new_signer("ed25519")), ("log", new_signer("mldsa44"))]
    return card("node", state, f"{state} desk", keys)[0]


@dataclass
class Ceremony:
    """A federation whose every private key is at hand."""

    ceremony_keys: dict[str, Signer]
    state_keys: dict[str, list[Signer]]
    cards: list[Card]
    files: Files

    @classmethod
    def make(
        cls,
        codes: Sequence[str] = NINE,
        *,
        observers: Sequence[str] = OBSERVERS,
        officers: int = 1,
        nodes: bool = False,
        algorithm: Callable[[str], str] = lambda _code: "ed25519",
        at: datetime = AT,
    ) -> "Ceremony":
        ceremony_keys = {code: new_signer(algorithm(code)) for code in codes if code not in observers}
        state_keys = {code: [new_signer(algorithm(code)) for _ in range(3)] for code in codes}
        cards = [
            card("ceremony", code, f"Minister of {code}", [("ceremony", key)])[0] for code, key in ceremony_keys.items()
        ]
        for code, keys in state_keys.items():
            cards += [card("state", code, f"Ұлттық {code} {n}", [("state", key)])[0] for n, key in enumerate(keys)]
            cards += [officer_card(code, f"Офицер {code} {n}") for n in range(officers)]
            cards += [desk_card(code), border_card(code)] if nodes else []
        found = cls(ceremony_keys, state_keys, cards, {})
        found.files = found.sign(propose_genesis(cards, load_shipped(), demo=True, at=at))
        return found

    @property
    def anchor(self) -> Anchor:
        return anchor_of(self.files["metadata/1.root.json"])

    @property
    def genesis(self) -> str:
        """Digest of the signed part of the genesis root."""
        name = parse_name("metadata/1.root.json")
        return read_root(name, self.files[name.text]).signed_digest

    @property
    def offline(self) -> list[Signer]:
        return [*self.ceremony_keys.values(), *(key for keys in self.state_keys.values() for key in keys[:2])]

    def sign(self, files: Mapping[str, bytes], signers: Sequence[Signer] | None = None) -> Files:
        """Sign whatever waits for a signature."""
        signed = dict(files)
        for signer in self.offline if signers is None else signers:
            signed = sign_files(signed, signer)
        return signed

    def chains(self, files: Mapping[str, bytes] | None = None) -> Chains:
        return load_chains(self.files if files is None else files, anchor=self.anchor)

    def new_page(
        self, files: Mapping[str, bytes], code: str, *, cards: Sequence[Card] | None = None, **more: Any
    ) -> Files:
        """The roster with one more page of ``code``; by default it brings a new officer."""
        cards = [officer_card(code, f"Officer {len(files)} of {code}")] if cards is None else cards
        at = more.pop("at", AT)
        proposal = propose_page(self.chains(files), code, cards, at=at, **more)
        return self.sign(proposal, self.state_keys[code][:2])

    def new_targets(self, files: Mapping[str, bytes], change: Callable[[TargetsPage], TargetsPage]) -> Files:
        """The roster with one more version of the targets, signed by every member."""
        page = self.chains(files).targets[-1].page
        page = change(replace(page, version=page.version + 1))
        return self.sign(dict(files) | dict([page_file(page, "targets")]), list(self.ceremony_keys.values()))

    def new_root(self, files: Mapping[str, bytes], change: Callable[[RootPage], RootPage] = lambda page: page) -> Files:
        page = self.chains(files).roots[-1].page
        page = change(replace(page, version=page.version + 1, genesis=self.genesis))
        return self.sign(dict(files) | dict([page_file(page, "root")]), list(self.ceremony_keys.values()))

    def indexed(self, files: Mapping[str, bytes]) -> Files:
        """The files with snapshot and timestamp."""
        bare = {name: data for name, data in files.items() if "snapshot" not in name and "timestamp" not in name}
        return bare | build_index(self.chains(bare))


def only_signed_by(files: Mapping[str, bytes], name: str, count: int) -> Files:
    """The files, one of them with its first ``count`` signatures only."""
    metadata: Metadata[Any] = Metadata.from_bytes(files[name])
    texts = {keyid: entry.signature for keyid, entry in metadata.signatures.items()}
    return dict(files) | {name: write_file(metadata, dict(sorted(texts.items())[:count]))}


def resigned(page: RootPage | TargetsPage | StatePage, role: str, signers: Sequence[Signer]) -> Files:
    """One page signed by ``signers``, whoever they are."""
    metadata: Metadata[Any] = Metadata(page.to_signed())
    payload = metadata.signed_bytes
    texts = {OfflineKey(key.algorithm, key.public).tuf_keyid: key.sign(payload).hex() for key in signers}
    return {f"metadata/{page.version}.{role}.json": write_file(metadata, texts)}


def days(count: float) -> timedelta:
    return timedelta(days=count)


@cache
def nine_states() -> Ceremony:
    """Seven members and two observers; made once, never changed."""
    return Ceremony.make()


@cache
def three_states() -> Ceremony:
    """Three members, one with P-256 tokens, and whole nodes; made once, never changed."""
    return Ceremony.make(
        ("KAZ", "KGZ", "TUR"),
        observers=(),
        nodes=True,
        algorithm=lambda code: "ecdsa-p256" if code == "TUR" else "ed25519",
    )
