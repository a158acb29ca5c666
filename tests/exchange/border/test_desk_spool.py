"""The own desk's messages go through the verifier that peers' go through; the desk gets roster and receipts back."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.config.clock import FixedClock
from tallystick.exchange.border.rooms import Rooms, open_rooms
from tallystick.exchange.formats.tlogproof import verify_proof
from tallystick.exchange.spool import FileCursor, SpoolReader, SpoolWriter
from tallystick.keys.card import Card
from tallystick.keys.signer import new_signer
from tallystick.proto.exchange.v1.spool_pb2 import SpoolMessage
from tests.support.rosters import officer_card
from tests.support.wire import NOW, Wire


@dataclass
class Side:
    """KAZ's border, its clock, and its desk's outbox."""

    wire: Wire
    home: Path
    rooms: Rooms
    clock: FixedClock

    @property
    def outbox(self) -> Path:
        return self.home / "desk" / "outbox"

    def size(self) -> int:
        view = self.rooms.keeper.archive.view("kaz")
        return view.size if view else 0

    def read(self) -> object:
        self.clock.at += timedelta(minutes=1)
        return self.rooms.intake.pass_over()

    def put(self, kind: str, data: bytes) -> None:
        SpoolWriter(self.outbox).put(kind, data)


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    wire, clock = Wire.make(("KAZ", "KGZ")), FixedClock(NOW)
    home = wire.home(tmp_path, "KAZ")
    rooms = open_rooms(home, clock)
    yield Side(wire, home, rooms, clock)
    rooms.state.close()


def test_roster_and_log_come_in_and_once(side: Side) -> None:
    side.wire.release("KAZ", 2)
    side.wire.feed(side.home, "KAZ")
    found = side.read()
    assert (found.messages, found.releases, found.roster_changed, found.problems) == (2, 2, False, [])
    assert side.size() == 2
    assert side.read().messages == 0
    side.wire.release("KAZ", 1, first_year=2017)
    side.wire.feed(side.home, "KAZ", first=2, roster=False)
    side.wire.feed(side.home, "KAZ", first=0, roster=False)
    found = side.read()
    assert (found.messages, found.releases) == (2, 1)
    assert side.size() == 3


def test_a_spool_says_which_federation_to_trust(side: Side, tmp_path: Path) -> None:
    """A border that adopted no roster takes none from a stick; what came waits until it has."""
    side.wire.release("KAZ", 1)
    home = side.wire.home(tmp_path / "new", "KAZ", joined=False)
    side.wire.feed(home, "KAZ")
    rooms = open_rooms(home, side.clock)
    assert ["no federation yet" in problem for problem in rooms.intake.pass_over().problems] == [True, True]
    assert not rooms.keeper.has_roster
    side.wire.join(home)
    side.clock.at += timedelta(minutes=1)
    assert (rooms.intake.pass_over().messages, rooms.keeper.archive.view("kaz").size) == (2, 1)
    rooms.state.close()


def test_a_log_that_needs_a_newer_roster_is_lost(side: Side) -> None:
    side.wire.adopt(side.wire.ceremony.new_page(side.wire.roster_files, "KAZ", cards=[_dana(side)], at=NOW))
    side.wire.release("KAZ", 1)
    side.wire.feed(side.home, "KAZ", roster=False)
    assert "waits:" in side.read().problems[0]
    side.wire.feed(side.home, "KAZ", log=False)
    side.read()
    side.read()
    assert side.size() == 1


def _dana(side: Side) -> Card:
    signer = new_signer("ed25519")
    side.wire.federation.state("KAZ").officers[0] = signer
    return officer_card("KAZ", "Dana", signer)


def test_a_message_that_is_missing_in_between_is_skipped(side: Side) -> None:
    """A stick with a gap: what is behind it waits until the rest is copied."""
    side.wire.feed(side.home, "KAZ", log=False)
    side.wire.release("KAZ", 1)
    first = side.wire.log_message("KAZ")
    side.wire.release("KAZ", 1, first_year=2016)
    second = side.wire.log_message("KAZ", 1)
    side.put("log", second)
    assert "an earlier message is missing" in side.read().problems[0]
    assert side.size() == 0
    side.put("log", first)
    side.read()
    side.read()
    assert side.size() == 2


@pytest.mark.parametrize(
    "trap", ["half-written", "link", "pipe", "hard link", "junk", "another kind", "another format", "receipts"]
)
def test_what_is_no_whole_message_is_taken_or_stops_the_rest(side: Side, trap: str, tmp_path: Path) -> None:
    side.wire.release("KAZ", 1)
    side.wire.feed(side.home, "KAZ", log=False)
    side.put("log", side.wire.log_message("KAZ"))
    whole = side.outbox / "00000002.log"
    good = whole.read_bytes()
    if trap == "half-written":
        whole.write_bytes(good[:-100])
    elif trap == "link":
        whole.rename(tmp_path / "elsewhere")
        whole.symlink_to(tmp_path / "elsewhere")
    elif trap == "pipe":
        whole.unlink()
        os.mkfifo(whole)
    elif trap == "hard link":
        os.link(whole, tmp_path / "second name")
    else:
        whole.unlink()
        bad = {
            "junk": ("log", b"\xff\xff\xff"),
            "another kind": ("log", side.wire.roster_message()),
            "another format": ("log", SpoolMessage(format=2).SerializeToString()),
            "receipts": ("receipts", SpoolMessage(format=1, receipts={}).SerializeToString()),
        }
        side.put(*bad[trap])
    files = side.wire.ceremony.new_page(side.wire.roster_files, "KGZ", at=NOW)
    side.wire.adopt(files)
    side.wire.feed(side.home, "KAZ", log=False)
    found = side.read()
    assert len(found.problems) == 1
    assert side.size() == 0
    assert side.rooms.keeper.held().roster.state("KGZ").version == 2, "the message behind it was held up"


def test_the_own_desks_forgery_is_served(side: Side) -> None:
    """Whoever can write into the outbox without the officers' keys gets nothing out."""
    side.wire.release("KAZ", 2)
    side.wire.feed(side.home, "KAZ", log=False)
    message = SpoolMessage.FromString(side.wire.log_message("KAZ"))
    message.log.entries[1] = message.log.entries[1].replace(b"a", b"b", 1)
    side.put("log", message.SerializeToString())
    message = SpoolMessage.FromString(side.wire.log_message("KAZ"))
    message.log.data[0].data = message.log.data[0].data.replace(b"5", b"6", 1)
    side.put("log", message.SerializeToString())
    message = SpoolMessage.FromString(side.wire.log_message("KAZ"))
    del message.log.data[:]
    side.put("log", message.SerializeToString())
    assert len(side.read().problems) == 3
    assert side.size() == 0


