"""What the server process of the system-call kills runs: publish a signed desk, die at a writing call, look again."""

import shutil
from pathlib import Path

from tallystick.config.clock import FixedClock
from tallystick.config.periods import parse_period
from tallystick.exchange.log.tilelog import TileLog
from tallystick.node.desk.desk import Desk
from tallystick.node.desk.states import IN_LOG
from tests.support.desks import AT, Phrase
from tests.support.syscall_killer import LIMIT, killed_at

PERIOD = parse_period("2018")


def _publish(home: Path) -> None:
    with Desk.open(home, Phrase(), FixedClock(AT)) as desk:
        desk.draft(PERIOD)
        desk.publish(PERIOD)


def _check(home: Path, signed: int) -> None:
    _publish(home)
    with Desk.open(home, Phrase(), FixedClock(AT)) as desk:
        rows = [one.release for one in desk.list() if one.release.state in IN_LOG]
    entries = TileLog(home / "desk" / "log", "kaz").entries(0, signed)
    by_index = sorted(rows, key=lambda row: row.log_index or 0)
    assert [row.envelope for row in by_index] == entries
    assert len({row.payload_id for row in by_index}) == signed


def kill_publish(home: str, stride: str, signed: str) -> None:
    """Kill at every ``stride``-th writing call; print how many were tried."""
    template = Path(home)
    for step in range(1, LIMIT, int(stride)):
        copy = template.with_name(f"step{step}")
        shutil.copytree(template, copy)
        killed = killed_at(step, lambda copy=copy: _publish(copy))  # type: ignore[misc]
        _check(copy, int(signed))
        shutil.rmtree(copy)
        if not killed:
            print(step)  # noqa: T201 - read by the test
            return
    raise AssertionError("never got to the end")
