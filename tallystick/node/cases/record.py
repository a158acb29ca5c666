"""A case record as the register takes it: coded classification, other coded fields, identity apart.

Checked when it is made, so that whatever reaches a store is within the code lists.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from tallystick.config.codes import country_m49
from tallystick.config.errors import MalformedError, StoreError
from tallystick.config.i18n import _

__all__ = [
    "AGES",
    "CONTROLS",
    "FIRST_YEAR",
    "FORMS",
    "LAST_YEAR",
    "NAME_LIMIT",
    "RELATIONSHIPS",
    "ROLES",
    "SEXES",
    "STAGES",
    "UNKNOWN",
    "CaseRecord",
    "Detail",
    "Identity",
    "has_controls",
]

UNKNOWN = "_U"
SEXES = (UNKNOWN, "F", "M", "_O")
AGES = (
    *(UNKNOWN, "Y0T17", "Y_GE18"),
    *("Y0T8", "Y9T17", "Y18T20", "Y21T23", "Y24T26", "Y27T29", "Y30T38", "Y39T47", "Y_GE48"),
)
"""The finest band that the source supports; the register never guesses a finer one."""
FORMS = ("SX", "FL", "OG", "OP")
ROLES = ("victim", "perpetrator")
RELATIONSHIPS = (UNKNOWN, "FAM", "PRT", "ACQ", "STR", "OTH", "MULTI")
"""Who brought the victim in: family, intimate partner, acquainted, unacquainted, other, several of these."""
CONTROLS = (
    *("DEBT", "EARNINGS", "FINANCE", "THREATS", "PSYCH", "PHYSICAL", "SEXUAL", "PROMISES", "DRUGS"),
    *("MOVEMENT", "MEDICAL", "HOURS", "CHILDREN", "LAW", "NECESSITIES", "DOCUMENTS", "OTH"),
)
"""Methods of control: CTDC's seventeen, which HTCDS's two lists map onto (``circumstances``)."""
STAGES = ("INVESTIGATED", "PROSECUTED", "CONVICTED")
FIRST_YEAR, LAST_YEAR = 1900, 2199
NAME_LIMIT = 200
"""Longest name of an agency and longest case number, in characters."""

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
Detail = str | int | bool | tuple[str, ...]


def has_controls(text: str) -> bool:
    """Tell whether ``text`` holds a control character; the joiners that Persian needs are none."""
    return _CONTROL_CHARACTERS.search(text) is not None


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who the person is, as the agency wrote it: field id to text. Sealed before it touches a disk."""

    fields: Mapping[str, str]

    def __repr__(self) -> str:
        return "Identity(not shown)"

    def to_bytes(self) -> bytes:
        """Return canonical JSON; equal identities give equal bytes."""
        return json.dumps(dict(self.fields), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what ``to_bytes`` wrote.

        Raises:
            StoreError: The bytes are not an identity; the register is damaged.
        """
        try:
            fields = json.loads(data)
        except ValueError:
            raise StoreError(_("a sealed identity is not readable")) from None
        return cls(fields)


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One person's case as one agency reports it.

    Attributes:
        agency: Who reports; with ``agency_case_id`` the record's identity across imports.
        agency_case_id: The agency's own case number.
        year: Calendar year of registration.
        sex: One of ``SEXES``.
        age: One of ``AGES``.
        citizenship: Alpha-3 code or ``_U``.
        exploitation_area: Alpha-3 code of the country of exploitation, or ``_U``.
        forms: Those of ``FORMS`` that the source names; empty where it names none.
        details: Every other coded field, by its HTCDS or extension id.
        identity: Names, documents, contacts, exact dates, free text; None where the source has none.
        censored: The source had already removed values or rows ("already censored").
        counted: False where the agency found that the person is not a victim; kept, never counted.
        role: One of ``ROLES``.
        relationship: One of ``RELATIONSHIPS``: to whoever brought the victim in.
        controls: Those of ``CONTROLS`` that the source names.
        stages: Stage of ``STAGES`` to the calendar year in which it was reached; of perpetrators only, who are
            counted in the year of each stage.
    """

    agency: str
    agency_case_id: str = field(repr=False)
    year: int
    sex: str = UNKNOWN
    age: str = UNKNOWN
    citizenship: str = UNKNOWN
    exploitation_area: str = UNKNOWN
    forms: frozenset[str] = frozenset()
    details: Mapping[str, Detail] = field(default_factory=dict, repr=False)
    identity: Identity | None = field(default=None, repr=False)
    censored: bool = False
    counted: bool = True
    role: str = "victim"
    relationship: str = UNKNOWN
    controls: frozenset[str] = frozenset()
    stages: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, text in (("agency", self.agency), ("case number", self.agency_case_id)):
            if not 0 < len(text) <= NAME_LIMIT or has_controls(text):
                raise MalformedError(
                    _("case record: {name} must be 1 to {limit} characters without control characters").format(
                        name=name, limit=NAME_LIMIT
                    )
                )
        for year in (self.year, *self.stages.values()):
            if not FIRST_YEAR <= year <= LAST_YEAR:
                raise MalformedError(_("case record: year {year} is out of range").format(year=year))
        countries = country_m49()
        checks = (
            ("sex", self.sex in SEXES),
            ("age", self.age in AGES),
            ("citizenship", self.citizenship == UNKNOWN or self.citizenship in countries),
            ("country of exploitation", self.exploitation_area == UNKNOWN or self.exploitation_area in countries),
            ("forms of exploitation", self.forms <= frozenset(FORMS)),
            ("role", self.role in ROLES),
            ("relationship", self.relationship in RELATIONSHIPS),
            ("methods of control", self.controls <= frozenset(CONTROLS)),
            ("stages", set(self.stages) <= set(STAGES if self.role == "perpetrator" else ())),
        )
        wrong = [name for name, fine in checks if not fine]
        if wrong:
            raise MalformedError(_("case record: {names}: not in the code list").format(names=", ".join(wrong)))

    def details_text(self) -> str:
        """Return ``details`` as canonical JSON; equal details give equal text."""
        return json.dumps(dict(self.details), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def with_contents(self, details: str | None, identity: Identity | None) -> Self:
        """Return the record with ``details_text`` read back and an identity put in."""
        loaded = json.loads(details) if details else {}
        fields = {name: tuple(value) if isinstance(value, list) else value for name, value in loaded.items()}
        return replace(self, details=fields, identity=identity)
