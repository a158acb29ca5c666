"""The demonstration's set-up: homes, ceremony, registers, releases. Every step can be killed and resumed.

One person plays everybody here, which is what DEMO says on everything that comes of it. In earnest each key is made
on its holder's own device (docs/OPERATING.md).
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from tallystick.cli.demo.plan import SEED, Cast, DemoState
from tallystick.config.catalogue import load_shipped
from tallystick.config.clock import SystemClock
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _, current_language, set_language
from tallystick.config.periods import Period
from tallystick.exchange.archive.pack import export_pack
from tallystick.exchange.archive.store import Archive
from tallystick.keys.card import Card, read_card
from tallystick.keys.ceremony import sign_files
from tallystick.keys.genesis import propose_genesis
from tallystick.keys.roster import load_roster
from tallystick.keys.roster_store import RosterStore
from tallystick.keys.signer import Signer, load_signer
from tallystick.keys.words import anchor_of, parse_anchor
from tallystick.node.cases.opening import open_store
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.folder import find_drafts, read_draft
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.signing import is_signed_by, sign_draft
from tallystick.node.desk.states import PublicationState
from tallystick.node.home.demo import DemoHome, make_demo_home, open_demo_home
from tallystick.node.intake.generate import generate_into
from tallystick.node.intake.generate_perpetrators import generate_perpetrators_into
from tallystick.node.intake.run import import_file
from tallystick.node.intake.totals import year_totals

__all__ = [
    "Done",
    "each_state",
    "fill_register",
    "found_federation",
    "home_of",
    "make_homes",
    "release_all",
    "write_pack",
]

WORKERS = 2
_CARD_LIMIT = 256 * 1024
_REASON = "the ministry decided not to publish this slice"


def home_of(folder: Path, state: DemoState) -> Path:
    """Return a state's home below the demonstration's folder."""
    return folder / state.code.lower()


@dataclass(frozen=True)
class Done:
    """What a step did for one state: figures for the screen."""

    code: str
    figures: dict[str, int]


def make_homes(folder: Path, cast: Cast, advance: Callable[[], None]) -> None:
    """Make every home with all its keys; those that are there stay as they are, ports included."""
    taken: list[int] = []
    for state in cast.states:
        home = home_of(folder, state)
        made = open_demo_home(home) if (home / "desk" / "desk.toml").exists() else _made(home, state, taken)
        taken.append(int(made.listen.rpartition(":")[2]))
        advance()


def _made(home: Path, state: DemoState, taken: Sequence[int]) -> DemoHome:
    clock = SystemClock()
    return make_demo_home(home, state.code, state.name, clock, member=state.role == "member", taken_ports=taken)


def _cards(home: Path) -> list[Card]:
    return [read_card(read_bounded(path, _CARD_LIMIT)) for path in sorted(home.rglob("*.card.json"))]


def found_federation(folder: Path, cast: Cast, advance: Callable[[], None]) -> str:
    """Hold the genesis: every member signs root and targets, every state its own page; return the words.

    A ceremony that was interrupted is held again from the start, because nobody has adopted anything of it.
    """
    homes = [open_demo_home(home_of(folder, state)) for state in cast.states]
    adopted = next((home for home in homes if RosterStore(home.home / "desk" / "roster").adopted), None)
    files = _ceremony(homes, advance) if adopted is None else RosterStore(adopted.home / "desk" / "roster").files()
    anchor, now = anchor_of(files["metadata/1.root.json"]), SystemClock().now()
    for home in homes:
        for side in ("desk", "border"):
            RosterStore(home.home / side / "roster").adopt(files, at=now, anchor=anchor)
    return load_roster(files, anchor=anchor, at=now).words


def _ceremony(homes: Sequence[DemoHome], advance: Callable[[], None]) -> dict[str, bytes]:
    cards = {card.keyid: card for home in homes for card in _cards(home.home)}
    files = propose_genesis(list(cards.values()), load_shipped(), demo=True, at=SystemClock().now())
    for home in homes:
        wanted = [home.key("ceremony"), home.key("state", 1), home.key("state", 2)]
        for path in filter(Path.exists, wanted):
            files = sign_files(files, load_signer(path, home.secrets()))
        advance()
    return files


def fill_register(folder: Path, state: DemoState, cast: Cast) -> Done:
    """Fill one register: the generator's cases, or the rows of the case file that belong to the state."""
    home = home_of(folder, state)
    now = SystemClock().now()
    first, last = state.years
    with open_store(home, open_demo_home(home).secrets("desk")) as store:
        if cast.cases is None:
            totals = year_totals(state.code, range(first, last + 1))
            generate_into(store, state.code, totals, SEED, now)
            victims = store.count()
            generate_perpetrators_into(store, state.code, totals, SEED, now)
            return Done(state.code, {"cases": victims})
        import_file(store, cast.cases, "ctdc", state=state.code, at=now)
        return Done(state.code, {"cases": store.count()})


