"""Our predicate, field by field: who releases which slice of which table, how protected, with what evidence at home.

Every field is bounded, and unknown ones are refused: an officer must not sign what this version cannot show.
Fields stand in the order in which RFC 8785 writes them, so that a statement is serialised canonically as it stands.
"""

import re
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tallystick.config.errors import MalformedError
from tallystick.config.periods import Period, parse_period

__all__ = [
    "EXPLANATION_LIMIT",
    "MOST_COMPARISONS",
    "Audit",
    "CatalogueReference",
    "Commitment",
    "Comparison",
    "Digest",
    "Metadata",
    "Method",
    "ReleasePredicate",
    "SliceReference",
    "Strict",
    "Subject",
    "TableReference",
    "visible",
]

EXPLANATION_LIMIT = 500
"""Longest explanation of a comparison, in characters."""
MOST_COMPARISONS = 100

_LARGEST = 2**53 - 1
# Characters that move the cursor or turn the direction of a line: what an officer reads must be what is signed.
# The joiners U+200C and U+200D stay, since Persian needs them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return ``text``, which an officer sees as it stands.

    Raises:
        ValueError: It holds a character that moves the cursor or turns a line around.
    """
    # Whatever Python prints as it is holds none of them; the longer look is for joiners and newer letters.
    if not text.isprintable() and (found := _UNSEEN.search(text)):
        raise ValueError(f"holds the control character U+{ord(found[0]):04X}")
    return text


@lru_cache(maxsize=1024)
def _calendar_date(text: str) -> str:
    date.fromisoformat(text)
    return text


@lru_cache(maxsize=1024)
def _period(text: str) -> Period:
    return parse_period(text)


Hex256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(visible)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(visible)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Whole = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Official = Annotated[str, Field(pattern=r"^(0|<?[1-9][0-9]{0,9})$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class Strict(BaseModel):
    """A part of a statement: no unknown field, no conversion between kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Digest(Strict):
    """Digest of a subject (in-toto DigestSet with the one algorithm that we use)."""

    sha256: Hex256


class Subject(Strict):
    """The data file that the statement is about."""

    digest: Digest
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]


class TableReference(Strict):
    """A table of the catalogue."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
    version: Annotated[str, Field(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]


class CatalogueReference(Strict):
    """The catalogue in force, by digest and version."""

    sha256: Hex256
    version: Annotated[int, Field(ge=1, le=1_000_000)]


class SliceReference(Strict):
    """SDMX's frequency code, and the period as people write it (``2018``, ``2018-2020``)."""

    freq: Literal["A", "A3"]
    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{4})?$")]

    @model_validator(mode="after")
    def _fits(self) -> "SliceReference":
        try:
            period = _period(self.period)
        except MalformedError as error:
            raise ValueError(error.message) from None
        if period.text != self.period or period.freq != self.freq:
            raise ValueError(f"{self.period} has frequency {period.freq}, not {self.freq}")
        return self

    @property
    def value(self) -> Period:
        """The period as a value."""
        return _period(self.period)


class Method(Strict):
    """How the figures were protected, and those parameters that may be told."""

    id: Word
    parameters: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")], bool | Whole | Line],
        Field(max_length=32),
    ]
    profile: Word


class Audit(Strict):
    """What the attack audit found, in figures that give no withheld value away.

    ``shown`` and ``withheld`` count the table's cells, ``repaired`` those withheld for the others' sake, ``systems``
    the linked slices that were solved together. ``likelihood`` is ``not run`` only in a DEMO federation.
    """

    intervals: Literal["passed"]
    likelihood: Literal["passed", "not run"]
    repaired: Count
    shown: Count
    systems: Count
    withheld: Count


class Comparison(Strict):
    """A figure that is public elsewhere, beside the table's own, and why the two differ.

    ``key`` is a row key of the table, ``official`` the figure as its source prints it (``92``, or ``<5`` where it is
    hidden there too), ``source`` says where, ``explanation`` why; empty where the state gave none.
    """

    explanation: Annotated[str, Field(max_length=EXPLANATION_LIMIT), AfterValidator(visible)]
    key: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,16}$")], ...], Field(max_length=4)]
    official: Official
    source: Line


def _in_order(found: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """Refuse a second spelling: by key, then by source, each once."""
    places = [(one.key, one.source) for one in found]
    if any(before >= after for before, after in pairwise(places)):
        raise ValueError("comparisons stand in the order of key and source, each once")
    return found


class Metadata(Strict):
    """What a statistician needs to use the figures; a figure without source and definition is worthless.

    ``cut_off`` is the date after which the register was not read, ``share_unknown`` a band made from published values
    only, ``censored`` tells that the rows behind the figures had been censored before they came in. ``comparisons``
    are written only where there are any.
    """

    censored: bool
    comparisons: Annotated[
        tuple[Comparison, ...],
        Field(max_length=MOST_COMPARISONS, exclude_if=lambda found: not found),
        AfterValidator(_in_order),
    ] = ()
    cut_off: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_calendar_date)]
    legal_definition: Text | None
    notes: Text
    reference_date_basis: Text
    share_unknown: Line | None
    sources: Text
    unit: Literal["persons", "reports"]


class Commitment(Strict):
    """Salted digest of the sealed exact counts, which the state's own auditor can open at home."""

    algorithm: Literal["sha256"]
    value: Hex256


class ReleasePredicate(Strict):
    """One release. ``plan`` is the digest of the closed plan, ``handling`` a code such as ``TLP:GREEN``."""

    audience: Literal["federation"]
    audit: Audit
    catalogue: CatalogueReference
    commitment: Commitment
    demo: bool
    federation: Hex256
    handling: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9:+ _-]{0,39}$")]
    issuer: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    metadata: Metadata
    method: Method
    plan: Hex256
    revision: Annotated[int, Field(ge=1, le=1000)]
    slice: SliceReference
    supersedes: Hex256 | None
    table: TableReference

    @model_validator(mode="after")
    def _revised(self) -> "ReleasePredicate":
        if (self.revision == 1) != (self.supersedes is None):
            raise ValueError("revision 1 supersedes nothing, every later one names what it supersedes")
        return self
