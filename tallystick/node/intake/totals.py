"""How many cases a state has in a year: published where it is, assumed and said so where it is not."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from tallystick.config.codes import document, published_totals
from tallystick.config.i18n import _

__all__ = ["YearTotal", "synthetic_data", "year_totals"]

_INDICATOR = "Detected trafficking victims"


class YearTotal(NamedTuple):
    """One year's number of persons; ``assumption`` is a sentence, or empty where the number was published."""

    year: int
    persons: int
    assumption: str


@cache
def synthetic_data() -> Mapping[str, Any]:
    """Return the invented shares and names that synthetic cases are drawn from."""
    raw = resources.files("tallystick.node.intake").joinpath("data", "synthetic.json").read_bytes()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


def _hidden(state: str, year: int) -> bool:
    return str(document()["reality_check"]["values"][_INDICATOR].get(state, {}).get(str(year), "")).startswith("<")


def year_totals(state: str, years: Sequence[int], persons: int | None = None) -> tuple[YearTotal, ...]:
    """Return a total for each year: UNODC's where it was published, else an assumption with its sentence.

    Args:
        state: Alpha-3 code.
        years: Calendar years.
        persons: The same number for every year instead.
    """
    if persons is not None:
        said = _("{state}: {persons} persons a year, as asked for; not a published total")
        return tuple(YearTotal(year, persons, said.format(state=state, persons=persons)) for year in years)
    return tuple(_total(state, year) for year in years)


def _total(state: str, year: int) -> YearTotal:
    known = published_totals(_INDICATOR).get(state, {})
    if year in known:
        return YearTotal(year, known[year], "")
    if _hidden(state, year):
        persons = int(synthetic_data()["assumed_hidden"])
        said = _("{state} {year}: UNODC published 'fewer than 5'; {persons} are assumed")
        return YearTotal(year, persons, said.format(state=state, year=year, persons=persons))
    if known:
        nearest = min(known, key=lambda other: (abs(other - year), other))
        said = _("{state} {year}: UNODC published no total; that of {nearest} ({persons}) is assumed")
        return YearTotal(
            year, known[nearest], said.format(state=state, year=year, nearest=nearest, persons=known[nearest])
        )
    data = synthetic_data()
    persons = int(data["assumed_totals"].get(state, data["assumed_default"]))
    said = _("{state} {year}: UNODC published no total for any year; {persons} is an invented size")
    return YearTotal(year, persons, said.format(state=state, year=year, persons=persons))
