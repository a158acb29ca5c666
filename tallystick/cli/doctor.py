"""``tallystick doctor``: look through a home for what will bite."""

from pathlib import Path
from textwrap import fill

import typer

from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.i18n import _, ngettext

__all__ = ["doctor_command"]


def _topic_words() -> dict[str, str]:
    """Return each topic of ``node.home.doctor.TOPICS`` in the reader's language."""
    return {
        "settings": _("settings"),
        "permissions": _("permissions"),
        "people's keys": _("people's keys"),
        "recovery sheets": _("recovery sheets"),
        "clock": _("clock"),
        "roster": _("roster"),
        "TLS certificate": _("TLS certificate"),
        "officers": _("officers"),
        "keyring backup": _("keyring backup"),
    }


def _wrapped(first: str, text: str) -> str:
    return fill(
        text,
        80,
        initial_indent=f"{first:8} ",
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def doctor_command(
    home: Path = typer.Option(Path(), "--home", envvar="TALLYSTICK_HOME", metavar="DIR", help="The state's home."),
    look_in: list[Path] = typer.Option(
        [], "--look-in", metavar="DIR", help="Look for people's keys there too, such as /home."
    ),
    as_json: bool = JsonFlag,
) -> None:
    """Look for what will bite: permissions, keys, clock, expiry. Exit 0: nothing; 1: warnings; else an error's code."""
    from tallystick.config.clock import SystemClock
    from tallystick.node.home.doctor import examine
    from tallystick.node.home.findings import exit_code

    topics = examine(home, SystemClock(), look_in=look_in)
    findings = [finding for found in topics.values() for finding in found]
    code = exit_code(findings)
    if as_json:
        checks = [
            {"topic": topic, "level": finding.level, "what": finding.what, "hint": finding.hint}
            for topic, found in topics.items()
            for finding in found
        ]
        show_json({"home": str(home), "exit_code": code, "checked": list(topics), "findings": checks})
        raise typer.Exit(code)
    topic_words, words = _topic_words(), {"note": _("note"), "warning": _("warning"), "error": _("error")}
    for topic, found in topics.items():
        if not found:
            say(f"{_('ok'):8} {topic_words[topic]}")
        for finding in found:
            say(_wrapped(words[finding.level], f"{topic_words[topic]}: {finding.what}"))
            if finding.hint:
                say(_wrapped("", f"{_('hint:')} {finding.hint}"))
    count = sum(finding.level != "note" for finding in findings)
    say()
    say(
        ngettext("{count} thing to look after.", "{count} things to look after.", count).format(count=count)
        if count
        else _("Nothing will bite.")
    )
    raise typer.Exit(code)
