"""One year of the register for its own officers: exact counts, to see whether an import came in right."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tallystick.config.catalogue import Catalogue, TableDefinition, load_shipped
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.node.cases.coding import CodedColumns
from tallystick.node.cases.store import CaseStore
from tallystick.node.tables.count import once_per_person
from tallystick.node.tables.mapping import memberships, positions
from tallystick.node.tables.metadata import TableFacts, table_facts

__all__ = ["YearOverview", "overview"]

_SHOWN = (
    ("VICTIMS_SEX", "SEX"),
    ("VICTIMS_AGE", "AGE"),
    ("VICTIMS_FORM", "FORM"),
    ("VICTIMS_FORM_NAMED", "FORM_NAMED"),
    ("VICTIMS_CORRIDOR", "CITIZENSHIP"),
    ("VICTIMS_CORRIDOR", "EXPLOITATION_AREA"),
    ("VICTIMS_RELATIONSHIP", "RELATIONSHIP"),
    ("VICTIMS_CONTROL", "CONTROL"),
    ("PERPETRATORS", "STAGE"),
)
"""Tables whose codes are shown, one dimension at a time; those that a catalogue lacks are left out."""


@dataclass(frozen=True)
class YearOverview:
    """Exact figures of one year; they never leave the desk.

    Attributes:
        state: Alpha-3 code.
        year: Calendar year.
        persons: Persons counted.
        breakdown: Title to label to persons.
        agencies: Persons by reporting agency.
        censored: A source had already removed values or rows.
        facts: What stands beside each table planned for the year, by table id.
    """

    state: str
    year: int
    persons: int
    breakdown: Mapping[str, Mapping[str, int]]
    agencies: Mapping[str, int]
    censored: bool
    facts: Mapping[str, TableFacts]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        facts = {
            name: {**asdict(found), "period": found.period.text, "share_unknown": dict(found.share_unknown)}
            for name, found in self.facts.items()
        }
        return {**asdict(self), "facts": facts}


def overview(store: CaseStore, state: str, year: int, catalogue: Catalogue | None = None) -> YearOverview:
    """Count one year by everything that its tables tell apart, one dimension at a time."""
    catalogue = catalogue or load_shipped()
    columns = once_per_person(store.coded_rows(year))
    people = {"victims": columns, "perpetrators": once_per_person(store.coded_rows(year, "perpetrator"))}
    known = {table.id: table for table in catalogue.tables}
    breakdown: dict[str, dict[str, int]] = {}
    for table_id, dimension in _SHOWN:
        if table_id in known:
            table = known[table_id]
            title = _titles()[dimension]
            if dimension in table.multiple:
                title = _("{what} (several may apply to a person: does not add up)").format(what=title)
            breakdown[title] = _counted(catalogue, table, dimension, people[table.universe], state)
    return YearOverview(
        state,
        year,
        len(columns),
        breakdown,
        dict(store.agencies(year)),
        any(bool(found.censored.any()) for found in people.values()),
        table_facts(store, catalogue, state, Period(year, year)),
    )


def _titles() -> Mapping[str, str]:
    return {
        "SEX": _("sex"),
        "AGE": _("age group"),
        "FORM": _("form of exploitation"),
        "FORM_NAMED": _("forms of exploitation named"),
        "CITIZENSHIP": _("citizenship"),
        "EXPLOITATION_AREA": _("country of exploitation"),
        "RELATIONSHIP": _("relationship to the recruiter"),
        "CONTROL": _("means of control"),
        "STAGE": _("perpetrators by stage reached in the year"),
    }


def _counted(
    catalogue: Catalogue, table: TableDefinition, dimension: str, columns: CodedColumns, state: str
) -> dict[str, int]:
    """Return label to persons of one dimension."""
    codes = catalogue.codes(table, dimension)
    if dimension in table.multiple:
        counts = memberships(catalogue, table, dimension, columns).sum(axis=0).tolist()
    else:
        placed = positions(catalogue, table, dimension, columns, state)
        counts = np.bincount(placed, minlength=len(codes)).tolist()
    return dict(zip((catalogue.code_label(table, dimension, code) for code in codes), counts, strict=True))
