"""Characters that deceive the eye: marks that turn the direction of writing, letters of two alphabets that look alike.

Unicode Technical Report 36 (bidirectional text spoofing) and Technical Standard 39 (mixed scripts, confusables); of the
latter only the Latin and Cyrillic letters that a keyboard of this region puts side by side.
"""

import re
import unicodedata

__all__ = ["DECEPTIVE", "folded", "has_direction_marks", "is_mixed", "mended", "visible", "without_direction_marks"]

_DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
_MIXED = "[A-Za-z][\u0400-\u04ff]|[\u0400-\u04ff][A-Za-z]"
DECEPTIVE = re.compile(f"[{_DIRECTION}]|{_MIXED}")
"""Finds either kind in one search; the joiners that Persian needs are not among them."""
_MARKS = re.compile(f"[{_DIRECTION}]")
_SIDE_BY_SIDE = re.compile(_MIXED)
_WORD = re.compile("[A-Za-z\u0400-\u04ff]+")
_LATIN = "ABCEHIJKMOPSTXYaceijopsxyh"
_CYRILLIC = "АВСЕНІЈКМОРЅТХУасеіјорѕхуһ"
_TO_CYRILLIC = dict(zip(_LATIN, _CYRILLIC, strict=True))
_TO_LATIN = dict(zip(_CYRILLIC, _LATIN, strict=True))


def has_direction_marks(text: str) -> bool:
    """Tell whether ``text`` holds a mark that turns or sets the direction of writing, or a byte order mark."""
    return _MARKS.search(text) is not None


def without_direction_marks(text: str) -> str:
    """Return ``text`` as it is stored, without the marks that change how it is shown."""
    return _MARKS.sub("", text)


def is_mixed(text: str) -> bool:
    """Tell whether a Latin letter stands beside a Cyrillic one within a word."""
    return _SIDE_BY_SIDE.search(text) is not None


def mended(text: str) -> str:
    """Write each word of mixed letters in the one alphabet that can spell it; a word that both can is left alone."""
    return _WORD.sub(lambda found: _mended_word(found[0]), text)


def _mended_word(word: str) -> str:
    if not _SIDE_BY_SIDE.search(word):
        return word
    as_cyrillic = "".join(_TO_CYRILLIC.get(char, char) for char in word)
    as_latin = "".join(_TO_LATIN.get(char, char) for char in word)
    fits = [spelt for spelt in (as_cyrillic, as_latin) if not _SIDE_BY_SIDE.search(spelt)]
    return fits[0] if len(fits) == 1 else word


def visible(text: str) -> str:
    """Return ``text`` with its direction marks written out, so that a report shows what is there."""
    return _MARKS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def folded(text: str) -> str:
    """Normalise a spelling for comparison: case, width and runs of spaces do not matter, everything else does."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
