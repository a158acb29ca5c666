"""One state's part of a pack: every file of it, bound to the head that the state's log signed."""

from collections.abc import Sequence
from pathlib import Path

from tallystick.config.errors import (
    BadProofError,
    KeyNotTrustedError,
    MalformedError,
    TallystickError,
    VerificationError,
)
from tallystick.config.files import read_bounded
from tallystick.config.i18n import _
from tallystick.exchange.archive.ground import located, placed
from tallystick.exchange.archive.report import LogReport
from tallystick.exchange.archive.survey import StateFiles
from tallystick.exchange.formats.checkpoint import Checkpoint, origin, verify_checkpoint
from tallystick.exchange.formats.merkle import NodeReader, inclusion_proof, leaf_hash, nodes_of, verify_inclusion
from tallystick.exchange.formats.policy import write_policy
from tallystick.exchange.formats.sdmxcsv import CSV_LIMIT
from tallystick.exchange.formats.tiles import BUNDLE_LIMIT, ENTRY_LIMIT
from tallystick.exchange.formats.tlogproof import PROOF_LIMIT, parse_proof, proof_bytes
from tallystick.exchange.formats.tree import CHECKPOINT_LIMIT, data_path
from tallystick.exchange.verify.logfiles import check_log_files
from tallystick.exchange.verify.release import (
    UnknownEntry,
    VerifiedRelease,
    catalogue_of,
    verify_data,
    verify_release,
    verify_releases,
)
from tallystick.exchange.verify.slices import SliceRules
from tallystick.keys.roster_types import Roster, StateEntry

__all__ = ["LogCheck"]

_POLICY_LIMIT = 64 * 1024
_RUN = 256
"""Entries that go through each step of the verification together."""


