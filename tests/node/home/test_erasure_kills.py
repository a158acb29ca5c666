"""Real processes die at their writing calls, below Python: an erasure goes on, a copy is whole or none."""

from pathlib import Path

import pytest

from tests.support.erasure_kills import prepare
from tests.support.erasures import make_named_desk
from tests.support.faults import serve


def _states(tmp_path: Path, what: str, stride: int) -> list[str]:
    folder = tmp_path / "template"
    desk = make_named_desk(folder / "home", range(5))
    prepare(folder, desk, what)
    states: list[str] = serve("tests.support.erasure_kills:kill", what, str(desk.home), str(stride))
    assert states == sorted(states, reverse=what != "backup"), "what was decided once is not undone by a later crash"
    return states


@pytest.mark.parametrize(("what", "stride"), [("erase", 29), ("backup", 41), ("restore", 53)])
def test_a_kill_now_and_then_leaves_nothing_half_done(tmp_path: Path, what: str, stride: int) -> None:
    assert len(_states(tmp_path, what, stride)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("what", ["erase", "backup", "restore"])
def test_a_kill_at_any_writing_call_leaves_nothing_half_done(tmp_path: Path, what: str) -> None:
    states = _states(tmp_path, what, 1)
    assert len(states) > 60
    assert len(set(states)) > 1
