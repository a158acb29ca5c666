"""A real process killed at every write of draft, publish and refuse: nothing half-done, no second truth."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.config.periods import parse_period
from tallystick.node.desk.folder import read_draft
from tests.node.desk.test_publishing import check_one_truth
from tests.support.desks import DeskHome
from tests.support.killing import every_step, run_and_kill

Y2018 = parse_period("2018")
LEFT_OUT = ("VICTIMS_AGE", "VICTIMS_FORM")


def kill_everywhere(
    template: DeskHome,
    tmp_path: Path,
    action: Callable[[DeskHome], None],
    check: Callable[[DeskHome], None],
    stride: int = 1,
) -> int:
    """Run ``action`` once per write with a kill there, then ``check`` what a restart makes of it; return the writes."""
    for step in every_step():
        if step % stride:
            continue
        home = template.copy(tmp_path / f"home{step}")
        done = run_and_kill(lambda home=home: action(home), step)
        check(home)
        if done:
            return step - 1
    return 0


STRIDES = pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.slow)])
"""Some of the writes where time is short, every one in the long run."""


@STRIDES
def test_a_kill_at_any_write_of_a_draft(fresh: DeskHome, tmp_path: Path, stride: int) -> None:
    with fresh.open():
        pass

    def draft(home: DeskHome) -> None:
        with home.open() as desk:
            desk.draft(Y2018, LEFT_OUT)

    def check(home: DeskHome) -> None:
        for path in (home.folder / "drafts").glob("2018/[A-Z]*"):
            read_draft(path)
        with home.open() as desk:
            found = {one.release.payload_id for one in desk.list()}
            assert len(found) in {0, 2}
            frozen = desk._bench.evidence.year(2018)
            rows = desk.draft(Y2018, LEFT_OUT)
            assert not found or found == {row.payload_id for row in rows}
            again = desk._bench.evidence.year(2018)
            assert again is not None
            assert frozen is None or frozen.cubes == again.cubes
            for row in rows:
                assert read_draft(home.folder / "drafts" / "2018" / row.table_id).payload == row.payload

    assert kill_everywhere(fresh, tmp_path, draft, check, stride) > 30


@STRIDES
def test_a_kill_at_any_write_of_a_publish(drafted: DeskHome, tmp_path: Path, stride: int) -> None:
    drafted.sign("2018", table_id="VICTIMS")
    drafted.sign("2018", table_id="VICTIMS_SEX")

    def publish(home: DeskHome) -> None:
        with home.open() as desk:
            desk.sync()
            desk.publish(Y2018)

    def check(home: DeskHome) -> None:
        with home.open() as desk:
            desk.publish(Y2018)
            assert desk.publish(Y2018).logged == ()
        check_one_truth(home, 2)

    assert kill_everywhere(drafted, tmp_path, publish, check, stride) > 30


def test_a_kill_at_any_write_of_a_refusal(drafted: DeskHome, tmp_path: Path) -> None:
    def refuse(home: DeskHome) -> None:
        with home.open() as desk:
            desk.refuse(Y2018, "VICTIMS", "no")

    def check(home: DeskHome) -> None:
        folder = home.folder / "drafts" / "2018" / "VICTIMS"
        if folder.exists():
            read_draft(folder)
        refuse(home)
        assert not folder.exists()
        assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]

    assert kill_everywhere(drafted, tmp_path, refuse, check) > 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_two_publishes_at_once_log_each_release_once(drafted: DeskHome) -> None:
    drafted.sign("2018")
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                with drafted.open() as desk:
                    desk.publish()
                os._exit(0)
            except BaseException:
                os._exit(9)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    check_one_truth(drafted, 4)
