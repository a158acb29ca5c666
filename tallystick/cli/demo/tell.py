"""What the demonstration shows, in 80 columns: who counted what, who verified whom, one answer, and who says so."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from tallystick.cli.demo.build import home_of
from tallystick.cli.demo.plan import Cast, Marks
from tallystick.cli.demo.running import held, running
from tallystick.cli.demo.walls import change_one_digit, file_wall, maps_case_store, reads_without_key, secrets_of
from tallystick.cli.output import say, show_table
from tallystick.config.i18n import _, ngettext

__all__ = ["opening", "story"]

_COLUMNS = 80


def opening(cast: Cast, *, resumed: bool) -> None:
    """Say what is about to happen."""
    count = len(cast.states)
    say(
        ngettext("{count} state on this machine.", "{count} states on this machine.", count).format(count=count)
        + " "
        + _("Everything made here is stamped DEMO.")
    )
    if cast.cases is None:
        say(_("The cases are invented, as many as UNODC published where it published any."))
    else:
        say(_("Real case rows of CTDC's public excerpt; already censored by their source."))
    if resumed:
        say(_("Resuming what stands in this folder."))


def _prose(text: str) -> None:
    """Write a sentence in lines of at most 80 columns."""
    say(textwrap.fill(text, _COLUMNS, break_long_words=False))


def _heading(number: int, text: str) -> None:
    say()
    say(f"{number}. {text}")
    say("-" * min(_COLUMNS, len(text) + 3))


def story(folder: Path, cast: Cast, marks: Marks) -> None:
    """Show everything, in the order in which a newcomer asks."""
    words = marks.load()["words"]
    _counted(cast, marks)
    _verified(folder, cast, marks)
    _asked(folder, cast)
    _emailed(marks)
    _digit(folder, words)
    _border(folder, cast)
    _yours(folder, cast)


def _counted(cast: Cast, marks: Marks) -> None:
    _heading(1, _("What each state counted at home, and what left"))
    filled, released = marks.load()["filled"], marks.load()["released"]
    header = (_("state"), _("cases at home"), _("released"), _("kept back"), _("cells shown"), _("withheld"))
    rows = []
    for state in cast.states:
        out = released[state.code]
        figures = (filled[state.code]["cases"], out["published"], out["kept"], out["shown"], out["withheld"])
        rows.append((f"{state.code} {state.name}"[:28], *(str(figure) for figure in figures)))
    show_table(header, rows, right=(1, 2, 3, 4, 5))
    _prose(_("No case left a home: what left are signed tables. Unshown cells are withheld, zeros among them."))


def _verified(folder: Path, cast: Cast, marks: Marks) -> None:
    _heading(2, _("Everybody verified everybody"))
    sizes = {code: figures["published"] for code, figures in marks.load()["released"].items()}
    whole = sum(held(folder, state).get(other, 0) >= size for state in cast.states for other, size in sizes.items())
    _prose(
        _("{whole} of {all} logs are whole in every other's archive: signatures, roster, log, data.").format(
            whole=whole, all=len(cast.states) * len(sizes)
        )
    )
    say(_("The federation, in words that travel on paper:"))
    words = marks.load()["words"].split()
    for start in range(0, len(words), 8):
        say("   " + " ".join(words[start : start + 8]))


def _tallystick(arguments: Sequence[str], folder: Path, *, sections: int | None = None) -> None:
    """Run a command as a person would, after showing it; of its output, only the first ``sections`` if so asked."""
    say("$ tallystick " + " ".join(arguments))
    environment = {**os.environ, "COLUMNS": str(_COLUMNS)}
    command = [sys.executable, "-m", "tallystick.cli.main", *arguments]
    answer = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder.parent, check=False, env=environment, stdout=subprocess.PIPE, text=True
    )
    parts = answer.stdout.rstrip("\n").split("\n\n")
    say("\n\n".join(parts[:sections]))
    if sections is not None and len(parts) > sections:
        say("...")


def _asked(folder: Path, cast: Cast) -> None:
    _heading(3, _("One question across all of them"))
    year = 2019 if cast.cases is None else _busiest(cast)
    home = f"{folder.name}/{cast.states[0].code.lower()}"
    ask = ["query", "VICTIMS_FORM", "--where", "FORM=FL", "--period", str(year), "--home", home]
    _tallystick(ask, folder)
    say()
    _tallystick([*ask, "--sum-over", "state"], folder, sections=2)


def _busiest(cast: Cast) -> int:
    years = [year for state in cast.states for year in range(state.years[0], state.years[1] + 1)]
    return max(sorted(set(years)), key=years.count)


def _emailed(marks: Marks) -> None:
    _heading(4, _('The same tables e-mailed with "<5"'))
    found = marks.load()["compared"]
    say(
        _('Hidden as "<5": {hidden} cells. Back by subtraction: {recovered}, of them {not_zero} not zero.').format(
            **found
        )
    )
    say(_("Released here: {withheld} cells withheld. Given away to who knows the method: {extracted}.").format(**found))


def _digit(folder: Path, words: str) -> None:
    _heading(5, _("One digit changed"))
    found = change_one_digit(folder / "pack", words)
    say(_("released: {line}").format(line=found.before))
    say(_("forged:   {line}").format(line=found.after))
    _prose(_("refused:  {reason} (exit {code})").format(reason=found.reason, code=found.exit_code))


def _border(folder: Path, cast: Cast) -> None:
    _heading(6, _("What the border, which peers can reach, can do to the register"))
    state = cast.states[0]
    home = home_of(folder, state)
    process = running(folder, state)
    found = maps_case_store(process.pid) if process else []
    _prose(_("its keys: {keys} - none signs a release or opens a case").format(keys=", ".join(secrets_of(home))))
    _prose(_("code of the case side in the running process: {found}").format(found=", ".join(found) or _("none")))
    _prose(_("the register without its key: {answer}").format(answer=reads_without_key(home) or _("OPENED")))
    _prose(_("the register as another user: {answer}").format(answer=file_wall(home)))


def _yours(folder: Path, cast: Cast) -> None:
    _heading(7, _("Your turn"))
    name, one = folder.name, cast.states[-1]
    home = f"{name}/{one.code.lower()}"
    period = one.periods[0].text
    rows = (
        (_("operator"), f"tallystick doctor --home {home}"),
        (_("officer"), f"tallystick release list --home {home}"),
        (_("analyst"), f"tallystick query VICTIMS_SEX --period {period} --home {home}"),
        (_("auditor"), f"tallystick verify {name}/pack --root {name}/pack.words"),
    )
    for who, command in rows:
        say(f"{who:<10} .venv/bin/{command}")
    say()
    say(_("The borders go on running. To end them: make demo-stop"))
