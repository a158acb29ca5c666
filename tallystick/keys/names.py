"""People's names: which may stand on a card or in the roster, and which are one person's.

Two officers must sign a release, so two names that nobody can tell apart on a screen must not count as two people.
Where in doubt they count as one: the release then waits for a third officer, which does no harm.
"""

import re
import unicodedata
from functools import lru_cache

__all__ = ["person_of", "plain_name"]

# Printable by category, yet nothing is seen of them (Unicode's Default_Ignorable_Code_Point, and the blank Braille
# cell): a second name could differ from the first by one of them alone.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")

# Persian and Urdu names are written with joiners between their letters: \u0639\u0644\u06cc\u200c\u0631\u0636\u0627.
_JOINER = re.compile("(?<=[\u0620-\u06ff])[\u200c\u200d](?=[\u0620-\u06ff])")

# Letters of other scripts, in lower case, by the Latin letter that they or their capitals look like (after Unicode
# Technical Standard 39, confusables); and spellings of one letter on Arabic, Persian and Urdu keyboards.
_LOOK_ALIKE = {
    "a": "аαӓ",
    "b": "вβь",
    "c": "сϲ",
    "e": "еεє",
    "h": "нηһ",
    "i": "1lіιıӏǀ|ҁ",
    "j": "јϳ",
    "k": "кκқ",
    "m": "мμ",
    "n": "ν",
    "o": "0оοөօ",
    "p": "рρ",
    "s": "ѕ",
    "t": "тτ",
    "u": "υս",
    "x": "хχҳ",
    "y": "уүұγ",
    "z": "ζ",
    "ی": "يىېے",
    "ک": "كڪ",
    "ه": "ةہھەۀ",
}
_SKELETON = str.maketrans({twin: letter for letter, twins in _LOOK_ALIKE.items() for twin in twins})


def plain_name(text: str) -> str:
    """Return a name as it is, if everybody sees the same of it.

    Raises:
        ValueError: It holds something that no eye sees, blanks around it, or another spelling of the same letters.
    """
    if not _JOINER.sub("", text).isprintable() or _BLANK.search(text):
        raise ValueError("must be printable, without characters that nobody sees")
    if text != text.strip() or unicodedata.normalize("NFC", text) != text:
        raise ValueError("must be trimmed, and in Unicode's form C")
    return text


@lru_cache(maxsize=4096)
def person_of(name: str) -> str:
    """Reduce a name so that all its spellings, and whatever looks like it, are one person."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    seen = "".join(char for char in parts if unicodedata.category(char) not in {"Mn", "Me", "Cf"})
    return " ".join(_BLANK.sub("", seen).translate(_SKELETON).split())
