"""CTDC's public case rows (k-anonymised) to case records; rows go to the state where exploitation took place.

The source removed values and rows before it was published ("already censored"). It carries no ids, so a case number
is made from the row's content and how many equal rows came before it: the same file twice gives the same numbers.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from tallystick.config.codes import code_list, crosswalk, document
from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.node.cases.record import FIRST_YEAR, UNKNOWN, CaseRecord, Detail
from tallystick.node.intake.reading import Row
from tallystick.node.intake.rejections import Rejections
from tallystick.node.intake.values import BadValueError, parse_country

__all__ = ["AGENCY", "REQUIRED", "CtdcParser"]

AGENCY = "CTDC"
REQUIRED = ("yearOfRegistration", "gender", "citizenship", "isForcedLabour", "isSexualExploit", "CountryOfExploitation")
_EMPTY = frozenset({"", "-99", "-99.0"})
_FLAGS = {"1": True, "1.0": True, "0": False, "0.0": False}
_UNKNOWN_COUNTRIES = frozenset({"0", "0.0", "00", "ZZ"})
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
_MAJORITY = ("majorityStatus", "majorityStatusAtExploit")
_CLASSIFIED = frozenset({"yearOfRegistration", "gender", "ageBroad", "citizenship", "CountryOfExploitation"})


@cache
def _columns() -> Mapping[str, str]:
    fields = document()["fields"]["CTDC_global_2020"]
    return {facts["id"]: facts["list"] for facts in fields}


class _Reject(Exception):  # noqa: N818 - never leaves this module
    """A cell that cannot be taken: column and reason."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason


class CtdcParser:
    """Turns rows into records of one state; counts those that belong to others.

    Args:
        header: The file's headings.
        state: Alpha-3 code; rows with another country of exploitation, or with none, are left out.
        agency: Name to report them under; CTDC by default.
        last_year: Latest year of registration that is not in the future.
        rejections: Takes what cannot be taken in.
    """

    def __init__(
        self, header: Sequence[str], *, state: str, agency: str | None, last_year: int, rejections: Rejections
    ) -> None:
        missing = [name for name in REQUIRED if name not in header]
        strangers = [name for name in header if name not in _columns()]
        if missing or strangers or len(set(header)) != len(header):
            raise MalformedError(
                _("not a CTDC file: missing {missing}; unknown {unknown}").format(
                    missing=", ".join(missing) or "-", unknown=", ".join(name[:40] for name in strangers[:5]) or "-"
                ),
                hint=_("for an agency's own register use --format htcds"),
            )
        self._header = tuple(header)
        self._state = state
        self._agency = agency or AGENCY
        self._last_year = last_year
        self._rejections = rejections
        self._seen: Counter[bytes] = Counter()
        self.elsewhere = 0
        self.nowhere = 0

    def parse(self, row: Row) -> CaseRecord | None:
        """Return the row's record, or None: rejected and reported, or another state's and counted."""
        if row.fault:
            self._rejections.add(row.number, "", "", row.fault, sealed=False)
            return None
        cells = dict(zip(self._header, row.cells, strict=True))
        try:
            return self._record(cells)
        except _Reject as fault:
            self._rejections.add(row.number, fault.name, cells.get(fault.name, ""), fault.reason, sealed=False)
            return None

    def _record(self, cells: Mapping[str, str]) -> CaseRecord | None:
        area = _country(cells, "CountryOfExploitation")
        if area != self._state:
            self.nowhere += area == UNKNOWN
            self.elsewhere += area != UNKNOWN
            return None
        record = CaseRecord(
            self._agency,
            self._number(cells),
            self._year(cells),
            sex=_listed(cells, "gender", crosswalk("sex/gender")),
            age=_age(cells),
            citizenship=_country(cells, "citizenship"),
            exploitation_area=area,
            forms=_forms(cells),
            details=_details(cells),
            censored=True,
        )
        self._seen[_content(cells)] += 1
        return record

    def _number(self, cells: Mapping[str, str]) -> str:
        """Name a row by its content and by how many equal rows of the file came before it."""
        content = _content(cells)
        return f"{content.hex()}-{self._seen[content] + 1}"

    def _year(self, cells: Mapping[str, str]) -> int:
        text = cells["yearOfRegistration"]
        if not (text.isascii() and text.isdigit() and len(text) == 4):
            raise _Reject("yearOfRegistration", _("not a year"))
        if not FIRST_YEAR <= int(text) <= self._last_year:
            reason = _("not between {first} and {last}").format(first=FIRST_YEAR, last=self._last_year)
            raise _Reject("yearOfRegistration", reason)
        return int(text)


def _content(cells: Mapping[str, str]) -> bytes:
    """Digest a row's content, whatever the order of its columns; empty cells count as absent."""
    filled = sorted((name, text) for name, text in cells.items() if text)
    return hashlib.sha256("\x1f".join(part for pair in filled for part in pair).encode()).digest()[:16]


def _country(cells: Mapping[str, str], name: str) -> str:
    text = cells[name]
    if text in _EMPTY or text in _UNKNOWN_COUNTRIES:
        return UNKNOWN
    try:
        return parse_country(text)
    except BadValueError as fault:
        raise _Reject(name, fault.reason) from None


def _listed(cells: Mapping[str, str], name: str, codes: Mapping[str, str]) -> str:
    text = cells.get(name, "")
    if text in _EMPTY or text == "Unknown":
        return UNKNOWN
    if text not in codes:
        raise _Reject(name, _("not in the code list of {field}").format(field=name))
    return codes[text]


def _age(cells: Mapping[str, str]) -> str:
    """Take the age band, else whether of age; ``09--17`` is how some files write ``9--17``."""
    bands = crosswalk("age")
    found = _listed(cells, "ageBroad", {**bands, "09--17": bands["9--17"]})
    if found != UNKNOWN:
        return found
    return next((age for name in _MAJORITY if (age := _listed(cells, name, bands)) != UNKNOWN), UNKNOWN)


def _flag(cells: Mapping[str, str], name: str) -> bool | None:
    text = cells.get(name, "")
    if text in _EMPTY:
        return None
    if text not in _FLAGS:
        raise _Reject(name, _("neither 0 nor 1"))
    return _FLAGS[text]


def _forms(cells: Mapping[str, str]) -> frozenset[str]:
    return frozenset(form for name, forms in _FORMS.items() if _flag(cells, name) for form in forms)


def _details(cells: Mapping[str, str]) -> dict[str, Detail]:
    """Keep the other coded columns as they are written; texts that only repeat flags are left out."""
    details: dict[str, Detail] = {}
    for name, text in cells.items():
        listed = _columns()[name]
        if name in _CLASSIFIED or text in _EMPTY or listed == "text;":
            continue
        flag = _flag(cells, name) if listed == "CTDC.bool" else None
        details[name] = flag if flag is not None else _coded(name, text, listed)
    return details


def _coded(name: str, text: str, listed: str) -> Detail:
    parts = tuple(part.strip() for part in text.split(";"))
    if not set(parts) <= set(code_list(listed)):
        raise _Reject(name, _("not in the code list of {field}").format(field=name))
    return parts[0] if len(parts) == 1 else parts
