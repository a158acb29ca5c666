"""``tallystick case edit`` and ``case close``: a new version of one case, as a run of its own."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.case_ask import agreed, ask_fields, ask_one, require_terminal, show_fields, stop
from tallystick.cli.case_desk import HomeFlag, PassphraseFlag, one_case, read_texts, sit_down
from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.cli.case_desk import Sitting
    from tallystick.node.cases.store import IngestReport, StoredCase

__all__ = ["close", "edit", "link"]

NumberArgument = typer.Argument(metavar="NUMBER", help="The agency's case number.")
AgencyFlag = typer.Option(None, "--agency", metavar="NAME", help="Whose number it is, if several have it.")


def edit(
    number: str = NumberArgument,
    agency: str | None = AgencyFlag,
    settings: list[str] = typer.Option([], "--set", metavar="FIELD=VALUE", help="New value; FIELD alone is asked for."),
    from_file: Path | None = typer.Option(None, "--from", metavar="JSON", help="Read the changes; ask nothing."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Change fields of one case; the earlier version is kept.

    Without --set and --from every core field is asked for, with what it holds now. Values of sealed fields do not
    belong on a command line, where other users of this machine could read them: --set FIELD alone asks for one.
    """
    changes = {**(read_texts(from_file) if from_file else {}), **_given(settings)}
    asked = [text for text in settings if "=" not in text]
    if asked or not (settings or from_file):
        if as_json:
            raise UsageError(_("--json needs --from or --set FIELD=VALUE: nothing is asked then"))
        require_terminal(_("write the changes to a JSON file and use --from FILE"))
    with sit_down(home, passphrase_file) as sitting:
        held = one_case(sitting.store, number, agency)
        if asked or not (settings or from_file):
            changes |= _asked(sitting, held, asked)
        done = _written(sitting, held, changes, "edit")
    _tell(held, done, sorted(changes), as_json=as_json)


def _given(settings: list[str]) -> dict[str, str]:
    """Read FIELD=VALUE pairs; a sealed field's value is refused, whoever may have seen it already."""
    from tallystick.node.intake.entry import field_named, read_answer
    from tallystick.node.intake.values import BadValueError

    found: dict[str, str] = {}
    for name, value in (text.split("=", 1) for text in settings if "=" in text):
        rule = field_named(name)
        if rule.sealed:
            raise UsageError(
                _("{field} is sealed: its value does not belong on a command line").format(field=rule.id),
                hint=_("--set {field} asks for it; --from FILE reads it").format(field=rule.id),
            )
        try:
            found[rule.id] = read_answer(rule, value)
        except BadValueError as fault:
            raise UsageError(_("{field}: {reason}").format(field=rule.id, reason=fault.reason)) from None
    return found


def _asked(sitting: "Sitting", held: "StoredCase", asked: list[str]) -> dict[str, str]:
    """Ask for the fields named, or for all core fields; what the case holds now is offered, so this is written down."""
    from tallystick.node.intake.entry import NUMBER_FIELD, change_record, core_fields, field_named, texts_of

    record = held.record
    if record.identity is not None:
        sitting.store.note_access(sitting.at, sitting.who, "edit", agency=record.agency, number=record.agency_case_id)
    before = texts_of(record)
    texts = dict(before)
    rules = [field_named(name) for name in asked] or [rule for rule in core_fields() if rule.id != NUMBER_FIELD]
    if asked:
        for rule in rules:
            ask_one(rule, texts)
    else:
        ask_fields(rules, texts)
    changes = {name: text for name, text in texts.items() if before.get(name, "") != text}
    show_fields(changes, rules, change_record(record, changes, **sitting.rules))
    say()
    if not agreed(_("Save these changes?")):
        stop()
    return changes


def _written(sitting: "Sitting", held: "StoredCase", changes: dict[str, str], action: str) -> "IngestReport":
    from tallystick.node.intake.single import edit_case

    return edit_case(
        sitting.store,
        held,
        changes,
        state=sitting.settings.state,
        at=sitting.at,
        who=sitting.who,
        action=action,
    )


def _tell(held: "StoredCase", done: "IngestReport", fields: list[str], *, as_json: bool) -> None:
    record, version = held.record, held.version + bool(done.replaced)
    if as_json:
        number = record.agency_case_id
        show_json({"agency": record.agency, "number": number, "version": version, "run": done.run_id, "fields": fields})
        return
    if not done.replaced:
        say(_("Nothing differs; the case stays as it was."))
        return
    say(_("Case {number} of {agency} is now version {version} (run {run}).").format(
        number=record.agency_case_id, agency=record.agency, version=version, run=done.run_id
    ))  # fmt: skip


def close(
    number: str = NumberArgument,
    outcome: str = typer.Option(..., "--outcome", metavar="CODE", help="How it ended; any other word lists the codes."),
    day: str | None = typer.Option(None, "--date", metavar="YYYY-MM-DD", help="When; today is not assumed."),
    agency: str | None = AgencyFlag,
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Close one case with its outcome; it goes on counting.

    Sets HTCDS's status to Closed (ClosedReferred for REFERRED) and keeps outcome and date sealed with the identity.
    To reopen it: tallystick case edit NUMBER --set cas_Status=Active.
    """
    from tallystick.node.intake.single import closing, outcome_words

    changes = closing(outcome, _day(day))
    with sit_down(home, passphrase_file) as sitting:
        held = one_case(sitting.store, number, agency)
        done = _written(sitting, held, changes, "close")
    _tell(held, done, sorted(changes), as_json=as_json)
    if not as_json:
        say(_("Outcome: {words}").format(words=outcome_words(changes["ext_CaseOutcome"])))


def _day(text: str | None) -> date | None:
    from tallystick.node.intake.values import BadValueError, parse_date

    if text is None:
        return None
    try:
        return parse_date(text)
    except BadValueError as fault:
        raise UsageError(_("--date: {reason}").format(reason=fault.reason)) from None


def link(
    first: str = typer.Argument(metavar="NUMBER", help="A case."),
    second: str | None = typer.Argument(None, metavar="[OTHER]", help="Another case of the same person."),
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Whose number the first is."),
    other_agency: str | None = typer.Option(None, "--other-agency", metavar="NAME", help="Whose number the other is."),
    undo: bool = typer.Option(False, "--undo", help="Part the one case from those it was linked to."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Say that two cases are one person's, who then counts once a year; frozen years do not change."""
    from tallystick.node.cases.store import ImportRun
    from tallystick.node.intake.single import TYPED

    if undo == (second is not None):
        raise UsageError(_("name two cases, or one with --undo"), hint="tallystick case link P-1 S-7")
    with sit_down(home, passphrase_file) as sitting:
        found = [one_case(sitting.store, first, agency)]
        if second is not None:
            found.append(one_case(sitting.store, second, other_agency))
        keys = [(one.record.agency, one.record.agency_case_id) for one in found]
        run = ImportRun(_("case {action} by {who}").format(action="link", who=sitting.who), TYPED, sitting.at)
        done = sitting.store.link(run, keys[0], keys[1] if second is not None else None)
    if as_json:
        show_json({"run": done.run_id, "records": done.replaced, "linked": not undo})
        return
    said = _("This case is a person of its own again.") if undo else _("These are one person's cases now.")
    say(_("{said} {count} changed (run {run}).").format(said=said, count=done.replaced, run=done.run_id))
