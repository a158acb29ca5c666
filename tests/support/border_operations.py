"""What happens at a border, to be struck: pull, roster, addresses, packs."""

from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from tallystick.config.settings import load_peers
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import alarms
from tallystick.keys.proposal import write_proposal
from tallystick.keys.roster_store import RosterStore
from tests.support.operations import Operation, told
from tests.support.wire import NOW, Wire

_WIRES: dict[str, Wire] = {}


def _wire() -> Wire:
    """The one federation of this process: a scene is copied, the people stay."""
    if not _WIRES:
        _WIRES["one"] = Wire.make(("KAZ", "KGZ"))
    return _WIRES["one"]


def _home(scene: Path) -> Path:
    return scene / "kgz"


def _stick(scene: Path) -> Path:
    return scene.parent / "stick"


def _archive(scene: Path) -> Archive:
    return Archive(_home(scene) / "border" / "archive")


def _pages(scene: Path, side: str) -> int:
    """Return the version of KAZ's page that a side of the home holds; 0 where it belongs to no federation."""
    store = RosterStore(_home(scene) / side / "roster")
    return store.load(None, NOW).state("KAZ").version if store.adopted else 0


def look_at_archive(scene: Path) -> Any:
    """Return the page of KAZ, and every entry and figure that queries see."""
    archive = _archive(scene)
    view = archive.view("kaz")
    if view is None:
        return [_pages(scene, "border"), 0, [], None]
    with closing(archive.open_index()) as index:
        rows = index.execute("SELECT log_index, payload_id, status FROM releases ORDER BY 1").fetchall()
        figures = index.execute("SELECT count(*), sum(value) FROM observations").fetchone()
    return [_pages(scene, "border"), view.size, rows, figures]


def archive_holds(scene: Path) -> None:
    """All that is in the archive verifies; the index names nothing that the tree does not hold; nobody is accused."""
    archive = _archive(scene)
    assert alarms(_home(scene)) == () if (_home(scene) / "border" / "state.db").exists() else True
    if not archive.index_path.exists():
        return
    with closing(archive.open_index()) as index:
        assert index.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    held, releases = replay(archive.tree, "kaz", RosterStore(_home(scene) / "border" / "roster").load(None, NOW))
    view = archive.view("kaz")
    assert held.size == len(releases) >= (view.size if view else 0), "the index is ahead of the tree"


def _first_scene(scene: Path) -> None:
    """A border that joined and never pulled; KAZ's tree on a stick."""
    wire = _wire()
    wire.federation.state("KAZ").entries.clear()
    wire.release("KAZ", 2)
    wire.tree(_stick(scene), "KAZ")
    home = wire.home(scene, "KGZ", peers={"KAZ": f"file://{_stick(scene)}"})
    wire.feed(home, "KGZ")


def _later_scene(scene: Path) -> None:
    """The same, one pull later: KAZ released more and put another officer in its page."""
    _first_scene(scene)
    code, _out, err = told(["peer", "pull", "--home", _home(scene)])
    assert code == 0, err
    wire = _wire()
    wire.release("KAZ", 2, first_year=2019)
    wire.adopt(wire.ceremony.indexed(wire.ceremony.new_page(wire.roster_files, "KAZ", at=NOW)))
    wire.tree(_stick(scene), "KAZ")


def _pull(scene: Path) -> list[object]:
    return ["peer", "pull", "--home", _home(scene)]


def _roster_scene(*, joined: bool) -> Callable[[Path], None]:
    def prepare(scene: Path) -> None:
        wire = _wire()
        wire.home(scene, "KGZ", joined=joined)
        if joined:
            wire.adopt(wire.ceremony.indexed(wire.ceremony.new_page(wire.roster_files, "KAZ", at=NOW)))
        write_proposal(scene / "carried", wire.roster_files)
        (scene / "root.json").write_bytes(wire.roster_files["metadata/1.root.json"])

    return prepare


def _apply(scene: Path) -> list[object]:
    return ["roster", "apply", scene / "carried", "--root", scene / "root.json", "--home", _home(scene)]


def _both_pages(scene: Path) -> list[int]:
    return [_pages(scene, side) for side in ("desk", "border")]


def _pack(scene: Path) -> Path:
    return scene / "out" / "pack"


def _pack_scene(scene: Path) -> None:
    _first_scene(scene)
    (scene / "out").mkdir()
    code, _out, err = told(_pull(scene))
    assert code == 0, err


def look_at_pack(scene: Path) -> Any:
    """Return how many releases a pack in sight holds, all verified under its words."""
    if not _pack(scene).exists():
        return 0
    words = _pack(scene).with_name("pack.words").read_text()
    assert len(words.split()) == 24
    return verify_tree(_pack(scene), _wire().ceremony.anchor, NOW).total("releases")


@cache
def border_operations() -> dict[str, Operation]:
    """Return all of them by name."""
    found = [
        Operation("peer pull, first", _first_scene, _pull, look_at_archive, archive_holds, points=80),
        Operation(
            "peer pull, later",
            _later_scene,
            _pull,
            look_at_archive,
            archive_holds,
            between=lambda look: look[1] == 2,
            points=80,
        ),
        Operation(
            "roster apply, first",
            _roster_scene(joined=False),
            _apply,
            _both_pages,
            between=lambda look: look[1] == 0,
            points=30,
        ),
        Operation(
            "roster apply, later",
            _roster_scene(joined=True),
            _apply,
            _both_pages,
            between=lambda look: set(look) <= {look[0], *look},
            points=20,
        ),
        Operation(
            "peer add",
            lambda scene: _wire().home(scene, "KGZ") and None,
            lambda scene: ["peer", "add", "KAZ", "grpcs://kaz.example:7443", "--home", _home(scene)],
            lambda scene: load_peers(_home(scene)).peers,
            points=4,
        ),
        Operation(
            "peer remove",
            lambda scene: _wire().home(scene, "KGZ", peers={"KAZ": "grpcs://kaz.example:7443"}) and None,
            lambda scene: ["peer", "remove", "KAZ", "--home", _home(scene)],
            lambda scene: load_peers(_home(scene)).peers,
            again=frozenset({0, 2}),
            points=4,
        ),
        Operation(
            "pack export",
            _pack_scene,
            lambda scene: ["pack", "export", _pack(scene), "--home", _home(scene)],
            look_at_pack,
            again=frozenset({0, 50}),
            points=20,
        ),
    ]
    return {one.name: one for one in found}
