"""One figure that others published, in their words, and where in our tables it belongs."""

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from tallystick.config.catalogue import CellKey
from tallystick.config.errors import UsageError
from tallystick.config.i18n import _
from tallystick.config.periods import Period
from tallystick.exchange.formats.comparing import key_text
from tallystick.exchange.formats.predicate import EXPLANATION_LIMIT, visible

__all__ = [
    "ByHand",
    "Glotip",
    "KnownFigure",
    "Subject",
    "check_text",
    "official_number",
    "parse_official",
    "subject_of",
    "subject_text",
]

SOURCE_LIMIT = 200
_NUMBER = re.compile(r"[0-9]{1,10}|[0-9]{1,3}(,[0-9]{3}){1,3}")
_HIDDEN = re.compile(r"<\s?([1-9][0-9]{0,9})")


class Glotip(NamedTuple):
    """What a figure of the GLOTIP workbook is about, by its columns."""

    indicator: str
    dimension: str
    category: str
    sex: str
    age: str

    @property
    def words(self) -> str:
        """Say in one line what is counted, without the columns that hold totals."""
        parts = (self.indicator, self.dimension, self.category, self.sex, self.age)
        return " / ".join(part for at, part in enumerate(parts) if at == 0 or part != "Total")


class ByHand(NamedTuple):
    """A cell of one of our tables, named by the person who typed the figure."""

    table_id: str
    key: CellKey

    @property
    def words(self) -> str:
        """Say which cell."""
        return f"{self.table_id} {key_text(self.key)}"


Subject = Glotip | ByHand


@dataclass(frozen=True)
class KnownFigure:
    """A figure that is public elsewhere.

    Attributes:
        source: Who published it, as it will stand beside our figure: ``UNODC GLOTIP 2023``.
        period: A year, or a block where the source counts over one.
        subject: What it counts.
        official: The figure as printed, without thousands separators: ``92``, or ``<5`` where it is hidden there.
        file_sha256: Hex digest of the file that it was read from; empty where a person typed it.
        place: Where in the file: name, sheet, row.
    """

    source: str
    period: Period
    subject: Subject
    official: str
    file_sha256: str = ""
    place: str = ""

    @property
    def number(self) -> int | None:
        """The figure, None where the source hides it."""
        return official_number(self.official)


def subject_text(subject: Subject) -> str:
    """Write a subject as one line of JSON; equal subjects give equal text."""
    parts = ["table", subject.table_id, *subject.key] if isinstance(subject, ByHand) else ["glotip", *subject]
    return json.dumps(parts, ensure_ascii=False)


def subject_of(text: str) -> Subject:
    """Read what ``subject_text`` wrote."""
    kind, *parts = json.loads(text)
    return ByHand(parts[0], tuple(parts[1:])) if kind == "table" else Glotip(*parts)


def official_number(official: str) -> int | None:
    """Return a figure as a number, None where it is hidden (``<5``)."""
    return None if official.startswith("<") else int(official)


def parse_official(text: str) -> str | None:
    """Return a printed count without its thousands separators, ``<5`` as it is, None where it is neither."""
    if hidden := _HIDDEN.fullmatch(text.strip()):
        return f"<{hidden[1]}"
    plain = text.strip()
    return str(int(plain.replace(",", ""))) if _NUMBER.fullmatch(plain) and len(plain.replace(",", "")) <= 10 else None


def check_text(text: str, what: str, limit: int = EXPLANATION_LIMIT) -> str:
    """Return a text that can stand in a statement, without blanks at its ends.

    Args:
        text: What a person typed.
        what: Its name, for words.
        limit: Longest, in characters.

    Raises:
        UsageError: Empty, too long, or with characters that an officer would not see.
    """
    plain = text.strip()
    if not 0 < len(plain) <= limit:
        raise UsageError(
            _("{what}: {count} characters where 1 to {limit} are possible").format(
                what=what, count=len(plain), limit=limit
            )
        )
    try:
        return visible(plain)
    except ValueError as fault:
        raise UsageError(_("{what}: {fault}").format(what=what, fault=fault), hint=_("write it in one line")) from None
