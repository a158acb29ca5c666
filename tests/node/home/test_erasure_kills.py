"""Real processes die at their writing calls, below Python: an erasure goes on, a copy is whole or none."""

from pathlib import Path

import pytest

from tests.support import syscall_killer
from tests.support.erasure_kills import prepare
from tests.support.erasures import make_named_desk


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = syscall_killer.build(tmp_path_factory.mktemp("killer"))
    if found is None:
        pytest.skip("no C compiler here: the kill at every system call was not tried")
    return found


def _states(library: Path, tmp_path: Path, what: str, stride: int) -> list[str]:
    folder = tmp_path / "template"
    desk = make_named_desk(folder / "home", range(5))
    prepare(folder, desk, what)
    arguments = (what, str(desk.home), str(stride))
    found = syscall_killer.serve(library, "tests.support.erasure_kills:kill", *arguments)
    states = found.splitlines()
    assert states == sorted(states, reverse=what != "backup"), "what was decided once is not undone by a later crash"
    return states


@pytest.mark.parametrize(("what", "stride"), [("erase", 29), ("backup", 41), ("restore", 53)])
def test_a_kill_now_and_then_leaves_nothing_half_done(library: Path, tmp_path: Path, what: str, stride: int) -> None:
    assert len(_states(library, tmp_path, what, stride)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("what", ["erase", "backup", "restore"])
def test_a_kill_at_any_writing_call_leaves_nothing_half_done(library: Path, tmp_path: Path, what: str) -> None:
    states = _states(library, tmp_path, what, 1)
    assert len(states) > 60
    assert len(set(states)) > 1
