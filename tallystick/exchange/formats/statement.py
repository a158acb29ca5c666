"""What the officers sign: an in-toto Statement v1 over the data file, with our release predicate, as RFC 8785 JSON.

The statement's identity is the SHA-256 of its payload. Every field is bounded; unknown fields are refused inside our
own predicate type, because an officer must not sign what this version cannot show. A payload with another predicate
type is kept and named, so that later kinds of entries do not stop today's readers.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final, Literal

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.config.periods import Period, parse_period

__all__ = [
    "PAYLOAD_LIMIT",
    "PREDICATE_TYPE",
    "STATEMENT_TYPE",
    "Audit",
    "CatalogueReference",
    "Commitment",
    "Digest",
    "Metadata",
    "Method",
    "ReleasePredicate",
    "ReleaseStatement",
    "SliceReference",
    "Subject",
    "TableReference",
    "UnknownStatement",
    "parse_payload",
    "payload_id",
    "subject_for",
]

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:x-tallystick:release:1"
PAYLOAD_LIMIT = 40_000
"""Largest payload, in bytes: with base64 and three signatures the envelope stays under a log entry's 65,535."""

_LARGEST = 2**53 - 1
_URI = re.compile(r"[!-~]{1,200}")
# Characters that move the cursor or turn the direction of a line: what an officer reads must be what is signed.
# The joiners U+200C and U+200D stay, since Persian needs them.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def _visible(text: str) -> str:
    if found := _UNSEEN.search(text):
        raise ValueError(f"holds the control character U+{ord(found[0]):04X}")
    return text


def _calendar_date(text: str) -> str:
    date.fromisoformat(text)
    return text


Hex256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_visible)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(_visible)]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Whole = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, regex_engine="python-re")


class Digest(_Strict):
    """Digest of a subject (in-toto DigestSet with the one algorithm that we use)."""

    sha256: Hex256


class Subject(_Strict):
    """The data file that the statement is about."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
    digest: Digest


class TableReference(_Strict):
    """A table of the catalogue."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
    version: Annotated[str, Field(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]


class CatalogueReference(_Strict):
    """The catalogue in force, by version and digest."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]
    sha256: Hex256


class SliceReference(_Strict):
    """The period, as people write it (``2018``, ``2018-2020``), and SDMX's frequency code."""

    period: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{4})?$")]
    freq: Literal["A", "A3"]

    @model_validator(mode="after")
    def _fits(self) -> "SliceReference":
        try:
            period = parse_period(self.period)
        except MalformedError as error:
            raise ValueError(error.message) from None
        if period.text != self.period or period.freq != self.freq:
            raise ValueError(f"{self.period} has frequency {period.freq}, not {self.freq}")
        return self

    @property
    def value(self) -> Period:
        """The period as a value."""
        return parse_period(self.period)


class Method(_Strict):
    """How the figures were protected, and those parameters that may be told."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    profile: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    parameters: Annotated[
        dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")], bool | Whole | Line],
        Field(max_length=32),
    ]


class Audit(_Strict):
    """What the attack audit found, in figures that give no withheld value away.

    ``likelihood`` is ``not run`` only in a DEMO federation; ``systems`` counts the linked systems that were solved.
    """

    intervals: Literal["passed"]
    likelihood: Literal["passed", "not run"]
    shown: Count
    withheld: Count
    repaired: Count
    systems: Count


class Metadata(_Strict):
    """What a statistician needs to use the figures; a figure without source and definition is worthless.

    ``cut_off`` is the date after which the register was not read, ``share_unknown`` a band made from published values
    only, ``censored`` tells that the rows behind the figures had been censored before they came in.
    """

    unit: Literal["persons", "reports"]
    reference_date_basis: Text
    cut_off: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_calendar_date)]
    sources: Text
    legal_definition: Text | None
    share_unknown: Line | None
    censored: bool
    notes: Text


class Commitment(_Strict):
    """Salted digest of the sealed exact counts, which the state's own auditor can open at home."""

    algorithm: Literal["sha256"]
    value: Hex256


class ReleasePredicate(_Strict):
    """Our predicate: who releases which slice of which table, how protected, with what evidence at home."""

    federation: Hex256
    issuer: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    demo: bool
    table: TableReference
    catalogue: CatalogueReference
    slice: SliceReference
    revision: Annotated[int, Field(ge=1, le=1000)]
    supersedes: Hex256 | None
    audience: Literal["federation"]
    handling: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9:+ _-]{0,39}$")]
    method: Method
    plan: Hex256
    audit: Audit
    metadata: Metadata
    commitment: Commitment

    @model_validator(mode="after")
    def _revised(self) -> "ReleasePredicate":
        if (self.revision == 1) != (self.supersedes is None):
            raise ValueError("revision 1 supersedes nothing, every later one names what it supersedes")
        return self


class ReleaseStatement(_Strict):
    """A release as the officers sign it; ``to_payload`` is the exact bytes."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Literal["urn:x-tallystick:release:1"] = Field(default=PREDICATE_TYPE, alias="predicateType")
    predicate: ReleasePredicate

    def to_payload(self) -> bytes:
        """Return the payload: RFC 8785 JSON.

        Raises:
            MalformedError: Larger than ``PAYLOAD_LIMIT``.
        """
        payload = rfc8785.dumps(self.model_dump(mode="json", by_alias=True))
        if len(payload) > PAYLOAD_LIMIT:
            raise MalformedError(_("statement: larger than {limit} bytes").format(limit=PAYLOAD_LIMIT))
        return payload

    @property
    def data_sha256(self) -> str:
        """Hex digest of the data file."""
        return self.subject[0].digest.sha256


@dataclass(frozen=True)
class UnknownStatement:
    """An in-toto statement whose predicate type this version does not know; kept, never read into figures."""

    predicate_type: str


def payload_id(payload: bytes) -> str:
    """Return a statement's identity: hex SHA-256 of its payload."""
    return hashlib.sha256(payload).hexdigest()


def subject_for(data: bytes, name: str = "data.csv") -> Subject:
    """Describe a data file as a statement's subject."""
    return Subject(name=name, digest=Digest(sha256=hashlib.sha256(data).hexdigest()))


def _document(payload: bytes) -> dict[str, Any]:
    try:
        found = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedError(_("statement: not JSON")) from None
    if not isinstance(found, dict) or found.get("_type") != STATEMENT_TYPE:
        raise MalformedError(_("statement: not an in-toto Statement v1"))
    return found


def _is_canonical(document: dict[str, Any], payload: bytes) -> bool:
    """Compare with RFC 8785's spelling: for whole numbers, ASCII names and no lone surrogate json's own is the same."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() == payload


def parse_payload(payload: bytes) -> ReleaseStatement | UnknownStatement:
    """Read a payload and check every field against its definition.

    Raises:
        MalformedError: Too large, not a statement, a field missing, unknown or out of bounds, or not canonical JSON.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise MalformedError(_("statement: larger than {limit} bytes").format(limit=PAYLOAD_LIMIT))
    document = _document(payload)
    predicate_type = document.get("predicateType")
    if not isinstance(predicate_type, str) or not _URI.fullmatch(predicate_type):
        raise MalformedError(_("statement: predicateType is not a URI of at most 200 characters"))
    if predicate_type != PREDICATE_TYPE:
        return UnknownStatement(predicate_type)
    try:
        statement = ReleaseStatement.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "statement"
        raise MalformedError(_("statement: {where}: {what}").format(where=where[:120], what=first["msg"])) from None
    if not _is_canonical(document, payload):
        raise MalformedError(_("statement: not in canonical form (RFC 8785)"))
    return statement
