"""``tallystick verify``: check a release or a whole pack, offline, with nothing but the federation's words."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.exchange.archive.report import ReleaseReport, Report

__all__ = ["verify_command"]

_ROOT = typer.Option(
    None, "--root", metavar="WORDS|FILE", help="The federation's 24 words, a file of them, 1.root.json."
)
_AT = typer.Option(None, "--at", metavar="TIME", help="Judge the roster as of this time (2021-06-30 or RFC 3339).")
_ROSTER = typer.Option(None, "--roster", metavar="DIR", help="A roster of your own, beside the pack's.")
_PATH_WIDTH = 60


def verify_command(
    path: Path = typer.Argument(..., metavar="FILE|DIR", help="A .dsse.json in a pack, or the pack's folder."),
    root: str | None = _ROOT,
    at: str | None = _AT,
    roster: Path | None = _ROSTER,
    as_json: bool = JsonFlag,
) -> None:
    """Check a release or a whole pack, offline. Exit 30: it does not hold. Exit 31: no root was named."""
    with _without_collector():
        _verify(path, root, at, roster, as_json)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Load and run without looking for garbage, and leave what is there to the end of the process.

    Neither imports nor checks make cycles worth looking for; the search takes a seventh of checking one release.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _verify(path: Path, root: str | None, at: str | None, roster: Path | None, as_json: bool) -> None:
    from tallystick.exchange.archive.ground import unanchored
    from tallystick.keys.words import parse_anchor

    if not path.exists():
        raise UsageError(_("{path}: no such file or folder").format(path=path))
    anchor = parse_anchor(root) if root is not None else None
    moment = _moment(at) if at is not None else _now()
    files = _roster_files(roster)
    report: ReleaseReport | Report
    if path.is_dir():
        from tallystick.exchange.archive.check import examine_tree

        report = pack = examine_tree(path, anchor, moment, roster_files=files)
    else:
        from tallystick.exchange.archive.check_file import examine_file

        report = examine_file(path, anchor, moment, roster_files=files)
        pack = report.pack
    if as_json:
        show_json(report.to_dict())
    else:
        _show(path, report, pack)
    if not pack.anchored:
        raise unanchored(str(path))


def _show(path: Path, report: "ReleaseReport | Report", pack: "Report") -> None:
    shown = _short(str(path))
    say(_("verified: {path}").format(path=shown) if pack.anchored else _("fits together: {path}").format(path=shown))
    for label, words in report.rows():
        say(_wrapped(f"  {label:<12}", words))
    for note in pack.notes:
        say(_wrapped(f"{_('note')}: ", note))


def _short(path: str) -> str:
    return path if len(path) <= _PATH_WIDTH else f"...{path[3 - _PATH_WIDTH :]}"


def _wrapped(lead: str, words: str) -> str:
    import textwrap

    return textwrap.fill(words, 80, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False)


def _roster_files(folder: Path | None) -> dict[str, bytes]:
    if folder is None:
        return {}
    from tallystick.keys.roster_store import read_roster_folder

    inner = folder / "roster"
    return read_roster_folder(inner if inner.is_dir() else folder)


def _now() -> datetime:
    from tallystick.config.clock import SystemClock

    return SystemClock().now()


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            _("--at: '{text}' is not a time").format(text=text[:40]), hint=_("write 2021-06-30 or 2021-06-30T12:00:00Z")
        ) from None
