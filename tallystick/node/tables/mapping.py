"""From the register's codes to a table's codes: total maps, so that every person lands where he belongs.

A dimension reads something of a person (its base) and names the codes under which he stands: one of them, or, where
the dimension counts ``multiple``, as many as apply. Two dimensions of one base are two readings of the same thing: the
exclusive form and the forms named, a citizenship and its group. Counting and the disclosure audit both take these maps
from here, so the audit cannot believe in other links than the ones that were counted.

A catalogue whose list leaves a register code without a place is refused before anything is counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import Catalogue, TableDefinition
from tallystick.config.codes import subregional_countries
from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _
from tallystick.node.cases.coding import CodedColumns, m49_to_alpha3
from tallystick.node.cases.record import AGES, CONTROLS, FORMS, RELATIONSHIPS, SEXES, STAGES, UNKNOWN

__all__ = [
    "DIMENSIONS",
    "Positions",
    "Reading",
    "age_group",
    "citizenship_group",
    "country_group",
    "exclusive_form",
    "memberships",
    "positions",
    "reading",
]

Positions = NDArray[np.intp]
_M49_SPACE = 1024
_SEVERAL = "MULTI"
_ADULT, _CHILD = "Y_GE18", "Y0T17"
_CHILD_BANDS = frozenset({_CHILD, "Y0T8", "Y9T17"})


def age_group(band: str) -> str:
    """Return 0-17, 18+ or unknown for one of the register's age bands."""
    if band == UNKNOWN:
        return UNKNOWN
    return _CHILD if band in _CHILD_BANDS else _ADULT


def exclusive_form(forms: frozenset[str]) -> str:
    """Return the one form named, ``MULTI`` where several are, ``_U`` where none is."""
    if not forms:
        return UNKNOWN
    return next(iter(forms)) if len(forms) == 1 else _SEVERAL


def country_group(country: str, codes: frozenset[str]) -> str:
    """Return the country itself if the list names it, else its group, else unknown if it is unknown."""
    if country == UNKNOWN or country in codes:
        return country
    return "X_SUB" if country in subregional_countries() else "X_OTH"


def citizenship_group(country: str, state: str) -> str:
    """Return how the reporting ``state`` groups a citizenship: its own, of its sub-regions, other, unknown."""
    if country == UNKNOWN:
        return UNKNOWN
    if country == state:
        return "DOMESTIC"
    return "SUBREGIONAL" if country in subregional_countries() else "OTHER"


Choices = Sequence[Sequence[str]]
"""For each register value the codes that would do, the finest first."""


@dataclass(frozen=True)
class Dimension:
    """What one dimension of the catalogue reads.

    Attributes:
        base: What of a person it reads; dimensions of one base are readings of the same thing.
        column: The register's column.
        choices: For a code list and a state, what would do for each register value. None where the column holds a bit
            for each of ``bits`` and the person stands under every code whose bit is set.
        bits: Codes by bit.
        rest: The code of a person with no bit set, or empty where such a person stands nowhere.
        listed: Whether all sets of bits are few enough to be listed.
    """

    base: str
    column: Callable[[CodedColumns], NDArray[np.unsignedinteger]]
    choices: Callable[[frozenset[str], str], Choices] | None = None
    bits: tuple[str, ...] = ()
    rest: str = ""
    listed: bool = True


@dataclass(frozen=True)
class Reading:
    """How a dimension reads its base.

    Attributes:
        base: What it reads.
        named: For each value that the base can have, the codes under which such a person stands; the values stand in
            one order for all readings of a base. None where any set of codes can come up, the unknown code alone
            where none of the others applies.
    """

    base: str
    named: tuple[frozenset[str], ...] | None


def _sexes(_codes: frozenset[str], _state: str) -> Choices:
    return [(sex, UNKNOWN) for sex in SEXES]


def _ages(_codes: frozenset[str], _state: str) -> Choices:
    return [(band, age_group(band), UNKNOWN) for band in AGES]


def _forms(_codes: frozenset[str], _state: str) -> Choices:
    masks = range(1 << len(FORMS))
    named = [frozenset(form for bit, form in enumerate(FORMS) if mask >> bit & 1) for mask in masks]
    return [(exclusive_form(forms),) for forms in named]


def _countries(codes: frozenset[str], _state: str) -> Choices:
    names = m49_to_alpha3()
    wanted = [country_group(names.get(number, UNKNOWN), codes) for number in range(_M49_SPACE)]
    return [(code, "X_OTH", UNKNOWN) for code in wanted]


def _citizenship_groups(_codes: frozenset[str], state: str) -> Choices:
    if not state:
        raise ConfigError(_("citizenship groups depend on the reporting state, and none was named"))
    names = m49_to_alpha3()
    return [(citizenship_group(names.get(number, UNKNOWN), state),) for number in range(_M49_SPACE)]


def _relationships(_codes: frozenset[str], _state: str) -> Choices:
    return [(code, UNKNOWN) for code in RELATIONSHIPS]


