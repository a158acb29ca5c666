"""Who on this machine could read or change what he must not."""

import os
import pwd
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tallystick.config.errors import SignerError, StoreError, TallystickError
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.keys.card import MAX_CARD, read_card
from tallystick.node.home.findings import Finding

__all__ = ["check_modes", "check_one_user", "check_people", "check_sheets"]

_DATABASES = ("register.db", "keyring.db", "desk.db", "state.db")
_OTHERS, _ANYBODY = 0o027, 0o077
_MOST_ENTRIES = 20_000


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _loose(path: Path, forbidden: int, code: int) -> Iterator[Finding]:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if stat.S_ISLNK(mode):
        yield Finding("warning", _("{path} is a link; permissions are judged where it points").format(path=path))
        return
    if mode & forbidden:
        right = (mode & 0o777) & ~forbidden
        yield Finding(
            "error",
            _("{path} is open to other users (mode {mode})").format(path=path, mode=f"{mode & 0o777:04o}"),
            _("run: chmod {right} {path}").format(right=f"{right:04o}", path=path),
            code,
        )


def check_modes(parts: Sequence[Path], passphrase_files: Iterable[Path]) -> list[Finding]:
    """Check folders, secrets, databases and passphrase files of the parts ``HOME/desk`` and ``HOME/border``."""
    found: list[Finding] = []
    for part in parts:
        found += _loose(part, _OTHERS, StoreError.exit_code)
        found += _loose(part / "secrets", _ANYBODY, SignerError.exit_code)
        for path in sorted((part / "secrets").glob("*")):
            found += _loose(path, _ANYBODY, SignerError.exit_code)
        for name in _DATABASES:
            for path in sorted(part.glob(f"{name}*")):
                found += _loose(path, _ANYBODY, StoreError.exit_code)
    for path in passphrase_files:
        if not path.exists():
            what = _("the passphrase file {path} is not there").format(path=path)
            found.append(Finding("warning", what, _("put it back, or take passphrase_file out of the settings")))
        found += _loose(path, _ANYBODY, SignerError.exit_code)
    return found


def check_one_user(desk: Path, border: Path) -> list[Finding]:
    """Tell where no file permission stands between the register and the process that faces peers."""
    owner = desk.stat().st_uid
    if owner != border.stat().st_uid:
        return []
    return [
        Finding(
            "warning",
            _("desk and border both belong to user {user}: no file permission stands between them").format(
                user=_user(owner)
            ),
            _("give each a user of its own, or a machine of its own"),
        )
    ]


def _walk(roots: Sequence[Path], pattern: str) -> Iterator[Path]:
    """Yield files by name below ``roots``, links not followed, a bounded number of entries looked at."""
    left = _MOST_ENTRIES
    for root in roots:
        for folder, _folders, names in os.walk(root):
            left -= len(names)
            yield from (Path(folder) / name for name in names if Path(name).match(pattern))
            if left < 0:
                return


def _readable_keys(roots: Sequence[Path]) -> dict[str, set[str]]:
    """Return, by role, whose private keys this process could read: those with a card beside them."""
    found: dict[str, set[str]] = {}
    for path in _walk(roots, "*.card.json"):
        key = path.with_name(path.name.removesuffix(".card.json") + ".pem")
        if not key.is_file() or not os.access(key, os.R_OK):
            continue
        try:
            card = read_card(read_bounded(path, MAX_CARD))
        except TallystickError:
            continue
        if card.role in {"officer", "state"}:
            found.setdefault(card.role, set()).add(card.name)
    return found


def check_people(home: Path, look_in: Sequence[Path]) -> list[Finding]:
    """Find people's private keys that this user can read: two officers' are enough to release alone.

    Args:
        home: Always looked through.
        look_in: Further folders, such as ``/home``.
    """
    user = _user(os.geteuid())
    keys = _readable_keys([home, *look_in])
    words = {"officer": _("publish a release"), "state": _("change the state's keys")}
    found = [
        Finding(
            "warning",
            _("user {user} can read {role} keys of {names}: enough to {deed} alone").format(
                user=user, role=role, names=", ".join(sorted(names)), deed=words[role]
            ),
            _("each of them keeps his key on a device of his own, under a passphrase that only he knows"),
        )
        for role, names in sorted(keys.items())
        if len(names) > 1
    ]
    if not found and any(_readable_keys([home]).values()):
        what = _("a person's private key lies in the node's home")
        found.append(Finding("warning", what, _("people's keys stay on their own devices")))
    return found


def check_sheets(home: Path) -> list[Finding]:
    """Find recovery sheets that were never carried away."""
    return [
        Finding(
            "warning",
            _("a recovery sheet lies on this machine: {path}").format(path=path),
            _("two of them open everything; carry them to three places and delete them here"),
        )
        for path in _walk([home], "recovery-*-of-3.txt")
    ]
