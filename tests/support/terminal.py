"""The command line, run in this process as a shell would run it, or on a pseudo-terminal of its own."""

import io
import os
import pty
import select
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from tallystick.cli.main import main
from tallystick.config.i18n import set_language


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


def run(*arguments: object, stdin: str = "") -> Outcome:
    """Run ``tallystick ARGUMENTS`` without a terminal, in English."""
    out, err = io.StringIO(), io.StringIO()
    words = ["tallystick", *map(str, arguments)]
    settings = {"TALLYSTICK_LANG": "en", "COLUMNS": "80"}
    code = 0
    set_language(None)
    with (
        patch.object(sys, "argv", words),
        patch.object(sys, "stdin", io.StringIO(stdin)),
        patch.dict(os.environ, settings),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Outcome(code, out.getvalue(), err.getvalue())


def run_on_terminal(*arguments: object, answer: Callable[[str], str | None], seconds: float = 30) -> Outcome:
    """Run a command on a pseudo-terminal.

    Args:
        arguments: What is typed after ``tallystick``.
        answer: Called with everything shown since the last answer; returns what to type next (without line end), or
            None to wait for more.
        seconds: Longest run.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TALLYSTICK_LANG="en", PYTHONWARNINGS="ignore")
        os.execv(sys.executable, [sys.executable, "-m", "tallystick.cli.main", *map(str, arguments)])
    shown, pending, end = "", "", time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            text = os.read(terminal, 65_536).decode("utf-8", "replace")
        except OSError:
            break
        if not text:
            break
        shown, pending = shown + text, pending + text
        typed = answer(pending)
        if typed is not None:
            os.write(terminal, typed.encode() + b"\n")
            pending = ""
    os.close(terminal)
    _pid, status = os.waitpid(child, 0)
    return Outcome(os.waitstatus_to_exitcode(status), shown.replace("\r\n", "\n"), "")
