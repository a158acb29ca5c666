"""A federation of states in one process, without sockets, clocks or chance: desks, logs, spools, borders, archives.

    with weather() as found:
        world = World(folder, make_world(folder), found)
        world.do(("publish", "KAZ"))

Everything is the real thing but the wires between states (trees in memory, which can be dropped, cut, delayed and
delivered again), time (a clock per state) and the weather: a step of some room whose work is done or not done, and
whose answer is lost either way.
"""

import hashlib
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tallystick.config.clock import FixedClock
from tallystick.config.errors import StoreError, TallystickError
from tallystick.config.periods import parse_period
from tallystick.config.settings import DeskSettings, dump_settings
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.pulling import Attempt, Puller
from tallystick.exchange.border.rooms import Rooms, open_rooms
from tallystick.exchange.border.state import BorderState
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.spool import SpoolWriter
from tallystick.keys.roster_store import RosterStore
from tallystick.node.cases.opening import create_register
from tallystick.node.desk.database import Database
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import find_drafts, read_draft
from tallystick.node.desk.signing import sign_draft
from tests.support.desks import KEYS, DeskHome, Phrase, secrets_of
from tests.support.sources import MemorySource
from tests.support.wire import NOW, Wire

STATES = ("KAZ", "KGZ", "TUR")
YEARS = ("2016", "2017", "2018")
TABLES = ("VICTIMS", "VICTIMS_SEX")
LEFT_OUT = ("VICTIMS_AGE", "VICTIMS_FORM")
Step = tuple[Any, ...]

ROOMS = (
    (SpoolWriter, "put"), (Archive, "accept"), (Archive, "store_data"), (RosterStore, "adopt"), (TileLog, "append"),
    (BorderState, "set_peer"), (BorderState, "set_note"), (BorderState, "receipts_sent"), (Database, "commit"),
)  # fmt: skip


class LostError(StoreError):
    """The answer of a room was lost, as in a power cut; what it was asked for may be done or not."""


@dataclass
class Weather:
    """Loses the answer of the ``left``-th step from now on, done or not done."""

    left: int = 0
    done: bool = False

    def around(self, call: Any) -> Any:
        if self.left:
            self.left -= 1
            if self.left == 0:
                if self.done:
                    call()
                raise LostError("the answer was lost")
        return call()


