"""What the register can be counted by: code lists, and the way from the register's numbers into them.

Standard axes group countries by the corridor list and ages by 0-17 and 18+, as the federation's tables do;
detailed ones keep every country and every age band that the register holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.config.catalogue import load_shipped
from tallystick.config.codes import country_names, subregional_countries
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _, current_language
from tallystick.node.cases.coding import m49_to_alpha3
from tallystick.node.cases.record import AGES, FORMS, LAST_YEAR, RELATIONSHIPS, SEXES, UNKNOWN
from tallystick.node.tables.mapping import age_group, country_group, exclusive_form

__all__ = ["AXES", "REST", "Axis", "Places", "axis_title", "chosen_axes", "make_axes"]

Places = NDArray[np.intp]

AXES = ("YEAR", "SEX", "AGE", "AGENCY", "CITIZENSHIP", "EXPLOITATION_AREA", "FORM", "RELATIONSHIP")
"""The eight dimensions. Their order decides which four make one cube, and this one makes the cubes smallest."""
REST = "_OTH"
"""Every agency after the first few of a register that many report to."""
_NAMED_AGENCIES = 31
_M49_SPACE = 1024
_BYTE = 256


@dataclass(frozen=True, eq=False)
class Axis:
    """One dimension of an exact table.

    Attributes:
        id: One of ``AXES``.
        codes: Its codes in the order of positions.
        column: The register's column that it reads.
        places: From the column's number to a position in ``codes``; -1 where the list has no place for it.
        labels: What a person reads, one per code.
    """

    id: str
    codes: tuple[str, ...]
    column: str
    places: Places
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def lumped(self) -> bool:
        """Whether several agencies stand under one code."""
        return self.id == "AGENCY" and REST in self.codes

    def holds(self, numbers: NDArray[Any]) -> bool:
        """Tell whether every number has a place."""
        if not len(numbers):
            return True
        return int(numbers.max()) < len(self.places) and int(self.places.take(numbers).min()) >= 0


def axis_title(axis_id: str) -> str:
    """Return a dimension's name in the reader's language."""
    return {
        "YEAR": _("year"),
        "SEX": _("sex"),
        "AGE": _("age group"),
        "AGENCY": _("reported by"),
        "CITIZENSHIP": _("citizenship"),
        "EXPLOITATION_AREA": _("country of exploitation"),
        "FORM": _("form of exploitation"),
        "RELATIONSHIP": _("relationship to trafficker"),
    }[axis_id]


def _labels(codelist: str, codes: Sequence[str]) -> tuple[str, ...]:
    """Return the shipped catalogue's labels in the reader's language; where it has none, ours."""
    lists = {found.id: found.codes for found in load_shipped().codelists}
    known, ours, language = lists.get(codelist, {}), _words(codelist), current_language()
    return tuple(
        known[code].get(language, known[code]["en"]) if code in known else ours.get(code, code) for code in codes
    )


def _words(codelist: str) -> Mapping[str, str]:
    if codelist == "CL_CORRIDOR_AREA":
        return country_names()
    return {
        "FAM": _("family"),
        "PRT": _("intimate partner"),
        "ACQ": _("acquainted"),
        "STR": _("unacquainted"),
        "OTH": _("other"),
        "MULTI": _("several"),
        "_U": _("unknown"),
        **{band: _age_words(band) for band in AGES if band != UNKNOWN},
    }


def _age_words(band: str) -> str:
    if band.startswith("Y_GE"):
        return _("{age} and over").format(age=band.removeprefix("Y_GE"))
    first, _sign, last = band.removeprefix("Y").partition("T")
    return f"{first}-{last}"


def _axis(axis_id: str, codelist: str, column: str, wanted: Sequence[str], space: int = _BYTE) -> Axis:
    """Make an axis from the code that each of the register's numbers stands for."""
    codes = tuple(sorted(set(wanted)))
    index = {code: position for position, code in enumerate(codes)}
    places = np.full(space, -1, dtype=np.intp)
    places[: len(wanted)] = [index[code] for code in wanted]
    return Axis(axis_id, codes, column, places, _labels(codelist, codes))


