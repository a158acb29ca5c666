"""Where passphrases come from, and how a 32-byte secret rests on disk under one.

A passphrase comes from a file that only its owner can read, from systemd's credentials or from a person at a
terminal; never from the command line, where every process of the machine could read it.
"""

import base64
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal, Protocol

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from tallystick.config.errors import MalformedError, SignerError, StoreError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _

__all__ = [
    "CREDENTIAL",
    "GENERATED",
    "HUMAN",
    "FileSecrets",
    "PromptSecrets",
    "Secrets",
    "SystemdSecrets",
    "Work",
    "choose_secrets",
    "open_secret",
    "read_private",
    "seal_secret",
]

CREDENTIAL = "tallystick-passphrase"
"""Name of systemd's credential (``LoadCredentialEncrypted=``), a file in ``$CREDENTIALS_DIRECTORY``."""
MIN_PASSPHRASE = 12
_MAX_PASSPHRASE = 1024
_MAX_BLOB = 16_384
_SECRET_SIZE = 32
_FORMAT = "tallystick-secret-1"


def _power_of_two(number: int) -> int:
    if number & (number - 1):
        raise ValueError("must be a power of two")
    return number


class Work(BaseModel):
    """What one guess at a passphrase costs: scrypt (RFC 7914), ``128 * n * r`` bytes of memory, ``p`` times."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    n: Annotated[int, Field(ge=2, le=2**18), AfterValidator(_power_of_two)]
    r: Annotated[int, Field(ge=1, le=8)] = 8
    p: Annotated[int, Field(ge=1, le=16)] = 1


HUMAN = Work(n=2**14, p=5)
"""For a passphrase that a person thought up (OWASP's row for 16 MiB; openssl refuses to read anything larger)."""
GENERATED = Work(n=2**10)
"""For a random passphrase of 128 bits and more, which nobody guesses at any speed."""


class Secrets(Protocol):
    """Whoever can be asked for a passphrase."""

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        """Return the passphrase.

        Args:
            purpose: What it opens, in words for the person who is asked.
            new: It is being chosen: ask twice, refuse a short one.

        Raises:
            SignerError: There is none, or it is too short.
        """
        ...


def _checked(phrase: bytes, source: str, *, new: bool) -> bytes:
    if not phrase:
        raise SignerError(_("{source} holds no passphrase").format(source=source))
    if len(phrase) > _MAX_PASSPHRASE:
        raise SignerError(_("the passphrase is longer than {limit} bytes").format(limit=_MAX_PASSPHRASE))
    if new and len(phrase) < MIN_PASSPHRASE:
        raise SignerError(
            _("the passphrase is too short"),
            hint=_("choose at least {count} characters; five or six random words are easy to keep").format(
                count=MIN_PASSPHRASE
            ),
        )
    return phrase


def read_private(path: Path, limit: int) -> bytes:
    """Read a file that holds a secret; refuse it where others could have read it too.

    Raises:
        SignerError: Absent, unreadable, or open to group or others.
    """
    try:
        mode = path.stat().st_mode & 0o777
        data = read_bounded(path, limit)
    except (OSError, StoreError, MalformedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SignerError(_("cannot read {path}: {reason}").format(path=path, reason=reason)) from None
    if mode & 0o077:
        raise SignerError(
            _("{path} can be read by other users of this machine").format(path=path),
            hint=_("run: chmod 600 {path} - and choose a new secret if others had access").format(path=path),
        )
    return data


class FileSecrets:
    """One passphrase for everything, the first line of a file that only its owner can read (mode 0600)."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        """Return the file's first line."""
        del purpose
        return _checked(read_private(self.path, 4096).split(b"\n")[0].rstrip(b"\r"), str(self.path), new=new)


class SystemdSecrets:
    """The credential that systemd hands to this unit; systemd guards its permissions."""

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        """Return the credential's first line."""
        del purpose
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            raise SignerError(_("this process was given no credentials by systemd"))
        path = Path(folder) / CREDENTIAL
        try:
            data = read_bounded(path, 4096)
        except (StoreError, MalformedError) as error:
            raise SignerError(str(error)) from None
        return _checked(data.split(b"\n")[0].rstrip(b"\r"), str(path), new=new)


class PromptSecrets:
    """A person at a terminal, asked once: one passphrase opens everything that one person opens in one command."""

    def __init__(self) -> None:
        self._phrase: bytes | None = None

    def passphrase(self, purpose: str, *, new: bool = False) -> bytes:
        """Ask on the terminal without showing what is typed."""
        if self._phrase is None:
            phrase = getpass.getpass(_("Passphrase ({purpose}): ").format(purpose=purpose)).encode()
            _checked(phrase, _("the answer"), new=new)
            if new and getpass.getpass(_("The same passphrase again: ")).encode() != phrase:
                raise SignerError(_("the two passphrases differ; nothing was made"))
            self._phrase = phrase
        return self._phrase


def choose_secrets(passphrase_file: Path | None) -> Secrets:
    """Choose where passphrases come from: the file if one is named, else systemd, else the terminal.

    Raises:
        SignerError: None of the three is there.
    """
    if passphrase_file is not None:
        return FileSecrets(passphrase_file)
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if folder and (Path(folder) / CREDENTIAL).exists():
        return SystemdSecrets()
    if sys.stdin is not None and sys.stdin.isatty():
        return PromptSecrets()
    raise SignerError(
        _("nobody can be asked for a passphrase: this is no terminal"),
        hint=_("name a file with --passphrase-file FILE, or give systemd the credential {name}").format(
            name=CREDENTIAL
        ),
    )


class _Sealed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["tallystick-secret-1"]
    purpose: Annotated[str, Field(max_length=200)]
    kdf: Literal["scrypt"]
    work: Work
    salt: Base64Bytes
    nonce: Base64Bytes
    sealed: Base64Bytes


def _box(phrase: bytes, salt: bytes, work: Work) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=work.n, r=work.r, p=work.p).derive(phrase))


