"""One year of the register for its own officers: exact counts, to see whether an import came in right."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tallystick.config.catalogue import Catalogue, load_shipped
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.node.cases.store import CaseStore
from tallystick.node.tables.count import once_per_person
from tallystick.node.tables.mapping import positions
from tallystick.node.tables.metadata import TableFacts, table_facts

__all__ = ["YearOverview", "overview"]

_SHOWN = (("VICTIMS_SEX", "SEX"), ("VICTIMS_AGE", "AGE"), ("VICTIMS_FORM", "FORM"))
_CORRIDOR = "VICTIMS_CORRIDOR"


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
    """Count one year by sex, age group, form, citizenship and country of exploitation, one at a time."""
    catalogue = catalogue or load_shipped()
    columns = once_per_person(store.coded_rows(year))
    titles = {
        "SEX": _("sex"),
        "AGE": _("age group"),
        "FORM": _("form of exploitation"),
        "CITIZENSHIP": _("citizenship"),
        "EXPLOITATION_AREA": _("country of exploitation"),
    }
    wanted = (*_SHOWN, (_CORRIDOR, "CITIZENSHIP"), (_CORRIDOR, "EXPLOITATION_AREA"))
    facts = table_facts(store, catalogue, state, Period(year, year))
    breakdown: dict[str, dict[str, int]] = {}
    for table_id, dimension in wanted:
        table = catalogue.table(table_id)
        codes = catalogue.codes(table, dimension)
        counts = np.bincount(positions(catalogue, table, dimension, columns), minlength=len(codes)).tolist()
        labels = [catalogue.code_label(table, dimension, code) for code in codes]
        breakdown[titles[dimension]] = dict(zip(labels, counts, strict=True))
    return YearOverview(
        state, year, len(columns), breakdown, dict(store.agencies(year)), bool(columns.censored.any()), facts
    )
