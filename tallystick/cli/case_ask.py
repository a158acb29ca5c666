"""Asking an officer for a case's fields, one after the other, on a terminal."""

import sys
import textwrap
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

import typer

from tallystick.cli.case_show import fill
from tallystick.cli.output import say
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.cases.record import CaseRecord
    from tallystick.node.intake.fields import FieldRule

__all__ = ["agreed", "ask_agency", "ask_fields", "ask_one", "require_terminal", "show_fields", "stop"]

_WIDTH = 80
_BACK, _DONE, _CANCEL, _HELP, _CLEAR = "<", ".", "!", "?", "-"


def require_terminal(instead: str) -> None:
    """Refuse to ask where nobody sits.

    Args:
        instead: What to use without a terminal.

    Raises:
        UsageError: Standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(_("nobody can be asked: this is no terminal"), hint=instead)


def stop() -> None:
    """End the command because the officer said so."""
    say(_("Cancelled; nothing was saved."))
    raise typer.Exit


def agreed(question: str) -> bool:
    """Ask a question that only a typed yes answers."""
    return bool(typer.confirm(question, default=False))


def _line(prompt: str) -> str:
    return str(typer.prompt(prompt, default="", show_default=False, prompt_suffix=": ")).strip()


def ask_agency(known: Sequence[str]) -> str:
    """Ask who reports; the agencies that the register knows are offered, so that one is not spelt two ways."""
    say(_("Which agency reports the case?"))
    for number, name in enumerate(known, 1):
        say(f"  {number} {name}")
    while True:
        typed = _line(_("number or name") if known else _("name"))
        if typed == _CANCEL:
            stop()
        if typed.isdigit() and 0 < int(typed) <= len(known):
            return known[int(typed) - 1]
        if typed and not typed.isdigit():
            return typed


def ask_fields(rules: "Sequence[FieldRule]", texts: MutableMapping[str, str]) -> None:
    """Ask field after field; Enter keeps what is there, and what is nothing stays unknown.

    Args:
        rules: The fields in the order they are asked.
        texts: Field id to text; answers are put in, and what stands there already is offered.
    """
    say(fill(_("Enter: unknown or unchanged.  <: back.  ?: explain.  -: remove.  .: to the end.  !: cancel.")))
    at = 0
    while at < len(rules):
        answer = ask_one(rules[at], texts, f"{at + 1}/{len(rules)}")
        if answer == _DONE:
            return
        at = max(at - 1, 0) if answer == _BACK else at + 1


def ask_one(rule: "FieldRule", texts: MutableMapping[str, str], place: str = "") -> str:
    """Ask one field until what is typed can be taken; return the command that was typed instead, if any."""
    from tallystick.node.intake.entry import read_answer
    from tallystick.node.intake.values import BadValueError

    _show_field(rule, texts.get(rule.id, ""), place)
    while True:
        typed = _line(rule.id)
        if typed in {_BACK, _DONE}:
            return typed
        if typed == _CANCEL:
            stop()
        if typed == _HELP:
            _explain(rule)
            continue
        try:
            answer = read_answer(rule, "" if typed == _CLEAR else typed)
        except BadValueError as fault:
            say(_("  not taken: {reason}").format(reason=fault.reason))
            continue
        if typed:
            texts[rule.id] = answer
        return ""


def _show_field(rule: "FieldRule", held: str, place: str) -> None:
    from tallystick.node.intake.entry import choices

    say()
    section = f"{rule.section}: {rule.label}" if rule.label else _explanation(rule)
    say(fill(" ".join(part for part in (place, section) if part)))
    listed = choices(rule)
    if listed:
        _show_choices([label for _code, label in listed])
    if held:
        say(textwrap.shorten(_("  now: {value}").format(value=held), _WIDTH, placeholder=" ..."))


def _show_choices(labels: Sequence[str]) -> None:
    """Show numbered choices in as many columns as fit."""
    cells = [f"{number:2} {label}" for number, label in enumerate(labels, 1)]
    width = max(map(len, cells)) + 2
    across = max((_WIDTH - 2) // width, 1)
    down = -(-len(cells) // across)
    for row in range(down):
        say("  " + "".join(cell.ljust(width) for cell in cells[row::down]).rstrip())


def _explanation(rule: "FieldRule") -> str:
    from tallystick.node.intake.fields import explanations

    return explanations().get(rule.id, "")


def _explain(rule: "FieldRule") -> None:
    from tallystick.node.intake.fields import kind_words

    kept = _("sealed with the person's identity") if rule.sealed else _("kept as a coded field")
    said = "; ".join(part for part in (_explanation(rule), kind_words(rule.kind), kept) if part)
    say(textwrap.indent(fill(said), "  "))


def show_fields(texts: MutableMapping[str, str], rules: "Sequence[FieldRule]", record: "CaseRecord") -> None:
    """Show a case before it is saved: what was typed, then where it will count."""
    from tallystick.node.intake.entry import choices

    say()
    for rule in rules:
        if text := texts.get(rule.id, ""):
            labels = dict(choices(rule))
            shown = "; ".join(labels.get(part, part) for part in text.split(";")) if labels else text
            mark = _(" (sealed)") if rule.sealed else ""
            say(textwrap.fill(f"{rule.label or rule.id}{mark}: {shown}", _WIDTH, subsequent_indent="  "))
    say()
    _show_counting(record)


def _show_counting(record: "CaseRecord") -> None:
    from tallystick.cli.case_words import classification_words

    if not record.counted:
        say(_("It is kept and not counted: not a victim of trafficking."))
        return
    say(_("It will count as:"))
    for title, value in classification_words(record).items():
        say(f"  {title}: {value}")
