"""What the three kinds of roster pages share: the signed field, code order, and how a page is read.

A page is read by picking its facts out of the signed document, building the document anew from those facts and
comparing. Whatever the profile does not say (another threshold, a second role, a stray key) cannot slip through.
"""

from itertools import pairwise
from typing import Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tuf.api.metadata import Signed

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _

__all__ = [
    "FIELD",
    "SPEC_VERSION",
    "Digest",
    "ProfileField",
    "StateCode",
    "TufKeyId",
    "Version",
    "check_ascending",
    "check_rebuilt",
    "complaint",
    "off_profile",
    "threshold_of",
]

FIELD = "x-tallystick"
"""The signed field that TUF libraries carry along without reading it."""
SPEC_VERSION = "1.0.31"

StateCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
TufKeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[int, Field(ge=1, le=999_999_999)]


class ProfileField(BaseModel):
    """A part of the signed field: no other members, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Page(Protocol):
    def to_signed(self) -> Signed: ...


def threshold_of(members: int) -> int:
    """Return how many of ``members`` must sign a root or targets: more than two thirds."""
    return 2 * members // 3 + 1


def complaint(name: str, error: ValidationError) -> MalformedError:
    """Say which part of the signed field of the file ``name`` is wrong, without its value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join((FIELD, *(str(part) for part in first["loc"])))
    return MalformedError(_("{name}: {where}: {what}").format(name=name, where=where, what=first["msg"]))


def off_profile(name: str) -> MalformedError:
    """Say that the file ``name`` is TUF metadata but not a roster's."""
    return MalformedError(
        _("{name}: keys, roles or thresholds are not those that a roster has").format(name=name),
        hint=_("docs/SPEC.md describes the profile"),
    )


def check_ascending(name: str, codes: list[str]) -> None:
    """Refuse states that stand twice or out of order.

    Raises:
        MalformedError: The file is named.
    """
    if any(one >= two for one, two in pairwise(codes)):
        raise MalformedError(_("{name}: states must stand once each, in code order").format(name=name))


def check_rebuilt(name: str, page: _Page, signed: Signed) -> None:
    """Refuse a document that says more, or otherwise, than the page read from it.

    Raises:
        MalformedError: The file is named.
    """
    if page.to_signed().to_dict() != signed.to_dict():
        raise off_profile(name)
