"""Questions about a register that its headings and spellings leave open: numbered, each can be skipped."""

import typer

from tallystick.cli.case_show import fill
from tallystick.cli.output import printable, say
from tallystick.config.i18n import _
from tallystick.node.intake.fields import FieldRule, Kind, field_rules
from tallystick.node.intake.mapping import CASE_NUMBER
from tallystick.node.intake.mapping_text import shown_spellings
from tallystick.node.intake.meaning import Meaning
from tallystick.node.intake.proposing import ColumnProposal, Proposal, examine

__all__ = ["ask_all"]


def _choose(question: str, choices: list[str]) -> int | None:
    """Ask for a number until one is typed; None to skip."""
    say(fill(question))
    for number, choice in enumerate(choices, start=1):
        say(f"  {number:>2}  {printable(choice, lines=False)[:70]}")
    while True:
        typed = typer.prompt(_("number, or Enter to skip"), default="", show_default=False).strip()
        if not typed:
            return None
        if typed.isdigit() and 1 <= int(typed) <= len(choices):
            return int(typed) - 1
        say(_("a number from 1 to {last}").format(last=len(choices)))


def _label(name: str) -> str:
    rule = field_rules()[name]
    return f"{name}  {rule.label}".rstrip()


def ask_all(proposal: Proposal, constants: dict[str, str], year: int) -> tuple[Proposal, dict[str, str]]:
    """Ask for what is open: the needed columns first, then resembling ones, then spellings, then who reports.

    Args:
        proposal: What was proposed.
        constants: What is the same for every case, as far as it was given.
        year: Now.
    """
    while proposal.missing():
        before = proposal
        proposal = _ask_missing(proposal, year)
        if proposal is before:
            break
    for one in proposal.columns:
        if one.field is None and one.suggestions:
            proposal = proposal.with_column(_ask_column(proposal, one, year))
    for one in proposal.columns:
        if one.field is not None:
            proposal = proposal.with_column(_ask_dates(_ask_spellings(proposal, one)))
    if "org_Name" not in constants and not proposal.has_agency():
        typed = typer.prompt(_("Who reports (Enter to skip)"), default="", show_default=False).strip()
        constants = {**constants, "org_Name": typed} if typed else constants
    return proposal, constants


def _ask_missing(proposal: Proposal, year: int) -> Proposal:
    missing = proposal.missing()
    open_columns = [one for one in proposal.columns if one.field is None]
    if not open_columns:
        return proposal
    question = (
        _("Which column holds the case number, one for each person?")
        if missing == (CASE_NUMBER,)
        else _("Which column says when the authority registered the person?")
    )
    chosen = _choose(question, [f"{one.column.letter}  {one.column.heading}" for one in open_columns])
    if chosen is None:
        return proposal
    for name in missing:
        made = examine(open_columns[chosen].column, name, year, proposal.survey.rows, asked=name == CASE_NUMBER)
        if made.field:
            return proposal.with_column(made)
    say(fill(_("It holds no dates and no years that can be read.")))
    return proposal


def _ask_column(proposal: Proposal, one: ColumnProposal, year: int) -> ColumnProposal:
    taken = {other.field for other in proposal.columns if other.field}
    free = [name for name in one.suggestions if name in field_rules() and name not in taken]
    if not free:
        return one
    question = _("Column {letter} '{heading}': {reason}. What is it?").format(
        letter=one.column.letter, heading=one.column.heading[:60], reason=one.reason
    )
    chosen = _choose(question, [_label(name) for name in free])
    if chosen is None:
        return one
    made = examine(one.column, free[chosen], year, proposal.survey.rows, asked=True)
    if not made.field:
        say(fill(made.reason))
    return made


def _ask_dates(one: ColumnProposal) -> ColumnProposal:
    if not one.ambiguous_dates:
        return one
    question = _("Column {letter} '{heading}': in which order stand day and month?").format(
        letter=one.column.letter, heading=one.column.heading[:60]
    )
    orders = ("DD/MM/YYYY", "MM/DD/YYYY")
    chosen = _choose(question, list(orders))
    if chosen is None:
        return ColumnProposal(one.column, None, _("days and months cannot be told apart"), (str(one.field),))
    start = orders[chosen][:2]
    both = [f"{start}{mark}{'MM' if start == 'DD' else 'DD'}{mark}{year}" for mark in "/-" for year in ("YYYY", "YY")]
    from tallystick.node.intake.datestyles import STYLES

    styles = (*(style for style in one.dates if style[:2] not in {"DD", "MM"} or "." in style), *both)
    return ColumnProposal(
        one.column, one.field, dates=tuple(style for style in styles if style in STYLES), span=one.span
    )


def _ask_spellings(proposal: Proposal, one: ColumnProposal) -> ColumnProposal:
    """Ask for the spellings of a coded column that mean nothing, or two things."""
    shown, _hidden = shown_spellings(proposal, one)
    rule = field_rules()[str(one.field)]
    answered: dict[str, str] = {}
    for found in shown:
        code = _ask_spelling(one, rule, found)
        if code is not None:
            answered[found.spelling] = code
    changed = tuple(found._replace(code=answered.get(found.spelling, found.code)) for found in one.meanings)
    return ColumnProposal(**{**one.__dict__, "meanings": changed})


def _ask_spelling(one: ColumnProposal, rule: FieldRule, found: Meaning) -> str | None:
    question = _("Column {letter} '{heading}', {count} cells: what is '{spelling}'?").format(
        letter=one.column.letter, heading=one.column.heading[:40], count=found.cells, spelling=found.spelling
    )
    if rule.kind in {Kind.COUNTRY, Kind.COUNTRIES} and not found.could_be:
        return _ask_country(question)
    codes = list(found.could_be) or sorted(set(rule.tokens.values())) or ["true", "false"]
    chosen = _choose(question, [*codes, _("nothing is known: leave the value out")])
    if chosen is None:
        return None
    return codes[chosen] if chosen < len(codes) else ""


def _ask_country(question: str) -> str | None:
    from tallystick.config.codes import country_names

    while True:
        typed = typer.prompt(f"{question} {_('Three letters, or Enter to skip')}", default="", show_default=False)
        code = typed.strip().upper()
        if not code or code in country_names():
            return code or None
