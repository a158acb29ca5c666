"""Shown rather than claimed: a changed digit is refused, the border holds nothing, the file wall stands."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.clock import SystemClock
from tallystick.config.errors import VerificationError
from tallystick.config.i18n import _
from tallystick.exchange.archive.check import verify_tree
from tallystick.keys.words import parse_anchor

__all__ = ["Changed", "change_one_digit", "file_wall", "maps_case_store", "reads_without_key", "secrets_of"]

NOBODY = 65534
_FIGURE = re.compile(rb",([0-9])([0-9]*),A,F\n")
_CASE_SIDE = ("sqlcipher", "tallystick/node", "highs", "numpy")
_PROBE = """
import os, sys
path, uid = sys.argv[1], int(sys.argv[2])
os.setgroups([]); os.setgid(uid); os.setuid(uid)
os.stat(os.path.dirname(os.path.dirname(path)))
try:
    open(path, "rb").close()
except PermissionError:
    sys.exit(77)
"""


@dataclass(frozen=True)
class Changed:
    """One digit that was changed in a copy of a pack, and what the verifier said.

    Attributes:
        place: The file, below the pack.
        before: The line as it was released.
        after: The line as it was forged.
        reason: Why it was refused.
        exit_code: What a script sees.
    """

    place: str
    before: str
    after: str
    reason: str
    exit_code: int


@contextmanager
def _copy_of(pack: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tallystick-") as folder:
        yield shutil.copytree(pack, Path(folder) / "pack")


def change_one_digit(pack: Path, words: str) -> Changed:
    """Change one digit of one figure in a copy of a pack and have the whole copy verified.

    Raises:
        RuntimeError: The forged copy was accepted; then nothing here can be believed.
    """
    with _copy_of(pack) as copy:
        path, data, found = next(
            (path, data, found)
            for path in sorted(copy.glob("*/data/sha256/*"))
            for data in [path.read_bytes()]
            if (found := _FIGURE.search(data))
        )
        digit = b"9" if found[1] != b"9" else b"8"
        forged = data[: found.start(1)] + digit + data[found.end(1) :]
        path.write_bytes(forged)
        start = data.rfind(b"\n", 0, found.start()) + 1
        before, after = (text[start : text.index(b"\n", start)].decode() for text in (data, forged))
        try:
            verify_tree(copy, parse_anchor(words), SystemClock().now())
        except VerificationError as error:
            return Changed(str(path.relative_to(copy)), before, after, error.message, error.exit_code)
    raise RuntimeError("a forged figure was accepted")


def maps_case_store(pid: int) -> list[str]:
    """Return what a running process has mapped of the case side's code and libraries (Linux)."""
    try:
        mapped = Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return []
    return [name for name in _CASE_SIDE if name in mapped]


def secrets_of(home: Path) -> list[str]:
    """Return the names of the private keys that the border holds."""
    return sorted(path.name for path in (home / "border" / "secrets").iterdir())


def reads_without_key(home: Path) -> str | None:
    """Open the register as a thief would: with SQLite and no key; return its complaint, None if it opened."""
    try:
        with closing(sqlite3.connect(f"file:{home / 'desk' / 'register.db'}?mode=ro", uri=True)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return str(error)
    return None


def file_wall(home: Path) -> str:
    """Try to open the register as another user; say in words how that went, or why it could not be tried."""
    if os.getuid() != 0:
        return _("not tested: there is one user id here, and the files of one user are no wall")
    register = home / "desk" / "register.db"
    command = [sys.executable, "-I", "-c", _PROBE, str(register.absolute()), str(NOBODY)]
    answer = subprocess.run(command, capture_output=True, check=False, timeout=20)  # noqa: S603 - our own words
    if answer.returncode == 77:
        return _("refused by the file system to user id {uid}").format(uid=NOBODY)
    if answer.returncode == 0:
        return _("OPEN to user id {uid}: mend the permissions of {path}").format(uid=NOBODY, path=register.parent)
    return _("not tested: user id {uid} cannot reach this folder at all").format(uid=NOBODY)
