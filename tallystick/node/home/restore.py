"""A home out of a backup: checked, erased in again, and usable only then; it appears whole or not at all.

1. The newest register copy (or the one that was named) and the newest copy of the keyring are verified: MAC, every
   file's digest, the day on which the keyring's copy ends.
2. Both are put together in ``HOME/.making``. *A crash leaves a folder that the next restore removes.*
3. Every tombstone that the backup folders, the keyring, the register or other files hold is carried out there.
4. The desk is marked: it signs nothing until its log was compared with what peers hold (``desk.restored``).
5. ``.making`` becomes the home (``staging``).
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tallystick.config.clock import Clock
from tallystick.config.errors import SignerError, StoreError
from tallystick.config.files import PRIVATE_DIR, PRIVATE_FILE, fsync_dir, make_dir, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.keys.secrets import HUMAN, Secrets, Work, open_secret, seal_secret
from tallystick.keys.shares import join
from tallystick.node.cases.erasing import DeskKeys, no_progress, settle
from tallystick.node.cases.escrow import BOX_LIMIT, open_box
from tallystick.node.cases.opening import SECRET_PURPOSES, open_register
from tallystick.node.cases.rotation import BOX, KEYRING_FILE, SECRET
from tallystick.node.cases.tombstones import TOMBSTONES, Tombstone, TombstoneFile
from tallystick.node.desk.restored import mark_restored
from tallystick.node.home.copies import Copy, Manifest, find_copies
from tallystick.node.home.recovery import read_sheet
from tallystick.node.home.staging import staged

__all__ = ["RestoreReport", "restore"]

_SECRET_LIMIT = 16 * 1024
_FILE_LIMIT = 256 * 1024 * 1024
_BLOCK = 1 << 20
_PART_DIR, _SPOOL_DIR = 0o710, 0o750


@dataclass(frozen=True)
class RestoreReport:
    """What was restored.

    Attributes:
        register: The register's copy.
        keyring: The keyring's.
        cases: Cases in the restored register.
        keys: Keys in the copy of the keyring.
        log_size: Entries of the log, to be compared with what peers hold.
        erased: How many erasures had to be carried out again.
    """

    register: Path
    keyring: Path
    cases: int
    keys: int
    log_size: int
    erased: int


@dataclass(frozen=True, repr=False)
class _Opener:
    """How the secrets in a backup are opened: by the passphrase they are sealed under, or by two recovery sheets."""

    ask: Secrets
    sheets: Sequence[Path]
    work: Work

    def open(self, name: str, copy: Path) -> bytes:
        """Return a raw secret; ``copy`` is the folder that holds it sealed."""
        if not self.sheets:
            return open_secret(read_bounded(copy / f"{name}.secret", _SECRET_LIMIT), self.ask, SECRET_PURPOSES[name])
        root = join([read_sheet(path, name) for path in self.sheets])
        box = copy / BOX
        return open_box(root, read_bounded(box, BOX_LIMIT)) if name == "identity" and box.exists() else root

    def seal(self, name: str, raw: bytes) -> bytes:
        """Seal a secret under the passphrase."""
        return seal_secret(raw, self.ask, SECRET_PURPOSES[name], work=self.work)


def _choose_register(folder: Path, at: datetime | None) -> Copy:
    copies = [copy for copy in find_copies(folder, "register") if at is None or copy.made_at <= at]
    if not copies:
        raise StoreError(
            _("{folder} holds no copy of a register").format(folder=folder),
            hint=_("one is made with: tallystick backup DIR"),
        )
    return copies[0]


def _choose_keyring(folders: Sequence[Path], now: datetime) -> Copy:
    """Return the newest copy of the keyring that has not ended.

    Raises:
        StoreError: There is none, or all of them have ended.
    """
    copies = [copy for folder in dict.fromkeys(folders) for copy in find_copies(folder, "keyring")]
    good = [copy for copy in copies if not copy.is_over(now)]
    if good:
        return max(good, key=lambda copy: copy.made_at)
    if copies:
        newest = max(copies, key=lambda copy: copy.made_at)
        raise StoreError(
            _("{path} ended on {day}: a keyring lives 35 days, or erased persons come back with it").format(
                path=newest.path, day=str(newest.expires_at)[:10]
            ),
            hint=_("is there a newer copy elsewhere? name its folder: --keyring-from DIR"),
        )
    raise StoreError(_("no copy of the keyring is here"), hint=_("name the folder that holds one: --keyring-from DIR"))


def _copy_database(source: Path, target: Path) -> None:
    handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    with source.open("rb") as stream, os.fdopen(handle, "wb") as copy:
        shutil.copyfileobj(stream, copy, _BLOCK)
        copy.flush()
        os.fsync(handle)
    fsync_dir(target.parent)


def _copy_tree(source: Path, target: Path) -> None:
    make_dir(target, PRIVATE_DIR)
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            make_dir(copy, PRIVATE_DIR)
        elif path.suffix == ".db":
            _copy_database(path, copy)
        else:
            write_new(copy, read_bounded(path, _FILE_LIMIT), path.stat().st_mode & 0o777)


def _reseal(desk: Path, raw: Mapping[str, bytes], opener: _Opener) -> None:
    """Seal what the sheets gave under the new passphrase."""
    for name, secret in raw.items():
        path = desk / "secrets" / f"{name}.secret"
        path.unlink(missing_ok=True)
        write_new(path, opener.seal(name, secret), PRIVATE_FILE)


def _stones(folders: Sequence[Path], others: Sequence[Path], register_key: bytes) -> list[Tombstone]:
    paths = [*(folder / TOMBSTONES for folder in dict.fromkeys(folders)), *others]
    return [stone for path in paths for stone in TombstoneFile(path, register_key).read()]


def restore(
    folder: Path,
    home: Path,
    ask: Secrets,
    clock: Clock,
    *,
    at: datetime | None = None,
    keyring_from: Path | None = None,
    sheets: Sequence[Path] = (),
    tombstones: Sequence[Path] = (),
    work: Work = HUMAN,
    advance: Callable[[int], None] = no_progress,
) -> RestoreReport:
    """Make a home out of a backup.

    Args:
        folder: The backup folder.
        home: The new home; nothing is written over.
        ask: Whoever knows the passphrase of the time of the backup; with ``sheets``, who chooses a new one.
        clock: Tells which copies of the keyring have ended.
        at: The newest copy of the register that is not younger than this; the newest of all where not given. The
            keyring is always the newest.
        keyring_from: Where the keyring's copies are, if not in ``folder``.
        sheets: Two recovery sheets, where the passphrase is lost.
        tombstones: Further files of tombstones, such as the lost home's own.
        work: What one guess at a new passphrase shall cost.
        advance: Told of keyring rows done.

    Raises:
        StoreError: No copy, all keyring copies ended, a copy was altered, or there is a home already.
        SignerError: Wrong passphrase, or the sheets are of another home.
    """
    _check_sheets(sheets)
    folders = [folder, keyring_from or folder]
    register = _choose_register(folder, at)
    keyring = _choose_keyring(folders[1:], clock.now())
    opener = _Opener(ask, sheets, work)
    register_key = opener.open("register", register.path / "desk" / "secrets")
    told = register.verified(register_key)
    kept = keyring.verified(register_key, told.state)
    stones = _stones(folders, tombstones, register_key)
    parts = ["desk", *(["border"] if (register.path / "border").is_dir() else [])]
    with staged(home, parts) as making:
        _copy_tree(register.path / "desk", making / "desk")
        if "border" in parts:
            _copy_tree(register.path / "border", making / "border")
            _open_spools(making / "border", "inbox", "archive")
        cases, erased = _finish_desk(making / "desk", register_key, keyring, opener, stones, told, clock, advance)
    return RestoreReport(register.path, keyring.path, cases, kept.rows, told.log_size, erased)


def _finish_desk(
    desk: Path,
    register_key: bytes,
    keyring: Copy,
    opener: _Opener,
    stones: Sequence[Tombstone],
    told: Manifest,
    clock: Clock,
    advance: Callable[[int], None],
) -> tuple[int, int]:
    """Put the keyring in, erase again whoever was erased, and mark the desk; return cases and erasures."""
    _copy_database(keyring.path / KEYRING_FILE, desk / KEYRING_FILE)
    identity_key = opener.open("identity", keyring.path)
    for name in (SECRET, BOX):
        if (keyring.path / name).exists():
            write_new(desk / "secrets" / name, read_bounded(keyring.path / name, _SECRET_LIMIT), PRIVATE_FILE)
    if opener.sheets:
        noise = opener.open("noise", desk / "secrets")
        _reseal(desk, {"register": register_key, "identity": identity_key, "noise": noise}, opener)
    _open_spools(desk, "outbox")
    keys = DeskKeys(register_key, identity_key, lambda raw: opener.seal("identity", raw))
    open_register(desk, register_key, identity_key).close()  # brings files of an earlier version up to date
    TombstoneFile(desk / TOMBSTONES, register_key).add(stones)
    done, identity_key = settle(desk, keys, advance=advance)
    with open_register(desk, register_key, identity_key) as store:
        cases = store.count()
    if cases != told.rows:
        raise StoreError(
            _("the restored register holds {count} cases, its copy said {told}").format(count=cases, told=told.rows),
            hint=_("use another copy"),
        )
    mark_restored(desk, clock.now(), told.log_size)
    return cases, len(done)


def _open_spools(part: Path, *spools: str) -> None:
    """Give what another user passes through the modes that ``init`` gave it; make what is not there."""
    part.chmod(_PART_DIR)
    for name in spools:
        make_dir(part / name, _SPOOL_DIR).chmod(_SPOOL_DIR)


def _check_sheets(sheets: Sequence[Path]) -> None:
    """Refuse any other number than two, or none.

    Raises:
        SignerError: One sheet opens nothing.
    """
    if len(sheets) not in {0, 2}:
        raise SignerError(_("two recovery sheets are needed"), hint=_("name each with --sheet FILE"))
