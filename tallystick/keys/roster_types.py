"""What a verified roster says, as plain values: keys, states, the federation.

Nothing here checks anything. ``keys.roster`` builds these after every signature held; whoever holds a ``Roster``
may rely on it. Raw keys travel in the roster, key ids never do: they are recomputed from the keys.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from tallystick.config.catalogue import Catalogue
from tallystick.config.errors import KeyNotTrustedError, SplitViewError
from tallystick.config.i18n import _
from tallystick.keys.checks import keyid

__all__ = ["KEY_ROLES", "STATE_ROLES", "KeyRole", "Roster", "RosterKey", "RosterSplit", "StateEntry", "StateRole"]

KeyRole = Literal["officer", "log", "witness", "tls", "hpke"]
KEY_ROLES: tuple[KeyRole, ...] = ("officer", "log", "witness", "tls", "hpke")
StateRole = Literal["member", "observer", "facilitator", "former"]
STATE_ROLES: tuple[StateRole, ...] = ("member", "observer", "facilitator", "former")
_P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


@dataclass(frozen=True)
class RosterKey:
    """One operational key that a state's roster entry names.

    Attributes:
        role: What the key is for; a key has one role only.
        algorithm: ``ed25519``, ``ecdsa-p256``, ``mldsa44``, or for ``hpke`` the name of its scheme.
        public: Raw public key (P-256: 65 bytes, uncompressed), for ``tls`` the leaf's.
        name: The person (officer) or the machine that holds it.
        refused_from: First log index at which it no longer counts, or None.
        valid_until: RFC 3339 time after which no new use is expected, or None; never decides on old releases.
        certificate: PEM of the self-signed leaf whose key ``public`` is, for ``tls`` only.
    """

    role: KeyRole
    algorithm: str
    public: bytes
    name: str
    refused_from: int | None = None
    valid_until: str | None = None
    certificate: bytes | None = field(default=None, repr=False)

    @cached_property
    def keyid(self) -> str:
        """Hex SHA-256 over algorithm and raw key; recomputed, never believed."""
        return keyid(self.algorithm, self.public)

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo of a P-256 key: what a TLS peer is recognised by (RFC 5480)."""
        return hashlib.sha256(_P256_SPKI + self.public).digest()

    def counts_at(self, index: int) -> bool:
        """Say whether the key still counts for the log entry at ``index``."""
        return self.refused_from is None or index < self.refused_from


@dataclass(frozen=True)
class StateEntry:
    """What one state says of itself, signed by two of its three state keys.

    Attributes:
        code: Alpha-3, upper case.
        role: Member, observer or facilitator, as the members decided; ``former`` for one that left or was voted
            out, whose officers' and log keys stay so that its old releases can be checked.
        version: Version of the state's ``<cc>.json``; 0 where the state has not delivered one.
        keys: Every key it ever listed for officers and logs, and those now in force for the rest.
        endpoints: URLs at which its border can be reached.
        name: The institution's name as it wrote it.
    """

    code: str
    role: StateRole
    version: int
    keys: tuple[RosterKey, ...] = ()
    endpoints: tuple[str, ...] = ()
    name: str = ""

    def by_role(self, role: KeyRole) -> tuple[RosterKey, ...]:
        """Return the keys of one role in the order in which they are listed."""
        return tuple(key for key in self.keys if key.role == role)

    @property
    def cc(self) -> str:
        """The code as paths, TUF roles and log origins write it: lower case."""
        return self.code.lower()

    @cached_property
    def officers(self) -> tuple[RosterKey, ...]:
        """Releasing officers' keys, refused ones included."""
        return self.by_role("officer")

    @property
    def log_keys(self) -> tuple[RosterKey, ...]:
        """The log's keys (Ed25519 and ML-DSA-44), refused ones included."""
        return self.by_role("log")

    @property
    def witness_keys(self) -> tuple[RosterKey, ...]:
        """Keys with which the border cosigns others' checkpoints."""
        return self.by_role("witness")

    @property
    def tls_keys(self) -> tuple[RosterKey, ...]:
        """The border's TLS leaves."""
        return self.by_role("tls")

    def officers_for(self, index: int) -> tuple[RosterKey, ...]:
        """Return the officers whose signature counts on the log entry at ``index``."""
        return tuple(key for key in self.officers if key.counts_at(index))

    def log_keys_for(self, index: int) -> tuple[RosterKey, ...]:
        """Return the log keys whose signature counts on a checkpoint of size ``index``."""
        return tuple(key for key in self.log_keys if key.counts_at(index))


@dataclass(frozen=True)
class Roster:
    """The federation as its members signed it.

    Attributes:
        federation_id: Hex SHA-256 of the bytes of ``1.root.json``.
        demo: True for a federation that was made at once for show.
        states: By alpha-3 code, upper case, in code order.
        catalogue_sha256: Digest of the table catalogue that the members agreed.
        catalogue: The catalogue, or None where its file was not delivered or is of a format not known here.
        officer_threshold: Distinct officers that a release needs.
        root_version: Version of the root metadata.
        targets_version: Version of the targets metadata.
        expires: When root or targets expire, whichever is first; afterwards no roster change is taken.
        expired: True where that was so at the time for which the roster was loaded; releases still verify.
        catalogues: Every catalogue that was ever agreed, delivered and read, by hex digest.
    """

    federation_id: str
    demo: bool
    states: Mapping[str, StateEntry]
    catalogue_sha256: str
    catalogue: Catalogue | None
    officer_threshold: int
    root_version: int
    targets_version: int
    expires: datetime
    expired: bool = False
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict, repr=False)

    @property
    def words(self) -> str:
        """The federation id as 24 BIP-39 words."""
        from tallystick.keys.words import federation_words  # noqa: PLC0415 - the word list is loaded when shown

        return federation_words(self.federation_id)

    def state(self, code: str) -> StateEntry:
        """Return a state by its code, in any case.

        Raises:
            KeyNotTrustedError: The roster does not name that state.
        """
        entry = self.states.get(code.upper())
        if entry is None:
            raise KeyNotTrustedError(
                _("the roster names no state {code}").format(code=code[:10]),
                hint=_("it names {codes}").format(codes=", ".join(self.states)),
            )
        return entry

    def tls_pins(self) -> dict[bytes, str]:
        """Return the SHA-256 digests of the leaves' public keys, each with the state that it stands for."""
        return {key.spki_sha256: entry.code for entry in self.states.values() for key in entry.tls_keys}


@dataclass(frozen=True)
class RosterSplit:
    """One version, two contents, both properly signed: somebody speaks with two tongues.

    Attributes:
        name: The file's name in the roster folder.
        kept: The bytes that were known first and stay.
        other: The bytes that the other node holds.
    """

    name: str
    kept: bytes
    other: bytes

    def to_error(self) -> SplitViewError:
        """Return the split as an error with both files as evidence."""
        return SplitViewError(
            _("{name}: two contents of one version, both signed by the threshold").format(name=self.name),
            evidence=(self.kept, self.other),
            hint=_("the first one known is kept; show both to the members"),
        )