def release_all(folder: Path, state: DemoState, cast: Cast) -> Done:
    """Draft, sign by two officers, refuse what is kept back, and publish, period by period."""
    del cast
    demo = open_demo_home(home_of(folder, state))
    officers = [load_signer(demo.key("officer", number), demo.secrets()) for number in (1, 2)]
    with Desk.open(demo.home, demo.secrets("desk"), SystemClock()) as desk:
        for period in state.periods:
            _release(desk, period, state, officers)
        listed = desk.list()
    kept = sum(row.release.state is PublicationState.REFUSED for row in listed)
    shown, withheld = (sum(row.cells[side] for row in listed) for side in (0, 1))
    return Done(state.code, {"published": len(listed) - kept, "kept": kept, "shown": shown, "withheld": withheld})


def _release(desk: Desk, period: Period, state: DemoState, officers: Sequence[Signer]) -> None:
    drafted = desk.draft(period, no_cases=True)
    for kept, table in state.keeps_back:
        if kept == period.text and _waits(drafted, table):
            desk.refuse(period, table, _("the ministry decided not to publish this slice"))
    for path in find_drafts(desk.draft_folder(period)):
        draft = read_draft(path)
        for officer in officers:
            if not is_signed_by(draft, officer):
                sign_draft(draft, officer)
    desk.publish(period)


def _waits(drafted: Sequence[Publication], table: str) -> bool:
    return any(row.table_id == table and row.state is PublicationState.DRAFTED for row in drafted)


def write_pack(folder: Path, cast: Cast, words: str, advance: Callable[[], None]) -> Path:
    """Write DIR/pack and DIR/pack.words from the first state's archive, unless an equal pack is there."""
    home = home_of(folder, cast.states[0])
    pack = folder / "pack"
    if not pack.exists():
        roster = RosterStore(home / "border" / "roster")
        archive = Archive(home / "border" / "archive")
        making = folder / "pack.making"
        shutil.rmtree(making, ignore_errors=True)
        export_pack(archive, roster.files(), making, roster.load(parse_anchor(words), SystemClock().now()))
        making.with_name("pack.making.words").rename(folder / "pack.words")
        making.rename(pack)
    advance()
    return pack


Result = TypeVar("Result")
Step = Callable[[Path, DemoState, Cast], Result]


def _in_worker(step: Step[Result], folder: Path, state: DemoState, cast: Cast, language: str) -> Result:
    set_language(language)
    return step(folder, state, cast)


@contextmanager
def _pool() -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(max_workers=WORKERS, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def each_state(step: Step[Result], folder: Path, cast: Cast, advance: Callable[[], None]) -> list[Result]:
    """Run a step for every state, two at a time, in processes of their own; results in the cast's order."""
    done: dict[str, Result] = {}
    with _pool() as pool:
        language = current_language()
        waiting = {pool.submit(_in_worker, step, folder, state, cast, language): state for state in cast.states}
        for future in as_completed(waiting):
            done[waiting[future].code] = future.result()
            advance()
    return [done[state.code] for state in cast.states]
