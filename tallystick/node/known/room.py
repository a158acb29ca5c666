"""Everything a person does with known figures: take them in, look at them, compare, explain."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, load_shipped, planned_tables
from tallystick.config.errors import ConfigError, UsageError
from tallystick.config.i18n import _, ngettext
from tallystick.config.periods import Period
from tallystick.exchange.formats.comparing import figure_words, key_text, reach_of
from tallystick.exchange.formats.sdmxcsv import parse_csv
from tallystick.node.desk.bench import Bench
from tallystick.node.desk.publication import Publication
from tallystick.node.desk.states import PublicationState, state_label
from tallystick.node.known.beside import Beside, besides, unexplained
from tallystick.node.known.figure import (
    SOURCE_LIMIT,
    ByHand,
    KnownFigure,
    check_text,
    official_number,
    parse_official,
    subject_text,
)
from tallystick.node.known.placing import places_of, why_nowhere
from tallystick.node.known.store import Explanation, Kept, KnownStore, SourceLine

if TYPE_CHECKING:
    from tallystick.node.known.glotip import Workbook

__all__ = ["Compared", "Known", "Shown"]


@dataclass(frozen=True)
class Shown:
    """One known figure with the cells that count the same, or why there is none."""

    figure: KnownFigure
    places: tuple[str, ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "source": self.figure.source,
            "period": self.figure.period.text,
            "counts": self.figure.subject.words,
            "official": self.figure.official,
            "places": list(self.places),
            "no_table": self.reason or None,
            "file_sha256": self.figure.file_sha256 or None,
            "where": self.figure.place or None,
        }


@dataclass(frozen=True)
class Compared:
    """One known figure beside what we publish.

    Attributes:
        beside: The known figure and its cell.
        status: Where our release stands, in words; None where nothing was drafted.
        value: Our published figure, None where it is withheld or not there.
        here: It in words.
        difference: Ours less theirs, where both are numbers.
        reach: How far ours may be off by its noise.
        travels: Whether the release itself carries this comparison with this explanation.
    """

    beside: Beside
    status: str | None
    value: int | None
    here: str
    difference: int | None
    reach: int | None
    travels: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "table": self.beside.table_id,
            "key": key_text(self.beside.key),
            "source": self.beside.source,
            "official": self.beside.official or None,
            "status": self.status,
            "here": self.here,
            "value": self.value,
            "noise": self.reach,
            "difference": self.difference,
            "explanation": self.beside.explanation,
            "in_release": self.travels,
        }


class Known:
    """Known figures of a desk.

    Args:
        bench: The desk's tools.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.store = KnownStore(bench.database)

    def catalogue(self) -> Catalogue:
        """Return the federation's catalogue, or the shipped one while this desk belongs to none."""
        try:
            return self._bench.catalogue(self._bench.roster())
        except ConfigError:
            return load_shipped()

    def take(self, path: Path, source: str, advance: Callable[[int], None]) -> "tuple[Workbook, Kept]":
        """Take this state's figures out of a GLOTIP workbook; the same file again changes nothing."""
        from tallystick.node.known.glotip import read_workbook  # noqa: PLC0415 - drafting reads no workbook

        source = check_text(source, "--source", SOURCE_LIMIT)
        found = read_workbook(path, source, self._bench.state, advance)
        with self._bench.locked():
            kept = self.store.keep(found.figures.get(self._bench.state, ()), self._bench.clock.now(), whole_source=True)
        return found, kept

    def add(self, table_id: str, period: Period, key: str, value: str, source: str) -> Kept:
        """Keep one figure that a person read somewhere.

        Raises:
            UsageError: No such table or cell, or no figure.
        """
        subject = self._cell(table_id, key)
        official = parse_official(value)
        if official is None:
            raise UsageError(
                _("'{value}' is neither a whole number nor a hidden one").format(value=value[:40]), hint="92, <5"
            )
        figure = KnownFigure(check_text(source, "--source", SOURCE_LIMIT), period, subject, official)
        with self._bench.locked():
            return self.store.keep([figure], self._bench.clock.now())

    def remove(self, source: str, period: Period | None, table_id: str | None, key: str | None) -> int:
        """Take away a source, or the one figure of it that was typed for a cell; return how many figures went.

        Raises:
            UsageError: There is none.
        """
        subject = None
        if period is not None:
            subject = subject_text(self._cell(table_id or "", key or TOTAL))
        with self._bench.locked():
            gone = self.store.remove(source, period, subject)
        if not gone:
            raise UsageError(
                _("nothing like that is known from '{source}'").format(source=source[:60]),
                hint=_("see: tallystick known list; a single figure can be taken away only where it was typed"),
            )
        return gone

    def explain(self, table_id: str, period: Period, key: str, source: str, text: str) -> Beside:
        """Keep why ours differs from one known figure.

        Raises:
            UsageError: No such figure is known, or the text cannot stand in a statement.
        """
        cell = self._cell(table_id, key)
        plain = check_text(text, _("the explanation")) if text.strip() else ""
        wanted = (cell.table_id, cell.key, source)
        with self._bench.locked():
            known = {(one.table_id, one.key, one.source): one for one in self._besides(period)}
            found = known.get(wanted)
            if found is None or not found.official:
                raise UsageError(
                    _("no figure for {cell} {period} is known from '{source}'").format(
                        cell=cell.words, period=period.text, source=source[:60]
                    ),
                    hint=_("see: tallystick known compare {period}").format(period=period.text),
                )
            given = Explanation(found.official, plain)
            self.store.explain(source, period, cell.table_id, cell.key, given, self._bench.clock.now())
        return found._replace(explanation=plain)

    def sources(self) -> tuple[SourceLine, ...]:
        """Return the sources there are."""
        return self.store.sources()

    def show(self, period: Period) -> tuple[Shown, ...]:
        """Return what is known of a period, with its place in our tables."""
        catalogue = self.catalogue()
        return tuple(self._shown(figure, catalogue) for figure in self.store.figures(period))

    def _shown(self, figure: KnownFigure, catalogue: Catalogue) -> Shown:
        places = places_of(figure.subject, self._bench.state, catalogue)
        named = tuple(f"{place.table_id} {key_text(place.key)}" for place in places)
        return Shown(figure, named, "" if named else why_nowhere(figure.subject))

    def compare(self, period: Period, table_id: str | None = None) -> tuple[Compared, ...]:
        """Set what is known of a period beside what was drafted or released of it; never beside an exact count."""
        wanted = self.catalogue().table(table_id).id if table_id is not None else None
        rows = {row.table_id: row for row in self._bench.publications.of_period(period)}
        ours = {name: _ours(row, self._catalogue_of(row)) for name, row in rows.items()}
        return tuple(
            _compared(one, rows.get(one.table_id), ours.get(one.table_id, {}))
            for one in self._besides(period)
            if wanted in {None, one.table_id}
        )

    def unexplained(self, rows: Iterable[Publication]) -> tuple[str, ...]:
        """Return a sentence for each official figure that a draft's own is not, and about which it says nothing."""
        lines, small = [], 0
        for row in rows:
            if row.state is PublicationState.DRAFTED:
                cells = parse_csv(row.data, self._catalogue_of(row)).observations
                found, within = unexplained(row.statement.predicate, cells)
                lines += [f"{row.table_id} {line}" for line in found]
                small += within
        if small:
            lines.append(
                ngettext(
                    "{count} figure differs by no more than the noise",
                    "{count} figures differ by no more than the noise",
                    small,
                ).format(count=small)
            )
        return tuple(lines)

    def _besides(self, period: Period) -> tuple[Beside, ...]:
        return besides(self.store, self.catalogue(), self._bench.state, period)

    def _catalogue_of(self, row: Publication) -> Catalogue:
        """Return the catalogue that a release follows; a rehearsed one's is not among the evidence."""
        named, now = row.statement.predicate.catalogue.sha256, self.catalogue()
        return now if now.sha256 == named else self._bench.evidence.catalogue(named)

    def _cell(self, table_id: str, key: str) -> ByHand:
        """Read a cell as a person types it: codes joined by a stroke; ``_T`` alone for a table's one cell."""
        catalogue = self.catalogue()
        table = catalogue.table(table_id)
        codes: CellKey = tuple(key.strip().upper().split("/"))
        if not table.dimensions and codes == (TOTAL,):
            codes = ()
        cells = catalogue.cells(table)
        if codes not in cells:
            first = ", ".join(key_text(cell) for cell in cells[:6])
            raise UsageError(
                _("{table} has no cell {key}").format(table=table.id, key=key[:60]),
                hint=_("cells are written so: {cells}").format(cells=first + (", ..." if len(cells) > 6 else "")),
            )
        return ByHand(table.id, codes)

    def planned(self, period: Period) -> tuple[str, ...]:
        """Return the tables that the state's plan has in a period."""
        return tuple(table.id for table in planned_tables(self.catalogue(), self._bench.state, period))


def _ours(row: Publication, catalogue: Catalogue) -> dict[CellKey, int | None]:
    return {cell.key: cell.value for cell in parse_csv(row.data, catalogue).observations}


def _compared(beside: Beside, row: Publication | None, ours: dict[CellKey, int | None]) -> Compared:
    if row is None or beside.key not in ours:
        return Compared(beside, None, None, _("not drafted"), None, None, travels=False)
    value, predicate = ours[beside.key], row.statement.predicate
    reach = reach_of(predicate.method)
    number = official_number(beside.official) if beside.official else None
    difference = value - number if value is not None and number is not None else None
    carried = {(one.key, one.source, one.official, one.explanation) for one in predicate.metadata.comparisons}
    travels = (beside.key, beside.source, beside.official, beside.explanation) in carried
    return Compared(beside, state_label(row.state), value, figure_words(value, reach), difference, reach, travels)