DIMENSIONS: Mapping[str, Dimension] = {
    "SEX": Dimension("SEX", lambda columns: columns.sex, _sexes),
    "AGE": Dimension("AGE", lambda columns: columns.age, _ages),
    "FORM": Dimension("FORM", lambda columns: columns.forms, _forms),
    "FORM_NAMED": Dimension("FORM", lambda columns: columns.forms, bits=FORMS, rest=UNKNOWN),
    "CITIZENSHIP": Dimension("CITIZENSHIP", lambda columns: columns.citizenship, _countries),
    "CITIZENSHIP_GROUP": Dimension("CITIZENSHIP", lambda columns: columns.citizenship, _citizenship_groups),
    "EXPLOITATION_AREA": Dimension("EXPLOITATION_AREA", lambda columns: columns.area, _countries),
    "RELATIONSHIP": Dimension("RELATIONSHIP", lambda columns: columns.relationship, _relationships),
    "CONTROL": Dimension("CONTROL", lambda columns: columns.controls, bits=CONTROLS, rest=UNKNOWN, listed=False),
    "STAGE": Dimension("STAGE", lambda columns: columns.stages, bits=STAGES),
}
"""Dimension id to what it reads."""


def _source(table: TableDefinition, dimension: str, *, multiple: bool) -> Dimension:
    if dimension not in DIMENSIONS:
        raise ConfigError(
            _("table {table}: the register has no {dimension}").format(table=table.id, dimension=dimension),
            hint=_("it can be counted by: {names}").format(names=", ".join(DIMENSIONS)),
        )
    found = DIMENSIONS[dimension]
    if multiple != (found.choices is None):
        raise ConfigError(
            _("table {table}: {dimension} is not counted that way").format(table=table.id, dimension=dimension),
            hint=_("the catalogue says whether a person stands under one of its codes or under several"),
        )
    return found


def _no_place(dimension: str, wanted: str) -> ConfigError:
    return ConfigError(_("catalogue: {dimension} has no code for {wanted}").format(dimension=dimension, wanted=wanted))


@cache
def _map(dimension: str, codes: tuple[str, ...], state: str) -> Positions:
    """Return, for each register value, the position of the first of its choices that the list has."""
    found = DIMENSIONS[dimension].choices
    choices = found(frozenset(codes), state) if found else ()
    index = {code: position for position, code in enumerate(codes)}
    placed = []
    for wanted in choices:
        place = next((index[code] for code in wanted if code in index), None)
        if place is None:
            raise _no_place(dimension, wanted[-1])
        placed.append(place)
    return np.array(placed, dtype=np.intp)


def positions(
    catalogue: Catalogue, table: TableDefinition, dimension: str, columns: CodedColumns, state: str = ""
) -> Positions:
    """Return each person's position in the code list of one exclusive dimension of ``table``, shape (n,).

    Args:
        catalogue: The federation's catalogue.
        table: One of its tables.
        dimension: One of the table's dimensions.
        columns: The persons.
        state: The reporting state's alpha-3 code; citizenship groups depend on it.

    Raises:
        ConfigError: The register cannot answer that dimension, or its list leaves a code without a place.
    """
    source = _source(table, dimension, multiple=False)
    placed: Positions = _map(dimension, catalogue.codes(table, dimension), state)[source.column(columns)]
    return placed


def memberships(
    catalogue: Catalogue, table: TableDefinition, dimension: str, columns: CodedColumns
) -> NDArray[np.bool_]:
    """Return who stands under which code of a dimension that counts ``multiple``, shape (n, codes).

    Raises:
        ConfigError: The register cannot answer that dimension so, or its list leaves a code without a place.
    """
    source = _source(table, dimension, multiple=True)
    codes, held = catalogue.codes(table, dimension), source.column(columns)
    known = (*source.bits, *([source.rest] if source.rest else ()))
    missing = [code for code in known if code not in codes]
    if missing:
        raise _no_place(dimension, missing[0])
    bits = {code: held >> np.uint32(bit) & 1 for bit, code in enumerate(source.bits)}
    bits |= {source.rest: held == 0} if source.rest else {}
    nobody = np.zeros(len(columns), dtype=np.bool_)
    return np.stack([bits[code].astype(np.bool_) if code in bits else nobody for code in codes], axis=1)


def reading(catalogue: Catalogue, table: TableDefinition, dimension: str, state: str) -> Reading:
    """Return how one dimension of ``table`` reads its base, as it is counted.

    Args:
        catalogue: The federation's catalogue.
        table: One of its tables.
        dimension: One of the table's dimensions.
        state: The reporting state's alpha-3 code.

    Raises:
        ConfigError: The register cannot answer that dimension, or its list leaves a code without a place.
    """
    source = _source(table, dimension, multiple=dimension in table.multiple)
    if source.choices is not None:
        codes = catalogue.codes(table, dimension)
        return Reading(source.base, tuple(frozenset({codes[at]}) for at in _map(dimension, codes, state)))
    if not source.listed:
        return Reading(source.base, None)
    masks = range(0 if source.rest else 1, 1 << len(source.bits))
    named = [frozenset(code for bit, code in enumerate(source.bits) if mask >> bit & 1) for mask in masks]
    return Reading(source.base, tuple(codes or frozenset({source.rest}) for codes in named))
