"""Which known figures stand beside which cells of a period, and what of it goes into a statement."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tallystick.config.catalogue import Catalogue, CellKey, planned_tables
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.formats.comparing import figure_words, key_text, reach_of, said_of
from tallystick.exchange.formats.predicate import MOST_COMPARISONS, Comparison, ReleasePredicate
from tallystick.exchange.formats.sdmxcsv import Observation
from tallystick.node.known.figure import KnownFigure, official_number
from tallystick.node.known.placing import places_of
from tallystick.node.known.store import KnownStore

__all__ = ["Beside", "besides", "comparisons_for", "differs", "unexplained"]

Cell = tuple[str, CellKey, str]
"""Table, row key, source."""


class Beside(NamedTuple):
    """A known figure beside a cell.

    Attributes:
        table_id: Table of the catalogue.
        key: Row key in it.
        source: Who published the figure.
        official: The figure; empty where the source contradicts itself.
        explanation: Why ours differs; empty where nothing was said, or was said of another figure.
    """

    table_id: str
    key: CellKey
    source: str
    official: str
    explanation: str


def _by_cell(figures: Iterable[KnownFigure], state: str, catalogue: Catalogue) -> dict[Cell, set[str]]:
    found: dict[Cell, set[str]] = defaultdict(set)
    for figure in figures:
        for place in places_of(figure.subject, state, catalogue):
            found[place.table_id, place.key, figure.source].add(figure.official)
    return found


def _summed(years: Sequence[Mapping[Cell, set[str]]]) -> Iterator[tuple[Cell, set[str]]]:
    """Add up the years of a block where all of them are known to the last person."""
    for cell in years[0]:
        numbers = [official_number(next(iter(year[cell]))) if len(year.get(cell, ())) == 1 else None for year in years]
        if None not in numbers:
            yield cell, {str(sum(number or 0 for number in numbers))}


def besides(store: KnownStore, catalogue: Catalogue, state: str, period: Period) -> tuple[Beside, ...]:
    """Return what is known of the cells that a state's plan has in a period, in the order of tables, keys, sources.

    A block is the sum of its years, and so is a figure for it, where a source gives an exact one for each; a figure
    that the source itself gives for the block comes first.

    Args:
        store: Known figures.
        catalogue: The tables there are.
        state: Alpha-3.
        period: A year or a block.
    """
    planned = [table.id for table in planned_tables(catalogue, state, period)]
    found = _by_cell(store.figures(period), state, catalogue)
    if period.is_block:
        years = [_by_cell(store.figures(Period(year, year)), state, catalogue) for year in period.years]
        found = {**dict(_summed(years)), **found}
    said = store.explanations(period)
    lines = []
    for (table, key, source), officials in found.items():
        if table in planned:
            official = next(iter(officials)) if len(officials) == 1 else ""
            given = said.get((table, source, key))
            text = given.text if given is not None and given.official == official else ""
            lines.append(Beside(table, key, source, official, text))
    return tuple(sorted(lines, key=lambda one: (planned.index(one.table_id), one.key, one.source)))


def comparisons_for(
    store: KnownStore, catalogue: Catalogue, state: str, period: Period
) -> dict[str, tuple[Comparison, ...]]:
    """Return by table what a draft's statements say about figures that are public elsewhere.

    Raises:
        UsageError: More than a statement takes.
    """
    found: dict[str, list[Comparison]] = defaultdict(list)
    for one in besides(store, catalogue, state, period):
        if one.official:
            made = Comparison(explanation=one.explanation, key=one.key, official=one.official, source=one.source)
            found[one.table_id].append(made)
    for table, given in found.items():
        if len(given) > MOST_COMPARISONS:
            raise UsageError(
                _("{table} {period}: {count} known figures; a statement takes {limit}").format(
                    table=table, period=period.text, count=len(given), limit=MOST_COMPARISONS
                ),
                hint=_("take a source away: tallystick known remove --source TEXT"),
            )
    return {table: tuple(given) for table, given in found.items()}


def differs(official: str, value: int | None) -> bool:
    """Tell whether a published figure is another than the official one; a withheld cell says neither."""
    number = official_number(official)
    if value is None:
        return False
    return value >= int(official[1:]) if number is None else value != number


def unexplained(predicate: ReleasePredicate, cells: Sequence[Observation]) -> tuple[list[str], int]:
    """Return a sentence for each official figure that the shown one is not, and about which nothing is said.

    Differences that the noise alone can make are counted beside.
    """
    values, reach = {cell.key: cell.value for cell in cells}, reach_of(predicate.method)
    lines, small = [], 0
    for one in predicate.metadata.comparisons:
        value = values[one.key]
        if one.explanation or not differs(one.official, value):
            continue
        number = official_number(one.official)
        if number is not None and value is not None and reach is not None and abs(value - number) <= reach:
            small += 1
        else:
            here = said_of(one.official, one.source, figure_words(value, reach), "")
            lines.append(_("{key}: {said}, and no explanation").format(key=key_text(one.key), said=here))
    return lines, small
