"""CTDC's global synthetic dataset of 2025 (27 columns): rows made from statistics, none of which is a person.

Read for trials and teaching. Its composite columns (debt bondage *or* withheld earnings, abuse of any kind, threats of
any kind, denial of any basic need) name no single method of control: they stay details and are never expanded. The
values of ``gender`` and ``traffickMonths`` are known from published programs that read the dataset, not from CTDC.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import ClassVar

from tallystick.config.codes import crosswalk, document
from tallystick.config.i18n import _
from tallystick.node.cases.circumstances import relationship_of
from tallystick.node.cases.record import CaseRecord, Detail
from tallystick.node.intake.ctdc import CtdcParser
from tallystick.node.intake.ctdc_values import EMPTY, country, flag, listed, registered
from tallystick.node.intake.rows import Change

__all__ = ["AGENCY", "SyntheticParser"]

AGENCY = "CTDC synthetic"
_CODED = frozenset(
    {"yearOfRegistration", "gender", "ageBroad", "citizenship", "CountryOfExploitation", "traffickMonths"}
)
_FORMS = {"isForcedLabour": "FL", "isSexualExploit": "SX", "isOtherExploit": "OP"}
_CONTROLS = {
    "meansFalsePromises": "PROMISES",
    "meansDrugsAlcohol": "DRUGS",
    "meansExcessiveWorkHours": "HOURS",
    "meansWithholdDocs": "DOCUMENTS",
}
"""Columns that name one method of control; the other four are composites."""
_MONTHS = re.compile(r"[0-9]{1,3}(--[0-9]{1,3}|\+)( \([0-9+ a-z-]{1,16}\))?")


@cache
def _columns() -> frozenset[str]:
    return frozenset(document()["fields"]["CTDC_global_synthetic_2025(27)"])


class SyntheticParser(CtdcParser):
    """Turns synthetic rows into records; for the rest as ``CtdcParser``."""

    dataset: ClassVar[str] = "CTDC synthetic"
    default_agency: ClassVar[str] = AGENCY

    @classmethod
    def columns(cls) -> frozenset[str]:
        """Return the dataset's 27 columns."""
        return _columns()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be kept with the run."""
        return (_("synthetic: made from statistics, no row is a person"), *super().notes)

    def _country(self, cells: Mapping[str, str], name: str) -> str:
        return country(cells, name, alpha3=True)

    def _classified(self, cells: Mapping[str, str], number: str, changes: list[Change]) -> CaseRecord:
        flags = {name: flag(cells, name) for name in cells if name not in _CODED}
        details: dict[str, Detail] = {name: value for name, value in flags.items() if value is not None}
        months = cells.get("traffickMonths", "")
        if _MONTHS.fullmatch(months):
            details["traffickMonths"] = months
        elif months not in EMPTY:
            changes.append(Change("traffickMonths", months, "", _("not a range of months")))
        bands = crosswalk("age")
        return CaseRecord(
            self._agency,
            number,
            registered(cells, self._last_year),
            sex=listed(cells, "gender", crosswalk("sex/gender")),
            age=listed(cells, "ageBroad", {**bands, "09--17": bands["9--17"]}),
            citizenship=self._country(cells, "citizenship"),
            exploitation_area=self._state,
            forms=frozenset(form for name, form in _FORMS.items() if flags.get(name)),
            details=details,
            censored=True,
            relationship=relationship_of(details),
            controls=frozenset(code for name, code in _CONTROLS.items() if flags.get(name)),
        )
