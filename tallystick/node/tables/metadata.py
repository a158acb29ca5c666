"""What a statistician needs beside a table's numbers, worked out from the register.

``unknown`` is exact and for officers only: beside a table it would tell a withheld cell, so what is published is
banded by the desk from published values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.config.catalogue import Catalogue, TableDefinition, planned_tables
from tallystick.config.periods import Period
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.record import UNKNOWN
from tallystick.node.cases.store import CaseStore
from tallystick.node.tables.count import once_per_person
from tallystick.node.tables.mapping import memberships, positions

__all__ = ["TableFacts", "table_facts"]

_ROLES = {"victims": "victim", "perpetrators": "perpetrator"}
"""Universe of a table to the register's role."""


@dataclass(frozen=True)
class TableFacts:
    """Facts of one table for one period.

    Attributes:
        table_id: Table of the catalogue.
        period: Year or block.
        universe: ``victims`` or ``perpetrators``: whom it counts.
        unit: ``persons`` or ``reports``.
        reference_date_basis: Which date puts a person into the period.
        legal_definition: Whose definition of a victim.
        cut_off: When cases were last taken in (RFC 3339), or None for an empty register.
        sources: Reporting agencies, by name.
        persons: Persons counted; for officers only.
        unknown: Persons of unknown code by dimension; for officers only.
        censored: Whether a source had already removed values or rows.
        adds_up: False where a person may stand in several cells: the cells must not be added.
    """

    table_id: str
    period: Period
    universe: str
    unit: str
    reference_date_basis: str
    legal_definition: str
    cut_off: str | None
    sources: tuple[str, ...]
    persons: int
    unknown: Mapping[str, int]
    censored: bool
    adds_up: bool = True

    @property
    def share_unknown(self) -> Mapping[str, float]:
        """Exact share of unknown by dimension, 0 to 1; for officers only."""
        return {name: count / self.persons if self.persons else 0.0 for name, count in self.unknown.items()}


def table_facts(store: CaseStore, catalogue: Catalogue, state: str, period: Period) -> dict[str, TableFacts]:
    """Return the facts of every table planned for ``period``, by table id.

    Args:
        store: The register.
        catalogue: The federation's catalogue.
        state: Alpha-3 code.
        period: A year or a block; a block adds its years up, so a person counts once in each.
    """
    people = {
        universe: [once_per_person(store.coded_rows(year, role)) for year in period.years]
        for universe, role in _ROLES.items()
    }
    sources = tuple(sorted({agency for year in period.years for agency in store.agencies(year)}))

    def facts(table: TableDefinition) -> TableFacts:
        years = people[table.universe]
        return TableFacts(
            table.id,
            period,
            table.universe,
            table.unit,
            table.reference_date_basis,
            table.legal_definition,
            store.cut_off(),
            sources,
            sum(len(columns) for columns in years),
            {name: _unknown(catalogue, table, name, years, state) for name in table.dimension_ids},
            any(bool(columns.censored.any()) for columns in years),
            not table.multiple,
        )

    return {table.id: facts(table) for table in planned_tables(catalogue, state, period)}


def _unknown(catalogue: Catalogue, table: TableDefinition, name: str, years: Sequence[CodedColumns], state: str) -> int:
    codes = catalogue.codes(table, name)
    if UNKNOWN not in codes:
        return 0
    place = codes.index(UNKNOWN)
    if name in table.multiple:
        return sum(int(memberships(catalogue, table, name, columns)[:, place].sum()) for columns in years)
    return sum(int(np.count_nonzero(positions(catalogue, table, name, columns, state) == place)) for columns in years)
