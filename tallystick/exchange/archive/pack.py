"""The offline pack: everything that an auditor needs in one folder, and the federation's words beside it.

    demo/pack/roster/metadata/*.json           the roster, a TUF repository
    demo/pack/<cc>/checkpoint, tile/..., data/sha256/<hex>
    demo/pack/<cc>/releases/<payload id>.dsse.json, .tlog-proof
    demo/pack/policies/<cc>.policy             for C2SP tools
    demo/pack.words                            24 words; an auditor gets them on another way than the pack

A pack is a static tree and may be pulled from with a ``file:`` URL. It is written beside its name and renamed when
it is whole, after everything that goes into it was verified once more.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallystick.config.errors import StoreError
from tallystick.config.files import SHARED_FILE, fsync_dir, read_bounded, write_new
from tallystick.config.i18n import _
from tallystick.exchange.archive.rebuild import replay
from tallystick.exchange.archive.store import Archive
from tallystick.exchange.formats.checkpoint import origin
from tallystick.exchange.formats.merkle import inclusion_proof, leaf_hash, nodes_of
from tallystick.exchange.formats.policy import write_policy
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tiles import bundles_for, encode_entries, grow_tiles
from tallystick.exchange.formats.tlogproof import encode_proof
from tallystick.exchange.formats.tree import checkpoint_path, data_path
from tallystick.exchange.verify.release import UnknownEntry, VerifiedRelease
from tallystick.keys.roster_types import Roster

__all__ = ["PackSummary", "export_pack", "words_path"]

_FOLDER = 0o750
_WORDS_A_LINE = 6


@dataclass(frozen=True)
class PackSummary:
    """What went into a pack: states with a log, releases, data files, bytes in all."""

    folder: Path
    words: Path
    states: int
    releases: int
    data_files: int
    size: int


def words_path(folder: Path) -> Path:
    """Return where the words of a pack stand: beside it, ``pack.words``."""
    return folder.with_name(f"{folder.name}.words")


def export_pack(archive: Archive, roster_files: Mapping[str, bytes], dest: Path, roster: Roster) -> PackSummary:
    """Write a pack of everything in an archive.

    Args:
        archive: Whose tree is verified as it is copied.
        roster_files: The node's roster, by name below the roster folder, index included.
        dest: The pack; must not be there, or be empty.
        roster: What ``roster_files`` say.

    Raises:
        StoreError: ``dest`` holds something, its words say another federation, or it cannot be written.
        VerificationError: The archive was damaged; nothing was written under ``dest``.
    """
    dest = dest.absolute()
    _check_free(dest, roster)
    partial = dest.with_name(f".{dest.name}.partial")
    with _store_errors(dest):
        shutil.rmtree(partial, ignore_errors=True)
        writer = _Writer(partial)
        for name, data in roster_files.items():
            writer.put(f"roster/{name}", data)
        releases = [_export_log(archive, cc, roster, writer) for cc in archive.states()]
        os.sync()
        # The words first: a pack in sight always has them, and the same command goes on where a crash left only them.
        if not words_path(dest).exists():
            write_new(words_path(dest), _words(roster), SHARED_FILE)
        partial.rename(dest)
        fsync_dir(dest.parent)
    return PackSummary(dest, words_path(dest), len(releases), sum(releases), writer.data_files, writer.size)


def _words(roster: Roster) -> bytes:
    words = roster.words.split()
    lines = (" ".join(words[at : at + _WORDS_A_LINE]) for at in range(0, len(words), _WORDS_A_LINE))
    return "".join(f"{line}\n" for line in lines).encode()


def _check_free(dest: Path, roster: Roster) -> None:
    if dest.is_symlink() or (dest.exists() and (not dest.is_dir() or any(dest.iterdir()))):
        raise StoreError(
            _("{path} is there already and was not touched").format(path=dest),
            hint=_("choose another folder, or move that one away"),
        )
    words = words_path(dest)
    if words.exists() and read_bounded(words, 4096) != _words(roster):
        raise StoreError(
            _("{path} holds other words and was not touched").format(path=words),
            hint=_("it belongs to a pack of another federation; choose another name"),
        )


def _export_log(archive: Archive, cc: str, roster: Roster, writer: "_Writer") -> int:
    """Write one state's part; return the number of its releases."""
    view, releases = replay(archive.tree, cc, roster)
    entries = [release.envelope for release in releases]
    leaves = [leaf_hash(entry) for entry in entries]
    for bundle in bundles_for(view.size):
        writer.put(f"{cc}/{bundle.path}", encode_entries(entries[bundle.start : bundle.start + bundle.width]))
    for tile, data in grow_tiles(0, leaves, lambda _tile: ()):
        writer.put(f"{cc}/{tile.path}", data)
    writer.put(checkpoint_path(cc), view.checkpoint)
    _export_releases(archive, cc, releases, leaves, view.checkpoint, writer)
    policy = write_policy(origin(roster.federation_id, cc), roster.state(cc).log_keys, comment=_comment(roster, cc))
    writer.put(f"policies/{cc}.policy", policy)
    return sum(isinstance(release, VerifiedRelease) for release in releases)


def _export_releases(
    archive: Archive,
    cc: str,
    releases: Sequence[VerifiedRelease | UnknownEntry],
    leaves: Sequence[bytes],
    checkpoint: bytes,
    writer: "_Writer",
) -> None:
    nodes, written = nodes_of(leaves), set()
    for release in releases:
        if release.payload_id in written:
            continue
        written.add(release.payload_id)
        path = f"{cc}/releases/{release.payload_id}"
        proof = inclusion_proof(nodes, release.index, len(leaves))
        writer.put(f"{path}.dsse.json", release.envelope)
        writer.put(f"{path}.tlog-proof", encode_proof(release.index, proof, checkpoint))
        if isinstance(release, UnknownEntry):
            continue
        source = data_path(cc, release.data_sha256)
        if release.observations is None:
            raise StoreError(
                _("{path} is not in the archive, so a pack of it would not be whole").format(path=source),
                hint=_("pull from {state} again").format(state=cc.upper()),
            )
        writer.put_data(source, read_bounded(archive.tree / source, CSV_LIMIT))


def _comment(roster: Roster, cc: str) -> str:
    stamp = " DEMO" if roster.demo else ""
    return f"log of {cc.upper()} in federation {roster.federation_id}{stamp}\nhttps://c2sp.org/tlog-policy"


class _Writer:
    """Files of a folder that nobody knows yet; made durable all at once at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: set[Path] = set()
        self._data: set[str] = set()
        self.size = 0
        root.mkdir(parents=True, mode=_FOLDER)

    @property
    def data_files(self) -> int:
        return len(self._data)

    def put(self, name: str, data: bytes) -> None:
        path = self._root / name
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
            self._folders.add(path.parent)
        path.write_bytes(data)
        path.chmod(SHARED_FILE)
        self.size += len(data)

    def put_data(self, name: str, data: bytes) -> None:
        if name not in self._data:
            self._data.add(name)
            self.put(name, data)


@contextmanager
def _store_errors(dest: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            _("cannot write {path}: {reason}").format(path=dest, reason=error.strerror),
            hint=_("choose a folder of your own on a disk with room"),
        ) from None
