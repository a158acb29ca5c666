"""Whole federations over generated days: what must hold whatever is dropped, delayed, repeated, restored or wiped.

The invariants, checked after every step (the cheap ones) and when all is calm again:

1. Every archived release verifies, from the log's first entry on, under the roster that its holder has.
2. Every peer's view of a log is a prefix of what its issuer logged.
3. Nothing is shown twice and nothing is lost: an index names each entry of its view once, a slice's revision once.
4. A state's figure never has two values for one slice, whoever asks and whenever.
5. A pull that brings nothing leaves everything as it was.
6. No honest state is accused of a split view.
7. Once clocks are right and nobody's answers are lost, everybody holds everything that was ever logged.

A failing seed prints a script; ``replayed([...])`` runs it again. Two broken federations (a log that forks, an archive
that forgets) show that the invariants can fail.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tallystick.exchange.archive import store as archive_store
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.border.foreground import alarms
from tallystick.exchange.log.tilelog import TileLog
from tallystick.keys.roster_store import RosterStore
from tests.support.simulated import STATES, Step, Weather, World, copied, make_world, script, weather
from tests.support.wire import NOW, Wire

LENGTH = 25
Template = tuple[Path, Wire]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("simulated") / "template"
    folder.mkdir()
    return folder, make_world(folder)


@pytest.fixture(autouse=True)
def weathered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Weather]:
    monkeypatch.setattr("os.fsync", lambda _handle: None)  # no power is cut here
    with weather() as found:
        yield found


def logged(world: World, code: str) -> list[bytes]:
    """Return what a state logged: its own desk's log is the truth."""
    folder = world.home(code) / "desk" / "log"
    if not (folder / f"{code.lower()}.head.json").exists():
        return []
    log = TileLog(folder, code.lower())
    return log.entries(0, log.size)


def check_views(world: World) -> None:
    """Invariants 2 and 3, and 4 over everything that was ever read."""
    for holder in STATES:
        archive = world.archive(holder)
        if not archive.index_path.exists():
            continue
        for code in STATES:
            view = archive.view(code.lower())
            if view is None:
                continue
            held = archive.log(code.lower()).entries(0, view.size)
            assert held == logged(world, code)[: view.size], f"{holder} holds another log of {code} than {code}"
            check_index(world, holder, code, view.size)


def check_index(world: World, holder: str, code: str, size: int) -> None:
    with closing(world.archive(holder).open_index()) as index:
        rows = index.execute("SELECT log_index, payload_id FROM releases WHERE state = ?", (code,)).fetchall()
        figures = index.execute(
            "SELECT table_id, period, key, value FROM observations WHERE state = ?", (code,)
        ).fetchall()
    assert sorted(at for at, _identity in rows) == list(range(size)), f"{holder} shows {code}'s releases not once each"
    assert len({identity for _at, identity in rows}) == size
    assert len({row[:3] for row in figures}) == len(figures), f"{holder} shows a figure of {code} twice"
    for table, period, key, value in figures:
        known = world.figures.setdefault((code, table, period, key), value)
        assert known == value, f"{code} {table} {period} {key}: {known} and {value}"


def check_nobody_accused(world: World) -> None:
    """Invariant 6. A delayed answer may look like a log that went back; nothing honest looks like two logs."""
    for holder in STATES:
        found = [alarm for alarm in alarms(world.home(holder)) if alarm.kind in {"split view", "roster split"}]
        assert found == [], f"{holder} accuses: {found[0].message}"


def check_archives(world: World) -> None:
    """Invariant 1."""
    for holder in STATES:
        roster = RosterStore(world.home(holder) / "border" / "roster").load(None, NOW)
        for cc in world.archive(holder).states():
            replay(world.archive(holder).tree, cc, roster)


def check_still(world: World) -> None:
    """Invariant 5: everybody holds everything, so one more pull changes not one byte."""
    for code in STATES:
        before = world.fingerprint(code)
        for peer in STATES:
            if peer != code:
                world.do(("pull", code, peer))
                assert world.attempts[-1].standing.error is None
                assert world.attempts[-1].standing.new == 0
        assert world.fingerprint(code) == before, f"a pull that brought {code} nothing changed something"


def check_everybody_has_everything(world: World) -> None:
    """Invariant 7, with all others."""
    world.calm()
    check_views(world)
    for holder in STATES:
        for code in STATES:
            view = world.archive(holder).view(code.lower())
            assert (view.size if view else 0) == len(logged(world, code)), f"{holder} lacks releases of {code}"
    check_archives(world)
    check_nobody_accused(world)
    check_still(world)


def replayed(template: Template, work: Path, found: Weather, steps: list[Step]) -> World:
    """Run a script from the beginning and check it all the way."""
    made, wire = template
    world = World(copied(made, work), wire, found)
    try:
        for step in steps:
            world.do(step)
            if step[0] != "lose":
                check_views(world)
                check_nobody_accused(world)
        check_everybody_has_everything(world)
    except BaseException as error:
        error.add_note("replayed(template, tmp_path, weathered, [\n    " + ",\n    ".join(map(repr, steps)) + "\n])")
        error.add_note("refused on the way:\n    " + "\n    ".join(world.refused))
        raise
    return world


LONG = [pytest.param(range(first, first + 20), marks=pytest.mark.slow) for first in range(100, 300, 20)]


@pytest.mark.parametrize("seeds", [range(8), *LONG], ids=lambda seeds: f"{seeds[0]}")
def test_generated_days_break_no_promise(template: Template, tmp_path: Path, weathered: Weather, seeds: range) -> None:
    releases = 0
    for seed in seeds:
        world = replayed(template, tmp_path / "work", weathered, script(seed, LENGTH))
        releases += sum(len(logged(world, code)) for code in STATES)
    assert releases > len(seeds), "hardly anything was released: these days show nothing"


PUBLISHED: list[Step] = [
    ("draft", "KAZ", "2016"), ("draft", "KAZ", "2017"), ("sign", "KAZ", "2016"), ("publish", "KAZ"), ("border", "KAZ"),
    ("pull", "KGZ", "KAZ"),
]  # fmt: skip
MORE: list[Step] = [("sign", "KAZ", "2017"), ("publish", "KAZ"), ("border", "KAZ"), ("pull", "KGZ", "KAZ")]


def test_a_log_that_forks_is_caught(template: Template, tmp_path: Path, weathered: Weather) -> None:
    """KAZ's machine is put back to before its releases, and it then releases others under the same key."""
    made, wire = template
    world = World(copied(made, tmp_path / "work"), wire, weathered)
    older = tmp_path / "older"
    for step in PUBLISHED:
        if step[0] == "publish":
            shutil.copytree(world.home("KAZ"), older)
        world.do(step)
    shutil.rmtree(world.home("KAZ"))
    shutil.copytree(older, world.home("KAZ"))
    shutil.rmtree(world.home("KAZ") / "desk" / "drafts" / "2016")

    def goes_on() -> None:
        for step in MORE:
            world.do(step)
            check_views(world)
            check_nobody_accused(world)

    with pytest.raises(AssertionError, match=r"another log of KAZ|accuses"):
        goes_on()


def test_an_archive_that_forgets_is_caught(
    template: Template, tmp_path: Path, weathered: Weather, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive_store.record
    monkeypatch.setattr(
        archive_store, "record", lambda index, cc, view, releases: real(index, cc, view, list(releases)[1:])
    )
    with pytest.raises(AssertionError, match="not once each"):
        replayed(template, tmp_path / "work", weathered, [*PUBLISHED, *MORE])