@contextmanager
def weather() -> Iterator[Weather]:
    """Let every room's writing steps pass through one ``Weather``."""
    found, kept = Weather(), [(room, name, getattr(room, name)) for room, name in ROOMS]

    def wrap(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return found.around(lambda: real(*args, **kwargs))

        return call

    for room, name, real in kept:
        setattr(room, name, wrap(real))
    try:
        yield found
    finally:
        for room, name, real in kept:
            setattr(room, name, real)


def make_world(folder: Path) -> Wire:
    """Make every state's home: desk with a register of three years, border, roster; return who is who."""
    wire = Wire.make(STATES)
    for number, code in enumerate(STATES):
        home = wire.home(folder, code)
        desk, state = home / "desk", wire.federation.state(code)
        (desk / "desk.toml").write_bytes(dump_settings(DeskSettings(state=code, name=f"Agency of {code}", demo=True)))
        secrets_of(desk, [state.log_ed25519, state.log_mldsa44])
        create_register(desk, KEYS["register"], KEYS["identity"])
        RosterStore(desk / "roster").adopt(wire.roster_files, at=NOW, anchor=wire.ceremony.anchor)
        held = DeskHome(home, [], [], wire.ceremony)
        held.add_cases({int(year): 9 + 3 * number for year in YEARS}, seed=number)
    return wire


@dataclass
class World:
    """All states, and what was seen of them so far.

    Attributes:
        folder: Every state's home, as ``make_world`` left it.
        wire: Keys and people.
        clocks: Each state's own.
        sent: Trees as each state served them so far, oldest first: what a delayed or repeated answer shows.
        figures: Every figure that anybody ever read, by state, table, period and key.
        refused: What was refused, in words, for whoever reads a script.
    """

    folder: Path
    wire: Wire
    weather: Weather
    clocks: dict[str, FixedClock] = field(default_factory=lambda: {code: FixedClock(NOW) for code in STATES})
    sent: dict[str, list[dict[str, bytes]]] = field(default_factory=lambda: {code: [] for code in STATES})
    kept: dict[str, bytes] = field(default_factory=dict)
    figures: dict[tuple[str, ...], int | None] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    def home(self, code: str) -> Path:
        return self.folder / code.lower()

    def archive(self, code: str) -> Archive:
        return Archive(self.home(code) / "border" / "archive")

    def do(self, step: Step) -> None:
        """Carry out one step; an error in words is an answer like any other, and is written down."""
        name, *rest = step
        try:
            getattr(self, f"_{name}")(*rest)
        except TallystickError as error:
            self.refused.append(f"{step}: {error.message}")
        finally:
            if name != "lose":
                self.weather.left = 0

    def _lose(self, left: int, done: bool) -> None:
        """Of the next step, one answer is lost."""
        self.weather.left, self.weather.done = left, done

    @contextmanager
    def _desk(self, code: str) -> Iterator[Desk]:
        with Desk.open(self.home(code), Phrase(), self.clocks[code]) as desk:
            yield desk

    def _draft(self, code: str, year: str) -> None:
        with self._desk(code) as desk:
            desk.draft(parse_period(year), LEFT_OUT)

    def _sign(self, code: str, year: str) -> None:
        for folder in find_drafts(self.home(code) / "desk" / "drafts" / year):
            for officer in self.wire.federation.state(code).officers[:2]:
                sign_draft(read_draft(folder), officer)

    def _publish(self, code: str) -> None:
        with self._desk(code) as desk:
            desk.sync()
            desk.publish()

    def _refuse(self, code: str, year: str, table: str) -> None:
        with self._desk(code) as desk:
            desk.refuse(parse_period(year), table, "not now")

    def _cases(self, code: str, year: str, seed: int) -> None:
        DeskHome(self.home(code), [], [], self.wire.ceremony).add_cases({int(year): 2}, seed=seed, agency=f"A{seed}")

    @contextmanager
    def _rooms(self, code: str) -> Iterator[Rooms]:
        rooms = open_rooms(self.home(code), self.clocks[code])
        try:
            yield rooms
        finally:
            rooms.state.close()

    def _border(self, code: str) -> None:
        """A border starts, reads its desk's outbox, answers its desk, and is stopped."""
        with self._rooms(code) as rooms:
            rooms.intake.pass_over()
            rooms.outlet.tell()

    def _pull(self, code: str, peer: str, back: int = 0, breaks: int | None = None) -> None:
        """Pull from what a peer serves now, or served ``back`` answers ago; cut after so many files."""
        trees = self.sent[peer]
        if not back or not trees:
            trees.append(self.serve(peer))
        source = MemorySource(trees[-1 - min(back, len(trees) - 1)], peer.lower(), breaks)
        with self._rooms(code) as rooms:
            puller = Puller(rooms.keeper, peer, "file:///nowhere", self.clocks[code])
            self.attempts.append(puller.run(lambda: source))

    def serve(self, code: str) -> dict[str, bytes]:
        """Return the static tree and roster of a state's border as they are."""
        border, found = self.home(code) / "border", {}
        for top, prefix in ((border / "archive" / code.lower(), f"{code.lower()}/"), (border / "roster", "roster/")):
            for path in sorted(top.rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    found[prefix + path.relative_to(top).as_posix()] = path.read_bytes()
        return found

    def _rotate(self, code: str) -> None:
        """The state's own people change their page and carry it to their desk."""
        store = RosterStore(self.home(code) / "desk" / "roster")
        files = self.wire.ceremony.indexed(self.wire.ceremony.new_page(store.files(), code, at=NOW))
        store.adopt(files, at=self.clocks[code].at)
        with self._desk(code) as desk:
            desk.tell()

    def _clock(self, code: str, days: int) -> None:
        self.clocks[code].at += timedelta(days=days)

    def _wipe(self, code: str) -> None:
        """An operator clears the border's memory."""
        for path in (self.home(code) / "border").glob("state.db*"):
            path.unlink()

    def _backup(self, code: str) -> None:
        path = self.home(code) / "border" / "state.db"
        if path.exists():
            self.kept[code] = path.read_bytes()

    def _restore(self, code: str) -> None:
        """An operator puts an older copy of the border's memory back."""
        if code in self.kept:
            self._wipe(code)
            (self.home(code) / "border" / "state.db").write_bytes(self.kept[code])

    def calm(self) -> None:
        """Clocks are right, nothing is lost, and everybody does what he does every day."""
        self.weather.left = 0
        for code in STATES:
            self.clocks[code].at = NOW + timedelta(days=1)
        for _ in range(2):
            for code in STATES:
                self._publish(code)
                self._border(code)
            for code in STATES:
                for peer in STATES:
                    if peer != code:
                        self._pull(code, peer)

    def fingerprint(self, code: str) -> str:
        """Digest of everything a border keeps of the federation: archive and roster, not its notes about attempts."""
        digest, border = hashlib.sha256(), self.home(code) / "border"
        for path in sorted([*(border / "archive").rglob("*"), *(border / "roster").rglob("*")]):
            if path.is_file():
                digest.update(str(path).encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def script(seed: int, length: int) -> list[Step]:
    """Generate one sequence of steps; everybody has something to publish, the rest is chance."""
    draw = random.Random(seed)
    steps: list[Step] = []
    for code in draw.sample(STATES, len(STATES)):
        year = draw.choice(YEARS)
        steps += [("draft", code, year), ("sign", code, year)]
    for _ in range(length):
        code, peer = draw.sample(STATES, 2)
        year, kind = draw.choice(YEARS), draw.random()
        if kind < 0.2:
            steps.append(("lose", draw.randint(1, 6), draw.random() < 0.6))
        steps.append(_one(draw, code, peer, year))
    return steps


def _one(draw: random.Random, code: str, peer: str, year: str) -> Step:
    days = draw.choice((-400, -30, -1, 1, 30, 400))
    choices: dict[Step, int] = {
        ("draft", code, year): 3,
        ("sign", code, year): 4,
        ("publish", code): 6,
        ("border", code): 8,
        ("pull", code, peer): 10,
        ("pull", code, peer, draw.randint(1, 3)): 4,
        ("pull", code, peer, 0, draw.randint(0, 8)): 4,
        ("refuse", code, year, draw.choice(TABLES)): 1,
        ("cases", code, year, draw.randint(100, 999)): 1,
        ("rotate", code): 1,
        ("clock", code, days): 2,
        ("wipe", code): 1,
        ("backup", code): 1,
        ("restore", code): 1,
    }
    return draw.choices(list(choices), list(choices.values()))[0]


def copied(template: Path, to: Path) -> Path:
    """Return a fresh copy of a world's folder."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(template, to)
    return to