def test_a_desk_that_tells_another_history_is_believed(side: Side) -> None:
    side.wire.release("KAZ", 2)
    side.wire.feed(side.home, "KAZ")
    side.read()
    other = Wire.make(("KAZ", "KGZ"))
    other.release("KAZ", 3, first_year=2000)
    side.put("log", other.log_message("KAZ"))
    assert "otherwise than before" in side.read().problems[0]
    assert side.size() == 2
    (alarm,) = side.rooms.state.alarms()
    assert (alarm.state, alarm.kind) == ("KAZ", "split view")
    assert len(side.rooms.state.evidence(alarm.number)) == 2


def test_another_federations_roster_replaces_ours(side: Side) -> None:
    side.wire.feed(side.home, "KAZ")
    side.read()
    fake = Wire.make(("KAZ", "KGZ", "TUR"))
    side.put("roster", fake.roster_message())
    assert "another federation" in side.read().problems[0]
    assert side.rooms.keeper.held().roster.federation_id == side.wire.federation.roster.federation_id


def test_the_desk_hears_nothing_or_hears_it_twice(side: Side) -> None:
    side.wire.release("KAZ", 3)
    side.wire.feed(side.home, "KAZ")
    side.read()
    assert side.rooms.outlet.tell() == 2
    assert side.rooms.outlet.tell() == 0
    inbox = SpoolReader(side.home / "border" / "inbox", FileCursor(side.home / "cursor"), owner=os.getuid())
    messages = {kind: SpoolMessage.FromString(data) for _number, kind, data in inbox.read_new()}
    assert {file.name.removeprefix("roster/"): file.data for file in messages["roster"].roster.files} == dict(
        side.rooms.keeper.held().files
    )
    state = side.wire.federation.state("KAZ")
    receipts = messages["receipts"].receipts.files
    assert len(receipts) == 3
    for file in receipts:
        identity = file.name.removeprefix("kaz/releases/").removesuffix(".tlog-proof")
        at = list(state.payload_ids.values()).index(identity)
        index, _head = verify_proof(file.data, state.entries[at], state.origin, state.log_keys())
        assert index == at
    side.wire.release("KAZ", 1, first_year=2018)
    side.wire.feed(side.home, "KAZ", first=3, roster=False)
    side.read()
    assert side.rooms.outlet.tell() == 1


def test_an_outbox_that_is_not_mounted_is_an_error(side: Side) -> None:
    side.outbox.rmdir()
    assert side.read().problems == []
