"""A real border asks real servers that lie: what it says, what it keeps as evidence, and that it goes on afterwards."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tallystick.config.clock import SystemClock
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import alarms, evidence, pull_round
from tallystick.exchange.border.pulling import Attempt
from tallystick.exchange.formats.tiles import decode_entries, encode_entries
from tallystick.keys.envelope import assemble, sign_payload
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.signer import new_signer
from tests.support.leaves import make_test_leaf
from tests.support.ports import pins_of, running_port
from tests.support.wire import NOW, Wire, make_wire_leaf


@dataclass
class Scene:
    """KGZ's home, and KAZ as KGZ sees it: whatever tree and leaf a test puts there."""

    wire: Wire
    home: Path
    base: Path
    trees: int = 0

    def tree(self, wire: Wire | None = None, size: int | None = None) -> Path:
        self.trees += 1
        return (wire or self.wire).tree(self.base / f"tree{self.trees}", "KAZ", size)

    @contextmanager
    def serving(self, tree: Path, leaf: object = None) -> Iterator[str]:
        pins = pins_of({code: [one] for code, one in self.wire.tls.items()})
        with running_port(tree, leaf or self.wire.tls["KAZ"], pins) as port:
            yield f"grpcs://127.0.0.1:{port.port}"

    def pull(self, tree: Path, leaf: object = None) -> Attempt:
        with self.serving(tree, leaf) as url:
            return pull_round(self.home, {"KAZ": url}, SystemClock()).attempts[0]

    @property
    def archive(self) -> Archive:
        return Archive(self.home / "border" / "archive")

    def size(self) -> int:
        view = self.archive.view("kaz")
        return view.size if view else 0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    wire = Wire.make(("KAZ", "KGZ", "TUR"))
    wire.release("KAZ", 2)
    home = wire.home(tmp_path, "KGZ")
    wire.feed(home, "KGZ")
    found = Scene(wire, home, tmp_path)
    assert found.pull(found.tree()).standing.new == 2
    wire.release("KAZ", 1, first_year=2018)
    return found


def stays_refused_and_then_goes_on(scene: Scene, attempt: Attempt, words: str) -> None:
    """Nothing was taken; the honest tree is taken at the next pull, and all of it holds."""
    assert not attempt.ok
    assert words in attempt.standing.error
    assert scene.size() == 2
    assert scene.pull(scene.tree()).ok
    assert scene.size() == 3
    roster = RosterStore(scene.home / "border" / "roster").files()
    report = verify_tree(scene.archive.tree, scene.wire.ceremony.anchor, NOW, roster_files=roster)
    assert report.total("releases") == 3


def test_another_states_certificate_passes(scene: Scene) -> None:
    attempt = scene.pull(scene.tree(), scene.wire.tls["TUR"])
    stays_refused_and_then_goes_on(scene, attempt, "TLS leaf")
    assert not attempt.standing.refused


def test_a_certificate_forged_by_a_pinned_leaf_passes(scene: Scene) -> None:
    forged = make_test_leaf("KAZ", host="kaz.tallystick.invalid", issuer=scene.wire.tls["TUR"])
    stays_refused_and_then_goes_on(scene, scene.pull(scene.tree(), forged), "TLS leaf")


def test_a_renewed_leaf_that_the_roster_does_not_name_passes(scene: Scene) -> None:
    stays_refused_and_then_goes_on(scene, scene.pull(scene.tree(), make_wire_leaf("KAZ")), "TLS leaf")


def test_a_strangers_envelope_or_one_officer_twice_is_taken(scene: Scene) -> None:
    kaz = scene.wire.federation.state("KAZ")
    data = scene.wire.federation.data("KAZ", "VICTIMS", "2019", {(): 50})
    payload = scene.wire.federation.statement("KAZ", "VICTIMS", "2019", data).to_payload()
    one = sign_payload(payload, kaz.officers[0])
    strangers = [sign_payload(payload, new_signer("ed25519")) for _ in range(2)]
    good = list(kaz.entries)
    for envelope, words in (
        (assemble(payload, strangers), "0 of 2 officers signed"),
        (assemble(payload, [one, replace(one, keyid="0" * 64)]), "1 of 2"),
    ):
        tree = scene.tree()
        kaz.entries = [*good, envelope]
        place = tree / "kaz" / "tile" / "entries" / "000.p"
        (place / "4").write_bytes(encode_entries(kaz.entries))
        (tree / "kaz" / "checkpoint").write_bytes(kaz.checkpoint())
        attempt = scene.pull(tree)
        assert attempt.standing.refused
        assert f"KAZ, log entry 3: {words}" in attempt.standing.error
        assert scene.size() == 2
        kaz.entries = good
    stays_refused_and_then_goes_on(scene, attempt, "log entry 3")


