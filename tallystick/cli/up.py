"""``tallystick up`` and ``down``: run the borders of one or more homes, each as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from tallystick.cli.output import JsonFlag, printable, say, show_json
from tallystick.config.errors import StoreError, TallystickError
from tallystick.config.i18n import _

__all__ = ["down_command", "up_command"]

HomesFlag = typer.Option([], "--home", metavar="DIR", help="A state's home; may be given several times.")
_START_SECONDS = 30.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_TAIL = 2000


@dataclass
class _Child:
    """One border: the process that was started, or the one that ran already (``process`` is None)."""

    home: Path
    state: str
    folder: Path
    process: "subprocess.Popen[bytes] | None"
    pid: int = 0
    address: str = ""


def _homes(given: Sequence[Path]) -> list[Path]:
    found = list(given) or [Path(os.environ.get("TALLYSTICK_HOME") or ".")]
    return list(dict.fromkeys(path.absolute() for path in found))


def _start(home: Path, *, detach: bool) -> _Child:
    from tallystick.config.settings import load_border
    from tallystick.exchange.border.lock import who_runs

    settings = load_border(home)
    running = who_runs(settings.folder)
    if running is not None and running.address:
        return _Child(home, settings.state, settings.folder, None, running.pid, running.address)
    errors = os.open(settings.folder / "border.stderr", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own module, by this very interpreter
            [sys.executable, "-m", "tallystick.exchange.border", "--home", str(home)],
            stdin=subprocess.DEVNULL if detach else None,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=detach,
        )
    finally:
        os.close(errors)
    return _Child(home, settings.state, settings.folder, process, process.pid)


def _wait_until_listening(child: _Child) -> None:
    """Wait until the border says where it listens.

    Raises:
        StoreError: It ended, or says nothing for too long; with its own last words.
    """
    from tallystick.exchange.border.lock import who_runs

    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        running = who_runs(child.folder)
        if running is not None and running.address:
            child.pid, child.address = running.pid, running.address
            return
        if child.process is not None and child.process.poll() is not None:
            break
        time.sleep(_LOOK_SECONDS)
    said = (child.folder / "border.stderr").read_text(errors="replace")[-_TAIL:].strip()
    lines = [line for line in said.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith(_("error:"))), lines[-1] if lines else "")
    hint = next((line.removeprefix(_("hint:")).strip() for line in lines if line.startswith(_("hint:"))), None)
    refused = StoreError(
        _("{state}: its border did not start: {why}").format(
            state=child.state, why=error.removeprefix(_("error:")).strip() or _("it said nothing")
        ),
        hint=hint or _("look into {log}").format(log=child.folder / "border.stderr"),
    )
    if child.process is not None and (child.process.returncode or 0) > 1:
        refused.exit_code = child.process.returncode  # its own reason: a key, settings, the port
    raise refused


def _one_user(home: Path) -> bool:
    """Say whether desk and border of a home belong to one user."""
    desk, border = home / "desk", home / "border"
    return desk.is_dir() and desk.stat().st_uid == border.stat().st_uid


def _tell(children: Sequence[_Child], as_json: bool) -> None:
    if as_json:
        rows = [{"home": str(one.home), "state": one.state, "pid": one.pid, "address": one.address} for one in children]
        show_json({"borders": rows, "file_wall": not any(_one_user(one.home) for one in children)})
        return
    for one in children:
        again = "" if one.process else f" ({_('it ran already')})"
        say(_("{state} listens on {address}, process {pid}").format(**vars(one)) + again)
    if any(_one_user(one.home) for one in children):
        say(_("Desk and border under one user: no file permission stands between them."))


def _end(children: Sequence[_Child]) -> None:
    started = [one.process for one in children if one.process is not None]
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listen_for_signals() -> list[int]:
    """From now on collect what asks this process to end; before any border is started, so that none is left alone."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: asked.append(got))
    return asked


def _stay(children: Sequence[_Child], asked: Sequence[int]) -> None:
    """Wait until a signal came or one of the borders ended by itself."""
    while not asked:
        for one in children:
            if one.process is not None and one.process.poll() is not None:
                raise StoreError(
                    _("{state}: its border ended by itself (exit code {code})").format(
                        state=one.state, code=one.process.returncode
                    ),
                    hint=_("look into {log}").format(log=one.folder / "border.log"),
                )
        time.sleep(_LOOK_SECONDS * 4)


def up_command(
    home: list[Path] = HomesFlag,
    detach: bool = typer.Option(False, "--detach", help="Leave them running; end them with: tallystick down."),
    as_json: bool = JsonFlag,
) -> None:
    """Run the border of a home, or of several, until it is stopped."""
    children: list[_Child] = []
    asked = [] if detach else _listen_for_signals()
    try:
        for one in _homes(home):
            children += [_start(one, detach=detach)]
        for child in children:
            _wait_until_listening(child)
        _tell(children, as_json)
        if detach:
            return
        if not as_json:
            say(_("Stop with Ctrl-C."))
        _stay(children, asked)
    except TallystickError:
        _end(children)
        raise
    _end(children)


def _down(home: Path) -> dict[str, object]:
    from tallystick.config.settings import load_border
    from tallystick.exchange.border.lock import who_runs

    settings = load_border(home)
    running = who_runs(settings.folder)
    found = {"home": str(home), "state": settings.state, "pid": running.pid if running else None}
    if running is None or not running.address:
        return {**found, "pid": None, "stopped": False}
    os.kill(running.pid, signal.SIGTERM)
    end = time.monotonic() + _STOP_SECONDS
    while who_runs(settings.folder) is not None:
        if time.monotonic() > end:
            raise StoreError(
                _("{state}: process {pid} does not end").format(state=settings.state, pid=running.pid),
                hint=_("look into {log}; as a last resort: kill -9 {pid}").format(
                    log=settings.folder / "border.log", pid=running.pid
                ),
            )
        time.sleep(_LOOK_SECONDS)
    return {**found, "stopped": True}


def down_command(home: list[Path] = HomesFlag, as_json: bool = JsonFlag) -> None:
    """Stop what ``up --detach`` left running."""
    found = [_down(one) for one in _homes(home)]
    if as_json:
        show_json({"borders": found})
        return
    for one in found:
        words = _("{state} stopped") if one["stopped"] else _("{state}: no border runs")
        say(printable(words.format(state=one["state"])))
