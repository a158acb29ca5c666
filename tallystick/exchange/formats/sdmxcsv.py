r"""One published table as SDMX-CSV 2.0, in one canonical spelling.

    STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,CONF_STATUS
    dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,F,2018,44,A,F
    dataflow,TALLYSTICK:VICTIMS_SEX(1.0),I,A,KAZ,M,2018,,Q,C

UTF-8, lines end in ``\n``, rows are sorted as bytes, no quoting (no code needs any). A withheld cell has an empty
value, ``OBS_STATUS`` Q (missing: suppressed) and ``CONF_STATUS`` C, whatever the reason for withholding it: one code
for all, or the reason would tell. Every cell of the table's definition stands in it exactly once. There is one
spelling for a table, so that equal figures have equal digests: what does not re-serialise to itself is refused.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tallystick.config.catalogue import Catalogue, CellKey, TableDefinition
from tallystick.config.errors import ConfigError, MalformedError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, parse_period

__all__ = ["AGENCY", "CSV_LIMIT", "MAX_VALUE", "Observation", "ParsedTable", "parse_csv", "write_csv"]

AGENCY = "TALLYSTICK"
"""SDMX agency id of the federation's dataflows."""
CSV_LIMIT = 4 * 1024 * 1024
"""Largest data file, in bytes."""
MAX_VALUE = 10**9
"""Largest figure, in persons or reports."""

_LEAD = ("STRUCTURE", "STRUCTURE_ID", "ACTION", "FREQ", "REF_AREA")
_TAIL = ("TIME_PERIOD", "OBS_VALUE", "OBS_STATUS", "CONF_STATUS")
_WITHHELD = ",Q,C"
_STRUCTURE_ID = re.compile(r"TALLYSTICK:([A-Z][A-Z0-9_]{1,39})\(([0-9]+\.[0-9]+)\)")
_FIGURE = re.compile(r"(0|[1-9][0-9]{0,9}),A,F")
_LAYOUTS_KEPT = 512
_STATE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Observation:
    """One cell as it is published.

    Attributes:
        key: One code per dimension of the table, ``_T`` where a margin sums it.
        value: The figure, or None where it is withheld.
        withheld: True where the cell is withheld; a withheld cell carries no figure.
    """

    key: CellKey
    value: int | None
    withheld: bool

    def __post_init__(self) -> None:
        if self.withheld != (self.value is None):
            raise MalformedError(_("observation: a cell is either withheld or has a value"))
        if self.value is not None and not 0 <= self.value <= MAX_VALUE:
            raise MalformedError(_("observation: values are 0 to {limit}").format(limit=MAX_VALUE))


@dataclass(frozen=True)
class ParsedTable:
    """A data file that was read and found canonical.

    Attributes:
        table: The definition it follows.
        state: Alpha-3, upper case.
        period: A year or a block.
        observations: Every cell once, in the catalogue's order of cells.
    """

    table: TableDefinition
    state: str
    period: Period
    observations: tuple[Observation, ...]


@dataclass(frozen=True)
class _Layout:
    """What the files of one table have in common.

    Attributes:
        table: The definition.
        header: First line.
        keys: Cells in the catalogue's order.
        middles: The codes of each row as they stand in it, in the order of rows. None begins another (each ends with
            a comma), so that neither state and period before and after them nor the figures touch the order.
        places: For each row its cell's place in ``keys``.
    """

    table: TableDefinition
    header: str
    keys: tuple[CellKey, ...]
    middles: tuple[str, ...]
    places: tuple[int, ...]

    def around(self, state: str, period: Period) -> tuple[str, str]:
        """Return what stands before and after the codes in every row of a file."""
        if not _STATE.fullmatch(state):
            raise MalformedError(_("'{state}' is not an alpha-3 code in capitals").format(state=state[:10]))
        return f"dataflow,{AGENCY}:{self.table.id}({self.table.version}),I,{period.freq},{state},", f"{period.sdmx},"


_layouts: OrderedDict[tuple[int, str], tuple[Catalogue, _Layout]] = OrderedDict()


def _make_layout(catalogue: Catalogue, table: TableDefinition) -> _Layout:
    keys = catalogue.cells(table)
    rows = sorted((",".join((*key, "")), place) for place, key in enumerate(keys))
    return _Layout(
        table=table,
        header=",".join((*_LEAD, *table.dimension_ids, *_TAIL)),
        keys=keys,
        middles=tuple(middle for middle, _place in rows),
        places=tuple(place for _middle, place in rows),
    )


def _layout(catalogue: Catalogue, table: TableDefinition) -> _Layout:
    """Return the layout, remembered: an archive reads thousands of files of few tables."""
    place = (id(catalogue), table.id)
    kept = _layouts.get(place)
    if kept is None:
        # The catalogue is kept with its layout, so that no other one can come to have its id.
        kept = _layouts[place] = (catalogue, _make_layout(catalogue, table))
        while len(_layouts) > _LAYOUTS_KEPT:
            _layouts.popitem(last=False)
    return kept[1]


