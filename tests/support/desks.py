"""A state's whole desk in a folder: register with cases, sealed secrets, log keys, officers, a real DEMO roster.

desk = make_desk_home(folder, {2018: 86, 2019: 88, 2020: 44})
with desk.open() as open_desk: open_desk.draft(...)
desk.sign(period)               two officers sign every draft of the period
"""

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tallystick.config.clock import FixedClock
from tallystick.config.settings import DeskSettings, dump_settings
from tallystick.keys.genesis import propose_genesis
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.secrets import GENERATED, seal_secret
from tallystick.keys.signer import Signer, encrypted_pem, new_signer
from tallystick.keys.words import anchor_of
from tallystick.node.cases.opening import SECRET_PURPOSES, create_register, open_register
from tallystick.node.cases.record import FORMS
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import find_drafts, read_draft
from tallystick.node.desk.signing import sign_draft
from tests.support.cases import a_record, a_run
from tests.support.catalogues import six_tables
from tests.support.rosters import Ceremony, border_card, card

AT = datetime(2021, 3, 1, 9, 30, tzinfo=UTC)
PHRASE = b"correct horse battery staple"
KEYS = {"register": bytes([1]) * 32, "identity": bytes([2]) * 32, "noise": bytes([3]) * 32}
COUNTRIES = ("KAZ", "KAZ", "KAZ", "KGZ", "UZB", "RUS", "_U")


class Phrase:
    """Always the same passphrase."""

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        del purpose, new
        return PHRASE


@dataclass
class DeskHome:
    """A desk on disk, and the people around it."""

    home: Path
    officers: list[Signer]
    log_keys: list[Signer]
    ceremony: Ceremony
    clock: FixedClock = field(default_factory=lambda: FixedClock(AT))

    @property
    def folder(self) -> Path:
        return self.home / "desk"

    @property
    def inbox(self) -> Path:
        return self.home / "border" / "inbox"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    def open(self, **more: Any) -> Desk:
        return Desk.open(self.home, Phrase(), self.clock, **more)

    def copy(self, to: Path) -> "DeskHome":
        """The same desk in another folder, as a backup is."""
        shutil.copytree(self.home, to, symlinks=True)
        return replace(self, home=to, clock=FixedClock(self.clock.at))

    def sign(self, period: str, officers: tuple[int, ...] = (0, 1), table_id: str = "") -> None:
        """Have officers sign the drafts of a period, or one of them."""
        for folder in find_drafts(self.folder / "drafts" / period / table_id):
            for number in officers:
                sign_draft(read_draft(folder), self.officers[number])

    def add_cases(self, cases: Mapping[int, int], seed: int = 1, agency: str = "Police", **changes: Any) -> None:
        """Put so many cases a year into the register."""
        draw = random.Random(seed)
        records = [
            a_record(
                at,
                agency=f"{agency} {year}",
                year=year,
                sex=draw.choice("FFM"),
                age=draw.choice(("Y0T17", "Y_GE18", "Y_GE18", "Y_GE18")),
                forms=frozenset({draw.choice(FORMS)}),
                citizenship=draw.choice(COUNTRIES),
                exploitation_area=draw.choice(COUNTRIES),
                identity=None,
                **changes,
            )
            for year, count in cases.items()
            for at in range(count)
        ]
        store = open_register(self.folder, KEYS["register"], None)
        store.ingest(a_run(at=AT), records)
        store.close()


def secrets_of(folder: Path, log_keys: list[Signer]) -> None:
    """Write a desk's sealed secrets and its log keys."""
    (folder / "secrets").mkdir(mode=0o700)
    for name, raw in KEYS.items():
        path = folder / "secrets" / f"{name}.secret"
        path.write_bytes(seal_secret(raw, Phrase(), SECRET_PURPOSES[name], work=GENERATED))
        path.chmod(0o600)
    for signer in log_keys:
        path = folder / "secrets" / f"log-{signer.algorithm}.pem"
        path.write_bytes(encrypted_pem(signer.private, PHRASE, GENERATED))
        path.chmod(0o600)


def make_ceremony(officers: list[Signer], log_keys: list[Signer], *, demo: bool = True) -> Ceremony:
    """A federation of KAZ, KGZ and TUR in which these are KAZ's officers and log keys."""
    base = Ceremony.make(("KAZ", "KGZ", "TUR"), observers=(), officers=0, nodes=False)
    cards = [*base.cards, border_card("KAZ")]
    names = ("Aigerim", "Bolat", "Chingiz")
    cards += [
        card("officer", "KAZ", name, [("officer", signer)])[0] for name, signer in zip(names, officers, strict=True)
    ]
    cards.append(card("node", "KAZ", "KAZ desk", [("log", signer) for signer in log_keys])[0])
    found = Ceremony(base.ceremony_keys, base.state_keys, cards, {})
    found.files = found.sign(propose_genesis(cards, six_tables(), demo=demo, at=AT))
    return found


def make_desk_home(home: Path, cases: Mapping[int, int], *, demo: bool = True, **settings: Any) -> DeskHome:
    """Make a desk with a register of so many cases a year."""
    folder = home / "desk"
    folder.mkdir(parents=True, mode=0o700)
    (home / "border" / "inbox").mkdir(parents=True)
    document = dump_settings(DeskSettings(state="KAZ", name="Agency of Kazakhstan", demo=demo, **settings))
    (folder / "desk.toml").write_bytes(document)
    officers = [new_signer("ed25519"), new_signer("ecdsa-p256"), new_signer("ed25519")]
    log_keys = [new_signer("ed25519"), new_signer("mldsa44")]
    secrets_of(folder, log_keys)
    create_register(folder, KEYS["register"], KEYS["identity"])
    ceremony = make_ceremony(officers, log_keys, demo=demo)
    anchor = anchor_of(ceremony.files["metadata/1.root.json"])
    RosterStore(folder / "roster").adopt(ceremony.files, at=AT, anchor=anchor)
    made = DeskHome(home, officers, log_keys, ceremony)
    if cases:
        made.add_cases(cases)
    return made
