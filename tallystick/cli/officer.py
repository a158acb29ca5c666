"""``tallystick officer``: carry officers' public cards into the desk."""

from pathlib import Path

import typer

from tallystick.cli.output import JsonFlag, say, show_json, show_table
from tallystick.config.i18n import _

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")


@app.command()
def enrol(
    card: Path = typer.Argument(metavar="CARD", help="An officer's public card."),
    home: Path = HomeFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Check an officer's card and keep it for the next roster proposal."""
    from tallystick.config.files import read_bounded
    from tallystick.config.settings import load_desk
    from tallystick.keys.card import MAX_CARD
    from tallystick.node.home.officers import enrol_officer

    settings = load_desk(home)
    done = enrol_officer(settings.folder, read_bounded(card, MAX_CARD), state=settings.state, demo=settings.demo)
    if as_json:
        same = [other.keyid for other in done.namesakes]
        show_json({"name": done.card.name, "keyid": done.card.keyid, "card": str(done.path), "same_name": same})
        return
    say(_("{name} is enrolled.").format(name=done.card.name))
    say(_("  key id {keyid}").format(keyid=done.card.keyid))
    if done.namesakes:
        say(_("An officer of that name was enrolled before: one person counts once, whatever his keys."))
    say(_("Compare the key id aloud. It counts once the roster names it: tallystick roster."))


@app.command("list")
def list_command(home: Path = HomeFlag, as_json: bool = JsonFlag) -> None:
    """List the enrolled officers."""
    from tallystick.config.settings import load_desk
    from tallystick.node.home.officers import list_officers

    cards = list_officers(load_desk(home).folder)
    if as_json:
        show_json([{"name": card.name, "keyid": card.keyid, "algorithm": card.keys[0].algorithm} for card in cards])
        return
    if not cards:
        say(_("No officer is enrolled yet: tallystick officer enrol CARD"))
        return
    show_table(
        (_("officer"), _("algorithm"), _("key id")),
        [(card.name[:40], card.keys[0].algorithm, f"{card.keyid[:16]}...") for card in cards],
    )
