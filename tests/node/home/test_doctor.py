"""Doctor: a home in order is left in peace; each thing that will bite is named with its remedy."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tallystick.config.clock import FixedClock
from tallystick.config.errors import ConfigError
from tallystick.keys.card import make_card
from tallystick.keys.genesis import VALIDITY
from tallystick.keys.people import PersonRole, make_person_key
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.secrets import GENERATED, FileSecrets
from tallystick.keys.signer import new_signer
from tallystick.node.home.dates import signed_times
from tallystick.node.home.doctor import TOPICS
from tallystick.node.home.doctor import examine as look_through
from tallystick.node.home.findings import Finding, exit_code
from tallystick.node.home.officers import enrol_officer
from tests.support.federation import AT as ROSTER_AT
from tests.support.federation import Federation

Made = Callable[..., tuple[Path, dict[str, bytes]]]


@pytest.fixture
def home(made: Made) -> Path:
    """A desk alone, three officers enrolled: nothing to complain of."""
    found, _kept = made("desk", inbox=Path("outbox"))
    for name in ("Anna", "Bolat", "Chinara"):
        card = make_card("officer", "KAZ", name, [("officer", new_signer("ed25519"))])
        enrol_officer(found / "desk", card, state="KAZ", demo=False)
    return found


def examine(home: Path, clock: FixedClock, *, look_in: Sequence[Path] = ()) -> dict[str, list[Finding]]:
    """Look through a home on a machine where tallystick has been for ten years."""
    return look_through(home, clock, look_in=look_in, installed=clock.at - timedelta(days=3650))


def found_in(topics: dict[str, list[Finding]], topic: str) -> list[tuple[str, str]]:
    return [(finding.level, finding.what) for finding in topics[topic]]


def worst(topics: dict[str, list[Finding]]) -> int:
    return exit_code([finding for found in topics.values() for finding in found])


def test_a_home_in_order_is_left_in_peace(home: Path, clock: FixedClock) -> None:
    topics = examine(home, clock)
    assert worst(topics) == 0
    assert set(topics) <= set(TOPICS)
    assert [finding.level for found in topics.values() for finding in found] == ["note", "note"]


def test_no_home_is_said(tmp_path: Path, clock: FixedClock) -> None:
    with pytest.raises(ConfigError, match="no home here"):
        examine(tmp_path, clock)


@pytest.mark.parametrize(
    ("name", "mode", "code"),
    [
        ("desk/register.db", 0o640, 50),
        ("desk/keyring.db", 0o604, 50),
        ("desk/secrets/noise.secret", 0o644, 20),
        ("desk/secrets/log-ed25519.pem", 0o660, 20),
        ("desk/secrets", 0o750, 20),
        ("desk", 0o755, 50),
    ],
)
def test_whatever_others_could_read_is_named_with_the_command_that_mends_it(
    home: Path, clock: FixedClock, name: str, mode: int, code: int
) -> None:
    (home / name).chmod(mode)
    topics = examine(home, clock)
    (finding,) = topics["permissions"]
    assert (finding.level, worst(topics)) == ("error", code)
    assert str(home / name) in finding.what
    command = str(finding.hint).removeprefix("run: ").split()
    assert command[0] == "chmod"
    Path(command[2]).chmod(int(command[1], 8))
    assert examine(home, clock)["permissions"] == []


def test_a_passphrase_file_is_watched_too(made: Made, clock: FixedClock, ask: FileSecrets) -> None:
    home, _kept = made("border", passphrase_file=ask.path, outbox=Path("inbox"))
    assert found_in(examine(home, clock), "permissions") == []
    ask.path.chmod(0o644)
    assert found_in(examine(home, clock), "permissions")[0][0] == "error"
    ask.path.unlink()
    assert "not there" in found_in(examine(home, clock), "permissions")[0][1]


def test_one_user_for_both_machines_is_a_warning(made: Made, clock: FixedClock) -> None:
    home, _kept = made("desk", "border")
    topics = examine(home, clock)
    assert [level for level, what in found_in(topics, "permissions") if "no file permission" in what] == ["warning"]
    assert worst(topics) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_two_users_are_none(made: Made, clock: FixedClock) -> None:
    home, _kept = made("desk", "border")
    shutil.chown(home / "border", 65_534)
    assert not [what for _level, what in found_in(examine(home, clock), "permissions") if "no file permission" in what]


@pytest.mark.parametrize("role", ["officer", "state"])
def test_two_peoples_keys_in_one_users_reach_are_a_warning_wherever_they_lie(
    home: Path, tmp_path: Path, clock: FixedClock, ask: FileSecrets, role: PersonRole
) -> None:
    elsewhere = tmp_path / "elsewhere"
    make_person_key(elsewhere / "a" / "anna.pem", role, "KAZ", "Anna", ask, work=GENERATED)
    assert examine(home, clock, look_in=[elsewhere])["people's keys"] == []
    make_person_key(elsewhere / "b" / "bolat.pem", role, "KAZ", "Bolat", ask, work=GENERATED)
    assert examine(home, clock)["people's keys"] == []
    ((level, what),) = found_in(examine(home, clock, look_in=[elsewhere]), "people's keys")
    assert level == "warning"
    assert "Anna, Bolat" in what


def test_one_persons_key_in_the_nodes_home_is_a_warning(home: Path, clock: FixedClock, ask: FileSecrets) -> None:
    make_person_key(home / "people" / "anna.pem", "officer", "KAZ", "Anna", ask, work=GENERATED)
    ((level, what),) = found_in(examine(home, clock), "people's keys")
    assert (level, "node's home" in what) == ("warning", True)


def test_a_sheet_left_behind_is_a_warning(home: Path, clock: FixedClock) -> None:
    (home / "recovery-kaz-2-of-3.txt").write_text("words")
    assert found_in(examine(home, clock), "recovery sheets")[0][0] == "warning"


def test_a_clock_before_the_installation_is_an_error(home: Path) -> None:
    topics = look_through(home, FixedClock(datetime.fromisoformat("2001-01-01T00:00:00+00:00")))
    ((level, what),) = found_in(topics, "clock")
    assert (level, "before tallystick was installed" in what) == ("error", True)
    assert worst(topics) == 10


def put_checkpoint(home: Path, federation: Federation) -> None:
    folder = home / "desk" / "log" / "kaz"
    folder.mkdir(parents=True)
    federation.release("KAZ", "VICTIMS", "2018", {(): 86})
    (folder / "checkpoint").write_bytes(federation.state("KAZ").checkpoint())


@pytest.fixture(scope="module")
def federation() -> Federation:
    return Federation.make(("KAZ", "KGZ"))


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [(0, None, ""), (300, None, ""), (400, "warning", "newest checkpoint"), (-365, "error", "was signed on")],
)
def test_a_clock_that_contradicts_what_was_signed_is_named(
    home: Path, federation: Federation, days: int, level: str | None, words: str
) -> None:
    put_checkpoint(home, federation)
    ((signed, _path),) = signed_times([home / "desk"])
    found = examine(home, FixedClock(signed + timedelta(days=days)))["clock"]
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(words in finding.what and str(signed.date()) in finding.what for finding in found)


def adopt(home: Path, federation: Federation) -> None:
    RosterStore(home / "desk" / "roster").adopt(federation.roster_files, at=ROSTER_AT, anchor=federation.anchor)


@pytest.mark.parametrize(
    ("moved", "level", "words"),
    [
        (timedelta(0), None, ""),
        (VALIDITY - timedelta(days=30), "warning", "in 29 days|in 30 days"),
        (VALIDITY + timedelta(days=1), "error", "no roster change is taken"),
        (timedelta(days=-30), "error", "is behind"),
    ],
)
def test_the_rosters_end_is_seen_coming(
    home: Path, federation: Federation, moved: timedelta, level: str | None, words: str
) -> None:
    adopt(home, federation)
    found = examine(home, FixedClock(ROSTER_AT + moved))["roster"]
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(re.search(words, finding.what) for finding in found)


def test_a_damaged_roster_is_an_error(home: Path, federation: Federation, clock: FixedClock) -> None:
    adopt(home, federation)
    path = next((home / "desk" / "roster" / "metadata").glob("1.targets.json"))
    path.write_bytes(path.read_bytes().replace(b'"version"', b'"verzion"', 1))
    assert found_in(examine(home, clock), "roster")[0][0] == "error"


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [
        (1, None, ""),
        (2 * 365 - 20, "warning", "in 19 days"),
        (2 * 365 + 1, "error", "no peer can connect"),
        (-2, "error", "behind"),
    ],
)
def test_the_certificates_end_is_seen_coming(
    made: Made, clock: FixedClock, days: int, level: str | None, words: str
) -> None:
    home, _kept = made("border", outbox=Path("inbox"))
    clock.at += timedelta(days=days, hours=1)
    found = examine(home, clock)["TLS certificate"]
    assert [finding.level for finding in found] == ([level] if level else [])
    assert all(words in finding.what for finding in found)


def test_too_few_officers_are_a_warning_and_a_changed_card_an_error(home: Path, clock: FixedClock) -> None:
    card = next((home / "desk" / "officers").iterdir())
    data = card.read_bytes()
    card.unlink()
    assert found_in(examine(home, clock), "officers")[0] == ("warning", "2 of 3 officers are enrolled")
    card.write_bytes(data.replace(b'"KAZ"', b'"KGZ"'))
    assert found_in(examine(home, clock), "officers")[0][0] == "error"


def test_old_copies_of_the_keyring_and_copies_beside_the_register_are_warnings(home: Path, clock: FixedClock) -> None:
    backup = home / "backup"
    backup.mkdir()
    copy = backup / "keyring-2026-11-01.db"
    shutil.copy(home / "desk" / "keyring.db", copy)
    os.utime(copy, (clock.at.timestamp(), clock.at.timestamp() - 10 * 86_400))
    assert found_in(examine(home, clock), "keyring backup") == []
    os.utime(copy, (clock.at.timestamp(), clock.at.timestamp() - 36 * 86_400))
    ((level, what),) = found_in(examine(home, clock), "keyring backup")
    assert (level, "36 days old" in what) == ("warning", True)
    shutil.copy(home / "desk" / "register.db", backup)
    assert len(found_in(examine(home, clock), "keyring backup")) == 2


def test_settings_that_do_not_hold_are_an_error_that_names_file_and_key(home: Path, clock: FixedClock) -> None:
    path = home / "desk" / "desk.toml"
    path.write_text(path.read_text() + '\n[colour]\nname = "red"\n')
    ((level, what),) = found_in(examine(home, clock), "settings")
    assert level == "error"
    assert "desk.toml: colour" in what


def test_a_spool_that_is_not_there_and_parts_of_two_states_are_named(made: Made, clock: FixedClock) -> None:
    home, _kept = made("desk", "border")
    (home / "desk" / "outbox").rmdir()
    path = home / "border" / "border.toml"
    path.write_text(path.read_text().replace('"KAZ"', '"KGZ"'))
    words = [what for _level, what in found_in(examine(home, clock), "settings")]
    assert any("desk is of KAZ, the border of KGZ" in what for what in words)
    assert sum("outbox" in what for what in words) == 2
