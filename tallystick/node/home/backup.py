"""A backup: a copy of everything that a desk needs, names apart, and the end of what must not be kept.

1. Tombstones of home and backup folder are laid together; what only the folder knew is erased here first.
2. The register, then the rest of the desk, under names of their own. *A crash leaves a folder that no restore takes;
   the next backup removes it.*
3. The keyring, with its key and box, and the day it ends. It comes after the register, so that it holds the keys of
   whatever the register's copy holds.
4. Copies of the keyring whose day has come are removed. Not before there is a new one.

Imports may go on meanwhile; publishing and erasing wait.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import rfc8785

from tallystick.config.clock import Clock
from tallystick.config.errors import StoreError, UsageError
from tallystick.config.files import (
    PRIVATE_DIR,
    PRIVATE_FILE,
    fsync_dir,
    make_dir,
    read_bounded,
    replace_file,
    write_new,
)
from tallystick.config.i18n import _
from tallystick.config.settings import DeskSettings, load_desk
from tallystick.exchange.log.static import StaticReader
from tallystick.keys.secrets import Secrets
from tallystick.node.cases.copying import copy_keyring, copy_register, copy_to
from tallystick.node.cases.erasing import DeskKeys, settle
from tallystick.node.cases.opening import desk_keys, open_desk_secret, open_register
from tallystick.node.cases.rotation import BOX, KEYRING_FILE, SECRET, hold
from tallystick.node.cases.tombstones import TOMBSTONES, TombstoneFile
from tallystick.node.desk.database import DESK_DB, desk_key, open_database
from tallystick.node.home.copies import Manifest, folder_name, prune
from tallystick.node.home.erasure import ERASING_LOCK

__all__ = ["KNOWN_FOLDERS", "BackupReport", "Watch", "back_up", "known_folders"]

KNOWN_FOLDERS = "backups.json"
"""In HOME/desk: where copies of the keyring were put, for doctor to look after."""
Watch = Callable[[str, int, int], None]
"""Told what is being copied, how many pages are done, and how many there are."""
_MAKING = ".making-"
_DESK_LOCK = ".desk.lock"
_MOST_FOLDERS = 32
_FILE_LIMIT = 256 * 1024 * 1024
_LEFT_OUT = ("register.db", KEYRING_FILE, DESK_DB, TOMBSTONES, KNOWN_FOLDERS, f"secrets/{SECRET}", f"secrets/{BOX}")
_BORDER = ("border.toml", "peers.toml", "tls.crt", "node-border.card.json", "secrets/*", "roster/**/*", "roster/*")


@dataclass(frozen=True)
class BackupReport:
    """What was made.

    Attributes:
        register: Folder of the register's copy.
        keyring: Folder of the keyring's.
        cases: Cases in the register's copy.
        keys: Records with a key or a mark in the keyring's copy.
        log_size: Entries of the log.
        expires_at: When the keyring's copy ends, RFC 3339.
        pruned: Copies of the keyring that were removed because their day had come.
        repeated: Erasures that only the backup folder knew of; they were carried out here.
    """

    register: Path
    keyring: Path
    cases: int
    keys: int
    log_size: int
    expires_at: str
    pruned: tuple[Path, ...]
    repeated: int


def known_folders(desk: Path) -> tuple[Path, ...]:
    """Return the folders into which copies of the keyring were put; none where the list cannot be read."""
    try:
        found = json.loads(read_bounded(desk / KNOWN_FOLDERS, 65_536))
    except (StoreError, ValueError):
        return ()
    return tuple(Path(name) for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def _remember(desk: Path, folder: Path) -> None:
    names = list(dict.fromkeys([str(folder.absolute()), *map(str, known_folders(desk))]))[:_MOST_FOLDERS]
    replace_file(desk / KNOWN_FOLDERS, rfc8785.dumps(names))


def _outside(home: Path, folder: Path) -> Path:
    found = folder.absolute()
    if found.resolve().is_relative_to(home.resolve()):
        raise UsageError(
            _("{folder} lies in the home itself: both would be lost together").format(folder=folder),
            hint=_("name a folder on another disk or machine"),
        )
    return make_dir(found, PRIVATE_DIR)


@contextmanager
def _whole(folder: Path, name: str) -> Iterator[Path]:
    """Yield a folder that is called ``name`` after the block, or is not there."""
    for left in folder.glob(f"{_MAKING}*"):
        shutil.rmtree(left)
    if (folder / name).exists():
        raise StoreError(_("{path} already exists and was not touched").format(path=folder / name))
    making = make_dir(folder / f"{_MAKING}{name}", PRIVATE_DIR)
    try:
        yield making
        for path in (*(below for below in making.rglob("*") if below.is_dir()), making):
            fsync_dir(path)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    making.rename(folder / name)
    fsync_dir(folder)


def _copy_files(paths: Iterable[Path], root: Path, target: Path) -> None:
    for path in sorted(set(paths)):
        if path.is_symlink() or not path.is_file():
            continue
        copy = target / path.relative_to(root)
        copy.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777
        write_new(copy, read_bounded(path, _FILE_LIMIT), mode)


def _rest_of_desk(settings: DeskSettings) -> Iterator[Path]:
    """Yield the desk's files that are neither databases, nor the identity key, nor anybody's passphrase."""
    desk = settings.folder
    phrase = settings.passphrase_file and settings.resolve(settings.passphrase_file).absolute()
    for path in desk.rglob("*"):
        below = path.relative_to(desk)
        hidden = any(part.startswith(".") for part in below.parts)
        left_out = below.as_posix().startswith(_LEFT_OUT) or path.absolute() == phrase
        if not hidden and not left_out:
            yield path


def _copy_register(
    settings: DeskSettings, register_key: bytes, into: Path, at: datetime, watch: Watch
) -> tuple[Path, Manifest]:
    home, desk = settings.folder.parent, settings.folder
    name = folder_name("register", at)
    with _whole(into, name) as making, hold(desk, name=_DESK_LOCK):
        target = make_dir(making / "desk", PRIVATE_DIR)
        cases = copy_register(desk, register_key, target / "register.db", _part(watch, "register"))
        if (desk / DESK_DB).exists():
            database = open_database(desk, register_key)
            try:
                copy_to(database.connection, desk_key(register_key), target / DESK_DB, _part(watch, "desk.db"))
            finally:
                database.close()
        _copy_files(_rest_of_desk(settings), desk, target)
        border = home / "border"
        _copy_files((path for pattern in _BORDER for path in _listed(border, pattern)), border, making / "border")
        size = StaticReader(desk / "log", settings.state.lower()).size
        manifest = Manifest.of(making, "register", settings.state, at, rows=cases, log_size=size)
        manifest.write(making, register_key)
    return into / name, manifest


def _listed(folder: Path, pattern: str) -> list[Path]:
    """Return the border's files where this user may look at them; with two users that is the other one's task."""
    try:
        return list(folder.glob(pattern))
    except PermissionError:
        return []


def _copy_keyring(
    settings: DeskSettings, keys: DeskKeys, into: Path, at: datetime, watch: Watch
) -> tuple[Path, Manifest]:
    desk, name = settings.folder, folder_name("keyring", at)
    with _whole(into, name) as making:
        count = copy_keyring(desk, keys.identity, making / KEYRING_FILE, _part(watch, "keyring"))
        for part in (SECRET, BOX):
            if (desk / "secrets" / part).exists():
                write_new(making / part, read_bounded(desk / "secrets" / part, 65_536), PRIVATE_FILE)
        manifest = Manifest.of(making, "keyring", settings.state, at, rows=count)
        manifest.write(making, keys.register)
    return into / name, manifest


def _part(watch: Watch, name: str) -> Callable[[int, int], None]:
    return lambda done, total: watch(name, done, total)


def back_up(
    home: Path, folder: Path, ask: Secrets, clock: Clock, *, keyring_to: Path | None = None, watch: Watch
) -> BackupReport:
    """Copy what a desk needs, and remove copies of the keyring whose day has come.

    Args:
        home: The home.
        folder: The backup folder; made if it is not there.
        ask: Whoever knows the passphrase.
        clock: Dates the copies.
        keyring_to: Another folder for the keyring's copies; on another medium is better.
        watch: Told how far it is.

    Raises:
        UsageError: The folder lies in the home.
        StoreError: A database is damaged, the disk is full, or the folder belongs to another home.
    """
    settings, at = load_desk(home), clock.now()
    desk, into = settings.folder, _outside(home, folder)
    apart = _outside(home, keyring_to) if keyring_to is not None else into
    with hold(desk, name=ERASING_LOCK):
        register_key = open_desk_secret(desk, "register", ask)
        keys, repeated = _merge_tombstones(desk, register_key, ask, (into, apart))
        register, told = _copy_register(settings, register_key, into, at, watch)
        keyring, kept = _copy_keyring(settings, keys, apart, at, watch)
        _remember(desk, apart)
        pruned = tuple(prune((apart, into), at))
    return BackupReport(register, keyring, told.rows, kept.rows, told.log_size, str(kept.expires_at), pruned, repeated)


def _merge_tombstones(desk: Path, register_key: bytes, ask: Secrets, folders: Iterable[Path]) -> tuple[DeskKeys, int]:
    """Bring home and backup folders to one set of tombstones; return the keys in force, and what had to be repeated."""
    files = [TombstoneFile(folder / TOMBSTONES, register_key) for folder in dict.fromkeys(folders)]
    theirs = [stone for file in files for stone in file.read()]
    with hold(desk):
        keys = desk_keys(desk, register_key, ask)
        open_register(desk, register_key, keys.identity).close()  # brings files of an earlier version up to date
    done, identity_key = settle(desk, keys, theirs)
    for file in files:
        file.add(TombstoneFile(desk / TOMBSTONES, register_key).read())
    return DeskKeys(register_key, identity_key, keys.reseal), len(done)
