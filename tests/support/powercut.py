"""A power cut: what is left when the page cache is lost, at each call that changed the disk.

SIGKILL leaves the page cache alone, so it cannot show a forgotten fsync. Here ``os`` is watched: a file's content is
durable as it was at its last fsync, a folder's names as they were at the folder's last fsync. Before every call the
watcher writes down what a cut at this moment would leave, in the two extremes: only what is durable, and (names being
durable, contents not) files whose names arrived before their bytes.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CALLS = ("fsync", "rename", "replace", "link", "unlink", "mkdir")
Tree = dict[str, bytes | None]
"""Files by relative path with their bytes; folders with None."""


@dataclass
class Disk:
    """What is durable below ``root``: contents by inode, names by folder inode.

    ``note`` is asked at every cut, for what a test wants to remember of the moment. ``cuts`` holds every different
    thing that a cut would have left, in order, each with its note.
    """

    root: Path
    note: Callable[[], str] = str
    contents: dict[int, bytes] = field(default_factory=dict)
    names: dict[int, dict[str, int]] = field(default_factory=dict)
    cuts: list[tuple[Tree, str]] = field(default_factory=list)

    def settle(self) -> None:
        """Take everything as it stands for durable."""
        for folder, _folders, files in os.walk(self.root):
            self.sync(Path(folder))
            for name in files:
                self.sync(Path(folder) / name)

    def sync(self, path: Path) -> None:
        inode = path.stat().st_ino
        if path.is_dir():
            self.names[inode] = {entry.name: entry.inode() for entry in os.scandir(path)}
        else:
            self.contents[inode] = path.read_bytes()

    def cut(self) -> None:
        """Write down what a cut would leave now."""
        for only_durable in (True, False):
            tree: Tree = {}
            self._collect(self.root, "", tree, only_durable=only_durable)
            found = (tree, self.note())
            if found not in self.cuts:
                self.cuts.append(found)

    def _collect(self, folder: Path, below: str, tree: Tree, *, only_durable: bool) -> None:
        present = list(os.scandir(folder))
        names = {entry.name: entry.inode() for entry in present}
        if only_durable:
            names = self.names.get(folder.stat().st_ino, {})
        folders = {entry.inode(): Path(entry.path) for entry in present if entry.is_dir()}
        for name, inode in names.items():
            path = f"{below}{name}"
            if inode in folders:
                tree[path] = None
                self._collect(folders[inode], f"{path}/", tree, only_durable=only_durable)
            else:
                tree[path] = self.contents.get(inode, b"")


@contextmanager
def watched(disk: Disk, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Cut before every call that changes the disk, and once at the end."""
    real: dict[str, Any] = {name: getattr(os, name) for name in CALLS}
    busy: list[bool] = []

    def wrap(name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if busy:
                return real[name](*args, **kwargs)
            busy.append(True)
            try:
                disk.cut()
                found = real[name](*args, **kwargs)
                if name == "fsync":
                    disk.sync(Path(f"/proc/self/fd/{args[0]}").readlink())
            finally:
                busy.pop()
            return found

        return call

    with patch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, wrap(name))
        yield
    disk.cut()


def tree_of(folder: Path) -> Tree:
    """Return a folder as it is."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def restore(tree: Tree, folder: Path) -> None:
    """Put a folder back to what ``tree`` says."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, data in sorted(tree.items()):
        if data is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(data)
