"""What ``tallystick release draft`` shows: the tables, what to explain, what comes next."""

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.cli.output import say, show_json, show_table
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.desk.publication import Publication

__all__ = ["show_drafts"]

_NOTES_SHOWN = 10


def show_drafts(
    rows: "Sequence[Publication]", folder: Path, notes: Sequence[str], *, dry_run: bool, as_json: bool
) -> None:
    """Show a period's drafts.

    Args:
        rows: The period's releases.
        folder: Where the drafts lie.
        notes: Official figures that ours are not, and about which nothing is said.
        dry_run: Nothing was written.
        as_json: Print one JSON document.
    """
    if as_json:
        tables = [_drafted(row) for row in rows]
        period = rows[0].period.text if rows else ""
        show_json(
            {"period": period, "folder": str(folder), "tables": tables, "unexplained": list(notes), "dry_run": dry_run}
        )
        return
    header = (_("table"), _("shown"), _("withheld"), _("persons shown"), _("status"))
    show_table(header, [_line(row, dry_run=dry_run) for row in rows], right=(1, 2, 3))
    _show_notes(notes, dry_run=dry_run)
    if dry_run:
        say()
        say(_("Dry run: nothing was frozen, nothing was drafted."))
    elif any(row.state == "drafted" for row in rows):
        say()
        say(_("The drafts lie in {folder}").format(folder=folder))
        say(_("Next, two officers sign, each on his own computer:"))
        say(_("  tallystick release sign --all {folder} --key FILE").format(folder=folder))


def _show_notes(notes: Sequence[str], *, dry_run: bool) -> None:
    if not notes:
        return
    say()
    say(_("Public elsewhere is another figure:"))
    for note in notes[:_NOTES_SHOWN]:
        say(textwrap.fill(note, 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
    if len(notes) > _NOTES_SHOWN:
        say(_("  and {count} more; see: tallystick known compare").format(count=len(notes) - _NOTES_SHOWN))
    if dry_run:
        say(_("Explain it before drafting: tallystick known explain TABLE PERIOD KEY"))
    else:
        say(_("These drafts say nothing about it, and a draft does not change any more."))


def _drafted(row: "Publication") -> dict[str, object]:
    audit = row.statement.predicate.audit
    return {
        "period": row.period.text,
        "table": row.table_id,
        "payload_sha256": row.payload_id,
        "state": row.state.value,
        "shown": audit.shown,
        "withheld": audit.withheld,
        "persons_shown": json.loads(row.briefing)["persons_shown"],
    }


def _line(row: "Publication", *, dry_run: bool) -> tuple[str, ...]:
    from tallystick.node.desk.states import state_label

    found = _drafted(row)
    share = "" if found["persons_shown"] is None else f"{found['persons_shown']} %"
    status = _("not drafted") if dry_run else state_label(row.state)
    return row.table_id, str(found["shown"]), str(found["withheld"]), share, status
