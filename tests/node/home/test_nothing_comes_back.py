"""What an erasure promises, tried: every copy that may still exist, every key that still exists.

Over months a desk takes in cases with names in three scripts, backs up, and erases one person. Then an attacker gets
everything: the live files with their logs, all copies of the register of whatever age, the copies of the keyring that
have not ended, the passphrase, all three recovery sheets. He tries every key on every keyring, every keyring on every
register, and every person key on every sealed text, of whatever person. The erased name is in none; every other is.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from tallystick.config.errors import SignerError, StoreError
from tallystick.keys.secrets import GENERATED, open_secret
from tallystick.node.cases import cipher
from tallystick.node.cases.escrow import open_box
from tallystick.node.cases.keyring import Keyring, unseal
from tallystick.node.cases.opening import SECRET_PURPOSES
from tallystick.node.cases.record import Identity
from tallystick.node.cases.schema import REGISTER
from tallystick.node.cases.segments import people
from tallystick.node.home.backup import back_up
from tallystick.node.home.restore import restore
from tests.support.erasures import AGENCY, AT, NAMES, NamedDesk, Phrase, make_named_desk

GONE = 4
EVERYBODY = frozenset(range(12))


def _name(number: int) -> str:
    return f"{NAMES[number % len(NAMES)]} {number}"


@dataclass
class Attacker:
    """Has a disk with copies and all keys; ``names`` is what he can read."""

    loot: Path
    sheets: dict[str, bytes]
    keys: set[bytes] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    tried: int = 0

    def take(self) -> set[str]:
        self._find_identity_keys()
        work = self.loot / "work"
        person_keys = self._person_keys(work)
        for register in [path for path in self.loot.rglob("register.db") if work not in path.parents]:
            for person_id, sealed in self._sealed(register, work):
                for key in person_keys:
                    self.tried += 1
                    try:
                        found = Identity.from_bytes(unseal(key, person_id, sealed))
                    except StoreError:
                        continue
                    self.names.add(found.fields["prs_FirstName"])
        return self.names

    def _find_identity_keys(self) -> None:
        """Open whatever sealed key or box lies anywhere; the sheets' own root may be a key as well."""
        self.keys |= set(self.sheets.values())
        for path in self.loot.rglob("*"):
            if path.suffix == ".secret":
                for purpose in SECRET_PURPOSES.values():
                    try:
                        self.keys.add(open_secret(path.read_bytes(), Phrase(), purpose))
                    except SignerError:
                        continue
            if path.suffix == ".box":
                self.keys.add(open_box(self.sheets["identity"], path.read_bytes()))

    def _copy(self, path: Path, work: Path) -> Path:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        for beside in path.parent.glob(f"{path.name}*"):  # the write-ahead log with it
            shutil.copy(beside, work / beside.name)
        return work / path.name

    def _person_keys(self, work: Path) -> set[bytes]:
        found: set[bytes] = set()
        for path, key in product([one for one in self.loot.rglob("keyring.db") if work not in one.parents], self.keys):
            try:
                keyring = Keyring(self._copy(path, work), key)
            except StoreError:
                continue
            found |= {row.key for row in keyring.rows(0, 10_000) if row.key}
            keyring.close()
        return found

    def _sealed(self, register: Path, work: Path) -> Iterator[tuple[bytes, bytes]]:
        """Every sealed text of every version, with every person id that the register knows of."""
        database = cipher.connect(self._copy(register, work), self.sheets["register"], REGISTER)
        try:
            texts = [
                row[0] for row in database.execute("SELECT sealed FROM record WHERE sealed IS NOT NULL").fetchall()
            ]
            earlier = "SELECT sealed, person_id FROM superseded WHERE sealed IS NOT NULL"
            texts += [row[0] for row in database.execute(earlier).fetchall()]
            everybody = {person_id for person_id, _record in people(database.conn)}
        finally:
            database.close()
        return product(everybody, texts)


def _life(root: Path) -> tuple[NamedDesk, Path]:
    """Ten weeks of a desk: imports, changes, nightly backups now and then, and one erasure on day 20."""
    desk, copies = make_named_desk(root / "home", range(8)), root / "copies"

    def save() -> None:
        back_up(desk.home, copies, Phrase(), desk.clock, watch=lambda *_told: None)

    for day in range(57):
        desk.clock.at = AT + timedelta(days=day)
        if day == 5:
            desk.take_in([GONE, 5], sex="M")  # an earlier version of the one who will be erased
        if day == 10:
            desk.take_in(range(8, 12))
        if day in {0, 6, 12, 19, 20}:
            save()
        if day == 20:
            desk.clock.at += timedelta(hours=1)
            desk.erase(GONE)
        if day in {21, 30, 40, 56}:
            save()
    return desk, copies


