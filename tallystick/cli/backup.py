"""``tallystick backup`` and ``tallystick restore``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.output import JsonFlag, progress, say, show_json
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _, ngettext

if TYPE_CHECKING:
    from tallystick.node.home.backup import Watch
    from tallystick.node.home.findings import Finding

__all__ = ["backup_command", "restore_command"]

HomeFlag = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home.")
PassphraseFlag = typer.Option(
    None, "--passphrase-file", metavar="FILE", help="File whose first line is the passphrase (mode 0600)."
)


def _watch(bar: Any) -> "Watch":  # noqa: ANN401 - what ``progress`` yields
    """Turn "so many pages of this database" into steps of one bar."""
    seen: dict[str, int] = {}

    def watch(name: str, done: int, _total: int) -> None:
        bar(max(done - seen.get(name, 0), 0))
        seen[name] = max(done, seen.get(name, 0))

    return watch


def backup_command(
    folder: Path = typer.Argument(metavar="DIR", help="Where the copies go: another disk or machine."),
    keyring_to: Path | None = typer.Option(
        None, "--keyring-to", metavar="DIR", help="Put the keyring's copies there, apart from the register's."
    ),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Copy register, keyring and desk; remove copies of the keyring that are older than 35 days."""
    from tallystick.config.clock import SystemClock
    from tallystick.config.settings import load_desk
    from tallystick.node.cases.opening import ask_for
    from tallystick.node.home.backup import back_up

    ask = ask_for(load_desk(home), passphrase_file)
    with progress(_("copying (pages of 4 KiB)")) as bar:
        done = back_up(home, folder, ask, SystemClock(), keyring_to=keyring_to, watch=_watch(bar))
    if as_json:
        show_json(
            {
                "register": str(done.register),
                "keyring": str(done.keyring),
                "cases": done.cases,
                "keys": done.keys,
                "log_size": done.log_size,
                "keyring_expires_at": done.expires_at,
                "removed": [str(path) for path in done.pruned],
                "erasures_repeated": done.repeated,
            }
        )
        return
    say(_("Register: {path}").format(path=done.register))
    say(_("  {cases} cases, log of {size} entries").format(cases=done.cases, size=done.log_size))
    say(_("Keyring:  {path}").format(path=done.keyring))
    say(_("  ends on {day}; the next backup after that removes it").format(day=done.expires_at[:10]))
    for path in done.pruned:
        say(_("Removed, its day had come: {path}").format(path=path))
    if done.repeated:
        say(_("Erased here again, as the backup folder knew: {count}").format(count=done.repeated))


def _moment(text: str | None) -> datetime | None:
    """Read ``2026-11-23`` (to its end) or ``2026-11-23T22:00:00Z``."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(f"{text}T23:59:59+00:00" if len(text) == 10 else text)
    except ValueError:
        raise UsageError(_("'{text}' is no day").format(text=text[:30]), hint="2026-11-23") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _confirm(home: Path, number: int, *, as_json: bool) -> None:
    from tallystick.config.settings import load_desk
    from tallystick.node.desk.restored import confirm_log

    settings = load_desk(home)
    size = confirm_log(settings.folder, settings.state, number)
    if as_json:
        show_json({"log_size": size, "held_by_peers": number})
        return
    say(
        _("The log here has {size} entries, peers hold {held}: this desk may publish again.").format(
            size=size, held=number
        )
    )


def _look(home: Path) -> "list[Finding]":
    from tallystick.config.clock import SystemClock
    from tallystick.node.home.doctor import examine

    return [one for found in examine(home, SystemClock()).values() for one in found if one.level != "note"]


def restore_command(
    folder: Path | None = typer.Argument(None, metavar="[DIR]", help="The backup folder."),
    home: Path = typer.Option(..., "--home", envvar="TALLYSTICK_HOME", metavar="NEW", help="The new home."),
    at: str | None = typer.Option(None, "--at", metavar="DAY", help="The newest register that is not younger."),
    keyring_from: Path | None = typer.Option(
        None, "--keyring-from", metavar="DIR", help="Where the keyring's copies are, if elsewhere."
    ),
    sheet: list[Path] = typer.Option([], "--sheet", metavar="FILE", help="A recovery sheet; give two."),
    tombstones: list[Path] = typer.Option([], "--tombstones", metavar="FILE", help="The lost home's own, too."),
    confirm_log: int | None = typer.Option(
        None, "--confirm-log", min=0, metavar="NUMBER", help="Peers hold so many entries of our log; no more."
    ),
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Make a home out of a backup; who was erased since stays erased. Nothing is written over."""
    from tallystick.config.clock import SystemClock
    from tallystick.keys.secrets import choose_secrets
    from tallystick.node.home.restore import restore

    if confirm_log is not None:
        _confirm(home, confirm_log, as_json=as_json)
        return
    if folder is None:
        raise UsageError(_("say which backup"), hint=_("tallystick restore DIR --home NEW"))
    with progress(_("erasing again whom the backup still names")) as advance:
        done = restore(
            folder,
            home,
            choose_secrets(passphrase_file),
            SystemClock(),
            at=_moment(at),
            keyring_from=keyring_from,
            sheets=sheet,
            tombstones=tombstones,
            advance=advance,
        )
    findings = _look(home)
    if as_json:
        show_json(
            {
                "home": str(home),
                "register": str(done.register),
                "keyring": str(done.keyring),
                "cases": done.cases,
                "log_size": done.log_size,
                "erased_again": done.erased,
                "findings": [{"level": one.level, "what": one.what, "hint": one.hint} for one in findings],
            }
        )
        return
    say(_("Restored to {home}").format(home=home))
    say(_("  register  {path}, {cases} cases").format(path=done.register.name, cases=done.cases))
    say(_("  keyring   {path}").format(path=done.keyring.name))
    if done.erased:
        say(
            ngettext(
                "{count} person was erased after this copy was made, and is erased here too.",
                "{count} persons were erased after this copy was made, and are erased here too.",
                done.erased,
            ).format(count=done.erased)
        )
    say(_("The log has {size} entries. Nothing is signed here until you have asked the").format(size=done.log_size))
    say(_("peers how many they hold: tallystick restore --confirm-log NUMBER"))
    say()
    say(_("tallystick doctor finds {count} things to look after.").format(count=len(findings)))