def _bound(purpose: str, work: Work) -> bytes:
    return rfc8785.dumps({"format": _FORMAT, "purpose": purpose, "work": work.model_dump()})


def seal_secret(raw: bytes, ask: Secrets, purpose: str, *, work: Work = HUMAN) -> bytes:
    """Seal a 32-byte secret under a passphrase: scrypt, then AES-256-GCM; purpose and work are authenticated.

    Returns:
        One JSON document, to be kept in a file that only its owner can read.
    """
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = _box(ask.passphrase(purpose, new=True), salt, work).encrypt(nonce, raw, _bound(purpose, work))
    text = {name: base64.b64encode(part).decode() for name, part in (("salt", salt), ("nonce", nonce))}
    document = {"format": _FORMAT, "purpose": purpose, "kdf": "scrypt", "work": work.model_dump(), **text}
    return json.dumps({**document, "sealed": base64.b64encode(sealed).decode()}, indent=1).encode() + b"\n"


def open_secret(blob: bytes, ask: Secrets, purpose: str) -> bytes:
    """Open what ``seal_secret`` sealed.

    Raises:
        SignerError: Wrong passphrase, changed bytes, or sealed for another purpose.
        MalformedError: Not such a document.
    """
    try:
        box = _Sealed.model_validate_json(blob[:_MAX_BLOB])
    except ValidationError:
        raise MalformedError(_("the sealed {purpose} is not what it must be").format(purpose=purpose)) from None
    if box.purpose != purpose:
        raise SignerError(_("this is the sealed {other}, not the {purpose}").format(other=box.purpose, purpose=purpose))
    key = _box(ask.passphrase(purpose), box.salt, box.work)
    try:
        return key.decrypt(box.nonce, box.sealed, _bound(purpose, box.work))
    except (InvalidTag, ValueError):
        raise SignerError(
            _("wrong passphrase for the {purpose}, or its file was changed").format(purpose=purpose)
        ) from None
