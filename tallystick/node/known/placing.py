"""Where a figure of others stands in our tables: only where the two count the same.

A row of GLOTIP is a set of codes; the table whose dimensions are exactly those, or that carries them as a margin, has
its cell. UNODC's "other forms" covers several of our codes (organ removal, other purposes, several forms), a single
foreign citizenship is only part of a group, and offences and repatriations are no persons of our tables: none of them
is forced into a cell. UNODC does not say whether its forms exclude each other: they stand beside both readings of ours.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tallystick.config.catalogue import TOTAL, Catalogue, CellKey, TableDefinition
from tallystick.config.i18n import _
from tallystick.node.known.countries import country_of
from tallystick.node.known.figure import ByHand, Glotip, Subject

__all__ = ["Place", "places_of", "why_nowhere"]

_VICTIMS, _PERPETRATORS = "VICTIMS", "PERPETRATORS"
_STAGES = {
    "Persons brought into formal contact": "INVESTIGATED",
    "Persons prosecuted": "PROSECUTED",
    "Persons convicted": "CONVICTED",
}
_SEXES = {"Female": "F", "Male": "M", "Other": "_O", "Unknown": "_U"}
_AGES = {"0 to 17 years": "Y0T17", "18 years or over": "Y_GE18", "Unknown": "_U"}
_FORMS = {"Forced labour": "FL", "Sexual exploitation": "SX"}
Codes = Mapping[str, str]
"""Dimension id to code."""


class Place(NamedTuple):
    """A cell of one of our tables."""

    table_id: str
    key: CellKey


def places_of(subject: Subject, state: str, catalogue: Catalogue) -> tuple[Place, ...]:
    """Return the cells that count what ``subject`` says; none where none does.

    Args:
        subject: What a figure is about.
        state: Whose figure it is, alpha-3.
        catalogue: The tables there are.
    """
    if isinstance(subject, ByHand):
        fits = any(table.id == subject.table_id for table in catalogue.tables)
        here = fits and subject.key in catalogue.cells(catalogue.table(subject.table_id))
        return (Place(*subject),) if here else ()
    universe, readings = _readings(subject, state)
    found = (
        _cell(catalogue, table, codes)
        for codes in readings
        for table in catalogue.tables
        if table.id.split("_")[0] == universe
    )
    return tuple(dict.fromkeys(place for place in found if place is not None))


def why_nowhere(subject: Subject) -> str:
    """Say why a figure has no cell of ours."""
    if isinstance(subject, ByHand):
        return _("the catalogue in force has no such cell")
    if subject.indicator == "Offences of trafficking in persons":
        return _("counts offences, not persons")
    if subject.dimension == "by country of repatriation":
        return _("counts by country of repatriation")
    if subject.category == "Other forms of exploitation":
        return _("covers several of our codes: organ removal, other purposes, several forms")
    if subject.dimension == "by citizenship":
        return _("one citizenship is only part of a group of ours")
    return _("not broken down that way here")


def _cell(catalogue: Catalogue, table: TableDefinition, codes: Codes) -> Place | None:
    """Return the table's cell with exactly these codes: an inner cell, or one of a margin that the table carries."""
    names = table.dimension_ids
    if not set(codes) <= set(names) or (set(codes) != set(names) and not _has_margin(table, codes)):
        return None
    key = tuple(codes.get(name, TOTAL) for name in names)
    if any(code != TOTAL and code not in catalogue.codes(table, name) for name, code in zip(names, key, strict=True)):
        return None
    return Place(table.id, key)


def _has_margin(table: TableDefinition, codes: Codes) -> bool:
    return any(set(margin) == set(codes) for margin in table.margins)


def _readings(subject: Glotip, state: str) -> tuple[str, list[Codes]]:
    """Return whom a row counts, and by which codes of ours; several where two dimensions read the same thing."""
    if subject.dimension == "by country of repatriation":
        return "", []
    axes: dict[str, str] = {}
    for name, text, codes in (("SEX", subject.sex, _SEXES), ("AGE", subject.age, _AGES)):
        if text != "Total":
            axes[name] = codes[text]
    if subject.indicator in _STAGES:
        plain = not axes and subject.dimension == "Total"
        return _PERPETRATORS, [{"STAGE": _STAGES[subject.indicator]}] if plain else []
    if subject.indicator != "Detected trafficking victims":
        return "", []
    if subject.dimension == "Total":
        return _VICTIMS, [axes]
    if subject.dimension == "by form of exploitation":
        form = _FORMS.get(subject.category)
        return _VICTIMS, [{**axes, name: form} for name in ("FORM", "FORM_NAMED")] if form else []
    return _VICTIMS, [{**axes, **codes} for codes in _citizenships(subject.category, state)]


def _citizenships(category: str, state: str) -> list[Codes]:
    """Return what a citizenship is in our dimensions: a country by name, the state's own group, or unknown."""
    if category == "Unknown":
        return [{"CITIZENSHIP_GROUP": "_U"}, {"CITIZENSHIP": "_U"}]
    country = state if category == "Nationals" else country_of(category)
    if country is None:
        return []
    return [{"CITIZENSHIP": country}, *([{"CITIZENSHIP_GROUP": "DOMESTIC"}] if country == state else [])]
