"""The keyring: one key per person, in a file of its own under a key that the register's key does not open.

Erasing a person removes the key here; what the register (and last night's backup of it) still holds is then noise.
The SQLCipher key and the key that wraps person keys are both derived from the identity key, which stands nowhere
on the disk in the clear.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from sqlite_utils import Database

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _
from tallystick.node.cases import cipher
from tallystick.node.cases.schema import KEYRING

__all__ = ["Keyring", "RandomBytes", "create_keyring", "seal", "unseal"]

RandomBytes = Callable[[int], bytes]
_NONCE_BYTES = 12
_CONTEXT = b"tallystick-identity-1\0"
_LOOKUP = "SELECT person_id, wrapped FROM json_each(?) CROSS JOIN person_key ON person_id = unhex(value)"


def _derive(identity_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tallystick-" + purpose).derive(identity_key)


def _file_key(path: Path, identity_key: bytes) -> bytes:
    if len(identity_key) != cipher.KEY_BYTES:
        raise StoreError(_("{path} opens only with the identity key of 32 bytes").format(path=path))
    return _derive(identity_key, b"keyring-file-1")


def seal(person_key: bytes, person_id: bytes, identity: bytes, random_bytes: RandomBytes = os.urandom) -> bytes:
    """Seal an identity for one person: nonce, then AES-256-GCM with the person id as associated data."""
    nonce = random_bytes(_NONCE_BYTES)
    return nonce + AESGCM(person_key).encrypt(nonce, identity, _CONTEXT + person_id)


def unseal(person_key: bytes, person_id: bytes, sealed: bytes) -> bytes:
    """Open what ``seal`` made.

    Raises:
        StoreError: Another person's seal, another key, or altered bytes.
    """
    try:
        return AESGCM(person_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _CONTEXT + person_id)
    except (InvalidTag, ValueError):
        raise StoreError(
            _("a sealed identity does not open: the register or its keyring was altered"),
            hint=_("restore register.db and keyring.db from backups of the same day"),
        ) from None


def create_keyring(path: Path, identity_key: bytes) -> None:
    """Make a new, empty keyring file.

    Raises:
        StoreError: ``path`` is already there.
    """
    cipher.create(path, _file_key(path, identity_key), KEYRING)


class Keyring:
    """An open keyring; changes wait for ``commit``.

    Args:
        path: The file, which must be there.
        identity_key: The state's identity key, 32 bytes.

    Raises:
        StoreError: As ``cipher.connect``.
    """

    def __init__(self, path: Path, identity_key: bytes) -> None:
        self._path = path
        self._database: Database = cipher.connect(path, _file_key(path, identity_key), KEYRING)
        self._wrapping_key = _derive(identity_key, b"person-key-wrap-1")

    def begin(self) -> None:
        """Start a change, alone."""
        with cipher.store_errors(self._path):
            self._database.conn.execute("BEGIN IMMEDIATE")

    def add(self, keys: Sequence[tuple[bytes, bytes]]) -> None:
        """Add (person id, person key) pairs, wrapped."""
        rows = [(person_id, aes_key_wrap(self._wrapping_key, key)) for person_id, key in keys]
        with cipher.store_errors(self._path):
            self._database.conn.executemany("INSERT INTO person_key VALUES (?, ?)", rows)

    def keys(self, person_ids: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the keys of those persons that have one.

        Raises:
            StoreError: A wrapped key does not open.
        """
        asked = "[" + ",".join(f'"{person_id.hex()}"' for person_id in person_ids) + "]"
        with cipher.store_errors(self._path):
            rows = self._database.execute(_LOOKUP, [asked]).fetchall()
        try:
            return {person_id: aes_key_unwrap(self._wrapping_key, wrapped) for person_id, wrapped in rows}
        except InvalidUnwrap:
            raise StoreError(_("{path}: a person's key does not open").format(path=self._path)) from None

    def is_empty(self) -> bool:
        """Tell whether nobody has a key here."""
        with cipher.store_errors(self._path):
            return self._database.execute("SELECT 1 FROM person_key LIMIT 1").fetchone() is None

    def commit(self) -> None:
        """Make the change durable."""
        with cipher.store_errors(self._path):
            self._database.conn.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the change, if one is under way."""
        if self._database.conn.in_transaction:
            self._database.conn.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        self._database.close()
