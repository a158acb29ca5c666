"""A home is there whole or not at all, whenever the machine stops."""

from pathlib import Path

import pytest

from tallystick.config.errors import StoreError
from tallystick.node.home.staging import finish, staged
from tests.support.files import names_in
from tests.support.killing import every_step, run_and_kill

PARTS = ("border", "desk")


def make(home: Path, text: str = "whole") -> None:
    with staged(home, PARTS) as making:
        for part in PARTS:
            (making / part).mkdir()
            for name in ("a", "b"):
                with (making / part / name).open("w") as stream:
                    stream.write(text)


def state_of(home: Path) -> dict[str, str]:
    return {
        str(path.relative_to(home)): path.read_text()
        for part in PARTS
        for path in (home / part).rglob("*")
        if path.is_file()
    }


WHOLE = {f"{part}/{name}": "whole" for part in PARTS for name in ("a", "b")}


def test_killed_at_any_call_it_is_finished_or_begun_anew_by_the_next(tmp_path: Path) -> None:
    steps = 0
    for step in every_step():
        home = tmp_path / str(step)
        if run_and_kill(lambda home=home: make(home), step):  # type: ignore[misc]
            break
        steps += 1
        before = state_of(home)
        assert all(before.get(f"{part}/a") == before.get(f"{part}/b") for part in PARTS), "a part was half there"
        if finish(home):
            assert state_of(home) == WHOLE
        elif state_of(home) != WHOLE:
            assert before == {}
            make(home)
        assert state_of(home) == WHOLE
        assert names_in(home) == sorted(PARTS)
    assert steps > 10


def test_what_is_there_is_not_touched(tmp_path: Path) -> None:
    make(tmp_path, "first")
    with pytest.raises(StoreError, match="already exists"):
        make(tmp_path, "second")
    assert set(state_of(tmp_path).values()) == {"first"}


@pytest.mark.parametrize("part", PARTS)
def test_one_part_that_is_there_stops_all_of_them_even_if_it_is_a_dangling_link(tmp_path: Path, part: str) -> None:
    (tmp_path / part).symlink_to("nowhere")
    with pytest.raises(StoreError, match=part):
        make(tmp_path)
    assert names_in(tmp_path) == [part]


def fail_inside(home: Path) -> None:
    with staged(home, PARTS) as making:
        (making / "desk").mkdir()
        (making / "desk" / "register.key").write_text("secret")
        raise ValueError("not typed back")


def test_an_error_inside_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not typed back"):
        fail_inside(tmp_path)
    assert names_in(tmp_path) == []


def test_leftovers_of_a_crash_are_not_mixed_into_the_next_home(tmp_path: Path) -> None:
    (tmp_path / ".making" / "desk").mkdir(parents=True)
    (tmp_path / ".making" / "desk" / "old.key").write_text("x")
    make(tmp_path)
    assert state_of(tmp_path) == WHOLE
