"""From the register's codes to a table's codes: total maps, so that every person lands in exactly one cell.

A map is an array from the register's number to the position in the table's code list; a catalogue whose list
leaves a register code without a place is refused before anything is counted.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import Catalogue, TableDefinition
from tallystick.config.codes import subregional_countries
from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _
from tallystick.node.cases.coding import CodedColumns, m49_to_alpha3
from tallystick.node.cases.record import AGES, FORMS, SEXES, UNKNOWN

__all__ = ["DIMENSIONS", "age_group", "country_group", "exclusive_form", "positions"]

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


def _place(wanted: Sequence[Sequence[str]], codes: Sequence[str], dimension: str) -> Positions:
    """Return, for each register number, the position of the first of its ``wanted`` codes that the list has."""
    index = {code: position for position, code in enumerate(codes)}
    placed = []
    for choices in wanted:
        found = next((index[code] for code in choices if code in index), None)
        if found is None:
            raise ConfigError(
                _("catalogue: {dimension} has no code for {wanted}").format(dimension=dimension, wanted=choices[-1])
            )
        placed.append(found)
    return np.array(placed, dtype=np.intp)


def _sex(codes: Sequence[str]) -> Positions:
    return _place([(sex, UNKNOWN) for sex in SEXES], codes, "SEX")


def _age(codes: Sequence[str]) -> Positions:
    return _place([(band, age_group(band), UNKNOWN) for band in AGES], codes, "AGE")


def _form(codes: Sequence[str]) -> Positions:
    masks = range(1 << len(FORMS))
    named = [frozenset(form for bit, form in enumerate(FORMS) if mask >> bit & 1) for mask in masks]
    return _place([(exclusive_form(forms),) for forms in named], codes, "FORM")


def _country(codes: Sequence[str]) -> Positions:
    names, listed = m49_to_alpha3(), frozenset(codes)
    wanted = [country_group(names.get(number, UNKNOWN), listed) for number in range(_M49_SPACE)]
    return _place([(code, "X_OTH", UNKNOWN) for code in wanted], codes, "country")


DIMENSIONS: Mapping[str, tuple[Callable[[CodedColumns], NDArray[np.unsignedinteger]], Callable[..., Positions]]] = {
    "SEX": (lambda columns: columns.sex, _sex),
    "AGE": (lambda columns: columns.age, _age),
    "FORM": (lambda columns: columns.forms, _form),
    "CITIZENSHIP": (lambda columns: columns.citizenship, _country),
    "EXPLOITATION_AREA": (lambda columns: columns.area, _country),
}
"""Dimension id to the column it reads and the maker of its map."""


@cache
def _map(dimension: str, codes: tuple[str, ...]) -> Positions:
    return DIMENSIONS[dimension][1](codes)


def positions(catalogue: Catalogue, table: TableDefinition, dimension: str, columns: CodedColumns) -> Positions:
    """Return each person's position in the code list of one dimension of ``table``.

    Raises:
        ConfigError: The register cannot answer that dimension, or its list leaves a code without a place.
    """
    if dimension not in DIMENSIONS:
        raise ConfigError(
            _("table {table}: the register has no {dimension}").format(table=table.id, dimension=dimension),
            hint=_("it can be counted by: {names}").format(names=", ".join(DIMENSIONS)),
        )
    column = DIMENSIONS[dimension][0](columns)
    placed: Positions = _map(dimension, catalogue.codes(table, dimension))[column]
    return placed
