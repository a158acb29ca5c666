"""Countries as UNODC's workbook writes them: a state's own words, copied as they came, so only whole names count.

ISO 3166-1's English names and the United Nations' longer ones are known; ``N/A`` is no Namibia here, a guess at a
misspelt name is nobody's citizenship, and what an encoding has broken is not mended.
"""

import re
from collections.abc import Mapping
from functools import cache

from tallystick.config.codes import country_names

__all__ = ["country_of", "is_misencoded"]

_UNITED_NATIONS = {
    "Bolivia (Plurinational State of)": "BOL",
    "China, Hong Kong Special Administrative Region": "HKG",
    "China, Taiwan Province of China": "TWN",
    "Czechia": "CZE",
    "Democratic People's Republic of Korea": "PRK",
    "Democratic Republic of the Congo": "COD",
    "Iran (Islamic Republic of)": "IRN",
    "Micronesia (Federated States of)": "FSM",
    "Netherlands (Kingdom of the)": "NLD",
    "North Macedonia": "MKD",
    "Republic of Korea": "KOR",
    "Republic of Moldova": "MDA",
    "State of Palestine": "PSE",
    "Türkiye": "TUR",
    "United Kingdom of Great Britain and Northern Ireland": "GBR",
    "United Republic of Tanzania": "TZA",
    "United States of America": "USA",
    "Venezuela (Bolivarian Republic of)": "VEN",
}
"""Names of the United Nations' M49 list that differ from ISO 3166-1's."""
# UTF-8 that was read as Latin-1 shows one of these letters before a sign of the upper half; a lost letter is U+FFFD.
_BROKEN = re.compile("[\u00c2-\u00f4][\u0080-\u00bf]|\ufffd|[\x00-\x1f]")


@cache
def _names() -> Mapping[str, str]:
    listed = {name.casefold(): code for code, name in country_names().items()}
    return listed | {name.casefold(): code for name, code in _UNITED_NATIONS.items()}


def is_misencoded(text: str) -> bool:
    """Tell whether an encoding has broken a text on its way."""
    return _BROKEN.search(text) is not None


def country_of(text: str) -> str | None:
    """Return the alpha-3 code of a country by its whole English name, None where there is none by that name."""
    return _names().get(" ".join(text.split()).casefold())
