"""Relationship and methods of control, read out of a record's own details.

The details keep what the source wrote; the coded columns keep what can be counted. HTCDS's two lists of methods
contradict each other and CTDC has its own: all three map onto one list by the shipped crosswalk "method of control"
(PhysicalThreats are threats, ThreatensChildrenFamily is nearest to UsesChildren).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from tallystick.node.cases.record import UNKNOWN, Detail

__all__ = ["METHODS", "controls_of", "relationship_of"]

METHODS: Mapping[str, str] = {
    "DebtBondage": "DEBT",
    "TakesEarnings": "EARNINGS",
    "RestrictsFinancialAccess": "FINANCE",
    "Threats": "THREATS",
    "PhysicalThreats": "THREATS",
    "PsychologicalAbuse": "PSYCH",
    "PhysicalAbuse": "PHYSICAL",
    "SexualAbuse": "SEXUAL",
    "FalsePromises": "PROMISES",
    "PsychoactiveSubstances": "DRUGS",
    "PsychoactiveSubstance": "DRUGS",
    "RestrictsMovement": "MOVEMENT",
    "RestrictsMedicalCare": "MEDICAL",
    "ExcessiveWorkingHours": "HOURS",
    "UsesChildren": "CHILDREN",
    "ThreatensChildrenFamily": "CHILDREN",
    "ThreatOfLawEnforcement": "LAW",
    "ThreatsLawEnforcement": "LAW",
    "WithholdsNecessities": "NECESSITIES",
    "WithholdsDocuments": "DOCUMENTS",
    "Other": "OTH",
}
"""A method by any of the three lists' spellings to one of ``CONTROLS``."""
_CTDC_METHOD = "meansOfControl"
_RELATIONSHIPS = {
    "Familial": "FAM",
    "Acquainted": "ACQ",
    "Unaquainted": "STR",
    "Family/Relative": "FAM",
    "Friend/Acquaintance": "ACQ",
    "Intimate Partner": "PRT",
    "Other": "OTH",
}
_RELATIONSHIP_FLAGS = {
    "recruiterRelationFamily": "FAM",
    "recruiterRelationFriend": "ACQ",
    "recruiterRelationIntimatePartner": "PRT",
    "recruiterRelationOther": "OTH",
}


def _listed(value: Detail | None) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()


@lru_cache(maxsize=4096)
def _methods(named: Iterable[str]) -> frozenset[str]:
    return frozenset(METHODS[name] for name in named if name in METHODS)


def controls_of(details: Mapping[str, Detail]) -> frozenset[str]:
    """Return the methods of control that a record's details name; unspecified ones are none."""
    flags = tuple(
        name.removeprefix(_CTDC_METHOD) for name, value in details.items() if value is True and name[:5] == "means"
    )
    return _methods((*_listed(details.get("vic_MethodsOfControl")), *flags))


def relationship_of(details: Mapping[str, Detail]) -> str:
    """Return the relationship that a record's details name, ``MULTI`` where several are, ``_U`` where none is."""
    named = (*_listed(details.get("vic_RelationshipToTrafficker")), *_listed(details.get("RecruiterRelationship")))
    found = {_RELATIONSHIPS[name] for name in named if name in _RELATIONSHIPS}
    found |= {code for name, code in _RELATIONSHIP_FLAGS.items() if details.get(name) is True}
    if len(found) > 1:
        return "MULTI"
    return next(iter(found), UNKNOWN)