@pytest.fixture
def life(tmp_path: Path) -> tuple[NamedDesk, Path]:
    return _life(tmp_path)


def _loot(desk: NamedDesk, copies: Path, to: Path) -> Path:
    """Copy everything, while a command holds the register open, so that its log is there."""
    with desk.store() as store:
        list(store.versions(AGENCY, "case-1"))
        shutil.copytree(desk.home, to / "live")
    shutil.copytree(copies, to / "copies")
    return to


def test_the_erased_name_is_recovered_from_no_copy_and_every_other_is(
    life: tuple[NamedDesk, Path], tmp_path: Path
) -> None:
    desk, copies = life
    assert len(list(copies.glob("register-*"))) == 9, "copies of the register live as long as you like"
    assert len(list(copies.glob("keyring-*"))) == 3, "those of the keyring from before the erasure have ended"
    attacker = Attacker(_loot(desk, copies, tmp_path / "loot"), desk.sheets)
    found = attacker.take()
    assert found == {_name(number) for number in EVERYBODY - {GONE}}
    assert len(attacker.keys) == 4, "register, noise, root and the identity key of today; no older one is left"
    assert attacker.tried > 10_000


def test_the_attack_is_a_real_one_it_finds_the_name_where_a_keyring_was_kept_against_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    real = shutil.rmtree

    def keep(path: Path, **more: object) -> None:
        if Path(path).name.startswith("keyring-"):
            shutil.copytree(path, kept / Path(path).name)
        real(path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(shutil, "rmtree", keep)
    desk, copies = _life(tmp_path)
    monkeypatch.undo()
    loot = _loot(desk, copies, tmp_path / "loot")
    shutil.copytree(kept, loot / "kept")
    # The program destroys the key in a copy before it removes it, so what was kept by a hook is a keyring without one.
    attacker = Attacker(loot, desk.sheets)
    assert _name(GONE) not in attacker.take()
    first = make_named_desk(tmp_path / "first", range(4))
    shutil.copytree(first.home, tmp_path / "image")
    first.erase(3)
    both = tmp_path / "both"
    shutil.copytree(first.home, both / "live")
    shutil.copytree(tmp_path / "image", both / "image of the whole disk")
    assert Attacker(both, first.sheets).take() == {_name(number) for number in range(4)}


@pytest.mark.parametrize("day", [0, 6, 12, 20, 30])
def test_no_older_backup_brings_the_erased_back(life: tuple[NamedDesk, Path], tmp_path: Path, day: int) -> None:
    desk, copies = life
    restore(copies, tmp_path / "new", Phrase(), desk.clock, at=AT + timedelta(days=day), work=GENERATED)
    again = NamedDesk(tmp_path / "new", desk.sheets, desk.officers, desk.clock)
    there = set(range(8 if day < 10 else 12)) - {GONE}
    assert set(again.names()) == {f"case-{number}" for number in there}
    loot = tmp_path / "loot"
    shutil.copytree(again.home, loot / "live")
    assert Attacker(loot, desk.sheets).take() == {_name(number) for number in there}
    with again.store() as store:
        assert store.count() == (8 if day < 10 else 12), "the coded row stays"


def test_within_the_thirty_five_days_a_keyring_from_before_does_not_bring_the_erased_back_by_restore(
    tmp_path: Path,
) -> None:
    desk, copies = make_named_desk(tmp_path / "home"), tmp_path / "copies"
    back_up(desk.home, copies, Phrase(), desk.clock, watch=lambda *_told: None)
    desk.clock.at += timedelta(days=1)
    desk.erase(GONE)
    back_up(desk.home, copies, Phrase(), desk.clock, watch=lambda *_told: None)
    shutil.rmtree(copies / "keyring-20260302T093000Z")
    shutil.rmtree(copies / "register-20260302T093000Z")
    restore(copies, tmp_path / "new", Phrase(), desk.clock, work=GENERATED)
    loot = tmp_path / "loot"
    shutil.copytree(tmp_path / "new", loot / "live")
    assert Attacker(loot, desk.sheets).take() == {_name(number) for number in EVERYBODY - {GONE}}