def test_a_rolled_back_checkpoint_goes_unnoticed(scene: Scene) -> None:
    old, seen = scene.tree(size=1), (scene.archive.tree / "kaz/checkpoint").read_bytes()
    attempt = scene.pull(old)
    stays_refused_and_then_goes_on(scene, attempt, "a head of 1 entries, but 2 were seen")
    (alarm,) = alarms(scene.home)
    assert (alarm.state, alarm.kind, alarm.times) == ("KAZ", "rollback", 1)
    assert evidence(scene.home, alarm.number) == (seen, (old / "kaz/checkpoint").read_bytes())
    assert attempt.alarms == ("rollback",)


def test_a_log_that_vanished_goes_unnoticed(scene: Scene) -> None:
    tree = scene.tree()
    shutil.rmtree(tree / "kaz")
    stays_refused_and_then_goes_on(scene, scene.pull(tree), "shows no log")
    assert [alarm.kind for alarm in alarms(scene.home)] == ["rollback"]


@pytest.mark.parametrize("changed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)])
def test_forged_tiles_are_taken(scene: Scene, changed: tuple[int, ...]) -> None:
    """Any one, any two entries of the bundle."""
    tree = scene.tree()
    path = tree / "kaz/tile/entries/000.p/3"
    entries = decode_entries(path.read_bytes(), 3)
    for at in changed:
        entries[at] = entries[at].replace(b"a", b"b", 1)
    path.write_bytes(encode_entries(entries))
    attempt = scene.pull(tree)
    assert attempt.standing.refused
    assert alarms(scene.home) == ()
    stays_refused_and_then_goes_on(scene, attempt, "tallystick/")


def test_a_fork_by_the_log_itself_leaves_no_evidence(scene: Scene) -> None:
    other = Wire.make(("KAZ", "KGZ", "TUR"))
    other.release("KAZ", 5, first_year=1990)
    seen = (scene.archive.tree / "kaz/checkpoint").read_bytes()
    for number, size in enumerate((5, 2), 1):
        forked = scene.tree(other, size=size)
        attempt = scene.pull(forked)
        assert attempt.alarms == ("split view",)
        assert alarms(scene.home)[-1].number == number
        assert evidence(scene.home, number)[:2] == (seen, (forked / "kaz/checkpoint").read_bytes())
    stays_refused_and_then_goes_on(scene, attempt, "two different histories")


def test_forged_data_is_taken(scene: Scene) -> None:
    tree = scene.tree()
    digest = hashlib.sha256(scene.wire.federation.data("KAZ", "VICTIMS", "2018", {(): 58})).hexdigest()
    path = tree / "kaz/data/sha256" / digest
    path.write_bytes(path.read_bytes().replace(b"58", b"59"))
    stays_refused_and_then_goes_on(scene, scene.pull(tree), "the officers signed")


def test_a_consistent_fake_federation_is_taken(scene: Scene) -> None:
    """Same codes, own ceremony, behind the real KAZ's leaf: whoever stole that leaf."""
    fake = Wire.make(("KAZ", "KGZ"))
    fake.release("KAZ", 3)
    attempt = scene.pull(scene.tree(fake))
    stays_refused_and_then_goes_on(scene, attempt, "another federation")


def test_an_oversized_file_is_taken(scene: Scene) -> None:
    tree = scene.tree()
    with (tree / "kaz/checkpoint").open("wb") as stream:
        stream.truncate(1 << 30)
    attempt = scene.pull(tree)
    assert not attempt.ok
    stays_refused_and_then_goes_on(scene, attempt, "shows no log")


def test_nobody_there_is_an_alarm(scene: Scene) -> None:
    attempt = pull_round(scene.home, {"KAZ": "grpcs://127.0.0.1:1"}, SystemClock()).attempts[0]
    assert (attempt.standing.refused, attempt.alarms) == (False, ())
    stays_refused_and_then_goes_on(scene, attempt, "cannot be reached")
