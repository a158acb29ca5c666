"""``tallystick up`` and ``down`` as they are typed: real processes, started, told of, stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.exchange.border.lock import who_runs
from tests.support.terminal import run
from tests.support.waiting import wait_for
from tests.support.wire import Wire, write_private

TALLYSTICK = [sys.executable, "-m", "tallystick.cli.main"]


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[list[Path]]:
    wire = Wire.make(("KAZ", "KGZ"))
    made = [wire.home(tmp_path, code) for code in ("KAZ", "KGZ")]
    for home, code in zip(made, ("KAZ", "KGZ"), strict=True):
        wire.feed(home, code)
    yield made
    for home in made:
        if (left := who_runs(home / "border")) and left.pid:
            os.kill(left.pid, signal.SIGKILL)


def flags(homes: list[Path]) -> list[object]:
    return [word for home in homes for word in ("--home", home)]


def test_detached_borders_run_on_until_they_are_stopped(homes: list[Path]) -> None:
    done = run("up", *flags(homes), "--detach")
    try:
        assert (done.code, done.err) == (0, "")
        lines = done.out.splitlines()
        running = [who_runs(home / "border") for home in homes]
        for line, code, one in zip(lines, ("KAZ", "KGZ"), running, strict=False):
            assert line == f"{code} listens on {one.address}, process {one.pid}"
        assert lines[2:] == ["Desk and border under one user: no file permission stands between them."]
        again = run("up", "--home", homes[0], "--detach")
        assert again.out.splitlines()[0].endswith("(it ran already)")
    finally:
        stopped = run("down", *flags(homes))
    assert stopped.out == "KAZ stopped\nKGZ stopped\n"
    assert [who_runs(home / "border") for home in homes] == [None, None]
    assert run("down", "--home", homes[0]).out == "KAZ: no border runs\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_a_signal_ends_all_of_them(homes: list[Path], number: signal.Signals) -> None:
    child = subprocess.Popen([*TALLYSTICK, "up", *map(str, flags(homes))], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline().startswith("KAZ listens on ")
        child.send_signal(number)
        assert child.wait(20) == 0
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()
    assert [who_runs(home / "border") for home in homes] == [None, None]


def test_one_that_cannot_start_ends_the_others_and_says_why(homes: list[Path]) -> None:
    write_private(homes[1] / "border" / "passphrase", b"not the right one\n")
    done = run("up", *flags(homes), "--detach")
    assert done.code == 20
    assert done.err.startswith("error: KGZ: its border did not start: wrong passphrase for ")
    assert done.out == ""
    wait_for(lambda: who_runs(homes[0] / "border") is None, what="the end of the other")


def test_one_that_ends_by_itself_is_not_noticed(homes: list[Path]) -> None:
    child = subprocess.Popen(
        [*TALLYSTICK, "up", "--home", str(homes[0]), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = wait_for(lambda: (found := who_runs(homes[0] / "border")) and found.address and found.pid, what="listening")
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 50
    assert json.loads(out)["file_wall"] is False
    assert "KAZ: its border ended by itself (exit code -9)" in err


def test_a_folder_without_border_is_started(tmp_path: Path) -> None:
    done = run("up", "--home", tmp_path, "--detach")
    assert done.code == 10
    assert "make a home first: tallystick init" in done.err
