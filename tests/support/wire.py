"""Whole federations for the wire: a real TUF roster with real TLS leaves, logs with releases, borders on disk.

wire = Wire.make(("KAZ", "KGZ"))
wire.federation.release("KAZ", "VICTIMS", "2018", {(): 86})
kaz, kgz = wire.home(tmp, "KAZ"), wire.home(tmp, "KGZ")
wire.feed(kaz, "KAZ")                       the desk's outbox: roster and log
with running_border(kaz) as border: ...     a real border in a thread of this process
"""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tallystick.config.catalogue import load_shipped
from tallystick.config.clock import FixedClock
from tallystick.config.settings import BorderSettings, PeerSettings, dump_settings
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.process import Border, border_secrets
from tallystick.exchange.formats.tree import data_path
from tallystick.exchange.pull import ClientTls
from tallystick.exchange.spool import SpoolWriter
from tallystick.keys.card import Card, CardKeyRole
from tallystick.keys.certificate import make_leaf
from tallystick.keys.genesis import propose_genesis
from tallystick.keys.roster import load_roster
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import Signer, encrypted_pem, new_signer
from tallystick.proto.exchange.v1.spool_pb2 import SpoolMessage
from tests.support.federation import Federation, State
from tests.support.leaves import TestLeaf
from tests.support.rosters import Ceremony, card

PHRASE = b"a passphrase for tests"
NOW = datetime.now(UTC)
NAMES = ("Aigerim", "Bolat", "Chingiz")


def free_port() -> int:
    """A port that was free a moment ago, for borders that must know each other's before they start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Wire:
    """A federation whose every key is at hand, TLS leaves included."""

    ceremony: Ceremony
    federation: Federation
    tls: dict[str, TestLeaf]

    @classmethod
    def make(cls, codes: Sequence[str] = ("KAZ", "KGZ", "TUR"), *, observers: Sequence[str] = ()) -> "Wire":
        """A copy of a federation that is made once per set of states: tests may release into it as they like."""
        made = _made(tuple(codes), tuple(observers))
        states = {
            code: replace(state, officers=list(state.officers), entries=[], data={}, payload_ids={})
            for code, state in made.federation.states.items()
        }
        federation = replace(made.federation, states=states)
        return cls(replace(made.ceremony, files=dict(made.ceremony.files)), federation, dict(made.tls))

    @property
    def roster_files(self) -> dict[str, bytes]:
        return dict(self.ceremony.files)

    def adopt(self, files: Mapping[str, bytes]) -> None:
        """Go on with another version of the roster."""
        self.ceremony.files = dict(files)
        self.federation.roster = load_roster(files, anchor=self.ceremony.anchor, at=NOW)

    def client(self, code: str, target: str) -> ClientTls:
        """How ``code`` reaches ``target``."""
        return ClientTls.towards(self.federation.roster.state(target), self.tls[code].pem, self.tls[code].key_pem)

    def rotate_leaf(self, code: str, leaf: TestLeaf, *, remove: bool = False) -> None:
        """Name another leaf of a state in the roster, beside the old one or instead of it."""
        new = _border_card(code, leaf)
        old = [key.keyid for key in self.federation.roster.state(code).tls_keys] if remove else []
        files = self.ceremony.new_page(self.roster_files, code, cards=[new], drop=old, at=NOW)
        self.adopt(self.ceremony.indexed(files))
        self.tls[code] = leaf

    def release(self, code: str, count: int = 1, *, first_year: int = 2015) -> None:
        """Release the total of so many years, a value derived from the year."""
        for year in range(first_year, first_year + count):
            self.federation.release(code, "VICTIMS", str(year), {(): 40 + year % 50})

    def tree(self, folder: Path, code: str, size: int | None = None) -> Path:
        """Write a state's static tree with its roster, as its border would serve it."""
        state = self.federation.state(code)
        archive = Archive(folder)
        before = archive.view(state.cc)
        start, stop = before.size if before else 0, len(state.entries) if size is None else size
        if stop > start:
            view = state.view(stop)
            releases = self.federation.verified(code)[start : view.size]
            archive.accept(state.cc, view, state.entries[start : view.size], releases, state.data)
        RosterStore(folder / "roster").adopt(self.roster_files, at=NOW, anchor=self.ceremony.anchor)
        return folder

    def home(
        self, base: Path, code: str, *, peers: Mapping[str, str] | None = None, joined: bool = True, **settings: Any
    ) -> Path:
        """Make HOME with a border that adopted the roster, and an empty outbox of its desk."""
        home = base / code.lower()
        folder = home / "border"
        (folder / "secrets").mkdir(parents=True, mode=0o700)
        (home / "desk" / "outbox").mkdir(parents=True)
        given = {"state": code, "name": f"Agency of {code}", "listen": "127.0.0.1:0", "pull_seconds": 1} | settings
        write_private(folder / "passphrase", PHRASE + b"\n")
        write_private(folder / "secrets" / "tls.pem", encrypted_pem(self.tls[code].key, PHRASE, GENERATED))
        (folder / "tls.crt").write_bytes(self.tls[code].pem)
        document = BorderSettings(demo=True, passphrase_file=Path("passphrase"), **given)
        (folder / "border.toml").write_bytes(dump_settings(document))
        if joined:
            self.join(home)
        if peers:
            (folder / "peers.toml").write_bytes(dump_settings(PeerSettings(peers=dict(peers))))
        return home

    def join(self, home: Path) -> None:
        """Do what ``roster apply --root WORDS`` does on the border."""
        RosterStore(home / "border" / "roster").adopt(self.roster_files, at=NOW, anchor=self.ceremony.anchor)

    def feed(self, home: Path, code: str, *, first: int = 0, roster: bool = True, log: bool = True) -> None:
        """Write what the desk would tell its border."""
        writer = SpoolWriter(home / "desk" / "outbox")
        if roster:
            writer.put("roster", self.roster_message())
        if log and self.federation.state(code).entries[first:]:
            writer.put("log", self.log_message(code, first))

    def roster_message(self) -> bytes:
        message = SpoolMessage(format=1)
        for name, data in sorted(self.roster_files.items()):
            message.roster.files.add(name=f"roster/{name}", data=data)
        return message.SerializeToString(deterministic=True)

    def log_message(self, code: str, first: int = 0) -> bytes:
        state = self.federation.state(code)
        message = SpoolMessage(format=1)
        message.log.first_index, message.log.checkpoint = first, state.checkpoint()
        message.log.entries.extend(state.entries[first:])
        for digest, data in state.data.items():
            message.log.data.add(name=data_path(state.cc, digest), data=data)
        return message.SerializeToString(deterministic=True)


