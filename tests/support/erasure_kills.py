"""What the process that forks and kills runs: erase, back up or restore, die while writing, look again."""

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

from tallystick.config.clock import FixedClock
from tallystick.config.errors import StoreError, UsageError
from tallystick.keys.secrets import GENERATED
from tallystick.node.cases.erasure_order import SignedOrder, read_order
from tallystick.node.cases.opening import open_store
from tallystick.node.home.backup import back_up
from tallystick.node.home.copies import find_copies
from tallystick.node.home.erasure import apply_order
from tallystick.node.home.restore import restore
from tests.support.cases import a_run
from tests.support.erasures import AT, NamedDesk, Phrase, named, names_in
from tests.support.killing import every_step, run_and_kill

CASES = frozenset(f"case-{number}" for number in range(5))
LATER = AT + timedelta(days=1)


def _refusal(action: Callable[[Path], None], home: Path) -> str:
    try:
        action(home)
    except (StoreError, UsageError) as error:
        return error.message
    return ""


def _order(home: Path) -> SignedOrder:
    return read_order((home.parent / "order.json").read_bytes())


def _names(home: Path) -> set[str]:
    with open_store(home, Phrase()) as store:
        assert store.count() >= len(CASES)
        return set(names_in(store, range(8)))


def _apply(home: Path) -> None:
    apply_order(home, Phrase(), FixedClock(AT), [_order(home)])


def _check_erased(home: Path) -> str:
    """Nothing half-done is ever seen; the same command finishes it; the home goes on working."""
    decided = (home / "desk" / "tombstones").exists()
    names = _names(home)
    assert names == (CASES - {"case-3"} if decided else CASES), names
    refused = _refusal(_apply, home)
    assert not refused or (decided and "carried out" in refused), refused
    assert not (home / "desk" / ".rotated").exists()
    with open_store(home, Phrase()) as store:
        store.ingest(a_run(), [named(number) for number in (6, 1)])
    assert _names(home) == {*CASES, "case-6"} - {"case-3"}
    return "after" if decided else "before"


def _save(home: Path) -> None:
    back_up(home, home.parent / "copies", Phrase(), FixedClock(LATER), watch=lambda *_told: None)


def _check_saved(home: Path) -> str:
    """A copy is whole or is none; the home and older copies are as they were."""
    copies = home.parent / "copies"
    made = tuple(bool([one for one in find_copies(copies, kind) if one.made_at == LATER]) for kind in KINDS)
    assert _names(home) == CASES
    _restore(home)
    assert _names(home.parent / "new") == CASES
    refused = _refusal(_save, home)
    assert not refused or (made[0] and "already exists" in refused), refused
    return {(False, False): "1 none", (True, False): "2 register", (True, True): "3 both"}[made]


KINDS = ("register", "keyring")


def _restore(home: Path) -> None:
    restore(home.parent / "copies", home.parent / "new", Phrase(), FixedClock(LATER), work=GENERATED)


def _check_restored(home: Path) -> str:
    """The new home is there whole, with whoever was erased erased, or it is not there."""
    new = home.parent / "new"
    made = (new / "desk").exists()
    refused = _refusal(_restore, home)  # finishes an interrupted move, and then finds a home there
    assert not refused or "already exists" in refused, refused
    assert _names(new) == CASES - {"case-3"}
    return "after" if made else "before"


def _kill_everywhere(
    home: Path, stride: int, action: Callable[[Path], None], check: Callable[[Path], str]
) -> Sequence[str]:
    states = []
    for step in every_step():
        if step % stride:
            continue
        copy = home.parent.with_name(f"step{step}")
        shutil.copytree(home.parent, copy)
        done = run_and_kill(lambda copy=copy: action(copy / home.name), step, root=copy)  # type: ignore[misc]
        states.append(check(copy / home.name))
        shutil.rmtree(copy)
        if done:
            break
    return states


def kill(what: str, home: str, stride: str) -> Sequence[str]:
    """Kill at every ``stride``-th change to a file; return what was found after each."""
    action, check = {
        "erase": (_apply, _check_erased),
        "backup": (_save, _check_saved),
        "restore": (_restore, _check_restored),
    }[what]
    return _kill_everywhere(Path(home), int(stride), action, check)


def prepare(folder: Path, desk: NamedDesk, what: str) -> None:
    """Put beside the home what is to be done to it."""
    if what == "erase":
        (folder / "order.json").write_bytes(desk.order(3).to_bytes())
        return
    back_up(desk.home, folder / "copies", Phrase(), desk.clock, watch=lambda *_told: None)
    if what == "restore":
        desk.clock.at += timedelta(hours=1)
        desk.erase(3)
        back_up(desk.home, folder / "copies", Phrase(), desk.clock, watch=lambda *_told: None)
        newest = find_copies(folder / "copies", "keyring")[0]
        shutil.rmtree(newest.path)  # so that the restore has somebody to erase again
