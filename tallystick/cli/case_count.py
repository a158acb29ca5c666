"""``tallystick case count --by``: one exact table, for the register's officers."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.cli.output import say, show_json, show_table
from tallystick.config.i18n import _

if TYPE_CHECKING:
    from tallystick.node.tables.exact_by import ExactTable

__all__ = ["count_by"]

_WIDTH = 80
_PAIR = 2
_LONGEST = 34


def _show(table: "ExactTable", state: str, *, as_json: bool) -> None:
    """Show a table: crosswise where two dimensions fit the screen, else a line a cell."""
    if as_json:
        show_json(_document(table, state))
        return
    say(_("{state}: {count} persons").format(state=state, count=table.persons))
    if table.persons:
        say()
        lines = _crosswise(table) if len(table.axes) == _PAIR else None
        header, rows = lines if lines is not None else _listed(table)
        show_table(header, rows, right=range(1, len(header)) if lines is not None else (len(header) - 1,))
        say()
    say(_("Exact figures, never to be passed on: for the register's officers only."))


def _document(table: "ExactTable", state: str) -> dict[str, Any]:
    ids = [axis.id for axis in table.axes]
    rows = [{**dict(zip(ids, codes, strict=True)), "persons": count} for codes, _labels, count in table.rows()]
    labels = {axis.id: dict(zip(axis.codes, axis.labels, strict=True)) for axis in table.axes}
    return {"state": state, "by": ids, "persons": table.persons, "labels": labels, "rows": rows}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _crosswise(table: "ExactTable") -> tuple[list[str], list[list[str]]] | None:
    """Return header and lines of a two-way table without its empty rows and columns; None where it is too wide."""
    from tallystick.node.tables.axes import axis_title

    down, across = table.axes
    columns = [place for place in range(len(across)) if table.counts[:, place].any()]
    rows = [place for place in range(len(down)) if table.counts[place].any()]
    header = [axis_title(down.id), *(_cut(across.labels[place]) for place in columns), _("total")]
    lines = [
        [_cut(down.labels[row]), *(str(table.counts[row, place]) for place in columns), str(table.counts[row].sum())]
        for row in rows
    ]
    totals = [str(table.counts[:, place].sum()) for place in columns]
    lines.append([_("total"), *totals, str(table.persons)])
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]
    return (header, lines) if sum(widths) + 2 * (len(widths) - 1) <= _WIDTH else None


def _listed(table: "ExactTable") -> tuple[list[str], list[list[str]]]:
    from tallystick.node.tables.axes import axis_title

    room = max((_WIDTH - 10) // len(table.axes) - 2, 12)
    header = [axis_title(axis.id) for axis in table.axes]
    rows = [
        [*(label if len(label) <= room else label[: room - 1] + "…" for label in labels), str(count)]
        for _codes, labels, count in table.rows()
    ]
    return [*(title if len(title) <= room else title[: room - 1] + "…" for title in header), _("persons")], rows


def _write(table: "ExactTable", path: Path) -> None:
    """Write the cells that are not empty as CSV: code and label of each dimension, then persons.

    Raises:
        StoreError: ``path`` is already there.
    """
    from tallystick.config.files import write_new
    from tallystick.config.formulas import harmless

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    ids = [axis.id for axis in table.axes]
    writer.writerow([*(name for one in ids for name in (one, f"{one}_label")), "persons"])
    for codes, labels, count in table.rows():
        cells = (cell for pair in zip(codes, labels, strict=True) for cell in pair)
        writer.writerow([*map(harmless, cells), count])
    write_new(path, text.getvalue().encode("utf-8-sig"))


def count_by(
    home: Path,
    passphrase_file: Path | None,
    by: str,
    years: Sequence[int] | None,
    to_file: Path | None,
    *,
    detail: bool,
    as_json: bool,
) -> None:
    """Count, write the file if one is asked for, and show the table.

    Args:
        home: The home's folder.
        passphrase_file: As the flag.
        by: Dimensions as typed.
        years: Only these; None for all.
        to_file: Where to write the table as CSV.
        detail: Every country and age band, not groups of them.
        as_json: Print JSON instead of words.
    """
    from tallystick.cli.case_desk import sit_down
    from tallystick.node.tables.axes import chosen_axes
    from tallystick.node.tables.exact_by import exact_table

    names = chosen_axes(by)
    with sit_down(home, passphrase_file, with_identity=False) as sitting:
        table = exact_table(sitting.store, names, years=years, detail=detail)
    if to_file is not None:
        _write(table, to_file)
    _show(table, sitting.settings.state, as_json=as_json)
