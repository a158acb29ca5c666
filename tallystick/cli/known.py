"""``tallystick known``: figures about this state that others published, beside ours, and why they differ."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.known_show import show_compared, show_kept, show_known, show_taken
from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.config.periods import Period
    from tallystick.node.desk.desk import Desk

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_KIB = 1024
HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)
PeriodArgument = typer.Argument(metavar="PERIOD", help="A year (2018) or a block (2018-2020).")
TableArgument = typer.Argument(metavar="TABLE", help="A table of the catalogue, such as VICTIMS_SEX.")
KeyArgument = typer.Argument(metavar="KEY", help="A cell of it: F, or F/Y0T17; _T for a table with one cell.")
SourceFlag = typer.Option(..., "--source", metavar="TEXT", help="Who published it, as every state will read it.")


def _desk(home: Path, passphrase_file: Path | None) -> "Desk":
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for
    from tallystick.node.desk.desk import Desk

    return Desk.open(home, ask_for(load_desk(home), passphrase_file), SystemClock())


def _period(text: str) -> "Period":
    from tallystick.config.errors import MalformedError
    from tallystick.config.periods import parse_period

    try:
        return parse_period(text)
    except MalformedError as error:
        raise UsageError(error.message, hint=error.hint) from None


def _named(file: Path) -> str:
    """Propose a source's name: the year in the file's name is usually the edition's."""
    found = re.search(r"20[0-9]{2}", file.name)
    return f"UNODC GLOTIP {found[0]}" if found else "UNODC GLOTIP"


@app.command("import")
def import_(
    file: Path = typer.Argument(metavar="FILE", help="UNODC's GLOTIP workbook (XLSX, or the same table as CSV)."),
    source: str | None = typer.Option(None, "--source", metavar="TEXT", help="Its name beside our figures."),
    state: str | None = typer.Option(None, "--state", metavar="KAZ", help="Default: the home's own, and no other."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Take this state's published figures out of a GLOTIP workbook; twice changes nothing."""
    size = file.stat().st_size // _KIB + 1 if file.is_file() else None
    read = [0]
    name = source or _named(file)
    with _desk(home, passphrase_file) as desk:
        own = desk.settings.state
        if state is not None and state.upper() != own:
            raise UsageError(_("this is {own}'s home, not {other}'s").format(own=own, other=state.upper()[:10]))
        with progress(_("reading (KiB)"), size) as bar:

            def advance(count: int) -> None:
                before, read[0] = read[0], read[0] + count
                bar(read[0] // _KIB - before // _KIB)

            found, kept = desk.known.take(file, name, advance)
    show_taken(file, name, own, found, kept, as_json=as_json)


@app.command()
def add(
    table: str = TableArgument,
    period: str = PeriodArgument,
    key: str = KeyArgument,
    value: str = typer.Argument(metavar="VALUE", help="The figure as printed: 92, or <5."),
    source: str = SourceFlag,
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Note one figure that is public: from a yearbook, a report, an answer in parliament."""
    when = _period(period)
    with _desk(home, passphrase_file) as desk:
        kept = desk.known.add(table, when, key, value, source)
    if as_json:
        show_json({"added": kept.added, "changed": len(kept.changed), "unchanged": kept.unchanged})
        return
    show_kept(kept)


@app.command()
def remove(
    table: str | None = typer.Argument(None, metavar="[TABLE]", help="Only the figure that was typed for a cell."),
    period: str | None = typer.Argument(None, metavar="[PERIOD]", help="Of this year or block."),
    key: str | None = typer.Argument(None, metavar="[KEY]", help="And this cell."),
    source: str = typer.Option(..., "--source", metavar="TEXT", help="The source, exactly as it is kept."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Take a source away with all its explanations, or one figure that was typed."""
    if (table is None) != (key is None):
        raise UsageError(_("name TABLE, PERIOD and KEY, or none of them"), hint=_("see: tallystick known list"))
    with _desk(home, passphrase_file) as desk:
        gone = desk.known.remove(source, None if period is None else _period(period), table, key)
    if as_json:
        show_json({"removed": gone})
        return
    say(_("{count} figures taken away; releases that name them stay as they are").format(count=gone))


@app.command("list")
def list_(home: Path = HomeFlag, passphrase_file: Path | None = PassphraseFlag, as_json: bool = JsonFlag) -> None:
    """List the sources and how many figures each gave."""
    with _desk(home, passphrase_file) as desk:
        found = desk.known.sources()
    if as_json:
        show_json([one._asdict() for one in found])
        return
    if not found:
        say(_("No figures of others are known. Begin with: tallystick known import FILE"))
        return
    rows = [(one.source, str(one.figures), f"{one.first}-{one.last}", one.file_sha256[:16]) for one in found]
    show_table((_("source"), _("figures"), _("years"), _("file SHA-256")), rows, right=(1,))


@app.command()
def show(
    period: str = PeriodArgument,
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Show what is known of a year: as printed, and where it stands in our tables, if anywhere."""
    when = _period(period)
    with _desk(home, passphrase_file) as desk:
        found = desk.known.show(when)
    show_known(when.text, found, as_json=as_json)


@app.command()
def compare(
    period: str = PeriodArgument,
    table: str | None = typer.Option(None, "--table", metavar="TABLE", help="Only this table."),
    csv: Path | None = typer.Option(None, "--csv", metavar="FILE", help="Write CSV; refuses to overwrite."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Set ours, as drafted or released, beside each known figure; never an exact count."""
    when = _period(period)
    with _desk(home, passphrase_file) as desk:
        found = desk.known.compare(when, table)
    show_compared(when.text, found, csv, as_json=as_json)


@app.command()
def explain(
    table: str = TableArgument,
    period: str = PeriodArgument,
    key: str = KeyArgument,
    text: str = typer.Argument(metavar="TEXT", help="Why ours differs, at most 500 characters; empty takes it away."),
    source: str = SourceFlag,
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Say why ours differs from a known figure; it travels with the releases that are drafted after it."""
    when = _period(period)
    with _desk(home, passphrase_file) as desk:
        found = desk.known.explain(table, when, key, source, text)
        drafted = any(one.status is not None and one.beside[:3] == found[:3] for one in desk.known.compare(when))
    if as_json:
        show_json({**found._asdict(), "key": list(found.key), "drafted_before": drafted})
        return
    if not found.explanation:
        say(_("The explanation is taken away."))
        return
    say(_("Kept. It will be PUBLIC: every state reads it beside the figure, for good."))
    say(_("Let it hold no count that was withheld and nobody's name."))
    if drafted:
        say(_("{slice} is drafted already; this draft does not change any more.").format(slice=f"{table} {when.text}"))