def write_private(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


@cache
def _made(codes: tuple[str, ...], observers: tuple[str, ...]) -> Wire:
    base = Ceremony.make(codes, observers=observers, officers=0)
    officers = {code: [new_signer(kind) for kind in ("ed25519", "ed25519", "ecdsa-p256")] for code in codes}
    logs = {code: (new_signer("ed25519"), new_signer("mldsa44")) for code in codes}
    tls = {code: make_wire_leaf(code) for code in codes}
    cards = list(base.cards)
    for code in codes:
        people = [
            card("officer", code, f"{name} of {code}", [("officer", signer)])
            for name, signer in zip(NAMES, officers[code], strict=True)
        ]
        desk = card("node", code, f"{code} desk", [("log", signer) for signer in logs[code]])
        cards += [*(one for one, _data in (*people, desk)), _border_card(code, tls[code])]
    found = replace(base, cards=cards)
    found.files = found.sign(propose_genesis(cards, load_shipped(), demo=True, at=NOW))
    found.files = found.indexed(found.files)
    roster = load_roster(found.files, anchor=found.anchor, at=NOW)
    states = {code: State(code, roster.federation_id, officers[code], *logs[code]) for code in sorted(codes)}
    return Wire(found, Federation(states, roster, load_shipped(), found.files), tls)


def _border_card(code: str, leaf: TestLeaf) -> Card:
    signer = Signer("ecdsa-p256", leaf.roster_key.public, leaf.key)
    keys: list[tuple[CardKeyRole, Signer]] = [("tls", signer), ("witness", new_signer("ed25519"))]
    endpoints = [f"grpcs://{code.lower()}.example:7443"]
    return card("node", code, f"{code} border", keys, certificate=leaf.pem, endpoints=endpoints)[0]


def make_wire_leaf(code: str) -> TestLeaf:
    """A leaf of the roster's profile, valid now."""
    from cryptography import x509

    signer = new_signer("ecdsa-p256")
    pem = make_leaf(code, ["localhost"], signer.p256, FixedClock(NOW), 30)
    return TestLeaf(x509.load_pem_x509_certificate(pem), signer.p256)


class RunningBorder:
    """A border in a thread of this process; its address is known once it listens."""

    def __init__(self, home: Path, **more: Any) -> None:
        self.home, self.address = home, ""
        self.failure: BaseException | None = None
        self._more = more
        self._ready, self._border, self._loop = threading.Event(), None, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(20) or self.failure:
            raise AssertionError(f"the border did not start: {self.failure!r}")

    def stop(self) -> None:
        if self._loop is not None and self._border is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._border.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def pull_now(self) -> None:
        self._loop.call_soon_threadsafe(self._border.pull_now)

    def _run(self) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._border = Border(self.home, border_secrets(self.home), told=self._told, **{"tick": 0.1, **self._more})
            await self._border.run()

        try:
            asyncio.run(main())
        except BaseException as error:
            self.failure = error
        finally:
            self._ready.set()

    def _told(self, address: str) -> None:
        self.address = address
        self._ready.set()


@contextmanager
def running_border(home: Path, **more: Any) -> Iterator[RunningBorder]:
    """Run a border until the block ends."""
    border = RunningBorder(home, **more)
    try:
        yield border
    finally:
        border.stop()
