"""``tallystick peer`` as it is typed: addresses, one round of pulling in words, alarms with their evidence."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tallystick.exchange.border.lock import BorderLock
from tests.support.ports import pins_of, running_port
from tests.support.terminal import Outcome, run
from tests.support.wire import Wire, running_border


@pytest.fixture
def wire() -> Wire:
    wire = Wire.make(("KAZ", "KGZ", "TUR"))
    wire.release("KAZ", 3)
    return wire


@pytest.fixture
def home(wire: Wire, tmp_path: Path) -> Path:
    return wire.home(tmp_path, "KGZ")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as found:
        yield found


def peer(home: Path, *words: object) -> Outcome:
    return run("peer", *words, "--home", home)


def test_an_address_is_written_shown_replaced_and_removed(home: Path) -> None:
    done = peer(home, "add", "kaz", "grpcs://kaz.example:7443")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("KAZ is asked at grpcs://kaz.example:7443\n")
    again = peer(home, "add", "KAZ", "file:///mnt/stick")
    assert again.code == 2
    assert again.err == (
        "error: KAZ has an address already: grpcs://kaz.example:7443\n"
        "hint: put the new one in its place with --replace\n"
    )
    assert peer(home, "add", "KAZ", "file:///mnt/stick", "--replace").code == 0
    shown = peer(home, "list")
    assert [line.split() for line in shown.out.splitlines()[2:3]] == [["KAZ", "0", "-", "file:///mnt/stick"]]
    assert peer(home, "remove", "kaz").out == "KAZ is asked no more. What was verified of it stays.\n"
    assert peer(home, "list").out == "No peers yet. Add one: tallystick peer add CODE URL\n"


def test_the_rosters_own_address_is_taken_where_none_is_typed(home: Path) -> None:
    assert json.loads(peer(home, "add", "TUR", "--json").out) == {"state": "TUR", "url": "grpcs://tur.example:7443"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("kgz", "grpcs://h:1"), "KGZ is this home's own state"),
        (("Kazakhstan", "grpcs://h:1"), "'Kazakhstan' is not an alpha-3 code"),
        (("kaz", "http://h/"), "'http://h/' is not the address of a peer"),
        (("kaz", "grpcs://h"), "'grpcs://h' must name host and port, and nothing else"),
        (("xxx",), "the roster names no state"),
    ],
)
def test_an_address_that_leads_nowhere_is_written(home: Path, words: tuple[str, ...], says: str) -> None:
    done = peer(home, "add", *words)
    assert done.code in {2, 30}
    assert f"error: {says}" in done.err
    assert not (home / "border" / "peers.toml").exists()


def test_a_pull_says_what_was_new_and_who_was_not_reached(
    wire: Wire, home: Path, tmp_path: Path, stack: ExitStack
) -> None:
    kaz = wire.home(tmp_path, "KAZ")
    wire.feed(kaz, "KAZ")
    border = stack.enter_context(running_border(kaz))
    peer(home, "add", "KAZ", f"grpcs://{border.address}")
    assert peer(home, "pull").out == "KAZ  3 new, verified and kept (log of 3 entries)\n"
    assert peer(home, "pull").out == "KAZ  nothing new (log of 3 entries)\n"
    peer(home, "add", "TUR", "grpcs://127.0.0.1:1")
    done = peer(home, "pull")
    assert done.code == 60
    assert done.out.splitlines()[1:] == [
        "TUR  not reached: 127.0.0.1:1: it cannot be reached",
        "     hint: is the address right, its node running, the firewall open?",
    ]
    document = json.loads(peer(home, "pull", "kaz", "--json").out)
    assert document["peers"]["KAZ"]["entries"] == 3
    assert peer(home, "pull", "pak").err.startswith("error: no address is known of PAK\n")
    assert "TUR: 127.0.0.1:1: it cannot be reached\n" in peer(home, "list").out


def test_a_pull_beside_a_running_border_collides_with_it(
    wire: Wire, home: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """Then the border does it, and what it brought is told."""
    kaz = wire.home(tmp_path, "KAZ")
    wire.feed(kaz, "KAZ")
    border = stack.enter_context(running_border(kaz))
    peer(home, "add", "KAZ", f"grpcs://{border.address}")
    text = (home / "border" / "border.toml").read_text().replace("pull_seconds = 1", "pull_seconds = 3600")
    (home / "border" / "border.toml").write_text(text)
    up = run("up", "--home", home, "--detach", "--json")
    stack.callback(run, "down", "--home", home)
    assert json.loads(up.out)["borders"][0]["state"] == "KGZ"
    done = peer(home, "pull", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["notes"] == ["The border that runs for this home was asked to pull."]
    assert found["peers"]["KAZ"]["entries"] == 3


def test_another_command_in_the_same_folder_is_killed_or_waited_for(wire: Wire, home: Path, tmp_path: Path) -> None:
    peer(home, "add", "KAZ", wire.tree(tmp_path / "stick", "KAZ").as_uri())
    with BorderLock(home / "border"):
        done = peer(home, "pull")
        assert (done.code, done.out) == (50, "")
        assert f"is in use by process {os.getpid()}" in done.err
        assert run("down", "--home", home).out == "KGZ: no border runs\n"
    assert peer(home, "pull").code == 0


def test_an_address_that_was_typed_into_the_file_wrongly_stops_the_others(
    wire: Wire, home: Path, tmp_path: Path
) -> None:
    stick = wire.tree(tmp_path / "stick", "KAZ").as_uri()
    (home / "border" / "peers.toml").write_text(f'[peers]\nTUR = "grpcs://nowhere"\nKAZ = "{stick}"\n')
    done = peer(home, "pull")
    assert done.code == 60
    assert "TUR  not reached: 'grpcs://nowhere' must name host and port, and nothing else" in done.out
    assert "KAZ  3 new, verified and kept (log of 3 entries)" in done.out


def test_what_is_refused_is_said_and_its_evidence_written(wire: Wire, home: Path, tmp_path: Path) -> None:
    other = Wire.make(("KAZ", "KGZ", "TUR"))
    other.release("KAZ", 3, first_year=1990)
    trees = [wire.tree(tmp_path / "honest", "KAZ"), other.tree(tmp_path / "fork", "KAZ")]
    pins = pins_of({code: [leaf] for code, leaf in wire.tls.items()})
    for tree in trees:
        with running_port(tree, wire.tls["KAZ"], pins) as port:
            peer(home, "add", "KAZ", f"grpcs://127.0.0.1:{port.port}", "--replace")
            done = peer(home, "pull")
    assert done.code == 30
    assert done.out.startswith("KAZ  refused: tallystick/")
    assert "two different histories" in done.out
    assert "Alarms: 1. See them: tallystick peer alarms" in peer(home, "list").out
    shown = peer(home, "alarms", "--to", tmp_path / "evidence")
    assert "1. KAZ  SPLIT VIEW  20" in shown.out
    heads = [(tree / "kaz/checkpoint").read_bytes() for tree in trees]
    assert [(tmp_path / f"evidence/alarm-1-kaz-{number}").read_bytes() for number in (1, 2)] == heads
    again = peer(home, "alarms", "--to", tmp_path / "evidence")
    assert again.code == 50
    assert "was not touched" in again.err


def test_a_stick_needs_neither_key_nor_network(wire: Wire, home: Path, tmp_path: Path) -> None:
    (home / "border" / "passphrase").unlink()
    tree = wire.tree(tmp_path / "stick", "KAZ")
    peer(home, "add", "KAZ", tree.as_uri())
    assert peer(home, "pull").out == "KAZ  3 new, verified and kept (log of 3 entries)\n"


def test_a_border_without_federation_pulls(wire: Wire, tmp_path: Path) -> None:
    home = wire.home(tmp_path, "KGZ", joined=False)
    tree = wire.tree(tmp_path / "stick", "KAZ")
    peer(home, "add", "KAZ", tree.as_uri())
    done = peer(home, "pull")
    assert done.code == 31
    assert "tallystick roster apply DIR --root WORDS" in done.err


def test_nothing_is_wider_than_a_screen(wire: Wire, home: Path, tmp_path: Path) -> None:
    peer(home, "add", "KAZ", "grpcs://127.0.0.1:1")
    outcomes = [peer(home, *words) for words in (("pull",), ("list",), ("alarms",), ("--help",))]
    assert max(len(line) for done in outcomes for line in done.out.splitlines()) <= 80
