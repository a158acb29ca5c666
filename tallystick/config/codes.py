"""The standards' code lists, as facts: HTCDS 2.0, CTDC, GLOTIP, SDG, SDMX, ISO 3166-1 with M49.

``data/codes.json`` names source and status of each list. HTCDS is IOM's, CC BY 4.0; nothing here suggests endorsement.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from tallystick.config.errors import ConfigError

__all__ = [
    "almaty_states",
    "code_list",
    "country_alpha2_to_alpha3",
    "country_m49",
    "country_names",
    "crosswalk",
    "document",
    "htcds_fields",
    "published_totals",
    "subregional_countries",
]


@cache
def document() -> Mapping[str, Any]:
    """Return the whole of ``data/codes.json``, parsed once."""
    raw = resources.files("tallystick.config").joinpath("data", "codes.json").read_bytes()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


def code_list(name: str) -> Mapping[str, str]:
    """Return a list's codes with their English labels, such as ``code_list("HTCDS.prs_Gender")``."""
    lists = document()["codelists"]
    if name not in lists:
        raise ConfigError(f"no code list is called {name}")
    codes: Mapping[str, str] = lists[name]["codes"]
    return codes


def crosswalk(concept: str) -> Mapping[str, str]:
    """Return the map from every standard's spelling of ``concept`` (``sex/gender``, ``age``, ...) to our SDMX code."""
    for row in document()["crosswalk"]:
        if row["concept"] == concept:
            found: Mapping[str, str] = row.get("map", {})
            return found
    raise ConfigError(f"no crosswalk is called {concept}")


def htcds_fields() -> tuple[Mapping[str, Any], ...]:
    """Return the 84 fields of HTCDS 2.0 in the standard's order."""
    return tuple(document()["fields"]["HTCDS_2.0"])


def almaty_states() -> Mapping[str, Mapping[str, str]]:
    """Return the nine states by alpha-3 code, each with alpha2, m49, name, role."""
    found: Mapping[str, Mapping[str, str]] = document()["almaty_process"]
    return found


def country_names() -> Mapping[str, str]:
    """Return ISO 3166-1 alpha-3 codes with their English names."""
    return code_list("ISO3166-1")


@cache
def _countries() -> Mapping[str, Any]:
    raw = resources.files("tallystick.config").joinpath("data", "countries.json").read_bytes()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


@cache
def country_alpha2_to_alpha3() -> Mapping[str, str]:
    """Return ISO 3166-1 alpha-2 codes mapped to alpha-3; ``NA`` is Namibia."""
    return {alpha2: alpha3 for alpha3, (alpha2, _m49) in _countries()["alpha2_m49"].items()}


@cache
def country_m49() -> Mapping[str, int]:
    """Return ISO 3166-1 alpha-3 codes with their UN M49 numbers (4 for Afghanistan)."""
    return {alpha3: int(number) for alpha3, (_alpha2, number) in _countries()["alpha2_m49"].items()}


@cache
def subregional_countries() -> frozenset[str]:
    """Return the countries of the three M49 sub-regions that the nine states belong to (143, 034, 145)."""
    return frozenset(code for codes in _countries()["subregions"].values() for code in codes)


def published_totals(indicator: str = "Detected trafficking victims") -> Mapping[str, Mapping[int, int]]:
    """Return UNODC's published national totals by alpha-3 and year; hidden ones (``<5``) are left out."""
    values = document()["reality_check"]["values"][indicator]
    return {
        state: {int(year): int(text.replace(",", "")) for year, text in years.items() if not text.startswith("<")}
        for state, years in values.items()
    }
