"""The composition of the command line: groups by name, errors as ``error:`` and ``hint:`` lines.

Exit codes are those of ``config.errors``. Only the module of the command that was typed is loaded.
"""

import importlib
import os
import resource
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from tallystick.cli.output import fail, guard_streams
from tallystick.config.errors import StoreError, TallystickError
from tallystick.config.i18n import _, set_language

__all__ = ["COMMANDS", "build_app", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("tallystick.cli.home:init_command", "Make a state's home on this machine: desk, border or both."),
    "doctor": ("tallystick.cli.doctor:doctor_command", "Look for what will bite: permissions, keys, clock, expiry."),
    "backup": ("tallystick.cli.backup:backup_command", "Copy register, keyring and desk to another disk."),
    "restore": ("tallystick.cli.backup:restore_command", "Make a home out of a backup; the erased stay erased."),
    "key": ("tallystick.cli.key:app", "Make a person's key on his own device; show its public card."),
    "officer": ("tallystick.cli.officer:app", "Carry officers' public cards into the desk."),
    "roster": ("tallystick.cli.roster:app", "The federation's roster: genesis, sign, apply, rotate, show."),
    "case": ("tallystick.cli.case:app", "The state's own register: generate, import, count."),
    "release": ("tallystick.cli.release:app", "Draft, show, sign, refuse, publish, list, recompute."),
    "known": ("tallystick.cli.known:app", "Figures that others published: import, add, compare, explain."),
    "peer": ("tallystick.cli.peer:app", "Other states' nodes: add, list, pull."),
    "query": ("tallystick.cli.query:query_command", "Ask one question across all verified releases."),
    "verify": ("tallystick.cli.verify:verify_command", "Check a release or a whole pack, offline."),
    "pack": ("tallystick.cli.pack:app", "Offline packs: export."),
    "up": ("tallystick.cli.up:up_command", "Run a home's border until it is stopped."),
    "down": ("tallystick.cli.up:down_command", "Stop what `up --detach` left running."),
    "demo": ("tallystick.cli.demo:app", "Nine states on one machine: run, stop."),
}

_TRACEBACK = "TALLYSTICK_TRACEBACK"
"""Environment variable for whoever mends this program: show where an unexpected error came from."""


def _version(value: bool) -> None:
    if value:
        from tallystick import __version__

        typer.echo(f"tallystick {__version__}")
        raise typer.Exit


def _root(
    language: str | None = typer.Option(None, "--lang", metavar="en|ru", help="Language of what is shown."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Federated, signed, disclosure-controlled statistics on trafficking in persons. Cases stay home."""
    del version
    set_language(language)
    if language is not None:
        os.environ["TALLYSTICK_LANG"] = language


def _not_loaded() -> None:
    """Stand for a command that was not asked for, so that help can list it."""


def build_app(asked: str | None) -> typer.Typer:
    """Compose the command line with the one command ``asked`` loaded (``*`` for all of them)."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback()(_root)
    for name, (target, text) in COMMANDS.items():
        if asked not in {name, "*"}:
            app.command(name, help=_(text))(_not_loaded)
            continue
        module, attribute = target.split(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name, help=_(text))
        else:
            app.command(name)(found)
    return app


def _asked(arguments: Sequence[str]) -> str | None:
    return next((argument for argument in arguments if argument in COMMANDS), None)


def _language(arguments: Sequence[str]) -> str | None:
    """Return the language asked for, before anything is parsed: help is worded when the commands are composed."""
    for place, argument in enumerate(arguments):
        if argument in COMMANDS:
            return None
        if argument == "--lang":
            return arguments[place + 1] if place + 1 < len(arguments) else None
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
    return None


def _guard_process() -> None:
    """Let nobody else write what is made here, whatever the shell's umask, and leave no memory on disk in a crash."""
    os.umask(os.umask(0o077) | 0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Plugins of other packages would be shown everything that is validated, case records too.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _refused_by_system(error: OSError) -> StoreError:
    place = f"{error.filename}: " if error.filename else ""
    return StoreError(
        _("{place}{reason}").format(place=place, reason=error.strerror or type(error).__name__),
        hint=_("is the path right, the disk mounted and not full, and this user allowed to?"),
    )


def _unexpected(error: Exception) -> int:
    """Say where a mistake of ours was made, without its message, which could hold a field of a case."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
    hint = _("nothing more is shown, since it could name somebody; {name}=1 shows all of it").format(name=_TRACEBACK)
    kind = type(error).__name__
    return fail(
        TallystickError(_("a mistake in this program: {kind} at {where}").format(kind=kind, where=where), hint=hint)
    )


def main() -> None:
    """Run the command line; the only place that turns errors into exit codes."""
    guard_streams()
    _guard_process()
    try:
        set_language(_language(sys.argv[1:]))
        build_app(_asked(sys.argv[1:]))()
    except TallystickError as error:
        sys.exit(fail(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        sys.exit(fail(_refused_by_system(error)))
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        sys.exit(_unexpected(error))


if __name__ == "__main__":
    main()
