"""Answering a question: figures of every state and period, summed where that was asked, never more than is known."""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, planned_tables
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.query.answer import EVERY, Answer, Provenance, Row, provenance_of
from tallystick.exchange.query.figures import Figure, Figures, Kind, family, sum_of
from tallystick.exchange.query.notes import notes_for
from tallystick.exchange.query.question import Question, Resolved, resolve
from tallystick.exchange.query.slices import SliceReader
from tallystick.keys.roster_types import Roster

__all__ = ["ask"]


@dataclass
class _Group:
    """What goes into one row per key: the states and periods whose figures are added."""

    state: str | None
    periods: list[Period]
    figures: dict[CellKey, list[Figure]] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    not_released: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def ask(archive: Archive, catalogue: Catalogue, roster: Roster, question: Question) -> Answer:
    """Answer a question from everything that was verified.

    Args:
        archive: Its index is read, nothing else.
        catalogue: The federation's table catalogue.
        roster: Whose states are asked; those that publish nothing are left out.
        question: What is asked.

    Raises:
        UsageError: A name in the question is not known; the hint lists those that are.
        ConfigError: No such table.
        StoreError: There is no index, or it cannot be read.
    """
    wanted = resolve(question, catalogue, roster)
    with closing(archive.open_index()) as index:
        tables = [table.id for table in family(catalogue, wanted.table)]
        return _Engine(catalogue, wanted, SliceReader(index, tables, wanted.states)).answer()


class _Engine:
    """One question being answered."""

    def __init__(self, catalogue: Catalogue, wanted: Resolved, reader: SliceReader) -> None:
        self._catalogue = catalogue
        self._wanted = wanted
        self._reader = reader
        self._figures = Figures(catalogue, wanted.table, reader)
        self._targets = list(self._keys())
        self._elsewhere: dict[str, set[Period]] = {}
        self._provenance: dict[str, Provenance] = {}
        self._over_periods, self._over_states = _("sum over periods"), _("sum of {count} states")

    def answer(self) -> Answer:
        """Return everything about the question."""
        groups = self._groups()
        rows = tuple(row for group in groups for row in self._rows(group))
        wanted = self._wanted
        return Answer(
            table=wanted.table.id,
            unit=wanted.table.unit,
            dimensions=wanted.table.dimension_ids,
            rows=rows,
            notes=notes_for(wanted, rows, self._provenance, self._elsewhere),
            provenance=self._provenance,
        )

    def _keys(self) -> Iterator[tuple[CellKey, tuple[CellKey, ...]]]:
        """Yield each key that is asked for, with the inner cells that make it up."""
        table, wanted = self._wanted.table, self._wanted
        codes = [self._catalogue.codes(table, name) for name in table.dimension_ids]
        shown = [
            (wanted.fixed[name],) if name in wanted.fixed else (TOTAL,) if name in wanted.summed else all_codes
            for name, all_codes in zip(table.dimension_ids, codes, strict=True)
        ]
        for key in itertools.product(*shown):
            axes = [all_codes if code == TOTAL else (code,) for code, all_codes in zip(key, codes, strict=True)]
            yield key, tuple(itertools.product(*axes))

    def _groups(self) -> list[_Group]:
        wanted = self._wanted
        groups: dict[tuple[str | None, object], _Group] = {}
        asked = wanted.periods or self._reader.periods(wanted.table.id)
        for state, period in itertools.product(wanted.states, asked):
            if not wanted.periods and not self._stands(state, period) and not wanted.over_state:
                continue
            named = None if wanted.over_state else state
            place = (named, period.is_block if wanted.over_period else period)
            group = groups.setdefault(place, _Group(named, []))
            if period not in group.periods:
                group.periods.append(period)
            self._add(group, state, period)
        order = {state: number for number, state in enumerate(wanted.states)}
        return sorted(
            groups.values(),
            key=lambda group: (group.periods[0].is_block, order.get(group.state or "", 0), group.periods),
        )

    def _stands(self, state: str, period: Period) -> bool:
        """Tell whether the state's plan has this table at this period, by year or in the block."""
        fits = self._wanted.table in planned_tables(self._catalogue, state, period)
        if not fits:
            self._elsewhere.setdefault(state, set()).add(period)
        return fits

    def _add(self, group: _Group, state: str, period: Period) -> None:
        found = self._reader.get(state, self._wanted.table.id, period)
        name = f"{state} {period}" if self._wanted.over_period else state
        if found is None:
            stands = self._stands(state, period)
            known = state in self._reader.seen
            here = (state, self._wanted.table.id, period.text) not in self._reader.without_data
            (group.not_released if (known and here) or (known and not stands) else group.missing).append(name)
            return
        group.states.append(name)
        for key, inner in self._targets:
            if all(cell in found.cells for cell in (inner if key not in found.cells else (key,))):
                group.figures.setdefault(key, []).append(self._figures.total(found, key, inner))

    def _rows(self, group: _Group) -> Iterator[Row]:
        if not group.figures:
            kind: Kind = "missing" if group.missing else "not_released"
            yield self._row(group, (EVERY,) * len(self._wanted.table.dimensions), kind, None)
            return
        for key, _inner in self._targets:
            figures = group.figures.get(key)
            if figures:
                adds = group.state is None or len(group.periods) > 1
                figure = self._summed(group, figures) if adds else figures[0]
                yield self._row(group, key, figure.kind, figure)

    def _summed(self, group: _Group, figures: Sequence[Figure]) -> Figure:
        bases = list(dict.fromkeys(figure.basis for figure in figures))
        what = self._over_periods if group.state else self._over_states.format(count=len(figures))
        return sum_of(figures, f"{what}: {'; '.join(bases[:3])}")

    def _row(self, group: _Group, key: CellKey, kind: Kind, figure: Figure | None) -> Row:
        used = figure.used if figure else ()
        for found in used:
            if found.payload_id not in self._provenance:
                self._provenance[found.payload_id] = provenance_of(found)
        variance = figure.variance if figure and figure.value is not None else None
        return Row(
            state=group.state,
            period="+".join(period.text for period in group.periods),
            freq=group.periods[0].freq,
            key=key,
            kind=kind,
            value=figure.value if figure else None,
            low=figure.low if figure else None,
            high=figure.high if figure else None,
            noise_sd=None if variance is None else round(math.sqrt(variance), 3),
            basis=figure.basis if figure else "",
            releases=tuple(found.payload_id for found in used),
            states=tuple(group.states),
            not_released=tuple(group.not_released),
            missing=tuple(group.missing),
            withheld=figure.withheld if figure else 0,
        )
