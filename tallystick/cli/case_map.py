"""``tallystick case map`` and ``case template``: an agency's own register, and ours to fill in."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli.case_show import fill
from tallystick.cli.output import JsonFlag, progress, say, show_json, show_table
from tallystick.config.errors import UsageError
from tallystick.config.i18n import LANGUAGES, _, current_language, set_language

if TYPE_CHECKING:
    from tallystick.node.intake.proposing import ColumnProposal, Proposal

__all__ = ["map_", "template"]

_KIB = 1024
_SHORT = 34
LangFlag = typer.Option(None, "--lang", metavar="en|ru", help="Language of what is written and shown.")


def _use(language: str | None) -> str:
    if language is not None and language not in LANGUAGES:
        raise UsageError(_("no language is called {name}").format(name=language[:10]), hint=", ".join(LANGUAGES))
    if language is not None:
        set_language(language)
    return current_language()


def map_(
    file: Path = typer.Argument(metavar="FILE", help="An agency's register: a workbook or CSV."),
    output: Path = typer.Option(Path("mapping.toml"), "-o", "--output", metavar="TOML", help="Where to write it."),
    sheet: str | None = typer.Option(None, "--sheet", metavar="NAME", help="Sheet of the workbook."),
    encoding: str | None = typer.Option(None, "--encoding", metavar="NAME", help="Encoding of the text, as cp1251."),
    agency: str | None = typer.Option(None, "--agency", metavar="NAME", help="Who reports, for every case."),
    country: str | None = typer.Option(None, "--exploited-in", metavar="KAZ", help="Country of exploitation of all."),
    language: str | None = LangFlag,
    unattended: bool = typer.Option(False, "--unattended", help="Ask nothing; leave open what is not sure."),
    as_json: bool = JsonFlag,
) -> None:
    """Propose what the columns of an agency's own register mean.

    Writes mapping.toml to be read and mended, then used by case import --mapping. Shows no name and no document.
    """
    from tallystick.cli.case_map_ask import ask_all
    from tallystick.config.clock import SystemClock
    from tallystick.config.files import write_new
    from tallystick.node.intake.mapping_text import mapping_text
    from tallystick.node.intake.proposing import propose
    from tallystick.node.intake.rows import Layout
    from tallystick.node.intake.survey import survey

    _use(language)
    if output.exists():
        raise UsageError(
            _("{path} already exists and was not touched").format(path=output), hint=_("choose another name with -o")
        )
    now = SystemClock().now()
    size = file.stat().st_size // _KIB + 1 if file.is_file() else None
    read = [0]
    with progress(_("reading (KiB)"), size) as bar:

        def advance(count: int) -> None:
            before, read[0] = read[0], read[0] + count
            bar(read[0] // _KIB - before // _KIB)

        found = survey(file, Layout(sheet, encoding), advance)
    proposal = propose(found, now.year)
    constants = _constants(agency, country)
    if not (unattended or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
        proposal, constants = ask_all(proposal, constants, now.year)
    write_new(output, mapping_text(proposal, constants, date=now.date().isoformat()).encode())
    if as_json:
        show_json(_as_json(proposal, constants, output))
        return
    _show(proposal, constants, file, output)


def _constants(agency: str | None, country: str | None) -> dict[str, str]:
    from tallystick.config.codes import country_names

    constants = {}
    if agency:
        constants["org_Name"] = agency
    if country:
        if country.upper() not in country_names():
            raise UsageError(_("no country has the code {code}").format(code=country[:10]), hint="--exploited-in KAZ")
        constants["ext_CountryOfExploitation"] = country.upper()
    return constants


def _as_json(proposal: "Proposal", constants: dict[str, str], output: Path) -> dict[str, Any]:
    from tallystick.node.intake.mapping_text import shown_spellings

    columns = [
        {
            "column": one.column.letter,
            "heading": one.column.heading,
            "field": one.field,
            "reason": one.reason,
            "suggestions": list(one.suggestions),
            "unmapped_spellings": sum(1 for found in one.meanings if found.code is None),
            "spellings_to_decide": [found.spelling for found in shown_spellings(proposal, one)[0]],
        }
        for one in proposal.columns
    ]
    return {
        "mapping": str(output),
        "sheet": proposal.survey.layout.sheet,
        "heading_row": proposal.survey.heading_row,
        "rows": proposal.survey.rows,
        "constants": constants,
        "columns": columns,
        "missing": list(proposal.missing()),
    }


def _cut(text: str) -> str:
    """Return one short line of a heading; of a long one in two rows the end, which tells the columns apart."""
    flat = " ".join(text.split())
    if len(flat) <= _SHORT:
        return flat
    return "…" + flat[1 - _SHORT :] if ": " in flat else flat[: _SHORT - 1] + "…"


def _show(proposal: "Proposal", constants: dict[str, str], file: Path, output: Path) -> None:
    seen = proposal.survey
    head = _("{file}: {rows} rows below the headings in row {number}")
    say(fill(head.format(file=file.name, rows=seen.rows, number=seen.heading_row)))
    for note in seen.notes:
        say(fill(note))
    if seen.faults:
        say(fill(_("{count} rows cannot be read; the import will name them").format(count=seen.faults)))
    say()
    taken = [one for one in proposal.columns if one.field]
    if taken:
        rows = [(one.column.letter, _cut(one.column.heading), str(one.field), _left(one)) for one in taken]
        show_table((_("col"), _("heading"), _("is taken as"), ""), rows)
        say()
    _show_open([one for one in proposal.columns if not one.field])
    for name, value in constants.items():
        say(fill(_("for every case: {field} = {value}").format(field=name, value=value)))
    _show_next(proposal, constants, file, output)


def _left(one: "ColumnProposal") -> str:
    count = sum(1 for found in one.meanings if found.code is None)
    return _("{count} open").format(count=count) if count else ""


def _show_open(columns: "list[ColumnProposal]") -> None:
    if not columns:
        return
    say(_("Not taken in:"))
    for one in columns:
        text = f"{one.column.letter}  {_cut(one.column.heading)}: {one.reason}"
        say(fill(text + (f" ({', '.join(one.suggestions)}?)" if one.suggestions else "")))
    say()


def _show_next(proposal: "Proposal", constants: dict[str, str], file: Path, output: Path) -> None:
    say(fill(_("Written: {path}. Read every line, mend it, then try:").format(path=output)))
    agency = "" if "org_Name" in constants or proposal.has_agency() else ' --agency "..."'
    say(f"  tallystick case import {file} --mapping {output}{agency} --dry-run")
    missing = proposal.missing()
    if missing:
        from tallystick.node.intake.mapping import CASE_NUMBER

        say()
        say(fill(_("NOT READY: no column is taken as {names}.").format(names=_(" or ").join(missing))))
        say(fill(_how_to_mend(missing == (CASE_NUMBER,))))


def _how_to_mend(number: bool) -> str:
    if number:
        return " ".join(
            (
                _("Name the column with the case number in the file just written, by field = ..."),
                _("Two columns with that field are joined by a slash: case and person."),
                _("If the register has none, add a column that gives each person a number that never changes."),
            )
        )
    return _("Name the column that says when the authority registered the person, or add one to the register.")


def template(
    output: Path = typer.Option(Path("cases.xlsx"), "-o", "--output", metavar="XLSX", help="Where to write it."),
    language: str | None = LangFlag,
    as_json: bool = JsonFlag,
) -> None:
    """Write an empty register to fill in: a workbook with explanations and drop-down lists.

    What is filled in is taken by case import without any mapping.
    """
    from tallystick.config.files import write_new
    from tallystick.node.intake.template import FIRST_ROW, template_bytes

    chosen = _use(language)
    write_new(output, template_bytes(chosen))
    if as_json:
        show_json({"template": str(output), "language": chosen, "first_row": FIRST_ROW})
        return
    say(fill(_("Written: {path}. Fill in from row {row} on; then:").format(path=output, row=FIRST_ROW)))
    say(f'  tallystick case import {output} --agency "..." --dry-run')
