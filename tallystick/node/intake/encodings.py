"""Which encoding a file of text has: told by its mark, proposed by its words, never assumed.

Old Windows and Mac encodings give text for almost any bytes, so decoding without an error proves nothing. A proposal
rests on known headings and on the frequency of letters, and a person says yes to it.
"""

import codecs
import re
from pathlib import Path

from tallystick.node.intake.spellings import known_words

__all__ = ["ENCODINGS", "likely_encoding", "marked_encoding"]

ENCODINGS = ("utf-8", "utf-16", "cp1251", "kz1048", "koi8-r", "cp866", "mac-cyrillic", "cp1254", "cp1256")
"""What is proposed; any other name that Python knows may be given too."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SAMPLE = 1 << 16
_EVERYDAY = set(
    "оеаинтсрвлкмдпуяыьгзбчйжшюцщэфхъёіәғқңөұүһabcçdefgğhıijklmnoöprsştuüvyzابپتثجچحخدذرزسشصضطظعغفقکگلمنوهیيك"
)
_WORD = re.compile(r"[^\W\d_]{2,}")


def marked_encoding(start: bytes) -> str:
    """Return the encoding that a file's first bytes declare, empty where they declare none."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def likely_encoding(path: Path) -> str:
    """Return the encoding in which a file's beginning reads like a register; empty where none does."""
    with path.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    if marked := marked_encoding(sample):
        return marked
    if sample.count(0) > len(sample) // 5:
        return "utf-16-le" if sample[1::2].count(0) >= sample[::2].count(0) else "utf-16-be"
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    scores = {name: _score(sample, name) for name in ENCODINGS if name != "utf-16"}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] > (0, 0.5) else ""


def _score(sample: bytes, name: str) -> tuple[int, float]:
    """Count known headings, then the share of foreign letters that a language of the region writes every day."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return -1, 0.0
    words = _WORD.findall(text)
    foreign = [char for word in words for char in word if ord(char) > 127]
    everyday = sum(char in _EVERYDAY for char in foreign)
    known = len({word.casefold() for word in words if not word.isascii()} & known_words())
    return known, everyday / len(foreign) if foreign else 0.0