def _country(axis_id: str, column: str, *, detail: bool) -> Axis:
    names = m49_to_alpha3()
    listed = frozenset() if detail else frozenset(_corridor())
    codes = {
        number: code if detail else country_group(code, listed) if code != UNKNOWN else UNKNOWN
        for number, code in names.items()
    }
    order = tuple(sorted(set(codes.values())))
    places = np.full(_M49_SPACE, -1, dtype=np.intp)
    for number, code in codes.items():
        places[number] = order.index(code)
    return Axis(axis_id, order, column, places, _labels("CL_CORRIDOR_AREA", order))


def _corridor() -> tuple[str, ...]:
    """Return the countries that the federation's corridor list names one by one."""
    codes = next(found.codes for found in load_shipped().codelists if found.id == "CL_CORRIDOR_AREA")
    return tuple(code for code in codes if code in subregional_countries())


def _year(years: Iterable[int]) -> Axis:
    listed = sorted(set(years))
    places = np.full(LAST_YEAR + 1, -1, dtype=np.intp)
    places[listed] = np.arange(len(listed))
    codes = tuple(map(str, listed))
    return Axis("YEAR", codes, "year", places, codes)


def _agency(agencies: Mapping[int, str], *, detail: bool) -> Axis:
    """Name every agency, or the first few by their number in the register and the others together."""
    ids = sorted(agencies)
    named = ids if detail or len(ids) <= _NAMED_AGENCIES + 1 else ids[:_NAMED_AGENCIES]
    places = np.full(max(ids, default=0) + 1, -1, dtype=np.intp)
    places[named] = np.arange(len(named))
    codes, labels = [str(one) for one in named], [agencies[one] for one in named]
    if len(named) < len(ids):
        places[ids[len(named) :]] = len(named)
        codes, labels = [*codes, REST], [*labels, _("other agencies")]
    return Axis("AGENCY", tuple(codes), "agency", places, tuple(labels))


def make_axes(years: Iterable[int], agencies: Mapping[int, str], *, detail: bool = False) -> tuple[Axis, ...]:
    """Return all eight axes in the order of ``AXES``.

    Args:
        years: Years that the register holds.
        agencies: The register's number of an agency to its name.
        detail: Every country, age band and agency instead of groups.
    """
    made = {
        axis.id: axis for axis in (_year(years), _agency(agencies, detail=detail), *_fixed(current_language(), detail))
    }
    return tuple(made[name] for name in AXES)


@cache
def _fixed(language: str, detail: bool) -> tuple[Axis, ...]:
    """Return the axes that are the same in every register, labelled in ``language``, the one in force."""
    del language
    masks = range(1 << len(FORMS))
    forms = [frozenset(form for bit, form in enumerate(FORMS) if mask >> bit & 1) for mask in masks]
    return (
        _axis("SEX", "CL_SEX", "sex", SEXES),
        _axis("AGE", "CL_AGE", "age", AGES if detail else [age_group(band) for band in AGES]),
        _country("CITIZENSHIP", "citizenship", detail=detail),
        _country("EXPLOITATION_AREA", "area", detail=detail),
        _axis("FORM", "CL_FORM", "forms", [exclusive_form(named) for named in forms]),
        _axis("RELATIONSHIP", "CL_RELATIONSHIP", "relationship", RELATIONSHIPS),
    )


def chosen_axes(text: str) -> tuple[str, ...]:
    """Read ``SEX,AGE``: one to three different dimensions, whatever their case.

    Raises:
        UsageError: None or too many, one stands twice, or there is none of that name.
    """
    names = tuple(name.strip().upper() for name in text.split(","))
    unknown = [name for name in names if name not in AXES]
    listed = _("one to three of: {names}").format(names=", ".join(AXES))
    if unknown:
        raise UsageError(_("there is nothing called '{name}' to count by").format(name=unknown[0][:40]), hint=listed)
    if not 0 < len(names) <= 3 or len(set(names)) < len(names):
        raise UsageError(_("'{text}' does not name one to three dimensions").format(text=text[:60]), hint=listed)
    return names
