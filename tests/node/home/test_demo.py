"""A home for show: everything at once, and stamped wherever it could be taken for a real one."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.config.clock import FixedClock
from tallystick.config.errors import StoreError
from tallystick.config.settings import load_border, load_desk
from tallystick.keys.card import read_card
from tallystick.keys.signer import load_signer
from tallystick.node.cases.opening import ask_for, open_store
from tallystick.node.home.demo import DemoHome, make_demo_home, open_demo_home
from tallystick.node.home.officers import list_officers
from tests.support.files import names_in
from tests.support.killing import every_step, run_and_kill

CLOCK = FixedClock(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoHome:
    return make_demo_home(tmp_path_factory.mktemp("demo") / "kaz", "KAZ", "Ministry", CLOCK)


def test_every_persons_key_opens_and_matches_its_card(demo: DemoHome) -> None:
    seen = set()
    for role, count in (("officer", 3), ("state", 3), ("ceremony", 1)):
        for number in range(1, count + 1):
            card = read_card(demo.card(role, number).read_bytes())  # type: ignore[arg-type]
            signer = load_signer(demo.key(role, number), demo.secrets())  # type: ignore[arg-type]
            assert (card.role, card.state, card.keyid) == (role, "KAZ", signer.keyid)
            seen.add(card.keyid)
    assert len(seen) == 7


def test_demo_stands_in_settings_and_on_every_card(demo: DemoHome) -> None:
    assert load_desk(demo.home).demo
    assert load_border(demo.home).demo
    cards = [read_card(path.read_bytes()) for path in demo.home.rglob("*.card.json")]
    assert len(cards) == 3 + 7 + 2
    assert all(card.demo for card in cards)


def test_desk_and_border_open_unattended_each_by_a_passphrase_of_its_own(demo: DemoHome) -> None:
    phrases = {demo.secrets(part).passphrase("x") for part in ("desk", "border", "people")}
    assert len(phrases) == 3
    assert all(len(phrase) == 32 for phrase in phrases)
    assert open_store(demo.home, ask_for(load_desk(demo.home))).count() == 0
    load_signer(demo.home / "border" / "secrets" / "tls.pem", demo.secrets("border"))
    for part in ("desk", "border", "people"):
        assert (demo.home / part / "passphrase").stat().st_mode & 0o777 == 0o600


def test_the_three_officers_are_enrolled(demo: DemoHome) -> None:
    assert [card.name for card in list_officers(demo.home / "desk")] == [f"Officer {n} of KAZ" for n in (1, 2, 3)]


def test_an_observer_has_no_ceremony_key_and_another_port(demo: DemoHome, tmp_path: Path) -> None:
    port = int(demo.listen.rpartition(":")[2])
    other = make_demo_home(tmp_path / "afg", "AFG", "Observer", CLOCK, member=False, taken_ports={port})
    assert not other.key("ceremony").exists()
    assert other.key("state", 3).exists()
    assert other.listen != demo.listen


def test_a_second_demo_home_is_refused(demo: DemoHome) -> None:
    with pytest.raises(StoreError, match="already exists"):
        make_demo_home(demo.home, "KAZ", "Ministry", CLOCK)


def test_killed_between_its_renames_it_is_finished_or_made_by_the_next_call(tmp_path: Path) -> None:
    finished = 0
    for step in every_step():
        home = tmp_path / str(step)
        if run_and_kill(lambda home=home: make_demo_home(home, "KAZ", "x", CLOCK) and None, step, ("rename", "rmdir")):  # type: ignore[misc]
            break
        done = (home / "desk" / "desk.toml").exists() and not (home / ".made").exists()
        made = open_demo_home(home) if done else make_demo_home(home, "KAZ", "x", CLOCK)
        assert names_in(home) == ["border", "desk", "people"]
        assert open_store(home, made.secrets("desk")).count() == 0
        finished += 1
    assert finished >= 4
