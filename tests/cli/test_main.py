"""What every command owes: nothing a stranger wrote is obeyed, nothing secret is shown, no traceback."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.cli import main as entry
from tallystick.cli.output import fail, say, show_json, show_table
from tallystick.config.errors import StoreError

ESCAPES = "\x1b[2J\x9b31m\u202e\u2066\x07\x7f"


def test_a_strangers_name_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"name {ESCAPES}")
    show_table(("name",), [(f"x{ESCAPES}",)])
    fail(StoreError(f"file {ESCAPES}", hint=ESCAPES))
    show_json({"name": ESCAPES, ESCAPES: 1})
    shown = capsys.readouterr()
    assert not [char for char in shown.out + shown.err if not char.isprintable() and char != "\n"]


def test_escaped_json_still_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"name": ESCAPES, "Айгүл": ["نام\u200cها", "\U000e0041", "a\tb\nc"], "n": 1.5}
    show_json(document)
    shown = capsys.readouterr().out
    assert json.loads(shown) == document
    assert "Айгүл" in shown


def test_a_persian_name_is_shown_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    say("علی\u200cرضا")
    assert capsys.readouterr().out == "علی\u200cرضا\n"


def test_a_strangers_line_does_not_pass_for_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    fail(StoreError("x\nverified: pack", hint="y\nhint: all is well"))
    show_table(("name",), [("x\nKAZ  verified",)])
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 2
    assert len(shown.out.splitlines()) == 3


def run(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> int:
    monkeypatch.setattr(entry, "build_app", lambda _asked: act)
    monkeypatch.setattr(entry, "_guard_process", lambda: None)
    with pytest.raises(SystemExit) as ended:
        entry.main()
    return int(ended.value.code or 0)


def test_a_mistake_of_ours_repeats_no_field_of_a_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ValueError("invalid literal: 'Aigerim Nurlanova'")

    assert run(monkeypatch, broken) == 1
    shown = capsys.readouterr()
    assert "Aigerim" not in shown.out + shown.err
    assert shown.err.startswith("error: a mistake in this program: ValueError at test_main.py:")
    assert "Traceback" not in shown.err


def test_a_full_disk_is_told_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device", "/data/x")

    assert run(monkeypatch, full) == StoreError.exit_code
    assert capsys.readouterr().err.startswith("error: /data/x: No space left on device\nhint: ")


def test_whoever_mends_the_program_can_see_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_TRACEBACK", "1")
    monkeypatch.setattr(entry, "_guard_process", lambda: None)
    monkeypatch.setattr(entry, "build_app", lambda _asked: lambda: {}["x"])
    with pytest.raises(KeyError):
        entry.main()


def test_no_umask_lets_others_write_and_no_crash_leaves_memory_on_disk() -> None:
    code = (
        "import os, resource; os.umask(0); from tallystick.cli.main import _guard_process; _guard_process();"
        "print(os.umask(0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "18 (0, 0)"
    assert resource.RLIMIT_CORE is not None


def test_a_home_made_under_an_open_umask_is_nobodys_to_write(tmp_path: Path) -> None:
    """Who can write HOME can put another desk into the place of ours."""
    subprocess.run(
        [sys.executable, "-m", "tallystick.cli.main", "init", "--demo", "--state", "KAZ", "--name", "A", "--home", "h"],
        cwd=tmp_path,
        umask=0,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=True,
    )
    open_to_others = [path for path in (tmp_path / "h", *(tmp_path / "h").rglob("*")) if path.stat().st_mode & 0o022]
    assert open_to_others == []
