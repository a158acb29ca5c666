"""Many files at once, each whole or not there, all durable before the caller goes on; readable by the group."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tallystick.config.files import SHARED_FILE, fsync_dir

__all__ = ["SHARED_DIR", "make_shared", "write_all"]

SHARED_DIR = 0o750
_OPEN_AT_ONCE = 64


def make_shared(root: Path, below: Path | None = None) -> Path:
    """Make ``root`` and every folder from there down to ``below``, each readable by the group; return the last."""
    wanted = [root]
    for part in (below or root).relative_to(root).parts:
        wanted.append(wanted[-1] / part)
    for folder in wanted:
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=SHARED_DIR, exist_ok=True)
            folder.chmod(SHARED_DIR)
            fsync_dir(folder.parent)
    return wanted[-1]


def _write(path: Path, data: bytes) -> tuple[int, Path]:
    temporary = path.with_name(f".{path.name}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, SHARED_FILE)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
    os.fchmod(handle, SHARED_FILE)
    return handle, temporary


def write_all(root: Path, files: Mapping[str, bytes]) -> None:
    """Put each of ``files`` (bytes by path below ``root``) in its place, replacing what was there.

    All files of a batch are written before the first is synced, which lets the file system sync them together.
    """
    folders: set[Path] = set()
    for group in _groups(list(files.items())):
        pending: list[tuple[int, Path, Path]] = []
        try:
            for name, data in group:
                path = root / name
                if path.parent not in folders:
                    folders.add(make_shared(root, path.parent))
                pending.append((*_write(path, data), path))
            for handle, _temporary, _path in pending:
                os.fsync(handle)
        finally:
            for handle, _temporary, _path in pending:
                os.close(handle)
        for _handle, temporary, path in pending:
            temporary.rename(path)
    for folder in sorted(folders):
        fsync_dir(folder)


def _groups(items: Sequence[tuple[str, bytes]]) -> Iterator[Sequence[tuple[str, bytes]]]:
    for start in range(0, len(items), _OPEN_AT_ONCE):
        yield items[start : start + _OPEN_AT_ONCE]
