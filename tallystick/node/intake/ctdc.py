"""CTDC's public case rows (k-anonymised) to case records; rows go to the state where exploitation took place.

The global dataset of 2020 has 63 columns; any excerpt that has year and country of exploitation is read, and what it
leaves out is unknown. The source removed values and rows before it was published ("already censored"). It carries no
ids, so a case number is made from the row's content and how many equal rows came before it: the same file twice gives
the same numbers.

A flag says what its column says and no more: two zeros are unknown, never "other", a composite is no detail.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from tallystick.config.codes import code_list, crosswalk
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.node.cases.circumstances import controls_of, relationship_of
from tallystick.node.cases.record import UNKNOWN, CaseRecord, Detail
from tallystick.node.intake.ctdc_texts import TEXTS, Flags, check_texts
from tallystick.node.intake.ctdc_values import (
    EMPTY,
    CellError,
    content,
    country,
    flag,
    flag_columns,
    listed,
    registered,
    text_lists,
)
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.rows import Change, Row

__all__ = ["AGENCY", "REQUIRED", "CtdcParser"]

AGENCY = "CTDC"
REQUIRED = ("yearOfRegistration", "CountryOfExploitation")
_FORMS = {
    "isForcedLabour": ("FL",),
    "isSexualExploit": ("SX",),
    "isSexAndLabour": ("SX", "FL"),
    "isSlaveryAndPractices": ("FL",),
    "isForcedMarriage": ("OP",),
    "isForcedMilitary": ("OP",),
    "isOtherExploit": ("OP",),
    "isOrganRemoval": ("OG",),
}
"""What each flag says by itself. Both flags 0 says nothing about the rest: the form is then unknown, never "other"."""
_AGES = frozenset({"ageBroad", "majorityStatus", "majorityStatusAtExploit", "majorityEntry"})
_ADULT_BEFORE = ("majorityStatusAtExploit", "majorityEntry")
_CLASSIFIED = frozenset({"yearOfRegistration", "gender", "ageBroad", "citizenship", "CountryOfExploitation"})
_CHILD, _ADULT = "Y0T17", "Y_GE18"
_CHILDREN = frozenset({_CHILD, "Y0T8", "Y9T17"})


class CtdcParser:
    """Turns rows into records of one state; counts those that belong to others.

    Args:
        header: The file's headings.
        state: Alpha-3 code; rows with another country of exploitation, or with none, are left out.
        agency: Name to report them under; CTDC by default.
        last_year: Latest year of registration that is not in the future.
        rejections: Takes what cannot be taken in, and what was changed.
    """

    dataset: ClassVar[str] = "CTDC"
    default_agency: ClassVar[str] = AGENCY

    def __init__(
        self, header: Sequence[str], *, state: str, agency: str | None, last_year: int, rejections: Rejections
    ) -> None:
        missing = [name for name in REQUIRED if name not in header]
        strangers = [name for name in header if name not in self.columns()]
        if missing or strangers or len(set(header)) != len(header):
            raise MalformedError(
                _("not a {dataset} file: missing {missing}; unknown {unknown}").format(
                    dataset=self.dataset,
                    missing=", ".join(missing) or "-",
                    unknown=", ".join(name[:40] for name in strangers[:5]) or "-",
                ),
                hint=_("for an agency's own register use --format htcds"),
            )
        self._header = tuple(header)
        self._state = state
        self._agency = agency or self.default_agency
        self._last_year = last_year
        self._rejections = rejections
        self._seen: Counter[bytes] = Counter()
        self.elsewhere = 0
        self.nowhere = 0

    @classmethod
    def columns(cls) -> frozenset[str]:
        """Return the dataset's columns."""
        return frozenset(text_lists())

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be kept with the run."""
        told = [_("already censored: the source removed values and rows")]
        held = set(self._header)
        absent = [name for name in ("gender", "citizenship") if name not in held]
        absent += ["ageBroad"] if not held & _AGES else []
        absent += ["isForcedLabour"] if not held & {*_FORMS, "typeOfExploitConcatenated"} else []
        if absent:
            told.append(_("not in the file, so unknown: {columns}").format(columns=", ".join(absent)))
        return tuple(told)

    def parse(self, row: Row) -> CaseRecord | None:
        """Return the row's record, or None: rejected and reported, or another state's and counted."""
        if row.fault:
            self._rejections.add(row.number, "", "", row.fault, sealed=False)
            return None
        cells = dict(zip(self._header, row.cells, strict=True))
        changes: list[Change] = []
        try:
            record = self._record(cells, changes)
        except CellError as fault:
            self._rejections.add(row.number, fault.name, cells.get(fault.name, ""), fault.reason, sealed=False)
            return None
        if record is not None:
            for change in changes:
                self._rejections.change(row.number, change)
        return record

    def _record(self, cells: Mapping[str, str], changes: list[Change]) -> CaseRecord | None:
        area = self._country(cells, "CountryOfExploitation")
        if area != self._state:
            self.nowhere += area == UNKNOWN
            self.elsewhere += area != UNKNOWN
            return None
        number = content(cells)
        record = self._classified(cells, f"{number.hex()}-{self._seen[number] + 1}", changes)
        self._seen[number] += 1
        return record

    def _country(self, cells: Mapping[str, str], name: str) -> str:
        return country(cells, name)

    def _classified(self, cells: Mapping[str, str], number: str, changes: list[Change]) -> CaseRecord:
        flags: Flags = {name: flag(cells, name) for name in cells if name in flag_columns()}
        changes += check_texts(cells, flags)
        age, contradiction = _age(cells)
        changes += contradiction
        details = _details(cells, flags, {change.field for change in contradiction})
        return CaseRecord(
            self._agency,
            number,
            registered(cells, self._last_year),
            sex=listed(cells, "gender", crosswalk("sex/gender")),
            age=age,
            citizenship=self._country(cells, "citizenship"),
            exploitation_area=self._state,
            forms=_forms(flags),
            details=details,
            censored=True,
            relationship=relationship_of(details),
            controls=controls_of(details),
        )


def _age(cells: Mapping[str, str]) -> tuple[str, list[Change]]:
    """Take the age band, else whether of age; ``09--17`` is how some files write ``9--17``.

    Who was of age when it began is so when it is registered; who was not may have come of age since.
    """
    bands = crosswalk("age")
    band = listed(cells, "ageBroad", {**bands, "09--17": bands["9--17"]})
    now = listed(cells, "majorityStatus", bands)
    before = [listed(cells, name, bands) for name in _ADULT_BEFORE]
    if band == UNKNOWN:
        return (_ADULT if now == UNKNOWN and _ADULT in before else now), []
    if now == UNKNOWN or (now == _CHILD) == (band in _CHILDREN):
        return band, []
    reason = _("the row's own columns say otherwise and are taken: {names}").format(names="ageBroad")
    return band, [Change("majorityStatus", cells["majorityStatus"], "", reason)]


def _forms(flags: Flags) -> frozenset[str]:
    if flags.get("isSexAndLabour"):
        denied = next((name for name in ("isForcedLabour", "isSexualExploit") if flags.get(name) is False), None)
        if denied is not None:
            raise CellError("isSexAndLabour", _("contradicts {column}").format(column=denied))
    return frozenset(form for name, forms in _FORMS.items() if flags.get(name) for form in forms)


def _details(cells: Mapping[str, str], flags: Flags, dropped: set[str]) -> dict[str, Detail]:
    """Keep the other coded columns; texts that only repeat flags are left out."""
    details: dict[str, Detail] = {name: value for name, value in flags.items() if value is not None}
    for name, text in cells.items():
        if name in _CLASSIFIED or name in TEXTS or name in flag_columns() or name in dropped or text in EMPTY:
            continue
        if text not in code_list(text_lists()[name]):
            raise CellError(name, _("not in the code list of {field}").format(field=name))
        details[name] = text
    return details
