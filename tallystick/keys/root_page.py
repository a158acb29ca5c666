"""The root page: who votes, with which ceremony keys."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from pydantic import Field, ValidationError
from tuf.api.metadata import Role, Root

from tallystick.keys.profile import (
    FIELD,
    SPEC_VERSION,
    Digest,
    ProfileField,
    StateCode,
    TufKeyId,
    Version,
    check_ascending,
    check_rebuilt,
    complaint,
    off_profile,
    threshold_of,
)
from tallystick.keys.serving import serving_key
from tallystick.keys.tuf_keys import OfflineKey, read_keys

__all__ = ["RootPage"]


class _Member(ProfileField):
    state: StateCode
    keyid: TufKeyId


class _RootField(ProfileField):
    demo: bool
    members: list[_Member] = Field(min_length=1, max_length=64)
    officer_threshold: int = Field(ge=1, le=10)
    targets_from: Version
    genesis: Digest | None = None


@dataclass(frozen=True)
class RootPage:
    """Who votes: one offline ceremony key per member.

    Attributes:
        version: Version of this root.
        expires: When it stops taking roster changes.
        demo: A federation made at once, for show.
        members: The members' codes in order, each with its ceremony key.
        officer_threshold: Distinct officers that a release needs.
        targets_from: First targets version that this root's keys govern. A root that changes keys names the next
            version: older targets stay as they were signed, later ones need the new keys.
        genesis: Hex SHA-256 of the signed part of ``1.root.json``: what was signed for one federation counts in no
            other that has the same keys. None in that file itself.
    """

    version: int
    expires: datetime
    demo: bool
    members: tuple[tuple[str, OfflineKey], ...]
    officer_threshold: int
    targets_from: int
    genesis: str | None = None

    @property
    def threshold(self) -> int:
        """How many members must sign."""
        return threshold_of(len(self.members))

    @property
    def codes(self) -> tuple[str, ...]:
        """The members' codes in order."""
        return tuple(code for code, _key in self.members)

    @property
    def keys(self) -> frozenset[OfflineKey]:
        """The ceremony keys."""
        return frozenset(key for _code, key in self.members)

    def to_signed(self) -> Root:
        """Return the TUF root that says this."""
        keyids = sorted(key.tuf_keyid for key in self.keys)
        serving = serving_key()
        field: dict[str, Any] = {
            "demo": self.demo,
            "members": [{"state": code, "keyid": key.tuf_keyid} for code, key in self.members],
            "officer_threshold": self.officer_threshold,
            "targets_from": self.targets_from,
        }
        if self.genesis is not None:
            field["genesis"] = self.genesis
        return Root(
            version=self.version,
            spec_version=SPEC_VERSION,
            expires=self.expires.astimezone(UTC),
            keys={serving.keyid: serving, **{key.tuf_keyid: key.to_tuf() for key in self.keys}},
            roles={
                "root": Role(keyids, self.threshold),
                "targets": Role(keyids, self.threshold),
                "snapshot": Role([serving.keyid], 1),
                "timestamp": Role([serving.keyid], 1),
            },
            consistent_snapshot=True,
            unrecognized_fields={FIELD: field},
        )

    @classmethod
    def from_signed(cls, name: str, signed: Root) -> Self:
        """Read a root.

        Raises:
            MalformedError: It says anything that the profile does not.
        """
        try:
            field = _RootField.model_validate(signed.unrecognized_fields.get(FIELD))
        except ValidationError as error:
            raise complaint(name, error) from None
        check_ascending(name, [member.state for member in field.members])
        keys = read_keys(name, signed.keys)
        if any(member.keyid not in keys for member in field.members):
            raise off_profile(name)
        page = cls(
            version=signed.version,
            expires=signed.expires,
            demo=field.demo,
            members=tuple((member.state, keys[member.keyid]) for member in field.members),
            officer_threshold=field.officer_threshold,
            targets_from=field.targets_from,
            genesis=field.genesis,
        )
        if len(page.keys) != len(page.members):
            raise off_profile(name)
        check_rebuilt(name, page, signed)
        return page
