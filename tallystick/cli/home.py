"""``tallystick init``: a state's home on this machine."""

import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.clock import SystemClock
from tallystick.config.errors import SignerError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.home.homes import Part
    from tallystick.node.home.making import HomePlan
    from tallystick.node.home.recovery import Sheet

__all__ = ["init_command", "read_words", "state_and_name"]

_ATTEMPTS = 3
_SHARE_WORDS = 33


def state_and_name(state: str, name: str | None) -> tuple[str, str]:
    """Check a state's code and find its name.

    Raises:
        UsageError: No alpha-3 code, or one without a known name and none given.
    """
    from tallystick.config.codes import country_names

    code = state.upper()
    found = name or country_names().get(code)
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise UsageError(
            _("'{code}' is not an alpha-3 code").format(code=state[:20]), hint=_("write three letters, such as KAZ")
        )
    if found is None:
        raise UsageError(
            _("{code} is no country of ISO 3166").format(code=code),
            hint=_("correct the code, or say who it is with --name"),
        )
    return code, found


def read_words(needed: int = _SHARE_WORDS) -> str:
    """Read words from standard input over as many lines as they take; an empty line ends them early."""
    words: list[str] = []
    while len(words) < needed:
        line = sys.stdin.readline()
        if not line.strip():
            break
        words += line.split()
    return " ".join(words)


def _show_and_ask_back(sheets: "tuple[Sheet, ...]") -> None:
    """Print the sheets and let one share be typed back; raises if it never is."""
    from tallystick.keys.shares import same_words
    from tallystick.node.cases.opening import SECRET_PURPOSES
    from tallystick.node.home.recovery import sheet_text

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SignerError(
            _("recovery sheets cannot be shown: this is no terminal"),
            hint=_("name a folder that leaves this machine: --shares-to DIR"),
        )
    for sheet in sheets:
        say()
        say(sheet_text(sheet, SystemClock().now()))
    asked, name = random.SystemRandom().choice(sheets), random.SystemRandom().choice(sorted(sheets[0].words))
    say(_("Write each sheet on paper of its own; three people keep them in three places."))
    for left in reversed(range(_ATTEMPTS)):
        say(
            _("From your paper, type the {purpose} of sheet {number}; four letters of a word are enough:").format(
                purpose=SECRET_PURPOSES[name], number=asked.number
            )
        )
        if same_words(read_words(), asked.words[name]):
            say(_("That is right. Now clear this window and what it remembers."))
            return
        say(_("That is not what the sheet says. {count} tries are left.").format(count=left))
    raise SignerError(
        _("the sheet was not typed back, so no home was made"), hint=_("run init again; it makes new sheets")
    )


def _make(
    home: Path, parts: "list[Part]", plan: "HomePlan", passphrase_file: Path | None, shares_to: Path | None
) -> list[Path]:
    """Make the home; return where the recovery sheets were written, if they were."""
    from tallystick.keys.secrets import choose_secrets
    from tallystick.node.home.homes import make_home

    written: list[Path] = []

    def keep(secrets: Mapping[str, bytes]) -> None:
        from tallystick.node.home.recovery import make_sheets, write_sheets

        sheets = make_sheets(plan.state, secrets)
        if shares_to is None:
            _show_and_ask_back(sheets)
        else:
            written.extend(write_sheets(shares_to, sheets, SystemClock().now()))

    make_home(home, parts, plan, choose_secrets(passphrase_file), SystemClock(), keep)
    return written


def _report(home: Path, parts: "list[Part]", plan: "HomePlan", written: list[Path]) -> dict[str, object]:
    from tallystick.config.settings import load_border
    from tallystick.node.home.making import BORDER_CARD, DESK_CARD

    found: dict[str, object] = {"home": str(home), "state": plan.state, "name": plan.name, "demo": plan.demo}
    if "desk" in parts:
        found["desk_card"] = str(home / "desk" / DESK_CARD)
        found["recovery_sheets"] = [str(path) for path in written]
    if "border" in parts:
        found["border_card"] = str(home / "border" / BORDER_CARD)
        found["listen"] = load_border(home).listen
    return found


