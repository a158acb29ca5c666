"""A clock that is wrong by years: releases are judged by the log, never by dates; only the roster waits."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.config.clock import FixedClock
from tallystick.exchange.border.foreground import pull_round
from tallystick.exchange.border.pulling import Attempt
from tallystick.keys.roster_store import RosterStore
from tests.support.rosters import officer_card
from tests.support.wire import NOW, Wire

YEAR = timedelta(days=365)


@dataclass
class Scene:
    """KGZ's border pulls KAZ from a stick, under whatever clock."""

    wire: Wire
    home: Path
    base: Path
    trees: int = 0

    def pull(self, off: timedelta) -> Attempt:
        self.trees += 1
        tree = self.wire.tree(self.base / f"tree{self.trees}", "KAZ")
        return pull_round(self.home, {"KAZ": f"file://{tree}"}, FixedClock(NOW + off)).attempts[0]

    def officers(self) -> int:
        return len(RosterStore(self.home / "border" / "roster").load(None, NOW).state("KAZ").officers)

    def rotate(self) -> None:
        page = self.wire.ceremony.new_page(self.wire.roster_files, "KAZ", cards=[officer_card("KAZ", "Dana")], at=NOW)
        self.wire.adopt(self.wire.ceremony.indexed(page))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    wire = Wire.make(("KAZ", "KGZ"))
    wire.release("KAZ", 1)
    return Scene(wire, wire.home(tmp_path, "KGZ"), tmp_path)


@pytest.mark.parametrize(("off", "taken"), [(-YEAR, False), (YEAR, True)], ids=["a year back", "a year ahead"])
def test_a_clock_wrong_by_a_year_keeps_no_release_out_and_a_rotation_only_until_it_is_right(
    scene: Scene, off: timedelta, taken: bool
) -> None:
    """Seen from a year ago the new page is valid for four years, which no page may be: it waits, noted."""
    assert scene.pull(off).standing.new == 1
    before = scene.officers()
    scene.wire.release("KAZ", 1, first_year=2016)
    scene.rotate()
    attempt = scene.pull(off)
    assert (attempt.standing.error, attempt.standing.new, attempt.roster_changed) == (None, 1, taken)
    assert bool(attempt.standing.notes) is not taken
    scene.wire.release("KAZ", 1, first_year=2017)
    attempt = scene.pull(timedelta(0))
    assert (attempt.standing.error, attempt.standing.new, attempt.alarms) == (None, 1, ())
    assert scene.officers() == before + 1
    assert scene.pull(timedelta(0)).standing.notes == ()


def test_beyond_the_rosters_end_releases_come_in_and_its_changes_wait_until_the_clock_is_right(scene: Scene) -> None:
    assert scene.pull(timedelta(0)).ok
    before = scene.officers()
    scene.wire.release("KAZ", 1, first_year=2016)
    scene.rotate()
    attempt = scene.pull(4 * YEAR)
    assert (attempt.standing.error, attempt.standing.new, attempt.roster_changed) == (None, 1, False)
    assert any("expired" in note for note in attempt.standing.notes)
    assert scene.officers() == before
    attempt = scene.pull(timedelta(0))
    assert (attempt.standing.error, attempt.roster_changed) == (None, True)
    assert scene.officers() == before + 1
