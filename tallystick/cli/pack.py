"""``tallystick pack``: the offline pack that an auditor takes along."""

from pathlib import Path

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.i18n import _

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Offline packs: export.")
_HOME = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")


@app.callback()
def _group() -> None:
    """Offline packs: everything verified, in one folder."""


@app.command("export")
def export_command(
    folder: Path = typer.Argument(..., metavar="DIR", help="The pack; must not be there yet, or be empty."),
    home: Path = _HOME,
    as_json: bool = JsonFlag,
) -> None:
    """Write everything that this node has verified into DIR, and the federation's words into DIR.words."""
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_border
    from tallystick.exchange.archive.pack import export_pack
    from tallystick.exchange.archive.store import Archive
    from tallystick.keys.roster_store import RosterStore

    border = load_border(home).folder
    store = RosterStore(border / "roster")
    roster = store.load(None, SystemClock().now())
    summary = export_pack(Archive(border / "archive"), store.files(), folder, roster)
    if as_json:
        show_json(
            {
                "folder": str(summary.folder),
                "words": str(summary.words),
                "states": summary.states,
                "releases": summary.releases,
                "data_files": summary.data_files,
                "bytes": summary.size,
            }
        )
        return
    say(
        _("wrote {folder}: {releases} releases of {states} states, {size} kB").format(
            folder=folder, releases=summary.releases, states=summary.states, size=summary.size // 1000
        )
    )
    say(_("the federation's words are in {words}; give them to an auditor on another way").format(words=summary.words))
    say(_("to check it: tallystick verify {folder} --root {words}").format(folder=folder, words=summary.words))
