"""The members agree on another table catalogue: releases that follow the old one hold for ever, on every road."""

from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.config.catalogue import Catalogue
from tallystick.config.clock import FixedClock
from tallystick.config.errors import MalformedError
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.check_file import verify_file
from tallystick.exchange.archive.pack import export_pack
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.border.foreground import pull_round
from tallystick.exchange.border.rooms import open_rooms
from tallystick.exchange.query import Question, ask
from tallystick.exchange.spool import SpoolWriter
from tallystick.exchange.verify.release import verify_release
from tests.support.wire import NOW, Wire


def agree_on_another(wire: Wire) -> Catalogue:
    """The members sign targets that name a catalogue of version 2; whatever is released now follows it."""
    newer = wire.federation.catalogue.model_copy(update={"version": wire.federation.catalogue.version + 1})
    newer = Catalogue.model_validate_json(newer.to_bytes())
    data = newer.to_bytes()
    files = wire.ceremony.new_targets(
        wire.roster_files, lambda page: replace(page, catalogue_sha256=newer.sha256, catalogue_length=len(data))
    )
    files[f"targets/{newer.sha256}.catalogue.json"] = data
    wire.adopt(wire.ceremony.indexed(files))
    wire.federation.catalogue = newer
    return newer


@pytest.fixture
def wire() -> Wire:
    """One release under each of two catalogues."""
    found = Wire.make(("KAZ", "KGZ"))
    found.release("KAZ", 1)
    agree_on_another(found)
    found.release("KAZ", 1, first_year=2016)
    return found


def test_a_node_that_joins_later_takes_releases_of_both_catalogues_from_a_stick(wire: Wire, tmp_path: Path) -> None:
    tree = wire.tree(tmp_path / "stick", "KAZ")
    home = wire.home(tmp_path, "KGZ")
    attempt = pull_round(home, {"KAZ": f"file://{tree}"}, FixedClock(NOW)).attempts[0]
    assert (attempt.standing.error, attempt.standing.new, attempt.standing.notes) == (None, 2, ())


def test_a_node_that_knows_the_old_catalogue_only_learns_the_new_one_with_the_release(tmp_path: Path) -> None:
    wire = Wire.make(("KAZ", "KGZ"))
    home = wire.home(tmp_path, "KGZ")
    wire.release("KAZ", 1)
    assert pull_round(home, {"KAZ": f"file://{wire.tree(tmp_path / '1', 'KAZ')}"}, FixedClock(NOW)).attempts[0].ok
    agree_on_another(wire)
    wire.release("KAZ", 1, first_year=2016)
    attempt = pull_round(home, {"KAZ": f"file://{wire.tree(tmp_path / '2', 'KAZ')}"}, FixedClock(NOW)).attempts[0]
    assert (attempt.standing.error, attempt.standing.new) == (None, 1)


def test_packs_files_and_rebuilt_indices_hold_both(wire: Wire, tmp_path: Path) -> None:
    archive = Archive(wire.tree(tmp_path / "tree", "KAZ"))
    export_pack(archive, wire.roster_files, tmp_path / "pack", wire.federation.roster)
    assert verify_tree(tmp_path / "pack", wire.ceremony.anchor, NOW).total("releases") == 2
    for path in (tmp_path / "pack" / "kaz" / "releases").glob("*.dsse.json"):
        assert verify_file(path, wire.ceremony.anchor, NOW).figures == 1
    _view, releases = replay(archive.tree, "kaz", wire.federation.roster)
    assert [one.observations[0].value for one in releases] == [55, 56]
    rows = ask(archive, wire.federation.catalogue, wire.federation.roster, Question("VICTIMS", ("KAZ",))).rows
    assert [row.value for row in rows] == [55, 56]


def test_a_catalogue_that_nobody_agreed_on_is_still_refused(wire: Wire) -> None:
    envelope = wire.federation.state("KAZ").entries[1]
    before = Wire.make(("KAZ", "KGZ")).federation.roster
    with pytest.raises(MalformedError, match="another catalogue"):
        verify_release(envelope, 1, None, before, "KAZ")


def test_a_release_told_before_its_catalogue_waits_and_is_not_lost(tmp_path: Path) -> None:
    """The spool may be carried in pieces: what does not verify yet is tried again, and again, never thrown away."""
    wire, clock = Wire.make(("KAZ", "KGZ")), FixedClock(NOW)
    home = wire.home(tmp_path, "KAZ")
    agree_on_another(wire)
    wire.release("KAZ", 1)
    rooms = open_rooms(home, clock)
    outbox = SpoolWriter(home / "desk" / "outbox")
    outbox.put("log", wire.log_message("KAZ"))
    found = rooms.intake.pass_over()
    assert (found.messages, len(found.problems)) == (0, 1)
    assert "waits" in found.problems[0]
    outbox.put("roster", wire.roster_message())
    rooms.intake.pass_over()
    clock.at = NOW.replace(year=NOW.year - 1)  # a clock set back must not make it wait for a year
    found = rooms.intake.pass_over()
    assert (found.messages, found.releases, found.problems) == (1, 1, [])
    rooms.state.close()
