"""An answer for a terminal: a table in 80 columns, a legend, notes, and who says so."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from tallystick.config.catalogue import TOTAL, Catalogue
from tallystick.config.i18n import _
from tallystick.exchange.query.answer import EVERY, Answer, Provenance, Row

__all__ = ["WIDTH", "render"]

WIDTH = 80
_HEAD = 11
_FROM = 9
_PERIOD = 14


def render(answer: Answer, catalogue: Catalogue, asked: int) -> list[str]:
    """Return the lines of an answer.

    Args:
        answer: What ``ask`` returned.
        catalogue: For labels.
        asked: How many states were asked.
    """
    table = catalogue.table(answer.table)
    title = f"{table.label()} ({answer.table}), {_('persons') if answer.unit == 'persons' else _('reports')}"
    numbers = {identity: number for number, identity in enumerate(answer.provenance, 1)}
    lines = [*textwrap.wrap(title, WIDTH), ""]
    lines += _table(answer, numbers, asked) if answer.rows else []
    blocks = (
        list(_legend(answer, catalogue)),
        [line for note in (*_left_out(answer), *answer.notes) for line in _wrapped("- ", note)],
        list(_sources(answer)),
    )
    return lines + [line for block in blocks if block for line in ("", *block)]


def figure_text(row: Row) -> str:
    """Return a row's figure in words: ``44 ± 3``, ``withheld``, ``364 + 2 withheld``, ``not released``."""
    if row.kind == "not_released":
        return _("not released")
    if row.kind == "missing":
        return _("missing")
    if row.kind == "withheld" or row.value is None:
        return _("withheld")
    if row.kind == "shown":
        reach = None if row.high is None else row.high - row.value
        return str(row.value) if not reach else f"{row.value} ± {reach}"
    return f"{row.value} + {row.withheld} {_('withheld')}" if row.withheld else str(row.value)


def bounds_text(row: Row) -> str:
    """Return what the true figure lies between."""
    if row.low is None:
        return ""
    if row.high is None:
        return _("no upper bound") if row.low == 0 else f"{row.low}.. {_('no upper bound')}"
    return f"{row.low}..{row.high}"


def _period_text(text: str) -> str:
    parts = text.split("+")
    if len(parts) > 1 and all(re.fullmatch("[0-9]{4}", part) for part in parts):
        years = [int(part) for part in parts]
        if years == list(range(years[0], years[-1] + 1)):
            return f"{years[0]}..{years[-1]}"
    return text if len(text) <= _PERIOD else _("{count} periods").format(count=len(parts))


def _state_text(row: Row, asked: int) -> str:
    if row.state is not None:
        return row.state
    inside = {name.split()[0] for name in row.states}
    return _("{part} of {whole}").format(part=len(inside), whole=asked)


def _ranges(numbers: Sequence[int]) -> str:
    """Write ``1-3,7`` for 1, 2, 3, 7; cut to the column's width."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    text = ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return text if len(text) <= _FROM else f"{text[: _FROM - 2].rpartition(',')[0] or runs[0][0]},.."


def _table(answer: Answer, numbers: dict[str, int], asked: int) -> Iterator[str]:
    noisy = any(row.kind == "sum" for row in answer.rows)
    header = [_("STATE"), _("PERIOD"), *(name[:_HEAD] for name in answer.dimensions), _("FIGURE")]
    header += [_("SD")] * noisy + [_("BETWEEN"), _("FROM")]
    rows = []
    for row in answer.rows:
        key = ["" if code == EVERY else _("all") if code == TOTAL else code for code in row.key]
        cells = [_state_text(row, asked), _period_text(row.period), *key, figure_text(row)]
        cells += ["" if row.noise_sd is None or row.kind != "sum" else f"{row.noise_sd:.1f}"] * noisy
        rows.append([*cells, bounds_text(row), _ranges([numbers[identity] for identity in row.releases])])
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
    for line in (header, ["-" * width for width in widths], *rows):
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def _left_out(answer: Answer) -> Iterator[str]:
    """Say what is not in the sums: nobody may take 8 of 9 states for the region."""
    places: dict[str, list[str]] = {}
    for row in answer.rows:
        if row.kind == "sum" and (row.not_released or row.missing):
            parts = []
            if row.not_released:
                parts.append(_("not released: {names}").format(names=", ".join(row.not_released)))
            if row.missing:
                parts.append(_("missing: {names}").format(names=", ".join(row.missing)))
            places.setdefault("; ".join(parts), []).append(_period_text(row.period))
    for what, periods in places.items():
        when = ", ".join(dict.fromkeys(periods))
        yield _("not in the sum for {periods}: {what}").format(periods=when, what=what)


def _legend(answer: Answer, catalogue: Catalogue) -> Iterator[str]:
    table = catalogue.table(answer.table)
    for at, name in enumerate(answer.dimensions):
        codes = dict.fromkeys(row.key[at] for row in answer.rows if row.key[at] not in {EVERY, TOTAL})
        if codes:
            labels = ", ".join(f"{code} {catalogue.code_label(table, name, code)}" for code in codes)
            yield from _wrapped(f"{name}: ", labels)


def _sources(answer: Answer) -> Iterator[str]:
    found = list(answer.provenance.values())
    if not found:
        return
    statuses = {one.status for one in found}
    yield _("From ({status}; log entry after #):").format(status=", ".join(sorted(statuses)))
    width = len(str(len(found)))
    for number, one in enumerate(found, 1):
        status = "" if len(statuses) == 1 else f"; {one.status}"
        yield from _wrapped(f"{number:>{width}}  ", _source(one) + status, hang=True)


def _source(one: Provenance) -> str:
    revision = f" {_('revision')} {one.revision}" if one.revision > 1 else ""
    method = f"{one.method['id']}/{one.method['profile']}"
    officers = ", ".join(one.officers)
    return f"{one.table} {one.state} {one.period}{revision} {one.payload_id[:8]} #{one.log_index} {method}; {officers}"


def _wrapped(lead: str, words: str, *, hang: bool = False) -> list[str]:
    indent = " " * (len(lead) + 2 * hang) if len(lead) < WIDTH // 2 else "  "
    return textwrap.wrap(words, WIDTH, initial_indent=lead, subsequent_indent=indent, break_on_hyphens=False)
