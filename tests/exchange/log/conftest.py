"""A log with real keys, and a journal of every head that was ever signed."""

import os
from pathlib import Path

import pytest

from tallystick.exchange.formats.checkpoint import Checkpoint, origin, sign_checkpoint, verify_checkpoint
from tallystick.exchange.formats.tiles import bundles_for
from tallystick.exchange.log.tilelog import TileLog
from tallystick.exchange.verify.logfiles import check_log_files, new_entries
from tallystick.exchange.verify.logview import LogView, advance, empty_view
from tallystick.keys.roster_types import RosterKey
from tallystick.keys.signer import Signer, new_signer

ORIGIN = origin("ab" * 32, "KAZ")


class Keys:
    """The log's two keys; ``sign`` writes down what it signs before it hands the signature out."""

    def __init__(self, journal: Path) -> None:
        self.ed25519: Signer = new_signer("ed25519")
        self.mldsa44: Signer = new_signer("mldsa44")
        self.journal = journal
        self._write, self._open, self._close = os.write, os.open, os.close

    @property
    def roster(self) -> list[RosterKey]:
        return [RosterKey("log", one.algorithm, one.public, "log") for one in (self.ed25519, self.mldsa44)]

    def sign(self, head: Checkpoint) -> bytes:
        signed = sign_checkpoint(head, self.ed25519, self.mldsa44, timestamp=1_600_000_000)
        handle = self._open(self.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._write(handle, f"{head.size} {head.root.hex()}\n".encode())
        self._close(handle)
        return signed

    def truths(self) -> dict[int, set[str]]:
        """Return every root ever signed, by size."""
        found: dict[int, set[str]] = {}
        for line in self.journal.read_text().splitlines() if self.journal.exists() else ():
            size, root = line.split()
            found.setdefault(int(size), set()).add(root)
        return found

    def follow(self, log: TileLog, view: LogView | None = None) -> LogView:
        """Verify a log as an auditor would: every file, then forward from what was seen."""
        checkpoint = log.checkpoint()
        assert checkpoint is not None
        check_log_files(verify_checkpoint(checkpoint, origin=ORIGIN, keys=self.roster), log.files())
        return self.pull(log, view or empty_view(ORIGIN))

    def pull(self, log: TileLog, view: LogView) -> LogView:
        """Verify what is published as a peer would, forward from what was seen."""
        checkpoint = log.checkpoint()
        assert checkpoint is not None
        head = verify_checkpoint(checkpoint, origin=ORIGIN, keys=self.roster)
        bundles = {one.path: (log.root / one.path).read_bytes() for one in bundles_for(head.size, view.size)}
        return advance(view, checkpoint, new_entries(view, head.size, bundles), self.roster)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "signed.journal")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log"
