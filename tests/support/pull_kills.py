"""What the server process of the system-call kills runs: pull a stick, die at a writing call, pull again."""

import shutil
from contextlib import closing
from pathlib import Path

from tallystick.config.clock import FixedClock
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.border.foreground import pull_round
from tests.support.syscall_killer import LIMIT, killed_at
from tests.support.wire import NOW


def _pull(home: Path, tree: Path) -> None:
    attempt = pull_round(home, {"KAZ": tree.as_uri()}, FixedClock(NOW)).attempts[0]
    assert attempt.ok, attempt.standing


def _what(archive: Archive) -> tuple[object, ...]:
    with closing(archive.open_index()) as index:
        rows = index.execute(
            "SELECT state, log_index, payload_id, status FROM releases ORDER BY state, log_index"
        ).fetchall()
        figures = index.execute("SELECT count(*), sum(value) FROM observations").fetchall()
    view = archive.view("kaz")
    return view, rows, figures, archive.log("kaz").entries(0, view.size if view else 0)


def kill_pull(home: str, tree: str, stride: str) -> None:
    """Kill at every ``stride``-th writing call; print at how many it was through."""
    template, stick = Path(home), Path(tree)
    whole = template.with_name("whole")
    shutil.copytree(template, whole)
    _pull(whole, stick)
    wanted = _what(Archive(whole / "border" / "archive"))
    for step in range(1, LIMIT, int(stride)):
        copy = template.with_name(f"step{step}")
        shutil.copytree(template, copy)
        killed = killed_at(step, lambda copy=copy: _pull(copy, stick))  # type: ignore[misc]
        _pull(copy, stick)
        assert _what(Archive(copy / "border" / "archive")) == wanted, f"killed at {step}"
        shutil.rmtree(copy)
        if not killed:
            print(step)  # noqa: T201 - read by the test
            return
    raise AssertionError("never got to the end")
