"""A desk with named cases, and officers who order an erasure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tallystick.config.clock import FixedClock
from tallystick.keys.card import make_card
from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import Signer, new_signer
from tallystick.node.cases.erasure_order import SignedOrder, sign_order
from tallystick.node.cases.opening import open_store
from tallystick.node.cases.record import Identity
from tallystick.node.cases.sqlstore import SqlCaseStore
from tallystick.node.home.erasure import Erased, apply_order, propose_order
from tallystick.node.home.making import HomePlan, make_desk
from tallystick.node.home.officers import enrol_officer
from tests.support.cases import a_record, a_run

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
AGENCY = "Shelter"
NAMES = ("Айгүл Серікова", "نازنین احمدی", "Guljahan Atayeva", "Чингиз Айтматов", "پروین", "Mehmet Çelik")


class Phrase:
    """Always the same passphrase."""

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        del purpose, new
        return b"correct horse battery staple"


@dataclass
class NamedDesk:
    """A home with a desk, its officers, and the secrets on its recovery sheets."""

    home: Path
    sheets: dict[str, bytes]
    officers: list[Signer]
    clock: FixedClock = field(default_factory=lambda: FixedClock(AT))

    @property
    def folder(self) -> Path:
        return self.home / "desk"

    def store(self) -> SqlCaseStore:
        return open_store(self.home, Phrase())

    def take_in(self, numbers: Sequence[int], **changes: object) -> None:
        with self.store() as store:
            store.ingest(a_run(at=self.clock.at), [named(number, **changes) for number in numbers])

    def names(self) -> dict[str, str]:
        """Who can be read in the register, by case number."""
        with self.store() as store:
            return names_in(store)

    def order(self, number: int, signers: Sequence[int] = (0, 1)) -> SignedOrder:
        order = propose_order(self.home, Phrase(), self.clock, AGENCY, f"case-{number}", "REQUEST")
        signed = SignedOrder(order)
        for at in signers:
            signed = sign_order(signed, self.officers[at])
        return signed

    def erase(self, number: int) -> Erased:
        return apply_order(self.home, Phrase(), self.clock, [self.order(number)])


def named(number: int, **changes: object) -> object:
    name = NAMES[number % len(NAMES)]
    identity = Identity({"prs_FirstName": f"{name} {number}", "prs_Phone": f"+7 701 {number:07d}"})
    return a_record(number, identity=identity, **changes)


def names_in(store: SqlCaseStore, numbers: Sequence[int] = range(40)) -> dict[str, str]:
    found = {}
    for number in numbers:
        for version in store.versions(AGENCY, f"case-{number}"):
            if version.record.identity:
                found[f"case-{number}"] = version.record.identity.fields["prs_FirstName"]
    return found


def make_named_desk(home: Path, numbers: Sequence[int] = range(12), *, enrol: int = 3) -> NamedDesk:
    folder = home / "desk"
    home.mkdir(parents=True)
    sheets = make_desk(folder, HomePlan("KAZ", "Agency", demo=True), Phrase(), work=GENERATED)
    officers = [new_signer("ed25519"), new_signer("ecdsa-p256"), new_signer("ed25519")]
    for signer, name in list(zip(officers, ("Aliya", "Bolat", "Chingiz"), strict=True))[:enrol]:
        card = make_card("officer", "KAZ", name, [("officer", signer)], demo=True)
        enrol_officer(folder, card, state="KAZ", demo=True)
    made = NamedDesk(home, sheets, officers)
    if numbers:
        made.take_in(numbers)
    return made
