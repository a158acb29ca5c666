"""Recovery sheets: the desk's three secrets, each split in three; any two sheets give all of them back.

The identity key changes whenever a person is erased, and sheets cannot. So what they hold of it is a root: it opens
``secrets/identity.box``, and the box gives the identity key that is in force (``cases.escrow``).

The words exist in memory while a home is made, then on paper or on what the operator carries away. Nothing of them
stays in the home.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tallystick.config.errors import MalformedError, SignerError, StoreError
from tallystick.config.files import PRIVATE_FILE, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.keys.secrets import HUMAN, Secrets, Work, read_private, seal_secret
from tallystick.keys.shares import SHARES, fingerprint, join, split
from tallystick.node.cases.escrow import BOX_LIMIT, open_box
from tallystick.node.cases.opening import SECRET_PURPOSES
from tallystick.node.cases.rotation import BOX, finish, hold
from tallystick.node.home.making import FINGERPRINTS

__all__ = ["Sheet", "make_sheets", "read_sheet", "recover_secret", "sheet_text", "write_sheets"]

_SHEET_LIMIT = 16_384
_WORDS_PER_LINE = 6
_HEADING = re.compile(r"([a-z ]+) \(check ([0-9a-f]{4}(?:-[0-9a-f]{4}){3})\)")


@dataclass(frozen=True)
class Sheet:
    """One sheet: of every secret its share.

    Attributes:
        number: 1 to 3.
        state: Alpha-3 code.
        words: Share by name of the secret (``register``, ``identity``, ``noise``).
        checks: Fingerprint of the whole secret by name; says nothing about it.
    """

    number: int
    state: str
    words: Mapping[str, str] = field(repr=False)
    checks: Mapping[str, str]


def make_sheets(state: str, secrets: Mapping[str, bytes]) -> tuple[Sheet, ...]:
    """Split every secret and deal the shares to three sheets."""
    checks = {name: fingerprint(SECRET_PURPOSES[name], secret) for name, secret in secrets.items()}
    shares = {name: split(secret) for name, secret in secrets.items()}
    return tuple(
        Sheet(index + 1, state, {name: found[index] for name, found in shares.items()}, checks)
        for index in range(SHARES)
    )


def _numbered(words: str) -> list[str]:
    cells = [f"{number:2d} {word:<8}" for number, word in enumerate(words.split(), 1)]
    return [
        "  ".join(cells[start : start + _WORDS_PER_LINE]).rstrip() for start in range(0, len(cells), _WORDS_PER_LINE)
    ]


def sheet_text(sheet: Sheet, at: datetime) -> str:
    """Write a sheet for paper, at most 80 columns wide."""
    title = _("tallystick recovery sheet {number} of {count}, {state}, {day}").format(
        number=sheet.number, count=SHARES, state=sheet.state, day=at.date().isoformat()
    )
    lines = [title, "=" * len(title), _("Any two of the three sheets give the secrets back. Keep them apart.")]
    for name, words in sheet.words.items():
        # The heading is read back by read_sheet, so it is not translated.
        lines += ["", f"{SECRET_PURPOSES[name]} (check {sheet.checks[name]})", *_numbered(words)]
    return "\n".join(lines) + "\n"


def write_sheets(folder: Path, sheets: Sequence[Sheet], at: datetime) -> tuple[Path, ...]:
    """Write each sheet into a file of its own (0600).

    Raises:
        StoreError: The folder is not there, or one of the files is; nothing is written over.
    """
    if not folder.is_dir():
        raise StoreError(
            _("{folder} is not a folder").format(folder=folder),
            hint=_("name one on a medium that leaves this machine"),
        )
    paths = [folder / f"recovery-{sheet.state.lower()}-{sheet.number}-of-{SHARES}.txt" for sheet in sheets]
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None:
        raise StoreError(_("{path} already exists and was not touched").format(path=taken))
    for path, sheet in zip(paths, sheets, strict=True):
        write_new(path, sheet_text(sheet, at).encode(), PRIVATE_FILE)
    return tuple(paths)


def read_sheet(path: Path, name: str) -> str:
    """Return the share of one secret from a sheet's file.

    Raises:
        SignerError: Absent, or readable by others.
        MalformedError: The sheet has no share of that secret.
    """
    words: list[str] = []
    inside = False
    for line in read_private(path, _SHEET_LIMIT).decode("utf-8", "replace").splitlines():
        heading = _HEADING.fullmatch(line.strip())
        if heading:
            inside = heading.group(1) == SECRET_PURPOSES[name]
        elif inside:
            words += re.findall(r"[a-z]+", line)
    if not words:
        raise MalformedError(
            _("{path} holds no share of the {purpose}").format(path=path, purpose=SECRET_PURPOSES[name])
        )
    return " ".join(words)


def _expected(desk: Path, name: str) -> str | None:
    path = desk / FINGERPRINTS
    if not path.exists():
        return None
    found = re.search(rf'"{name}": "([0-9a-f-]{{19}})"', read_bounded(path, _SHEET_LIMIT).decode("utf-8", "replace"))
    return found.group(1) if found else None


def recover_secret(desk: Path, name: str, shares: Sequence[str], ask: Secrets, *, work: Work = HUMAN) -> str:
    """Join two shares and seal the secret into the desk again, under a new passphrase.

    Args:
        desk: HOME/desk.
        name: ``register``, ``identity`` or ``noise``.
        shares: Two of the three.
        ask: Who is asked for the new passphrase.
        work: What one guess at the passphrase shall cost.

    Returns:
        The secret's fingerprint, to be compared with the sheets.

    Raises:
        SignerError: The shares do not fit together, or are of another secret than this desk's.
        StoreError: The sealed secret is still there; it is never written over.
    """
    purpose, path = SECRET_PURPOSES[name], desk / "secrets" / f"{name}.secret"
    if path.exists():
        raise StoreError(
            _("{path} already exists and was not touched").format(path=path),
            hint=_("if its passphrase is lost, move the file away first"),
        )
    secret = join(shares)
    check, expected = fingerprint(purpose, secret), _expected(desk, name)
    if expected is not None and check != expected:
        raise SignerError(
            _("these shares give another secret than this desk's {purpose}").format(purpose=purpose),
            hint=_("this desk's bears the check {expected}; compare with the sheets").format(expected=expected),
        )
    write_new(path, seal_secret(_in_force(desk, name, secret), ask, purpose, work=work), PRIVATE_FILE)
    return check


def _in_force(desk: Path, name: str, secret: bytes) -> bytes:
    """Return the secret that is in force: for the identity key what its box holds, where there is one."""
    if name != "identity":
        return secret
    with hold(desk):
        finish(desk)
        box = desk / "secrets" / BOX
        return open_box(secret, read_bounded(box, BOX_LIMIT)) if box.exists() else secret
