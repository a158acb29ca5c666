"""Which columns an HTCDS file may have, what their values must be, and which of them are sealed.

All 84 fields of HTCDS 2.0 by field id or by label, and our ``ext_`` columns for what the standard lacks. Coded fields
are validated against its code lists. Everything else - text, look-ups, places, exact dates - is sealed with the
person's identity, because free text names people.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from tallystick.config.codes import code_list, htcds_fields
from tallystick.config.i18n import _
from tallystick.node.intake.spellings import code_labels

__all__ = ["EXTENSIONS", "FieldRule", "Kind", "explanations", "field_rules", "header_names", "kind_words", "token"]


class Kind(StrEnum):
    """What a value must be."""

    CODE = "code"
    CODES = "codes"
    COUNTRY = "country"
    COUNTRIES = "countries"
    LANGUAGE = "language"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    TEXT = "text"


@dataclass(frozen=True, eq=False)
class FieldRule:
    """One column that an HTCDS file may have.

    Attributes:
        id: Field id of HTCDS, or ``ext_...``.
        label: HTCDS's label; several fields share one.
        section: HTCDS's group of fields.
        kind: What its values must be.
        sealed: Kept with the identity; its values are never shown.
        tokens: Accepted spellings of each code, normalised by ``token``.
    """

    id: str
    label: str
    section: str
    kind: Kind
    sealed: bool
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)


@lru_cache(maxsize=4096)
def token(text: str) -> str:
    """Normalise a spelling: case, accents, spaces and punctuation do not matter."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", text.casefold()))


EXTENSIONS: tuple[tuple[str, Kind, bool], ...] = (
    ("ext_CaseId", Kind.TEXT, True),
    ("ext_FullName", Kind.TEXT, True),
    ("ext_BirthYear", Kind.NUMBER, True),
    ("ext_RegistrationDate", Kind.DATE, True),
    ("ext_RegistrationYear", Kind.NUMBER, False),
    ("ext_IdentificationDate", Kind.DATE, True),
    ("ext_CountryOfExploitation", Kind.COUNTRY, False),
    ("ext_AgeAtRegistration", Kind.NUMBER, False),
    ("ext_DurationMonths", Kind.NUMBER, False),
    ("ext_CaseOutcome", Kind.TEXT, True),
    ("ext_PersonsInvestigated", Kind.NUMBER, False),
    ("ext_PersonsProsecuted", Kind.NUMBER, False),
    ("ext_PersonsConvicted", Kind.NUMBER, False),
    ("ext_ClosureDate", Kind.DATE, True),
    ("ext_InvestigatedYear", Kind.NUMBER, False),
    ("ext_ProsecutedYear", Kind.NUMBER, False),
    ("ext_ConvictedYear", Kind.NUMBER, False),
)
"""What HTCDS 2.0 lacks: id, kind, whether sealed; ``explanations`` says what they hold."""


def explanations() -> Mapping[str, str]:
    """Return what each of our own columns holds, in the reader's language."""
    return {
        "ext_CaseId": _("the agency's own case number; a correction replaces the case with that number"),
        "ext_FullName": _("the person's whole name, where the register keeps it in one cell"),
        "ext_BirthYear": _("year of birth, where the date is not known"),
        "ext_RegistrationDate": _("when the national authority registered the person"),
        "ext_RegistrationYear": _("the year of registration, where the date is not kept"),
        "ext_IdentificationDate": _("when the person was identified as a victim"),
        "ext_CountryOfExploitation": _("main country of exploitation"),
        "ext_AgeAtRegistration": _("age in whole years at registration"),
        "ext_DurationMonths": _("how long the exploitation lasted, in months"),
        "ext_CaseOutcome": _("how the case ended"),
        "ext_PersonsInvestigated": _("persons investigated in the case"),
        "ext_PersonsProsecuted": _("persons prosecuted in the case"),
        "ext_PersonsConvicted": _("persons convicted in the case"),
        "ext_ClosureDate": _("when the case was closed"),
        "ext_InvestigatedYear": _("of a perpetrator: the year in which he was first investigated"),
        "ext_ProsecutedYear": _("of a perpetrator: the year in which he was first prosecuted"),
        "ext_ConvictedYear": _("of a perpetrator: the year in which he was convicted"),
    }


def kind_words(kind: Kind) -> str:
    """Return what a value must be, in the reader's language."""
    return {
        Kind.CODE: _("one code"),
        Kind.CODES: _("codes, separated by ;"),
        Kind.COUNTRY: _("country"),
        Kind.COUNTRIES: _("countries, separated by ;"),
        Kind.LANGUAGE: _("language, three letters"),
        Kind.NUMBER: _("whole number"),
        Kind.FLAG: _("yes or no"),
        Kind.DATE: _("date, YYYY-MM-DD"),
        Kind.TEXT: _("text"),
    }[kind]


_EXTRA_LISTS = {"vic_MethodsOfControl": ("HTCDS.vic_MethodsOfControl", "HTCDS.FieldDefinitions.MethodsOfControl")}
"""HTCDS contradicts itself (16 methods in its spreadsheet, 17 in its definitions): both are accepted."""
_PLACES = frozenset({"prs_MailingLongitude", "prs_MailingLatitude"})


def _kind(facts: Mapping[str, Any]) -> Kind:
    if facts["id"] in _PLACES:
        return Kind.TEXT
    listed, multi = facts.get("codelist"), facts["multi"]
    if listed == "ISO3166-1":
        return Kind.COUNTRIES if multi else Kind.COUNTRY
    if listed == "ISO639-2":
        return Kind.LANGUAGE
    if listed:
        return Kind.CODES if multi else Kind.CODE
    return {"Number": Kind.NUMBER, "Checkbox": Kind.FLAG, "Date": Kind.DATE}.get(facts["type"], Kind.TEXT)


def _tokens(facts: Mapping[str, Any]) -> Mapping[str, str]:
    lists = _EXTRA_LISTS.get(facts["id"], (facts["codelist"],))
    own = {token(text): code for name in lists for code, text in code_labels(name, "ru").items()}
    return own | {
        token(spelling): code for name in lists for code, label in code_list(name).items() for spelling in (code, label)
    }


@cache
def field_rules() -> Mapping[str, FieldRule]:
    """Return every column there is, by id: HTCDS's in the standard's order, then ours."""
    rules: dict[str, FieldRule] = {}
    for facts in htcds_fields():
        kind = _kind(facts)
        sealed = kind in {Kind.TEXT, Kind.DATE}
        tokens = _tokens(facts) if kind in {Kind.CODE, Kind.CODES} else {}
        section = re.sub(r"\s+", " ", facts["section"])
        rules[facts["id"]] = FieldRule(facts["id"], facts["label"], section, kind, sealed, tokens)
    for name, kind, sealed in EXTENSIONS:
        rules[name] = FieldRule(name, "", "tallystick", kind, sealed)
    return rules


@cache
def header_names() -> Mapping[str, tuple[str, ...]]:
    """Return every accepted heading (normalised) with the fields it may mean; more than one is ambiguous.

    A field is called by its id, its label, or ``Section: Label``.
    """
    names: dict[str, tuple[str, ...]] = {}
    for rule in field_rules().values():
        spellings = {rule.id} | ({rule.label, f"{rule.section}: {rule.label}"} if rule.label else set())
        for spelling in {token(text) for text in spellings}:
            names[spelling] = (*names.get(spelling, ()), rule.id)
    return names
