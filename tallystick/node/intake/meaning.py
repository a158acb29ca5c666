"""What the spellings of one column mean in a field's code list, as far as nothing else can be meant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from tallystick.config.codes import htcds_fields
from tallystick.node.cases.record import UNKNOWN
from tallystick.node.intake.applying import split
from tallystick.node.intake.characters import mended, without_direction_marks
from tallystick.node.intake.fields import FieldRule, Kind, token
from tallystick.node.intake.spellings import code_meanings, country_meanings, document, is_unknown, words

__all__ = ["SEPARATORS", "Meaning", "meanings", "parts_of"]

SEPARATORS = (",", ";", "/", "\n")
_BOTH_LISTS = ("HTCDS.vic_MethodsOfControl", "HTCDS.FieldDefinitions.MethodsOfControl")


class Meaning(NamedTuple):
    """One spelling: how many cells hold it, its code (empty: nothing is known), or the codes that it could mean."""

    spelling: str
    cells: int
    code: str | None
    could_be: tuple[str, ...] = ()


@cache
def _lists(name: str) -> tuple[str, ...]:
    if name == "vic_MethodsOfControl":
        return _BOTH_LISTS
    return tuple(facts["codelist"] for facts in htcds_fields() if facts["id"] == name and facts.get("codelist"))


def parts_of(rule: FieldRule, texts: Mapping[str, int]) -> tuple[Counter[str], Sequence[str]]:
    """Return how often each spelling stands in a column, and the separators that part several in one cell.

    A cell whose whole text has a meaning is one spelling (``Korea, Republic of``); any other is parted only where that
    gives a meaning to something.
    """
    several = rule.kind in {Kind.CODES, Kind.COUNTRIES}
    found: Counter[str] = Counter()
    used: dict[str, None] = {}
    for raw, cells in texts.items():
        text = mended(without_direction_marks(raw))  # as the import will read it, and say so
        parts = split(text, SEPARATORS) if several and not _possible(rule, text) else [text]
        if len(parts) > 1 and any(_possible(rule, part) or is_unknown(part) for part in parts):
            used.update(dict.fromkeys(mark for mark in SEPARATORS if mark in text))
        else:
            parts = [text]
        for part in parts:
            found[part] += cells
    return found, [mark for mark in SEPARATORS if mark in used]


def _possible(rule: FieldRule, text: str) -> frozenset[str]:
    return frozenset().union(*_by_language(rule, text).values())


def _by_language(rule: FieldRule, text: str) -> dict[str, frozenset[str]]:
    """Return what a spelling can mean, by language; ``*`` stands for codes and English labels."""
    plain = mended(without_direction_marks(text))
    spelt = words(plain)
    if rule.kind in {Kind.COUNTRY, Kind.COUNTRIES}:
        if spelt in {words(one) for one in document()["stateless"]}:
            return {"*": frozenset({UNKNOWN})}
        return {"*": country_meanings().get(spelt, frozenset())}
    if rule.kind is Kind.FLAG:
        meant = {code for name, code in (("yes", "true"), ("no", "false")) if spelt in _flags(name)}
        return {"*": frozenset(meant)}
    found = {language: of[spelt] for language, of in code_meanings(_lists(rule.id)).items() if spelt in of}
    standard = rule.tokens.get(token(plain)) if token(plain) else None
    if standard is not None and not any(standard in codes for codes in found.values()):
        found["*"] = frozenset({standard})
    return found


@cache
def _flags(name: str) -> frozenset[tuple[str, ...]]:
    return frozenset(spelt for spelt in (words(text) for text in document()[name]) if spelt)


def meanings(rule: FieldRule, spellings: Mapping[str, int]) -> tuple[Meaning, ...]:
    """Return what each spelling of a column means; one language for the whole column settles what two languages share.

    Args:
        rule: The field.
        spellings: How many cells hold each spelling.
    """
    possible = {text: _by_language(rule, text) for text in spellings}
    languages = Counter(language for found in possible.values() for language in found)
    most = max(languages.values(), default=0)
    ruling = [language for language, count in languages.items() if count == most]
    return tuple(
        _meaning(text, cells, possible[text], ruling)
        for text, cells in sorted(spellings.items(), key=lambda one: (-one[1], one[0]))
    )


def _meaning(text: str, cells: int, possible: Mapping[str, frozenset[str]], ruling: Sequence[str]) -> Meaning:
    every = frozenset().union(*possible.values())
    if len(every) == 1:
        return Meaning(text, cells, next(iter(every)))
    if not every:
        return Meaning(text, cells, "" if is_unknown(text) else None)
    ruled = frozenset().union(*(possible[language] for language in ruling if language in possible))
    if len(ruled) == 1:
        return Meaning(text, cells, next(iter(ruled)))
    return Meaning(text, cells, None, tuple(sorted(every)))
