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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
_SHOWN, _WITHHELD = ("A", "F"), ("Q", "C")
_STRUCTURE_ID = re.compile(r"TALLYSTICK:([A-Z][A-Z0-9_]{1,39})\(([0-9]+\.[0-9]+)\)")
_VALUE = re.compile(r"0|[1-9][0-9]{0,9}")
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


def _header(table: TableDefinition) -> str:
    return ",".join((*_LEAD, *table.dimension_ids, *_TAIL))


def _structure_id(table: TableDefinition) -> str:
    return f"{AGENCY}:{table.id}({table.version})"


def _serialise(table: TableDefinition, state: str, period: Period, observations: Iterable[Observation]) -> bytes:
    lead = f"dataflow,{_structure_id(table)},I,{period.freq},{state}"
    rows = []
    for observation in observations:
        value = "" if observation.value is None else str(observation.value)
        status = _WITHHELD if observation.withheld else _SHOWN
        rows.append(",".join((lead, *observation.key, period.sdmx, value, *status)).encode())
    return b"\n".join((_header(table).encode(), *sorted(rows))) + b"\n"


def _in_order(
    catalogue: Catalogue, table: TableDefinition, observations: Iterable[Observation]
) -> tuple[Observation, ...]:
    """Return the observations in the catalogue's order of cells; each cell must be there exactly once."""
    found: dict[CellKey, Observation] = {}
    for observation in observations:
        if observation.key in found:
            raise MalformedError(
                _("{table}: cell {key} stands twice").format(table=table.id, key="/".join(observation.key))
            )
        found[observation.key] = observation
    cells = catalogue.cells(table)
    missing = [key for key in cells if key not in found]
    stray = set(found) - set(cells)
    if stray:
        key = min(stray)
        raise MalformedError(_("{table}: has no cell {key}").format(table=table.id, key="/".join(key)[:80]))
    if missing:
        raise MalformedError(
            _("{table}: {count} of {total} cells are missing, first {key}").format(
                table=table.id, count=len(missing), total=len(cells), key="/".join(missing[0])
            )
        )
    return tuple(found[key] for key in cells)


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
    if not _STATE.fullmatch(state):
        raise MalformedError(_("'{state}' is not an alpha-3 code in capitals").format(state=state[:10]))
    data = _serialise(table, state, period, _in_order(catalogue, table, observations))
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


def _definition(catalogue: Catalogue, row: str) -> TableDefinition:
    structure = row.split(",", 2)[1] if row.count(",") > 1 else ""
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


def _observation(number: int, fields: Sequence[str], width: int) -> Observation:
    """Read the cell of one row; ``width`` is the number of the table's dimensions."""
    key = tuple(fields[len(_LEAD) : len(_LEAD) + width])
    value, status = fields[-3], (fields[-2], fields[-1])
    if value == "" and status == _WITHHELD:
        return Observation(key, None, withheld=True)
    if _VALUE.fullmatch(value) and int(value) <= MAX_VALUE and status == _SHOWN:
        return Observation(key, int(value), withheld=False)
    raise MalformedError(
        _("data file, line {line}: a figure goes with A,F and an empty value with Q,C").format(line=number),
        hint=_("figures are whole numbers from 0 to {limit} without leading zeroes").format(limit=MAX_VALUE),
    )


def parse_csv(data: bytes, catalogue: Catalogue) -> ParsedTable:
    """Read a data file strictly: what is accepted re-serialises to the same bytes.

    Args:
        data: The file, at most ``CSV_LIMIT`` bytes.
        catalogue: The catalogue that the roster names.

    Raises:
        MalformedError: Anything that is not the canonical spelling of one table of the catalogue; names the line.
    """
    lines = _lines(data)
    table = _definition(catalogue, lines[1])
    if lines[0] != _header(table):
        raise MalformedError(_("data file, line 1: the header of {table} reads otherwise").format(table=table.id))
    first = lines[1].split(",")
    width = len(table.dimension_ids)
    columns = len(_LEAD) + width + len(_TAIL)
    if len(first) != columns:
        raise MalformedError(_("data file, line {line}: {count} columns belong there").format(line=2, count=columns))
    state, period = first[4], parse_period(first[5 + width])
    if not _STATE.fullmatch(state):
        raise MalformedError(_("'{state}' is not an alpha-3 code in capitals").format(state=state[:10]))
    observations = []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split(",")
        if len(fields) != columns or fields[:5] != first[:5] or fields[5 + width] != first[5 + width]:
            raise MalformedError(
                _("data file, line {line}: not a row of the table that line 2 begins").format(line=number)
            )
        observations.append(_observation(number, fields, width))
    parsed = ParsedTable(table, state, period, _in_order(catalogue, table, observations))
    if _serialise(table, state, period, parsed.observations) != data:
        raise MalformedError(_("data file: not in canonical form (order of rows, spelling of the first columns)"))
    return parsed
