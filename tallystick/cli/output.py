"""What every command shares: tables in 80 columns, progress, ``--json``, the two lines of an error."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from tallystick.config.errors import TallystickError
from tallystick.config.i18n import _

__all__ = ["JsonFlag", "fail", "guard_streams", "printable", "progress", "say", "show_json", "show_table"]

JsonFlag = typer.Option(False, "--json", help="Print one JSON document instead of words.")

_JOINERS = "\u200c\u200d"
"""Persian and Urdu are written with them; they move no cursor."""


def guard_streams() -> None:
    """Never die on a character that the terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def printable(text: str, *, lines: bool = True) -> str:
    """Return ``text`` with control characters (terminal escapes among them) made visible.

    Args:
        text: Words, perhaps with a stranger's among them (a file's name, a person's).
        lines: Leave line ends and tabs as they are; False where a stranger's line must not pass for one of ours.
    """
    kept = f"\n\t{_JOINERS}" if lines else _JOINERS
    return "".join(char if char.isprintable() or char in kept else f"\\x{ord(char):02x}" for char in text)


def fail(error: TallystickError) -> int:
    """Write an error's two lines to standard error; return its exit code."""
    sys.stderr.write(f"{_('error:')} {printable(error.message, lines=False)}\n")
    if error.hint:
        sys.stderr.write(f"{_('hint:')} {printable(error.hint, lines=False)}\n")
    return error.exit_code


def say(text: str = "") -> None:
    """Write one line for a person."""
    typer.echo(printable(text))


def _escaped(char: str) -> str:
    """Write one character as JSON can always write it (RFC 8259, section 7)."""
    return json.dumps(char)[1:-1]


def show_json(document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Write one JSON document, readable and stable; what a terminal would obey (U+009B, U+202E) is escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
    typer.echo("".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text))


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> None:
    """Write a plain aligned table; columns in ``right`` are set flush right."""
    lines = [[printable(str(cell), lines=False) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    flush_right = set(right)
    for number, line in enumerate(lines):
        cells = [
            text.rjust(widths[column]) if column in flush_right else text.ljust(widths[column])
            for column, text in enumerate(line)
        ]
        typer.echo("  ".join(cells).rstrip())
        if number == 0:
            typer.echo("  ".join("-" * width for width in widths))


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Any]:
    """Show a progress bar on standard error while the block runs; yields ``advance(steps=1)``."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    count = TextColumn("{task.completed}/{task.total}")
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), count, TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=total)

        def advance(steps: int = 1) -> None:
            bar.advance(task, steps)

        yield advance
