"""What ``tallystick case`` shows, in 80 columns."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.cli.output import say, show_json, show_table
from tallystick.config.i18n import _, ngettext

if TYPE_CHECKING:
    from tallystick.node.cases.store import RunSummary
    from tallystick.node.intake.run import ImportReport
    from tallystick.node.intake.totals import YearTotal

__all__ = ["fill", "show_generated", "show_import", "show_runs", "show_year"]

_WIDTH = 80
_LONGEST_HEADING = 40


def fill(text: str) -> str:
    """Break a long sentence at the terminal's width."""
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ")


def show_import(file: Path, done: "ImportReport", state: str, *, dry_run: bool, report: Path | None) -> None:
    """Show what became of a file."""
    stored = done.stored
    rows = ngettext("{count} row read", "{count} rows read", done.rows).format(count=done.rows)
    say(f"{file.name}: {rows}")
    counts = _("{added} added, {replaced} replaced, {unchanged} unchanged, {rejected} rejected").format(
        added=stored.added, replaced=stored.replaced, unchanged=stored.unchanged, rejected=stored.rejected
    )
    say(_("dry run, nothing changed: {counts}").format(counts=counts) if dry_run else counts)
    if done.elsewhere or done.nowhere:
        _show_left_out(done, state)
    for note in done.notes[1:]:
        say(fill(_("kept with the run: {note}").format(note=note)))
    if done.changed:
        _show_changes(done, report)
    if done.first:
        _show_rejections(done, report)


def _show_left_out(done: "ImportReport", state: str) -> None:
    left = _("left out: {elsewhere} rows of other states, {nowhere} without a country of exploitation")
    say(left.format(elsewhere=done.elsewhere, nowhere=done.nowhere))
    if done.elsewhere + done.nowhere == done.rows:
        say(_("no row names {state} as the country of exploitation").format(state=state))


def _show_changes(done: "ImportReport", report: Path | None) -> None:
    say()
    say(_("Changed values; their rows were taken in:"))
    for row, found in done.changed:
        line = _("row {row}, {field}: {value} became {became}: {reason}").format(
            row=row, field=found.field, value=found.value, became=found.became or _("nothing"), reason=found.reason
        )
        say(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
    if report is None and done.changed_values > len(done.changed):
        shown = _("{shown} of {count} shown; --report FILE writes all of them")
        say(shown.format(shown=len(done.changed), count=done.changed_values))


def _show_rejections(done: "ImportReport", report: Path | None) -> None:
    say()
    say(_("Rejected rows were not taken in; correct them and import the file again."))
    for found in done.first:
        where = _("row {row}").format(row=found.row)
        line = ", ".join(part for part in (where, found.field, found.value) if part) + f": {found.reason}"
        say(textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="    "))
    if report is not None:
        say(_("All {count} are in {path}").format(count=done.rejected_values, path=report))
    elif done.rejected_values > len(done.first):
        shown = _("{shown} of {count} shown; --report FILE writes all of them")
        say(shown.format(shown=len(done.first), count=done.rejected_values))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def show_generated(result: dict[str, Any], totals: "Sequence[YearTotal]") -> None:
    """Show how many cases were invented, and what was assumed."""
    rows = [(str(total.year), str(total.persons), "" if total.assumption else _("UNODC")) for total in totals]
    show_table((_("year"), _("persons"), _("source")), rows, right=(0, 1))
    for sentence in dict.fromkeys(total.assumption for total in totals if total.assumption):
        say(fill(_("assumed: {sentence}").format(sentence=sentence)))
    say(_("All people, shares and names are invented."))
    if "file" in result:
        say(_("{count} cases written to {path}").format(count=result["added"], path=result["file"]))
        return
    say(
        _("{added} added, {unchanged} unchanged (run {run})").format(
            added=result["added"], unchanged=result["unchanged"], run=result["run_id"]
        )
    )


def show_year(found: dict[str, Any], year: int, *, as_json: bool) -> None:
    """Show one year of the register, broken down one way at a time."""
    if as_json:
        show_json(found)
        return
    say(_("{state} {year}: {count} persons").format(state=found["state"], year=year, count=found["persons"]))
    if found["censored"]:
        say(_("already censored: a source had removed values or rows"))
    for title, codes in found["breakdown"].items():
        say()
        rows = [(label, str(number)) for label, number in codes.items() if number]
        heading = title if len(title) <= _LONGEST_HEADING else ""
        if not heading:
            say(fill(title))
        show_table((heading, _("persons")), rows, right=(1,))
    say()
    _show_facts(found["facts"])
    show_table((_("reported by"), _("persons")), [(name, str(n)) for name, n in found["agencies"].items()], right=(1,))
    say(_("Exact figures: for the register's officers only."))


def _show_facts(facts: dict[str, Any]) -> None:
    rows = [
        (table_id, one["unit"], ", ".join(f"{name} {share:.1%}" for name, share in one["share_unknown"].items()) or "-")
        for table_id, one in facts.items()
    ]
    show_table((_("table of the year"), _("unit"), _("unknown")), rows)
    basis = sorted({one["reference_date_basis"] for one in facts.values()})
    say(fill(_("a person belongs to a year by: {basis}").format(basis="; ".join(basis))))
    say(_("as of {when}").format(when=next((one["cut_off"] for one in facts.values() if one["cut_off"]), "-")))
    say()


def show_runs(found: "Sequence[RunSummary]", *, notes: bool) -> None:
    """Show what was taken in when."""
    if not found:
        say(_("nothing was taken in yet"))
        return
    header = (_("run"), _("when"), _("source"), _("added"), _("repl."), _("same"), _("rej."))
    show_table(
        header,
        [
            (
                str(one.run_id),
                one.at,
                _cut(one.source, 26),
                *map(str, (one.added, one.replaced, one.unchanged, one.rejected)),
            )
            for one in found
        ],
        right=(0, 3, 4, 5, 6),
    )
    for note in (note for one in found if notes for note in one.notes):
        say(note)
