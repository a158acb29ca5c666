"""What the officers sign: an in-toto Statement v1 over the data file, with our release predicate, as RFC 8785 JSON.

The statement's identity is the SHA-256 of its payload. A payload with another predicate type is kept and named, so
that later kinds of entries do not stop today's readers.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import rfc8785
from pydantic import Field, ValidationError

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.exchange.formats.predicate import (
    Audit,
    CatalogueReference,
    Commitment,
    Comparison,
    Digest,
    Metadata,
    Method,
    ReleasePredicate,
    SliceReference,
    Strict,
    Subject,
    TableReference,
)

__all__ = [
    "PAYLOAD_LIMIT",
    "PREDICATE_TYPE",
    "STATEMENT_TYPE",
    "Audit",
    "CatalogueReference",
    "Commitment",
    "Comparison",
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
"""Largest payload, in bytes: with base64 and sixteen signatures the envelope stays under a log entry's 65,535."""
_URI = re.compile(r"[!-~]{1,200}")


class ReleaseStatement(Strict):
    """A release as the officers sign it; ``to_payload`` is the exact bytes."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default=STATEMENT_TYPE, alias="_type")
    predicate: ReleasePredicate
    predicate_type: Literal["urn:x-tallystick:release:1"] = Field(default=PREDICATE_TYPE, alias="predicateType")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]

    def to_payload(self) -> bytes:
        """Return the payload: RFC 8785 JSON.

        Raises:
            MalformedError: Larger than ``PAYLOAD_LIMIT``.
        """
        payload = rfc8785.dumps(self.model_dump(mode="json", by_alias=True))
        if len(payload) > PAYLOAD_LIMIT:
            raise MalformedError(_("statement: larger than {limit} bytes").format(limit=PAYLOAD_LIMIT))
        return payload

    def is_spelt(self, payload: bytes) -> bool:
        """Say whether ``payload`` is this statement's one spelling, at a tenth of the price of ``to_payload``.

        Whole numbers, ASCII names in declared order and no control characters are what pydantic's serialiser and
        RFC 8785 write alike; the parameters alone are not declared, so their order is looked at.
        """
        names = list(self.predicate.method.parameters)
        return names == sorted(names) and self.model_dump_json(by_alias=True).encode() == payload

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


def _predicate_type(payload: bytes) -> str:
    """Read what kind of in-toto statement a payload claims to be."""
    try:
        found: Any = json.loads(payload.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedError(_("statement: not JSON")) from None
    if not isinstance(found, dict) or found.get("_type") != STATEMENT_TYPE:
        raise MalformedError(_("statement: not an in-toto Statement v1"))
    kind = found.get("predicateType")
    if not isinstance(kind, str) or not _URI.fullmatch(kind):
        raise MalformedError(_("statement: predicateType is not a URI of at most 200 characters"))
    return kind


def parse_payload(payload: bytes) -> ReleaseStatement | UnknownStatement:
    """Read a payload and check every field against its definition.

    Raises:
        MalformedError: Too large, not a statement, a field missing, unknown or out of bounds, or not canonical JSON.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise MalformedError(_("statement: larger than {limit} bytes").format(limit=PAYLOAD_LIMIT))
    try:
        statement = ReleaseStatement.model_validate_json(payload)
    except ValidationError as error:
        kind = _predicate_type(payload)
        if kind != PREDICATE_TYPE:
            return UnknownStatement(kind)
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "statement"
        raise MalformedError(_("statement: {where}: {what}").format(where=where[:120], what=first["msg"])) from None
    if not statement.is_spelt(payload):
        _predicate_type(payload)
        raise MalformedError(_("statement: not in canonical form (RFC 8785)"))
    return statement
