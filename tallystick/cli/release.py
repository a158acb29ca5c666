"""``tallystick release``: from frozen counts to what every state can read.

``show`` and ``sign`` need no node: they run on an officer's own computer, over a draft folder that was carried there.
"""

import sys
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

import typer

from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.cli.release_show import show_drafts
from tallystick.config.errors import SignerError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.desk.desk import Desk
    from tallystick.node.desk.folder import DraftFolder
    from tallystick.node.desk.publication import Publication

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)
PeriodArgument = typer.Argument(metavar="PERIOD", help="A year (2018) or a block (2018-2020).")
TableArgument = typer.Argument(metavar="TABLE", help="A table of the catalogue, such as VICTIMS_SEX.")


def _desk(home: Path, passphrase_file: Path | None) -> "Desk":
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for
    from tallystick.node.desk.desk import Desk

    return Desk.open(home, ask_for(load_desk(home), passphrase_file), SystemClock())


@app.command()
def draft(
    period: str = PeriodArgument,
    without: list[str] = typer.Option([], "--without", metavar="TABLE", help="Leave a table of the plan out for good."),
    no_cases: bool = typer.Option(False, "--no-cases", help="Freeze the year although the register holds none of it."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be drafted; freeze and draft nothing."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Freeze a period's counts, once and for good, and draft its whole plan."""
    from tallystick.config.periods import parse_period

    when = parse_period(period)
    with _desk(home, passphrase_file) as desk:
        with progress(_("protecting and auditing")) as advance:
            rows = desk.draft(when, without=without, no_cases=no_cases, rehearse=dry_run, progress=advance)
        folder, notes = desk.draft_folder(when), desk.known.unexplained(rows)
    show_drafts(rows, folder, notes, dry_run=dry_run, as_json=as_json)


@app.command()
def show(
    folder: Path = typer.Argument(metavar="DRAFT_FOLDER", help="Folder with statement.json and data.csv."),
    print_: bool = typer.Option(False, "--print", help="One sheet for ink and file."),
    as_json: bool = JsonFlag,
) -> None:
    """Say in words what would be signed: what, when, what is shown and withheld, what it costs."""
    from tallystick.node.desk.folder import read_draft, read_signatures
    from tallystick.node.desk.showing import document, page, screen

    found = read_draft(folder)
    if as_json:
        show_json(document(found, read_signatures(folder)))
        return
    for line in page(found) if print_ else screen(found, read_signatures(folder)):
        say(line)


def _folders(named: list[Path], all_below: Path | None) -> list[Path]:
    from tallystick.node.desk.folder import find_drafts

    folders = [*named, *(find_drafts(all_below) if all_below is not None else ())]
    if not folders:
        raise UsageError(_("nothing to sign"), hint=_("name draft folders, or: --all DIR"))
    return list(dict.fromkeys(folders))


def _agreed(found: "DraftFolder", number: str) -> bool:
    """Show one draft and ask the person; only a typed yes counts."""
    from tallystick.node.desk.folder import read_signatures
    from tallystick.node.desk.showing import screen

    for line in screen(found, read_signatures(found.path)):
        say(line)
    say()
    return bool(typer.confirm(_("{number}: sign exactly this?").format(number=number), default=False))


@app.command()
def sign(
    folders: list[Path] = typer.Argument(None, metavar="[DRAFT_FOLDER]...", help="Draft folders."),
    key: Path = typer.Option(..., "--key", metavar="FILE", help="The officer's own private key."),
    all_below: Path | None = typer.Option(None, "--all", metavar="DIR", help="Every draft below this folder."),
    yes: bool = typer.Option(False, "--yes", help="Sign without asking about each."),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Check draft folders, show them, and put a detached signature into each."""
    from tallystick.keys.secrets import choose_secrets
    from tallystick.keys.signer import load_signer
    from tallystick.node.desk.folder import read_draft
    from tallystick.node.desk.signing import is_signed_by, sign_draft

    drafts = [read_draft(folder) for folder in _folders(folders or [], all_below)]
    if not yes and (as_json or not sys.stdin.isatty()):
        raise SignerError(
            _("nobody can be asked whether to sign: this is no terminal"),
            hint=_("read the drafts with: tallystick release show DIR - then sign with --yes"),
        )
    signer = load_signer(key, choose_secrets(passphrase_file), role=_("officer's key {path}").format(path=key))
    done: dict[str, list[DraftFolder]] = {"signed": [], "already": [], "left": []}
    for number, found in enumerate(drafts, 1):
        if is_signed_by(found, signer):
            done["already"].append(found)
        elif yes or _agreed(found, _("{number} of {count}").format(number=number, count=len(drafts))):
            sign_draft(found, signer)
            done["signed"].append(found)
        else:
            done["left"].append(found)
    _report_signing(done, signer.keyid, as_json=as_json)


def _report_signing(done: "dict[str, list[DraftFolder]]", keyid: str, *, as_json: bool) -> None:
    if as_json:
        kinds = {kind: [{"folder": str(one.path), "payload_sha256": one.payload_id} for one in found]
                 for kind, found in done.items()}  # fmt: skip
        show_json({"keyid": keyid, **kinds})
        return
    words = {"signed": _("signed"), "already": _("signed before"), "left": _("not signed")}
    rows = [
        (one.statement.predicate.slice.period, one.statement.predicate.table.id, one.payload_id[:16], words[kind])
        for kind, found in done.items()
        for one in found
    ]
    show_table((_("period"), _("table"), _("statement"), _("signature")), rows)
    say()
    say(_("Key {keyid}").format(keyid=keyid[:16]))
    if done["signed"]:
        say(_("Carry the folders, or their signatures, back to the desk."))


@app.command()
def refuse(
    period: str = PeriodArgument,
    table: str = TableArgument,
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help="Why; stays at the desk."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Refuse a draft for good; nobody outside learns of it."""
    from tallystick.config.periods import parse_period

    with _desk(home, passphrase_file) as desk:
        row = desk.refuse(parse_period(period), table, reason)
    if as_json:
        show_json({"period": row.period.text, "table": row.table_id, "state": row.state.value, "reason": row.reason})
        return
    say(_("{slice} is refused and its draft is removed: {reason}").format(slice=row.slice_name, reason=row.reason))


@app.command("list")
def list_(
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """List every release with where it stands and who signed."""
    with _desk(home, passphrase_file) as desk:
        found = desk.list()
    if as_json:
        show_json([one.to_dict() for one in found])
        return
    if not found:
        say(_("Nothing was drafted yet. Begin with: tallystick release draft PERIOD"))
        return
    rows = [
        (one.release.period.text, one.release.table_id, *map(str, one.cells), one.standing, shorten(one.where, 24))
        for one in found
    ]
    header = (_("period"), _("table"), _("shown"), _("withheld"), _("status"), _("signed, or log index"))
    show_table(header, rows, right=(2, 3))
    for one in found:
        for note in one.notes:
            say(f"{one.release.slice_name}: {note}")


@app.command()
def publish(
    period: str | None = typer.Argument(None, metavar="[PERIOD]", help="Only this year or block."),
    table: str | None = typer.Argument(None, metavar="[TABLE]", help="Only this table of it."),
    all_: bool = typer.Option(False, "--all", help="Whatever two officers signed."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Put what two officers signed into the log, for good; also finishes what was interrupted."""
    from tallystick.config.periods import parse_period

    if (period is None) != all_:
        raise UsageError(
            _("say what to publish: a PERIOD, a PERIOD and a TABLE, or --all"),
            hint=_("see what is signed with: tallystick release list"),
        )
    with _desk(home, passphrase_file) as desk:
        synced = desk.sync()
        done = desk.publish(None if period is None else parse_period(period), table)
    if as_json:
        show_json(
            {
                "logged": [_logged(row) for row in done.logged],
                "waiting": [{**_slice(one.release), "reason": one.reason} for one in done.waiting],
                "notes": list(synced.notes),
            }
        )
        return
    for note in synced.notes:
        say(note)
    if done.logged:
        rows = [(row.period.text, row.table_id, str(row.log_index), row.payload_id[:16]) for row in done.logged]
        show_table((_("period"), _("table"), _("log index"), _("statement")), rows, right=(2,))
    for one in done.waiting:
        say(_("not published: {reason}").format(reason=one.reason))
    if not done.logged and not done.waiting:
        say(_("Nothing waits to be published."))


def _slice(row: "Publication") -> dict[str, object]:
    return {"period": row.period.text, "table": row.table_id, "payload_sha256": row.payload_id}


def _logged(row: "Publication") -> dict[str, object]:
    return {**_slice(row), "log_index": row.log_index}


@app.command()
def recompute(
    period: str = PeriodArgument,
    table: str = TableArgument,
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Make a release again from its sealed evidence, never from the register, and compare byte for byte."""
    from tallystick.config.periods import parse_period

    with _desk(home, passphrase_file) as desk, progress(_("auditing again")) as advance:
        found = desk.recompute(parse_period(period), table, progress=advance)
    if as_json:
        show_json({**_logged(found.release), "state": found.release.state.value, "checks": list(found.checks)})
        return
    say(found.release.slice_name)
    say(_("  statement {digest}").format(digest=found.release.payload_id))
    for check in found.checks:
        say(_("  holds: {what}").format(what=check))
