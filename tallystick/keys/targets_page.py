"""The targets page: which states there are, with which state keys, and which table catalogue they agreed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, ValidationError
from tuf.api.metadata import DelegatedRole, Delegations, TargetFile, Targets

from tallystick.keys.profile import (
    FIELD,
    SPEC_VERSION,
    Digest,
    ProfileField,
    StateCode,
    Version,
    check_ascending,
    check_rebuilt,
    complaint,
    off_profile,
)
from tallystick.keys.tuf_keys import OfflineKey, read_keys

__all__ = ["CATALOGUE_TARGET", "STATE_KEYS", "STATE_THRESHOLD", "GrantRole", "StateGrant", "TargetsPage"]

CATALOGUE_TARGET = "catalogue.json"
STATE_KEYS = 3
STATE_THRESHOLD = 2
GrantRole = Literal["member", "observer", "facilitator", "former"]


class _GrantField(ProfileField):
    state: StateCode
    role: GrantRole
    versions_from: Version


class _TargetsField(ProfileField):
    genesis: Digest
    states: list[_GrantField] = Field(min_length=1, max_length=64)


@dataclass(frozen=True)
class StateGrant:
    """What the members grant one state.

    Attributes:
        code: Alpha-3, upper case.
        role: Member, observer, facilitator, or ``former`` for a state that left or was voted out.
        keys: Its three offline state keys, in order; none for a former state.
        versions_from: First version of the state's page that these keys govern; for a former state, the first refused.
    """

    code: str
    role: GrantRole
    keys: tuple[OfflineKey, ...]
    versions_from: int

    @property
    def cc(self) -> str:
        """The code as TUF roles and paths write it: lower case."""
        return self.code.lower()

    def to_role(self) -> DelegatedRole:
        """Return the delegation: the state's own folder, two of three keys."""
        keyids = sorted(key.tuf_keyid for key in self.keys)
        return DelegatedRole(self.cc, keyids, STATE_THRESHOLD, terminating=True, paths=[f"{self.cc}/*"])


@dataclass(frozen=True)
class TargetsPage:
    """Which states there are and which table catalogue they agreed.

    Attributes:
        version: Version of these targets.
        expires: When they stop taking roster changes.
        grants: The states in code order.
        catalogue_sha256: Hex digest of the catalogue's bytes.
        catalogue_length: Its size in bytes.
        genesis: As in ``RootPage``.
    """

    version: int
    expires: datetime
    grants: tuple[StateGrant, ...]
    catalogue_sha256: str
    catalogue_length: int
    genesis: str

    @property
    def members(self) -> tuple[str, ...]:
        """Codes of the states that vote, in order."""
        return tuple(grant.code for grant in self.grants if grant.role == "member")

    @property
    def keys(self) -> frozenset[OfflineKey]:
        """All state keys."""
        return frozenset(key for grant in self.grants for key in grant.keys)

    def grant(self, code: str) -> StateGrant | None:
        """Return what ``code`` is granted, or None where these targets do not know it."""
        return next((grant for grant in self.grants if grant.code == code), None)

    def to_signed(self) -> Targets:
        """Return the TUF targets that say this."""
        present = [grant for grant in self.grants if grant.role != "former"]
        states = [
            {"state": grant.code, "role": grant.role, "versions_from": grant.versions_from} for grant in self.grants
        ]
        catalogue = TargetFile(self.catalogue_length, {"sha256": self.catalogue_sha256}, CATALOGUE_TARGET)
        return Targets(
            version=self.version,
            spec_version=SPEC_VERSION,
            expires=self.expires.astimezone(UTC),
            targets={CATALOGUE_TARGET: catalogue},
            delegations=Delegations(
                {key.tuf_keyid: key.to_tuf() for key in self.keys}, {grant.cc: grant.to_role() for grant in present}
            ),
            unrecognized_fields={FIELD: {"genesis": self.genesis, "states": states}},
        )

    @classmethod
    def from_signed(cls, name: str, signed: Targets) -> Self:
        """Read targets.

        Raises:
            MalformedError: They say anything that the profile does not.
        """
        try:
            field = _TargetsField.model_validate(signed.unrecognized_fields.get(FIELD))
        except ValidationError as error:
            raise complaint(name, error) from None
        check_ascending(name, [grant.state for grant in field.states])
        catalogue = signed.targets.get(CATALOGUE_TARGET)
        if signed.delegations is None or catalogue is None:
            raise off_profile(name)
        keys = read_keys(name, signed.delegations.keys)
        roles = signed.delegations.roles or {}
        page = cls(
            version=signed.version,
            expires=signed.expires,
            grants=tuple(_read_grant(name, grant, keys, roles) for grant in field.states),
            catalogue_sha256=str(catalogue.hashes.get("sha256", "")),
            catalogue_length=catalogue.length,
            genesis=field.genesis,
        )
        _check_facts(name, page)
        check_rebuilt(name, page, signed)
        return page


def _read_grant(
    name: str, field: _GrantField, keys: Mapping[str, OfflineKey], roles: Mapping[str, DelegatedRole]
) -> StateGrant:
    if field.role == "former":
        return StateGrant(field.state, field.role, (), field.versions_from)
    role = roles.get(field.state.lower())
    if role is None or len(role.keyids) != STATE_KEYS or any(keyid not in keys for keyid in role.keyids):
        raise off_profile(name)
    return StateGrant(field.state, field.role, tuple(keys[keyid] for keyid in sorted(role.keyids)), field.versions_from)


def _check_facts(name: str, page: TargetsPage) -> None:
    one_state_each = len(page.keys) == sum(len(grant.keys) for grant in page.grants)
    digest_fits = re.fullmatch("[0-9a-f]{64}", page.catalogue_sha256) is not None
    if not one_state_each or not digest_fits or type(page.catalogue_length) is not int or not page.members:
        raise off_profile(name)
