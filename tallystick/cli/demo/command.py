"""``tallystick demo run`` and ``stop``: the steps in order, each with a progress bar, each resumed where it stopped."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import typer

from tallystick.cli.output import JsonFlag, progress, say, show_json
from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _, ngettext

__all__ = ["app"]

Result = TypeVar("Result")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

FolderArgument = typer.Argument(Path("demo"), metavar="[DIR]", help="Where the demonstration lives.")


@app.command()
def run(
    folder: Path = FolderArgument,
    cases: Path | None = typer.Option(None, "--cases", metavar="CSV", help="Real case rows: CTDC's public excerpt."),
    states: str | None = typer.Option(None, "--states", metavar="KAZ,KGZ", help="Only these states take part."),
    as_json: bool = JsonFlag,
) -> None:
    """Set up a whole federation, let it work, and show what came of it; a second run resumes."""
    from tallystick.cli.demo import build, emailed, running, tell
    from tallystick.cli.demo.plan import Marks, cast_of

    folder = folder.absolute()
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    marks = Marks(folder)
    cast = cast_of(marks, cases, states.split(",") if states else None)
    if not as_json:
        tell.opening(cast, resumed=marks.has("released"))

    def step(label: str, total: int, work: Callable[[Callable[[], None]], Result]) -> Result:
        with progress(label.ljust(_WIDTH), total) as advance:
            return work(advance)

    count = len(cast.states)
    if not marks.has("released"):
        step(_("homes, keys"), count, lambda tick: build.make_homes(folder, cast, tick))
        words = step(_("genesis ceremony"), count, lambda tick: build.found_federation(folder, cast, tick))
        marks.set("words", words)
        label = _("registers")
        filled = step(label, count, lambda tick: build.each_state(build.fill_register, folder, cast, tick))
        marks.set("filled", {done.code: done.figures for done in filled})
        label = _("count, protect, sign, log")
        released = step(label, count, lambda tick: build.each_state(build.release_all, folder, cast, tick))
        marks.set("released", {done.code: done.figures for done in released})
    sizes = {code: figures["published"] for code, figures in marks.load()["released"].items()}
    running.introduce(folder, cast)
    step(_("borders up"), count, lambda tick: running.start_all(folder, cast, tick))
    label = _("everybody verifies everybody")
    step(label, count * count, lambda tick: running.wait_for_all(folder, cast, sizes, tick))
    step(_("offline pack"), 1, lambda tick: build.write_pack(folder, cast, marks.load()["words"], tick))
    if not marks.has("compared"):
        label = _("attack on both kinds of tables")
        compared = step(label, count, lambda tick: build.each_state(emailed.compare_state, folder, cast, tick))
        marks.set("compared", asdict(sum(compared, emailed.Compared())))
    if as_json:
        show_json(marks.load())
        return
    tell.story(folder, cast, marks)


_WIDTH = 30


@app.command()
def stop(folder: Path = FolderArgument, as_json: bool = JsonFlag) -> None:
    """End the demonstration's processes; its files stay."""
    from tallystick.cli.demo import running
    from tallystick.cli.demo.plan import Marks, cast_of

    folder = folder.absolute()
    marks = Marks(folder)
    if not marks.has("cast"):
        raise ConfigError(_("{folder}: no demonstration lives here").format(folder=folder), hint="tallystick demo run")
    ended = running.stop_all(folder, cast_of(marks, None, None))
    if as_json:
        show_json({"ended": ended})
        return
    say(ngettext("{count} border ended", "{count} borders ended", ended).format(count=ended))