def _tell(report: Mapping[str, object], written: list[Path]) -> None:
    say(_("Home of {name} ({state}) in {home}").format(**{key: report[key] for key in ("name", "state", "home")}))
    if "desk_card" in report:
        say(_("  desk    register and keys made; card {card}").format(card=report["desk_card"]))
    if "border_card" in report:
        say(_("  border  listens on {listen}; card {card}").format(listen=report["listen"], card=report["border_card"]))
    if written:
        say()
        say(_("Recovery sheets, unencrypted, one a file:"))
        for path in written:
            say(f"  {path}")
        say(_("Any two of them open everything. Carry them to three places now,"))
        say(_("and delete them here."))
    say()
    if "desk_card" in report and "border_card" in report:
        say(_("Desk and border under one user: no file permission stands between them."))
    if report["demo"]:
        say(_("People's keys and cards: {folder}").format(folder=report["people"]))
        say(_("DEMO: passphrases lie beside the keys they open. No real case belongs here."))
        return
    say(_("Next: three officers make keys (tallystick key new --for officer), their cards"))
    say(_("are enrolled (tallystick officer enrol CARD); all cards go to the ceremony."))


def _check_choice(desk: bool, border: bool, demo: bool, given: Mapping[str, object], *, as_json: bool) -> "list[Part]":
    """Return the parts asked for; refuse what contradicts itself."""
    if demo:
        named = [flag for flag, value in {"--desk": desk, "--border": border, **given}.items() if value]
        if named:
            raise UsageError(_("--demo makes everything by itself; leave out {flags}").format(flags=", ".join(named)))
        return []
    if not desk and not border:
        raise UsageError(
            _("say what this machine is"),
            hint=_("--desk (register and log keys), --border (faces the peers), or --demo for a try"),
        )
    if not border and (given["--listen"] or given["--endpoint"]):
        raise UsageError(_("--listen and --endpoint belong to a border"), hint=_("add --border"))
    if desk and as_json and not given["--shares-to"]:
        raise UsageError(
            _("recovery sheets are no part of a JSON document"), hint=_("name a folder for them: --shares-to DIR")
        )
    if not desk and given["--shares-to"]:
        raise UsageError(_("--shares-to belongs to a desk"), hint=_("a border has nothing to recover"))
    chosen: list[Part] = []
    chosen += ["desk"] if desk else []
    chosen += ["border"] if border else []
    return chosen


def _demo(home: Path, state: str, name: str) -> dict[str, object]:
    from tallystick.node.home.demo import make_demo_home

    made = make_demo_home(home, state, name, SystemClock())
    return {
        "home": str(home),
        "state": state,
        "name": name,
        "demo": True,
        "desk_card": str(made.desk_card),
        "border_card": str(made.border_card),
        "listen": made.listen,
        "people": str(made.people),
    }


def init_command(
    state: str = typer.Option(..., "--state", metavar="CODE", help="The state's alpha-3 code, such as KAZ."),
    name: str | None = typer.Option(None, "--name", help="The institution's name; the country's where not given."),
    desk: bool = typer.Option(False, "--desk", help="This machine holds the register."),
    border: bool = typer.Option(False, "--border", help="This machine faces the peers."),
    demo: bool = typer.Option(False, "--demo", help="Everything at once, people's keys too; stamped DEMO."),
    home: Path = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="Where the home goes."),
    passphrase_file: Path | None = typer.Option(
        None, "--passphrase-file", metavar="FILE", help="First line is the passphrase (0600); settings will name it."
    ),
    shares_to: Path | None = typer.Option(
        None, "--shares-to", metavar="DIR", help="Write the recovery sheets there instead of showing them."
    ),
    listen: str | None = typer.Option(None, "--listen", metavar="HOST:PORT", help="Border: where it listens."),
    endpoint: list[str] = typer.Option([], "--endpoint", metavar="URL", help="Border: how peers reach it."),
    outbox: Path | None = typer.Option(None, "--outbox", metavar="DIR", help="The desk's spool, if elsewhere."),
    inbox: Path | None = typer.Option(None, "--inbox", metavar="DIR", help="The border's spool, if elsewhere."),
    as_json: bool = JsonFlag,
) -> None:
    """Make a state's home on this machine: desk, border or both."""
    from tallystick.node.home.making import HomePlan

    given = {
        "--passphrase-file": passphrase_file,
        "--shares-to": shares_to,
        "--listen": listen,
        "--endpoint": endpoint,
        "--outbox": outbox,
        "--inbox": inbox,
    }
    parts = _check_choice(desk, border, demo, given, as_json=as_json)
    code, found = state_and_name(state, name)
    written: list[Path] = []
    if demo:
        report = _demo(home, code, found)
    else:
        absolute = {
            key: path and path.absolute() for key, path in (("o", outbox), ("i", inbox), ("p", passphrase_file))
        }
        plan = HomePlan(
            code,
            found,
            outbox=absolute["o"],
            inbox=absolute["i"],
            passphrase_file=absolute["p"],
            listen=listen,
            endpoints=tuple(endpoint),
        )
        written = _make(home, parts, plan, passphrase_file, shares_to)
        report = _report(home, parts, plan, written)
    if as_json:
        show_json(report)
        return
    _tell(report, written)