def _by_key(table: TableDefinition, observations: Iterable[Observation], layout: _Layout) -> dict[CellKey, Observation]:
    """Return the observations by key; each cell must be there exactly once."""
    found: dict[CellKey, Observation] = {}
    for observation in observations:
        if observation.key in found:
            raise MalformedError(
                _("{table}: cell {key} stands twice").format(table=table.id, key="/".join(observation.key))
            )
        found[observation.key] = observation
    stray = set(found).difference(layout.keys)
    if stray:
        raise MalformedError(_("{table}: has no cell {key}").format(table=table.id, key="/".join(min(stray))[:80]))
    missing = [key for key in layout.keys if key not in found]
    if missing:
        raise MalformedError(
            _("{table}: {count} of {total} cells are missing, first {key}").format(
                table=table.id, count=len(missing), total=len(layout.keys), key="/".join(missing[0])
            )
        )
    return found


def write_csv(
    catalogue: Catalogue, table: TableDefinition, state: str, period: Period, observations: Iterable[Observation]
) -> bytes:
    """Write one table of one state and period.

    Args:
        catalogue: The federation's catalogue, which ``table`` belongs to.
        table: The definition.
        state: Alpha-3, upper case.
        period: A year or a block.
        observations: Every cell of the definition once, in any order.

    Raises:
        MalformedError: A cell is missing, stands twice or is not of this table, or the file would be too large.
    """
    layout = _layout(catalogue, table)
    before, after = layout.around(state, period)
    found = _by_key(table, observations, layout)
    lines = [layout.header]
    for middle, place in zip(layout.middles, layout.places, strict=True):
        value = found[layout.keys[place]].value
        lines.append(f"{before}{middle}{after}" + (_WITHHELD if value is None else f"{value},A,F"))
    data = ("\n".join(lines) + "\n").encode()
    if len(data) > CSV_LIMIT:
        raise MalformedError(_("{table}: larger than {limit} bytes").format(table=table.id, limit=CSV_LIMIT))
    return data


def _lines(data: bytes) -> list[str]:
    if len(data) > CSV_LIMIT:
        raise MalformedError(_("data file: larger than {limit} bytes").format(limit=CSV_LIMIT))
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError(_("data file: byte {at} is not of any code").format(at=error.start)) from None
    if not text.endswith("\n"):
        raise MalformedError(_("data file: cut off (the last line does not end)"))
    lines = text[:-1].split("\n")
    if len(lines) < 2:
        raise MalformedError(_("data file: holds no row"))
    return lines


def _definition(catalogue: Catalogue, structure: str) -> TableDefinition:
    found = _STRUCTURE_ID.fullmatch(structure)
    if found is None:
        raise MalformedError(_("data file, line 2: '{id}' names no dataflow of ours").format(id=structure[:80]))
    try:
        table = catalogue.table(found[1])
    except ConfigError as error:
        raise MalformedError(_("data file, line 2: {what}").format(what=error.message), hint=error.hint) from None
    if table.version != found[2]:
        raise MalformedError(
            _("data file, line 2: {table} is version {have} in the catalogue, not {found}").format(
                table=table.id, have=table.version, found=found[2]
            )
        )
    return table


@lru_cache(maxsize=65_536)
def _observation(key: CellKey, figure: str) -> Observation | None:
    """Read what stands after a row's start, None where that is no figure; most figures of an archive are alike."""
    if figure == _WITHHELD:
        return Observation(key, None, withheld=True)
    found = _FIGURE.fullmatch(figure)
    if found is None or int(found[1]) > MAX_VALUE:
        return None
    return Observation(key, int(found[1]), withheld=False)


def _rows(lines: Sequence[str], layout: _Layout, before: str, after: str) -> tuple[Observation, ...]:
    """Read the rows; return their cells in the catalogue's order."""
    found: dict[int, Observation] = {}
    for number, (line, middle, place) in enumerate(zip(lines, layout.middles, layout.places, strict=True), 2):
        start = before + middle + after
        if not line.startswith(start):
            raise MalformedError(
                _("data file, line {line}: the row that begins '{start}' belongs there").format(
                    line=number, start=start
                )
            )
        observation = _observation(layout.keys[place], line[len(start) :])
        if observation is None:
            raise MalformedError(
                _("data file, line {line}: a figure goes with A,F and an empty value with Q,C").format(line=number),
                hint=_("figures are whole numbers from 0 to {limit} without leading zeroes").format(limit=MAX_VALUE),
            )
        found[place] = observation
    return tuple(found[place] for place in range(len(layout.keys)))


def parse_csv(data: bytes, catalogue: Catalogue) -> ParsedTable:
    """Read a data file strictly: what is accepted, ``write_csv`` writes with the same bytes.

    Args:
        data: The file, at most ``CSV_LIMIT`` bytes.
        catalogue: The catalogue that the roster names.

    Raises:
        MalformedError: Anything that is not the canonical spelling of one table of the catalogue; names the line.
    """
    lines = _lines(data)
    first = lines[1].split(",")
    table = _definition(catalogue, first[1] if len(first) > 1 else "")
    layout = _layout(catalogue, table)
    if lines[0] != layout.header:
        raise MalformedError(_("data file, line 1: the header of {table} reads otherwise").format(table=table.id))
    if len(first) != layout.header.count(",") + 1:
        raise MalformedError(_("data file, line 2: another number of columns than {table} has").format(table=table.id))
    state, period = first[len(_LEAD) - 1], parse_period(first[-len(_TAIL)])
    before, after = layout.around(state, period)
    if len(lines) - 1 != len(layout.keys):
        raise MalformedError(
            _("data file: {found} rows where {table} has {wanted} cells").format(
                found=len(lines) - 1, table=table.id, wanted=len(layout.keys)
            )
        )
    return ParsedTable(table, state, period, _rows(lines[1:], layout, before, after))