class LogCheck:
    """Verifies one state's log in a tree.

    1. The head is signed by the log's keys in the roster (``verify_checkpoint``).
    2. Every bundle and every hash tile is what the signed root asks for (``check_log_files``).
    3. Every entry holds (``verify_release``), its data file is here, and slices stand in line (``SliceRules``).
    4. No data file is here that no statement names.
    5. Where the tree has release files, every entry has its envelope and its receipt there, and nothing else is.
    6. A receipt proves its entry under a head that the log signed.
    7. The policy for C2SP tools names exactly the log's keys.

    Args:
        folder: The tree.
        cc: The state, lower case.
        files: What lies there.
        roster: The verified roster.
    """

    def __init__(self, folder: Path, cc: str, files: StateFiles, roster: Roster) -> None:
        self._folder = str(folder)
        self._cc = cc
        self._files = files
        self._roster = roster
        self._state: StateEntry = roster.state(cc)
        self._origin = origin(roster.federation_id, cc)
        self._heads: dict[bytes, Checkpoint] = {}
        self._named: set[str] = set()
        self.report = LogReport(self._state.code)

    def run(self, *, policy: bool) -> LogReport:
        """Check everything; return the numbers.

        Args:
            policy: A policy file lies there.

        Raises:
            VerificationError: Something does not hold; the message says where.
            StoreError: A file cannot be read.
        """
        if not self._files.checkpoint:
            raise MalformedError(_("{cc}/checkpoint is missing, though the log's files are here").format(cc=self._cc))
        path = f"{self._cc}/checkpoint"
        signed = self._read(path, CHECKPOINT_LIMIT)
        head = self._head(signed, path)
        entries = self._entries(head)
        identities = self._releases(entries)
        self.report.data_files = len(self._named)
        for digest in sorted(self._files.data - self._named):
            raise MalformedError(_("{path}: no release names it").format(path=data_path(self._cc, digest)))
        if self._files.envelopes or self._files.receipts:
            self._check_release_files(entries, identities, signed)
        if policy:
            self._check_policy()
        self.report.checkpoints = len(self._heads)
        return self.report

    def _read(self, path: str, limit: int) -> bytes:
        return read_bounded(f"{self._folder}/{path}", limit)

    def _head(self, signed: bytes, path: str) -> Checkpoint:
        """Verify a signed head once, however many files carry it."""
        if signed not in self._heads:
            with located(path):
                self._heads[signed] = verify_checkpoint(signed, origin=self._origin, keys=self._state.log_keys)
        return self._heads[signed]

    def _entries(self, head: Checkpoint) -> Sequence[bytes]:
        tiles = {path: self._read(f"{self._cc}/{path}", BUNDLE_LIMIT) for path in self._files.tiles}
        with located(self._cc):
            entries = check_log_files(head, tiles)
        bundles = sum(path.startswith("tile/entries/") for path in tiles)
        self.report.size, self.report.bundles = head.size, bundles
        self.report.hash_tiles = len(tiles) - bundles
        return entries

    def _releases(self, entries: Sequence[bytes]) -> list[str]:
        """Verify every entry with its data; return their payload ids (the releases themselves are let go)."""
        rules, found = SliceRules(self._state.code), []
        for first in range(0, len(entries), _RUN):
            run = entries[first : first + _RUN]
            for release in self._verified(run, first):
                found.append(release.payload_id)
                try:
                    self._take(release, rules)
                except TallystickError as error:
                    raise placed(error, self._entry(release.index)) from None
        return found

    def _entry(self, index: int) -> str:
        return _("{cc}, entry {index}").format(cc=self._cc, index=index)

    def _verified(self, run: Sequence[bytes], first: int) -> list[VerifiedRelease | UnknownEntry]:
        """Verify a run of entries; if it does not hold, say which of them does not."""
        try:
            return verify_releases(run, first, self._roster, self._state.code)
        except VerificationError:
            for index, entry in enumerate(run, first):
                with located(self._entry(index)):
                    verify_release(entry, index, None, self._roster, self._state.code)
            raise

    def _take(self, release: VerifiedRelease | UnknownEntry, rules: SliceRules) -> None:
        report = self.report
        if isinstance(release, UnknownEntry):
            report.unknown.append(release.predicate_type)
            return
        rules.admit(release)
        self._check_data(release)
        audit = release.statement.predicate.audit
        report.releases += 1
        report.officer_signatures += len(release.officers)
        report.figures += audit.shown
        report.withheld += audit.withheld
        report.comparisons += len(release.statement.predicate.metadata.comparisons)

    def _check_data(self, release: VerifiedRelease) -> None:
        digest = release.data_sha256
        if digest not in self._files.data:
            raise MalformedError(
                _("its data file {path} is missing").format(path=data_path(self._cc, digest)),
                hint=_("the pack is not whole; ask for another copy"),
            )
        data = self._read(data_path(self._cc, digest), CSV_LIMIT)
        verify_data(release.statement, data, catalogue_of(release.statement, self._roster))
        self._named.add(digest)

    def _check_release_files(self, entries: Sequence[bytes], identities: Sequence[str], signed: bytes) -> None:
        nodes = nodes_of([leaf_hash(entry) for entry in entries])
        by_id: dict[str, list[int]] = {}
        for index, identity in enumerate(identities):
            by_id.setdefault(identity, []).append(index)
        for stray in sorted((self._files.envelopes | self._files.receipts) - set(by_id)):
            raise BadProofError(
                _("{path}: the log has no such release").format(path=f"{self._cc}/releases/{stray}"),
                hint=_("it was not published by that state, or only after this head was signed"),
            )
        for identity, indices in by_id.items():
            path = f"{self._cc}/releases/{identity}"
            if identity not in self._files.envelopes or identity not in self._files.receipts:
                raise MalformedError(_("{path}: the release or its receipt is missing").format(path=path))
            envelope = self._read(f"{path}.dsse.json", ENTRY_LIMIT)
            at = next((index for index in indices if entries[index] == envelope), None)
            if at is None:
                raise BadProofError(_("{path}.dsse.json: not the bytes that stand in the log").format(path=path))
            self._check_receipt(f"{path}.tlog-proof", envelope, at, signed, nodes)
            self.report.envelopes += 1
            self.report.receipts += 1

    def _check_receipt(self, path: str, envelope: bytes, index: int, signed: bytes, nodes: NodeReader) -> None:
        data = self._read(path, PROOF_LIMIT)
        size = self._heads[signed].size
        if data == proof_bytes(index, inclusion_proof(nodes, index, size), signed):
            return  # byte for byte what follows from the tree that was recomputed
        with located(path):
            proof = parse_proof(data)
            head = self._head(proof.checkpoint, path)
            if proof.index != index:
                raise BadProofError(_("it is of entry {found}, not {wanted}").format(found=proof.index, wanted=index))
            verify_inclusion(leaf_hash(envelope), index, head.size, proof.hashes, head.root)

    def _check_policy(self) -> None:
        path = f"policies/{self._cc}.policy"
        lines = self._read(path, _POLICY_LIMIT).splitlines()
        found = [line for line in lines if line.strip() and not line.startswith(b"#")]
        if found != write_policy(self._origin, self._state.log_keys).splitlines():
            raise KeyNotTrustedError(
                _("{path}: it names other keys than the roster does for this log").format(path=path),
                hint=_("a C2SP tool that follows it would believe somebody else"),
            )
        self.report.policy = True
