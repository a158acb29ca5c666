"""What agencies of the region call columns and codes: ``config/data/spellings.json``, and CLDR's country names.

A spelling that means two things means nothing here: every look-up returns all meanings, and whoever asks for one gets
none where there are several.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from tallystick.config.codes import country_alpha2_to_alpha3, country_names, htcds_fields
from tallystick.node.intake.characters import mended, without_direction_marks

__all__ = [
    "code_labels",
    "code_meanings",
    "country_meanings",
    "document",
    "field_label",
    "fields_called",
    "is_row_number",
    "is_unknown",
    "known_words",
    "words",
]

_GENERIC = frozenset(
    {"Type", "Longitude", "Latitude", "Phone", "Title", "Status", "City", "Country", "State", "Street", "PostalCode"}
) | {"Date", "Description", "Objectives", "Action Plan"}
"""Labels of HTCDS that say too little outside a file of HTCDS's own."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670\u200c\u200d]")
_LETTERS = str.maketrans(
    {"ı": "i", "ي": "ی", "ى": "ی", "ك": "ک", "ə": "a", "ʻ": "", "ʼ": "", "'": "", "’": "", "‘": "", "`": ""}
)
_WORD = re.compile(r"[^\W_]+")

Words = tuple[str, ...]


@cache
def document(name: str = "spellings.json") -> Mapping[str, Any]:
    """Return a file of ``config/data``, parsed once."""
    raw = resources.files("tallystick.config").joinpath("data", name).read_bytes()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


@lru_cache(maxsize=8192)
def words(text: str) -> Words:
    """Return a spelling's words without case, accents, punctuation and what cannot be seen."""
    plain = _CAMEL.sub(" ", mended(without_direction_marks(text)))
    plain = unicodedata.normalize("NFKD", plain.casefold()).casefold()
    return tuple(_WORD.findall(_ACCENTS.sub("", plain).translate(_LETTERS)))


@cache
def _set(name: str) -> frozenset[Words]:
    return frozenset(words(text) for text in document()[name])


@cache
def _word_set(name: str) -> frozenset[str]:
    return frozenset(word for text in document()[name] for word in words(text))


def is_unknown(text: str) -> bool:
    """Tell whether a cell says in words that nothing is known."""
    found = words(text)
    return found in _set("unknown") if found else all(char in "-–—?." for char in text.strip())


def is_row_number(heading: str) -> bool:
    """Tell whether a heading calls its column the number of the row, which changes when the sheet is sorted."""
    return words(heading) in _set("row_numbers") or heading.strip() in {"№", "#"}


def field_label(name: str, language: str) -> str:
    """Return our label of a field in a language, or empty."""
    listed = document()["fields"].get(name, {}).get(language, ())
    return str(listed[0]) if listed else ""


@cache
def _called() -> Mapping[Words, frozenset[str]]:
    called: dict[Words, set[str]] = {}
    for name, languages in document()["fields"].items():
        for text in (name, *(text for listed in languages.values() for text in listed)):
            called.setdefault(words(text), set()).add(name)
    for facts in htcds_fields():
        if facts["label"] and facts["label"] not in _GENERIC:
            called.setdefault(words(facts["label"]), set()).add(facts["id"])
    return {spelt: frozenset(names) for spelt, names in called.items()}


def _without(found: Words, names: Iterable[str]) -> Words:
    dropped = frozenset().union(*(_word_set(name) for name in names))
    return tuple(word for word in found if word not in dropped and not word.isdigit())


@cache
def _shortened() -> Mapping[Words, frozenset[str]]:
    short: dict[Words, frozenset[str]] = {}
    for spelt, names in _called().items():
        key = _without(spelt, ["function_words"])
        short[key] = short.get(key, frozenset()) | names
    return short


def fields_called(heading: str) -> tuple[frozenset[str], int]:
    """Return the fields that a heading can mean, and how surely.

    A heading in two rows ("Victim: Sex") counts by its lower one where the upper one only says that it is about the
    victim, the case or the exploitation; whose sex it is must not be guessed.

    Returns:
        The fields, and 100 where the heading is spelt as known, 90 where it is after words such as "of the victim" are
        left out, 50 where it only contains a known spelling (a suggestion, never taken unasked), 0 for none.
    """
    found = words(heading)
    if names := _called().get(found):
        return names, 100
    group, _colon, leaf = heading.rpartition(": ")
    if group and not _without(words(group), ["function_words", "role_words", "group_words"]):
        names, certainty = fields_called(leaf)
        return names, min(certainty, 90)
    for dropped in (["function_words"], ["function_words", "role_words"]):
        short = _without(found, dropped)
        if names := _shortened().get(short):
            return names, 90
    inside = [(len(spelt), names) for spelt, names in _shortened().items() if spelt and _contains(found, spelt)]
    longest = max((length for length, _names in inside), default=0)
    names = frozenset().union(*(names for length, names in inside if length == longest))
    return names, 50 if names else 0


def _contains(found: Words, spelt: Words) -> bool:
    return any(found[place : place + len(spelt)] == spelt for place in range(len(found) - len(spelt) + 1))


@cache
def known_words() -> frozenset[str]:
    """Return the words of all headings that are not written in plain Latin letters, for telling encodings apart."""
    texts = [text for languages in document()["fields"].values() for listed in languages.values() for text in listed]
    spelt = {word.casefold() for text in texts for word in _WORD.findall(text) if len(word) > 2}
    return frozenset(word for word in spelt if not word.isascii())


def code_labels(listed: str, language: str) -> Mapping[str, str]:
    """Return our labels of a list's codes in a language, as far as there are any."""
    codes = document()["codes"].get(listed, {})
    return {code: spelt[language][0] for code, spelt in codes.items() if spelt.get(language)}


@cache
def code_meanings(lists: tuple[str, ...]) -> Mapping[str, Mapping[Words, frozenset[str]]]:
    """Return, by language, what each spelling means in the given code lists."""
    found: dict[str, dict[Words, set[str]]] = {}
    for name in lists:
        for code, languages in document()["codes"].get(name, {}).items():
            for language, texts in languages.items():
                for text in texts:
                    found.setdefault(language, {}).setdefault(words(text), set()).add(code)
    return {language: {spelt: frozenset(codes) for spelt, codes in of.items()} for language, of in found.items()}


@cache
def country_meanings() -> Mapping[Words, frozenset[str]]:
    """Return which countries (alpha-3) a spelling can mean: CLDR's names, ISO's codes and names, short forms."""
    found: dict[Words, set[str]] = {}

    def add(text: str, code: str) -> None:
        found.setdefault(words(text), set()).add(code)

    for listed in document("country_names.json")["names"].values():
        for code, text in listed.items():
            add(text, code)
    for code, text in country_names().items():
        add(text, code)
        add(code, code)
    for alpha2, code in country_alpha2_to_alpha3().items():
        add(alpha2, code)
    for code, texts in document()["countries"].items():
        for text in texts:
            add(text, code)
    return {spelt: frozenset(codes) for spelt, codes in found.items() if spelt}
