"""A proposal as ``mapping.toml``: for a person to read line by line, and for ``read_mapping_file`` to take.

Only spellings of coded columns are written, and of those that have no meaning only such as stand in several rows and in
no other column: a name that slipped into a column of codes does not come out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from tallystick.config.i18n import _
from tallystick.node.intake.characters import folded, visible
from tallystick.node.intake.fields import Kind, field_rules, kind_words
from tallystick.node.intake.mapping import FORMAT
from tallystick.node.intake.meaning import Meaning
from tallystick.node.intake.proposing import ColumnProposal, Proposal

__all__ = ["mapping_text", "shown_spellings"]

_ROWS = 2
"""Least rows that must hold a spelling without a meaning, or it is not shown."""
_LONGEST = 40
_DIGITS = 4


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's, but for DEL and what turns the direction of writing."""
    return visible(json.dumps(text, ensure_ascii=False)).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """Return one line that a comment can hold."""
    return "".join(char if char.isprintable() else " " for char in visible(text))[:100]


def shown_spellings(proposal: Proposal, one: ColumnProposal) -> tuple[list[Meaning], int]:
    """Return the spellings without a meaning that may be shown, and how many may not."""
    others = {
        folded(text)
        for other in proposal.columns
        if other.column.place != one.column.place and not other.meanings
        for text in other.column.texts
    }
    wanting = [found for found in one.meanings if found.code is None]
    shown = [
        found
        for found in wanting
        if found.could_be
        or (
            found.cells >= _ROWS
            and len(found.spelling) <= _LONGEST
            and sum(char.isdigit() for char in found.spelling) < _DIGITS
            and folded(found.spelling) not in others
        )
    ]
    return shown, len(wanting) - len(shown)


def mapping_text(proposal: Proposal, constants: Mapping[str, str], *, date: str) -> str:
    """Return the file's text.

    Args:
        proposal: What was proposed and decided.
        constants: What is the same for every case, by field.
        date: Today, for the head.
    """
    lines = [*_head(proposal, date), *_file(proposal), "", *_constants(proposal, constants)]
    for one in proposal.columns:
        lines += ["", *(_taken(proposal, one) if one.field else _open(one))]
    return "\n".join(lines) + "\n"


def _head(proposal: Proposal, date: str) -> Iterator[str]:
    taken = sum(one.field is not None for one in proposal.columns)
    yield "# " + _("What the columns and spellings of an agency's register mean.")
    yield "# " + _("Proposed by tallystick case map, {date}; read every line before the first import.").format(
        date=date
    )
    counted = _("{taken} of {all} columns are taken in, {rows} rows were looked at.")
    yield "# " + counted.format(taken=taken, all=len(proposal.columns), rows=proposal.survey.rows)
    yield "# " + _("A line that begins with # says nothing to the program.")
    for name in proposal.missing():
        yield "# " + _("STILL MISSING: a column for {field}. Until it is there, nothing can be imported.").format(
            field=name
        )
    yield f'format = "{FORMAT}"'
    yield ""


def _file(proposal: Proposal) -> Iterator[str]:
    layout = proposal.survey.layout
    yield "[file]"
    yield f'kind = "{proposal.survey.kind}"'
    for key, value in (("sheet", layout.sheet), ("encoding", layout.encoding), ("delimiter", layout.delimiter)):
        if value is not None:
            yield f"{key} = {_quoted(value)}"
    yield f"heading_rows = {proposal.survey.height}"


def _constants(proposal: Proposal, constants: Mapping[str, str]) -> Iterator[str]:
    yield "[constants]  # " + _("the same for every case of this agency")
    for name, value in constants.items():
        yield f"{name} = {_quoted(value)}"
    if "org_Name" not in constants and not proposal.has_agency():
        yield '# org_Name = ""  # ' + _("who reports; else give --agency to each import")


def _open(one: ColumnProposal) -> Iterator[str]:
    yield "# " + _("NOT TAKEN IN: {reason}").format(reason=one.reason or _("left out"))
    if one.suggestions:
        yield "# " + _("it could be: {fields}").format(fields=", ".join(one.suggestions))
    yield "[[columns]]"
    yield f"heading = {_quoted(one.column.heading)}  # {_('column')} {one.column.letter}"


def _taken(proposal: Proposal, one: ColumnProposal) -> Iterator[str]:
    rule = field_rules()[str(one.field)]
    kept = _("sealed with the person's identity") if rule.sealed else kind_words(rule.kind)
    yield "[[columns]]"
    yield f"heading = {_quoted(one.column.heading)}  # {_('column')} {one.column.letter}"
    yield f'field = "{rule.id}"  # {_plain(rule.label)}{"; " if rule.label else ""}{kept}'
    if one.separators:
        yield f"separators = [{', '.join(map(_quoted, one.separators))}]  # " + _("several values in one cell")
    made = one.rule()
    if rule.kind is Kind.DATE:
        yield f"dates = [{', '.join(map(_quoted, one.dates))}]"
    if made.two_digit_years:
        first, last = made.two_digit_years
        said = _("what two figures of a year can mean; others are rejected")
        yield f"two_digit_years = [{first}, {last}]  # {said}"
    if one.meanings:
        yield from _table(proposal, one)


def _table(proposal: Proposal, one: ColumnProposal) -> Iterator[str]:
    yield "[columns.values]"
    yield from _known([found for found in one.meanings if found.code is not None])
    shown, hidden = shown_spellings(proposal, one)
    for found in shown:
        could = _(" or ").join(found.could_be) or _("a code of this field")
        said = _("{count} cells; write {codes}, or leave it: these rows are rejected").format(
            count=found.cells, codes=could
        )
        yield f'# {_quoted(found.spelling)} = ""  # {said}'
    if hidden:
        yield "# " + _("{count} rare spellings are not shown; their rows are rejected and named").format(count=hidden)


def _known(found: Sequence[Meaning]) -> Iterator[str]:
    seen: dict[str, Meaning] = {}
    for one in found:
        before = seen.get(folded(one.spelling))
        seen[folded(one.spelling)] = one if before is None else before._replace(cells=before.cells + one.cells)
    for one in seen.values():
        said = _("{count} cells").format(count=one.cells) + ("" if one.code else "; " + _("nothing known: left out"))
        yield f"{_quoted(one.spelling)} = {_quoted(one.code or '')}  # {said}"
