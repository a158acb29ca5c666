"""Rows without characters that deceive: taken out of coded values and said; left as they are where text is sealed."""

from collections.abc import Callable, Iterator

from tallystick.config.i18n import _
from tallystick.node.intake.characters import (
    DECEPTIVE,
    has_direction_marks,
    mended,
    visible,
    without_direction_marks,
)
from tallystick.node.intake.fields import field_rules, header_names, token
from tallystick.node.intake.rows import Change, Row, Sheet

__all__ = ["clean_value", "cleaned_rows", "known_heading"]

_REMEMBERED = 50_000


def known_heading(text: str, is_known: Callable[[str], bool]) -> str:
    """Return a heading without what deceives, if it is known that way; else as it stands."""
    if is_known(text) and not has_direction_marks(text):
        return text
    plain = mended(without_direction_marks(text)).strip()
    return plain if is_known(plain) else text


def clean_value(name: str, text: str) -> tuple[str, Change | None]:
    """Return a coded value without direction marks and with look-alike letters mended, and what was done."""
    if not DECEPTIVE.search(text):
        return text, None
    plain = without_direction_marks(text).strip()
    became = mended(plain)
    if became == text:
        return text, None
    reasons = []
    if has_direction_marks(text):
        reasons.append(_("marks that turn the direction of writing were taken out"))
    if became != plain:
        reasons.append(_("letters of another alphabet that look alike were replaced"))
    return became, Change(name, visible(text), became, "; ".join(reasons))


def _coded(heading: str) -> str:
    """Return the field of a coded column; empty where the column is sealed and its text stays as it is."""
    ids = header_names().get(token(heading), ())
    if not ids:
        return heading
    return "" if any(field_rules()[name].sealed for name in ids) else ids[0]


def cleaned_rows(sheet: Sheet) -> Sheet:
    """Return the sheet with the coded values of its rows cleaned; each change goes with its row."""
    names = tuple(_coded(heading) for heading in sheet.header)
    return Sheet(sheet.header, _cleaned(sheet.rows, names), sheet.size, sheet.notes)


def _cleaned(rows: Iterator[Row], names: tuple[str, ...]) -> Iterator[Row]:
    """Pass rows on; a value of a coded column is looked at once, since codes repeat."""
    coded = [place for place, name in enumerate(names) if name]
    fine: set[str] = set()
    for row in rows:
        cells = row.cells
        if not cells or fine.issuperset(map(cells.__getitem__, coded)):
            yield row
            continue
        suspects = [place for place in coded if DECEPTIVE.search(cells[place])]
        if len(fine) < _REMEMBERED:
            fine.update(cells[place] for place in coded if place not in suspects)
        yield _clean(row, names, suspects) if suspects else row


def _clean(row: Row, names: tuple[str, ...], suspects: list[int]) -> Row:
    cells, changes = list(row.cells), list(row.changes)
    for place in suspects:
        cells[place], change = clean_value(names[place], row.cells[place])
        if change:
            changes.append(change)
    return Row(row.number, tuple(cells), row.fault, tuple(changes))
