"""A state's own page: the raw operational keys and endpoints that two of its three state keys sign.

Keys of officers and logs are never taken off the page, because old releases must stay checkable: they are refused
from a log index onwards. The other kinds may come and go.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError
from tuf.api.metadata import Targets

from tallystick.config.errors import MalformedError
from tallystick.config.i18n import _
from tallystick.keys.certificate import check_leaf, spki_sha256
from tallystick.keys.checks import check_public
from tallystick.keys.names import plain_name
from tallystick.keys.profile import (
    FIELD,
    SPEC_VERSION,
    Digest,
    ProfileField,
    StateCode,
    check_rebuilt,
    complaint,
)
from tallystick.keys.roster_types import KeyRole, RosterKey

__all__ = ["LASTING_ROLES", "ROLE_ALGORITHMS", "StatePage", "check_key"]

ROLE_ALGORITHMS: dict[KeyRole, tuple[str, ...]] = {
    "officer": ("ed25519", "ecdsa-p256"),
    "log": ("ed25519", "mldsa44"),
    "witness": ("ed25519", "mldsa44"),
    "tls": ("ecdsa-p256",),
}
_ENDPOINT = r"^(grpcs|https)://[A-Za-z0-9.\-\[\]:]{1,120}(/[!-~]*)?$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_HPKE = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
LASTING_ROLES: frozenset[KeyRole] = frozenset({"officer", "log"})
"""Kinds of keys that are never taken off a page."""


_Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(plain_name)]


class _KeyField(ProfileField):
    role: KeyRole
    algorithm: str = Field(max_length=40)
    public: str = Field(max_length=4096)
    name: _Name
    refused_from: int | None = Field(default=None, ge=0, lt=2**53)
    valid_until: str | None = Field(default=None, pattern=_MOMENT)
    certificate: str | None = Field(default=None, max_length=4096)


class _StateField(ProfileField):
    genesis: Digest
    state: StateCode
    name: _Name
    keys: list[_KeyField] = Field(max_length=128)
    endpoints: list[Annotated[str, Field(max_length=200, pattern=_ENDPOINT)]] = Field(max_length=8)


@lru_cache(maxsize=256)
def _leaf_digest(certificate: bytes, state: str) -> bytes:
    """Check a leaf once; it bears the state's name and its own signature, so no state can list another's."""
    check_leaf(certificate, state=state)
    return spki_sha256(certificate)


def check_key(name: str, key: RosterKey, state: str) -> None:
    """Refuse a key that the page of ``state`` may not hold.

    Raises:
        MalformedError: The file ``name`` lists a key of an algorithm that its role does not use, a bad point, or a
            TLS leaf that is not of the profile, not the state's or not the key's.
    """
    if key.role == "hpke":
        fits = _HPKE.fullmatch(key.algorithm) is not None and bool(key.public)
    else:
        fits = key.algorithm in ROLE_ALGORITHMS[key.role]
    if not fits or (key.certificate is not None) != (key.role == "tls"):
        raise MalformedError(_("{name}: a key that a {role} does not use").format(name=name, role=key.role))
    if key.role != "hpke":
        check_public(key.algorithm, key.public)
    if key.certificate is not None and _leaf_digest(key.certificate, state) != key.spki_sha256:
        raise MalformedError(_("{name}: the certificate is not for the tls key").format(name=name))


def _read_key(name: str, field: _KeyField, state: str) -> RosterKey:
    try:
        public = base64.b64decode(field.public, validate=True)
    except (ValueError, binascii.Error):
        raise MalformedError(_("{name}: a key is not base64").format(name=name)) from None
    key = RosterKey(
        role=field.role,
        algorithm=field.algorithm,
        public=public,
        name=field.name,
        refused_from=field.refused_from,
        valid_until=field.valid_until,
        certificate=None if field.certificate is None else field.certificate.encode(),
    )
    check_key(name, key, state)
    return key


def _write_key(key: RosterKey) -> dict[str, Any]:
    document = {
        "role": key.role,
        "algorithm": key.algorithm,
        "public": base64.b64encode(key.public).decode(),
        "name": key.name,
        "refused_from": key.refused_from,
        "valid_until": key.valid_until,
        "certificate": None if key.certificate is None else key.certificate.decode(),
    }
    return {part: value for part, value in document.items() if value is not None}


@dataclass(frozen=True)
class StatePage:
    """What a state says of itself.

    Attributes:
        version: Version of the page.
        expires: When stock TUF clients stop reading it; a late renewal is taken all the same.
        code: Alpha-3, upper case.
        name: The institution's name.
        keys: Officers', log, witness, TLS and HPKE keys, in the order in which they were listed.
        endpoints: URLs at which the state's border can be reached.
        genesis: As in ``RootPage``.
    """

    version: int
    expires: datetime
    code: str
    name: str
    keys: tuple[RosterKey, ...]
    endpoints: tuple[str, ...]
    genesis: str

    def to_signed(self) -> Targets:
        """Return the TUF delegated targets that say this."""
        field = {
            "genesis": self.genesis,
            "state": self.code,
            "name": self.name,
            "keys": [_write_key(key) for key in self.keys],
            "endpoints": list(self.endpoints),
        }
        return Targets(
            version=self.version,
            spec_version=SPEC_VERSION,
            expires=self.expires.astimezone(UTC),
            unrecognized_fields={FIELD: field},
        )

    @classmethod
    def from_signed(cls, name: str, signed: Targets) -> Self:
        """Read a state's page.

        Raises:
            MalformedError: It says anything that the profile does not, or a key is not fit for its role.
        """
        try:
            field = _StateField.model_validate(signed.unrecognized_fields.get(FIELD))
        except ValidationError as error:
            raise complaint(name, error) from None
        page = cls(
            version=signed.version,
            expires=signed.expires,
            code=field.state,
            name=field.name,
            keys=tuple(_read_key(name, key, field.state) for key in field.keys),
            endpoints=tuple(field.endpoints),
            genesis=field.genesis,
        )
        if len({key.keyid for key in page.keys}) != len(page.keys):
            raise MalformedError(_("{name}: one key stands twice").format(name=name))
        check_rebuilt(name, page, signed)
        return page

    def check_follows(self, name: str, before: "StatePage") -> None:
        """Refuse a page that forgets, renames or rehabilitates an officer's or a log's key of the page ``before``.

        Raises:
            MalformedError: The key id is named.
        """
        now = {key.keyid: key for key in self.keys}
        for old in before.keys:
            if old.role not in LASTING_ROLES:
                continue
            new = now.get(old.keyid)
            if new is None or (new.role, new.name) != (old.role, old.name):
                raise MalformedError(
                    _("{name}: the {role} key {keyid} of the version before is missing or renamed").format(
                        name=name, role=old.role, keyid=old.keyid[:16]
                    ),
                    hint=_("a key is never taken off; it is refused from a log index onwards"),
                )
            if old.refused_from is not None and (new.refused_from is None or new.refused_from > old.refused_from):
                raise MalformedError(
                    _("{name}: the refused key {keyid} would count again").format(name=name, keyid=old.keyid[:16])
                )
