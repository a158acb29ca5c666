"""``tallystick query``: one question across everybody's verified tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.exchange.archive import Archive
    from tallystick.exchange.query import Question
    from tallystick.keys.roster_types import Roster

__all__ = ["query_command"]

_HOME = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
_ARCHIVE = typer.Option(None, "--archive", metavar="DIR", help="Another archive than the home's, its roster beside it.")
_STATE = typer.Option([], "--state", metavar="CODE", help="Only this state (alpha-3); may be given again.")
_WHERE = typer.Option([], "--where", metavar="DIM=CODE", help="Only this code of a dimension; may be given again.")
_PERIOD = typer.Option([], "--period", metavar="PERIOD", help="2018, or a block 2018-2020; may be given again.")
_SUM = typer.Option([], "--sum-over", metavar="DIM|state|period", help="Sum this out; may be given again.")
_CSV = typer.Option(False, "--csv", help="Print CSV.")
_XLSX = typer.Option(None, "--xlsx", metavar="FILE", help="Write a workbook; refuses to overwrite.")


def query_command(
    table: str = typer.Argument(..., metavar="TABLE", help="Table of the catalogue, such as VICTIMS_SEX."),
    state: list[str] = _STATE,
    where: list[str] = _WHERE,
    period: list[str] = _PERIOD,
    sum_over: list[str] = _SUM,
    as_csv: bool = _CSV,
    xlsx: Path | None = _XLSX,
    as_json: bool = JsonFlag,
    archive: Path | None = _ARCHIVE,
    home: Path = _HOME,
) -> None:
    """Ask one question across all verified releases; says who says so, and what is not known."""
    from tallystick.exchange.query import ask
    from tallystick.exchange.query.question import resolve

    if sum((as_csv, as_json, xlsx is not None)) > 1:
        raise UsageError(_("choose one of --csv, --xlsx and --json"))
    question = _question(table, state, where, period, sum_over)
    store, roster = _sources(home, archive)
    if roster.catalogue is None:
        raise StoreError(_("the roster's table catalogue is not here"), hint=_("pull first: tallystick peer pull"))
    answer = ask(store, roster.catalogue, roster, question)
    if as_json:
        show_json(answer.to_dict())
    elif as_csv:
        from tallystick.exchange.query.sheets import to_csv

        typer.echo(to_csv(answer), nl=False)
    elif xlsx is not None:
        from tallystick.config.files import SHARED_FILE, write_new
        from tallystick.exchange.query.sheets import to_xlsx

        write_new(xlsx, to_xlsx(answer), SHARED_FILE)
        say(_("wrote {path}: {count} rows").format(path=xlsx, count=len(answer.rows)))
    else:
        from tallystick.exchange.query.text import render

        for line in render(answer, roster.catalogue, len(resolve(question, roster.catalogue, roster).states)):
            say(line)


def _question(table: str, state: list[str], where: list[str], period: list[str], sum_over: list[str]) -> "Question":
    from tallystick.config.periods import parse_period
    from tallystick.exchange.query import Question

    fixed = {}
    for text in where:
        name, equals, code = text.partition("=")
        if not equals or name.upper() in fixed:
            raise UsageError(
                _("--where {text}: write DIMENSION=CODE, each dimension once").format(text=text[:60]),
                hint=_("for example: --where SEX=F"),
            )
        fixed[name.upper()] = code
    try:
        periods = tuple(parse_period(text) for text in period)
    except MalformedError as error:
        raise UsageError(error.message, hint=error.hint) from None
    return Question(table, tuple(state), fixed, periods, tuple(sum_over))


def _sources(home: Path, archive: Path | None) -> "tuple[Archive, Roster]":
    from tallystick.config.clock import SystemClock
    from tallystick.exchange.archive.opening import open_folder, open_home

    now = SystemClock().now()
    opened = open_home(home, now) if archive is None else open_folder(archive, now)
    return opened.archive, opened.roster
