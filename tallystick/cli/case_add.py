"""``tallystick case add``: one case, field by field, with a file's own rules."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli.case_ask import agreed, ask_agency, ask_fields, require_terminal, show_fields, stop
from tallystick.cli.case_desk import HomeFlag, PassphraseFlag, read_texts, sit_down
from tallystick.cli.output import JsonFlag, say, show_json
from tallystick.config.errors import MalformedError, StoreError, UsageError
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.cli.case_desk import Sitting
    from tallystick.node.cases.record import CaseRecord

__all__ = ["add"]


def add(
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Who reports the case."),
    from_file: Path | None = typer.Option(None, "--from", metavar="JSON", help="Read the fields; ask nothing."),
    every: bool = typer.Option(False, "--every-field", help="Ask for every field there is, not for the core alone."),
    home: Path = HomeFlag,
    passphrase_file: Path | None = PassphraseFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Take in one case, asked field by field, the core fields first.

    What is typed is checked at once by the rules of a file's import. Anything may stay unknown but the case's number
    and its year.
    """
    if from_file is None:
        if as_json:
            raise UsageError(_("--json needs --from: nothing is asked then"))
        require_terminal(_("write the fields to a JSON file and use --from FILE"))
    with sit_down(home, passphrase_file) as sitting:
        if from_file is not None:
            texts = read_texts(from_file)
            record = _prepared(sitting, texts, agency)
        else:
            record = _asked(sitting, agency, every=every)
        done = _save(sitting, record)
    if as_json:
        show_json({"agency": record.agency, "number": record.agency_case_id, "year": record.year, "run": done})
        return
    say(_("Case {number} of {agency} is in the register (run {run}).").format(
        number=record.agency_case_id, agency=record.agency, run=done
    ))  # fmt: skip


def _prepared(sitting: "Sitting", texts: dict[str, str], agency: str | None) -> "CaseRecord":
    from tallystick.node.intake.single import prepare

    return prepare(sitting.store, texts, agency=agency, **sitting.rules)


def _save(sitting: "Sitting", record: "CaseRecord") -> int:
    from tallystick.node.intake.single import add_case

    return add_case(sitting.store, record, at=sitting.at, who=sitting.who).run_id


def _asked(sitting: "Sitting", agency: str | None, *, every: bool) -> "CaseRecord":
    """Ask until the case can be taken in and the officer says so."""
    from tallystick.node.intake.entry import core_fields, other_fields

    years = sitting.store.counts_by_year()
    agency = agency or ask_agency(sorted({name for year in years for name in sitting.store.agencies(year)}))
    rules, texts = core_fields(), dict[str, str]()
    if every:
        rules = (*rules, *other_fields())
    while True:
        ask_fields(rules, texts)
        try:
            record = _prepared(sitting, texts, agency)
        except (MalformedError, StoreError) as refused:
            say()
            say(refused.message)
            say(_("Please go through the fields again; what you typed is kept."))
            continue
        show_fields(texts, rules, record)
        say()
        if agreed(_("Save this case?")):
            return record
        if not agreed(_("Go through the fields again?")):
            stop()
