"""Erasing from a keyring of a million: how long the rewrite takes; and a backup against plain copies of its files."""

import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tallystick.config.clock import FixedClock
from tallystick.keys.card import make_card
from tallystick.keys.secrets import GENERATED
from tallystick.keys.signer import new_signer
from tallystick.node.cases.erasure_order import SignedOrder, sign_order
from tallystick.node.cases.keyring import Keyring
from tallystick.node.cases.opening import open_desk_secret, open_store
from tallystick.node.cases.record import CaseRecord, Identity
from tallystick.node.cases.store import ImportRun
from tallystick.node.home.backup import back_up
from tallystick.node.home.erasure import apply_order, propose_order
from tallystick.node.home.making import HomePlan, make_desk
from tallystick.node.home.officers import enrol_officer

KEYS = 1_000_000
RECORDS = 100_000
AT = datetime(2026, 3, 1, tzinfo=UTC)


class Phrase:
    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        del purpose, new
        return b"correct horse battery staple"


def a_home(folder: Path) -> list[Any]:
    """A desk with ``RECORDS`` named cases, and a keyring filled up to ``KEYS``."""
    desk = folder / "desk"
    make_desk(desk, HomePlan("KAZ", "Agency", demo=True), Phrase(), work=GENERATED)
    officers = [new_signer("ed25519"), new_signer("ed25519")]
    for signer, name in zip(officers, ("A", "B"), strict=True):
        enrol_officer(desk, make_card("officer", "KAZ", name, [("officer", signer)], demo=True), state="KAZ", demo=True)
    identity = Identity({"prs_FirstName": "Somebody", "cco_CaseComment": "x" * 400})
    with open_store(folder, Phrase()) as store:
        cases = (CaseRecord("Police", f"n{number}", 2019, identity=identity) for number in range(RECORDS))
        store.ingest(ImportRun("bench", "htcds", AT), cases)
    keyring = Keyring(desk / "keyring.db", open_desk_secret(desk, "identity", Phrase()))
    keyring.begin()
    for first in range(keyring.last_record_id() + 1, KEYS + 1, 50_000):
        last = min(first + 50_000, KEYS + 1)
        keyring.add([(number, os.urandom(32), os.urandom(16)) for number in range(first, last)])
    keyring.commit()
    keyring.close()
    return officers


def plain_copy(desk: Path, to: Path) -> float:
    """Seconds for a plain copy of the two databases, each fsynced."""
    started = time.perf_counter()
    to.mkdir()
    for name in ("register.db", "keyring.db"):
        shutil.copy(desk / name, to / name)
        with (to / name).open("rb") as stream:
            os.fsync(stream.fileno())
    return time.perf_counter() - started


def main() -> dict[str, object]:
    """Erase one of ``RECORDS``, with ``KEYS`` keys to be rewritten; back up."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        home = root / "home"
        home.mkdir()
        officers, clock = a_home(home), FixedClock(AT)
        order = SignedOrder(propose_order(home, Phrase(), clock, "Police", "n77", "REQUEST"))
        for signer in officers:
            order = sign_order(order, signer)
        started = time.perf_counter()
        apply_order(home, Phrase(), clock, [order])
        erasing = time.perf_counter() - started
        copying = min(plain_copy(home / "desk", root / f"plain{at}") for at in range(3))
        started = time.perf_counter()
        back_up(home, root / "copies", Phrase(), clock, watch=lambda *_told: None)
        backing_up = time.perf_counter() - started
        size = sum((home / "desk" / name).stat().st_size for name in ("register.db", "keyring.db"))
    print(f"keyring of {KEYS:,} written anew under another key: {erasing:.1f} s ({erasing / KEYS * 1e6:.1f} us a key)")
    print(
        f"backup of {size / 1e6:.0f} MB: {backing_up:.2f} s, plain copies {copying:.2f} s, {backing_up / copying:.1f}x"
    )
    return {
        "keys": KEYS,
        "erase_s": round(erasing, 2),
        "erase_us_a_key": round(erasing / KEYS * 1e6, 2),
        "backup_mb": round(size / 1e6, 1),
        "backup_s": round(backing_up, 2),
        "plain_copy_s": round(copying, 3),
        "backup_to_plain_copy": round(backing_up / copying, 1),
    }
