"""What ``tallystick known`` shows, in 80 columns, as JSON and as CSV."""

import csv as csv_format
import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.cli.output import say, show_json, show_table
from tallystick.config.i18n import _, ngettext

if TYPE_CHECKING:
    from tallystick.node.known.figure import KnownFigure
    from tallystick.node.known.glotip import Workbook
    from tallystick.node.known.room import Compared, Shown
    from tallystick.node.known.store import Kept

__all__ = ["show_compared", "show_kept", "show_known", "show_taken"]

_WIDTH = 80
_SHOWN = 10
_HEADER = (
    *("table", "key", "official", "source", "status", "here", "value", "noise", "difference"),
    *("explanation", "in_release"),
)


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)


def show_kept(kept: "Kept") -> None:
    """Show what keeping some figures did."""
    say(
        _("{added} added, {changed} changed, {unchanged} unchanged").format(
            added=kept.added, changed=len(kept.changed), unchanged=kept.unchanged
        )
    )
    for figure, before in kept.changed[:_SHOWN]:
        say(
            _wrapped(
                _("{period} {what}: {before} before, now {now}").format(
                    period=figure.period.text, what=figure.subject.words, before=before, now=figure.official
                )
            )
        )
    if len(kept.changed) > _SHOWN:
        say(_("  and {count} more").format(count=len(kept.changed) - _SHOWN))
    if kept.gone:
        say(
            _wrapped(
                _("{count} figures of an earlier file are not in this one; they are kept").format(count=kept.gone), ""
            )
        )


def show_taken(file: Path, source: str, state: str, found: "Workbook", kept: "Kept", *, as_json: bool) -> None:
    """Show what was taken out of a workbook, and each row that was not."""
    if as_json:
        show_json(
            {
                "file": str(file),
                "sha256": found.sha256,
                "sheet": found.sheet,
                "source": source,
                "state": state,
                "rows": found.rows,
                "other_states": found.others,
                "added": kept.added,
                "changed": [{**_plain(one.figure), "before": one.before} for one in kept.changed],
                "unchanged": kept.unchanged,
                "gone": kept.gone,
                "not_taken": [one._asdict() for one in found.reported],
            }
        )
        return
    rows = ngettext("{count} row read", "{count} rows read", found.rows).format(count=found.rows)
    say(_("{file}: {rows}, {others} of other states").format(file=file.name, rows=rows, others=found.others))
    say(_("source: {source}").format(source=source))
    show_kept(kept)
    if found.reported:
        say()
        say(_("Rows of {state} that were not taken:").format(state=state))
        for one in found.reported[:_SHOWN]:
            say(_wrapped(_("row {row}, {what}: {reason}").format(row=one.row, what=one.what, reason=one.reason)))
        if len(found.reported) > _SHOWN:
            say(_("  and {count} more; --json has them all").format(count=len(found.reported) - _SHOWN))


def _plain(figure: "KnownFigure") -> dict[str, object]:
    return {"period": figure.period.text, "counts": figure.subject.words, "official": figure.official}


def show_known(period: str, found: "Sequence[Shown]", *, as_json: bool) -> None:
    """Show the known figures of a period."""
    if as_json:
        show_json([one.to_dict() for one in found])
        return
    if not found:
        say(_("No figures of others are known for {period}.").format(period=period))
        return
    for source in dict.fromkeys(one.figure.source for one in found):
        of_source = [one for one in found if one.figure.source == source]
        say(source)
        width = max(len(one.figure.official) for one in of_source)
        for one in of_source:
            where = "; ".join(one.places) or _("no table of ours: {reason}").format(reason=one.reason)
            deep = " " * (width + 4)
            said = f"  {one.figure.official:>{width}}  {one.figure.subject.words}"
            say(textwrap.fill(said, _WIDTH, subsequent_indent=deep, break_on_hyphens=False))
            say(_wrapped(f"-> {where}", deep))


def show_compared(period: str, found: "Sequence[Compared]", csv: Path | None, *, as_json: bool) -> None:
    """Show known figures beside ours; to a file as CSV where one is named."""
    if csv is not None:
        from tallystick.config.files import write_new

        write_new(csv, _csv(found).encode("utf-8-sig"))
    if as_json:
        show_json({"period": period, "comparisons": [one.to_dict() for one in found]})
        return
    if csv is not None:
        say(_("wrote {path}: {count} rows").format(path=csv, count=len(found)))
        return
    if not found:
        say(_("No figure of others stands in a table that is planned for {period}.").format(period=period))
        say(_("See what is known: tallystick known show {period}").format(period=period))
        return
    tables = list(dict.fromkeys(one.beside.table_id for one in found))
    for number, table in enumerate(tables):
        _table(table, period, [one for one in found if one.beside.table_id == table], first=number == 0)


def _table(table: str, period: str, found: "Sequence[Compared]", *, first: bool) -> None:
    from tallystick.exchange.formats.comparing import key_text

    status = found[0].status or _("not drafted")
    if not first:
        say()
    say(f"{table} {period} ({status})")
    header = (_("cell"), _("here"), _("official"), _("difference"), _("source"))
    rows = [
        (
            key_text(one.beside.key),
            one.here,
            one.beside.official or _("contradicts itself"),
            _difference(one),
            textwrap.shorten(one.beside.source, 30, placeholder="..."),
        )
        for one in found
    ]
    show_table(header, rows, right=(1, 2, 3))
    for one in found:
        if one.beside.explanation:
            say(_wrapped(f"{key_text(one.beside.key)}: {one.beside.explanation}"))
            if one.status is not None and not one.travels:
                say(_("    (said after drafting: it does not travel with this release)"))


def _difference(one: "Compared") -> str:
    if one.difference is None:
        return ""
    if one.difference and one.reach and abs(one.difference) <= one.reach:
        return _("{difference:+d} (noise)").format(difference=one.difference)
    return f"{one.difference:+d}" if one.difference else "0"


def _csv(found: "Sequence[Compared]") -> str:
    out = io.StringIO()
    writer = csv_format.writer(out, lineterminator="\r\n")
    writer.writerow(_HEADER)
    writer.writerows(_cells(one) for one in found)
    return out.getvalue()


def _cells(one: "Compared") -> Iterator[object]:
    from tallystick.config.formulas import harmless

    plain = one.to_dict()
    for name in _HEADER:
        value = plain[name]
        yield harmless(value) if isinstance(value, str) else value
