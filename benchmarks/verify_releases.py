"""Verifying 10,000 archived releases against nothing but bare verifications of the signatures they contain.

Nine states, 240 years: by year total, sex, age, form; in blocks sex x age and corridors, as a real archive holds them.
Everything is read from disk; one process does both. Goal: bare / whole of at least 0.8.

Two yardsticks. An archived release comes with its receipt, and the two hold four signatures: two officers' and the
log's two on the head in the receipt (Ed25519, ML-DSA-44). A verifier that knows nothing of the others would check
four; ours checks each head once. The stricter yardstick counts the officers' two alone: what is left beside them is
JSON and CSV that are read strictly, hashes and files.
"""

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tallystick.config.catalogue import CellKey
from tallystick.config.periods import block_of
from tallystick.exchange.archive import Archive
from tallystick.exchange.archive.check import verify_tree
from tallystick.exchange.archive.pack import export_pack
from tallystick.exchange.formats.checkpoint import checkpoint_body, cosigned_message, parse_checkpoint
from tallystick.keys.envelope import parse_envelope
from tests.support.federation import AT, NINE, Federation

YEARS = tuple(range(1917, 2157))
YEARLY = ("VICTIMS", "VICTIMS_SEX", "VICTIMS_AGE", "VICTIMS_FORM")
ROUNDS = 3


def _federation(years: tuple[int, ...]) -> Federation:
    federation, chance = Federation.make(NINE, algorithms=("ed25519",) * 3), random.Random(1)

    def cell(_key: CellKey) -> int | None:
        return chance.randint(5, 99) if chance.random() < 0.8 else None

    for code in NINE:
        for year in years:
            for table in YEARLY:
                federation.release(code, table, str(year), cell)
            block = block_of(year)
            if year == block.last and block.text not in federation.catalogue.placed_by_year.get(code, ()):
                federation.release(code, "VICTIMS_SEX_AGE", block.text, cell)
            if year == block.last:
                federation.release(code, "VICTIMS_CORRIDOR", block.text, cell)
    return federation


def _signatures(federation: Federation) -> list[tuple[Ed25519PublicKey, bytes, bytes]]:
    """Collect every officer's signature with its key and what it is over."""
    found = []
    for state in federation.states.values():
        keys = {signer.keyid: Ed25519PublicKey.from_public_bytes(signer.public) for signer in state.officers}
        for entry in state.entries:
            envelope = parse_envelope(entry)
            signed = envelope.signed_bytes
            found += [(keys[one.keyid], one.sig, signed) for one in envelope.signatures]
    return found


def _head_signatures(federation: Federation) -> list[tuple[Callable[[bytes, bytes], None], bytes, bytes]]:
    """Collect, for every release, the two signatures on the head that its receipt carries."""
    found: list[tuple[Callable[[bytes, bytes], None], bytes, bytes]] = []
    for state in federation.states.values():
        head, note = parse_checkpoint(state.checkpoint())
        ed25519, mldsa44 = note.signatures
        stamp = int.from_bytes(mldsa44.signature[:8], "big")
        first = Ed25519PublicKey.from_public_bytes(state.log_ed25519.public).verify
        second = MLDSA44PublicKey.from_public_bytes(state.log_mldsa44.public).verify
        two = [
            (first, ed25519.signature, checkpoint_body(head).encode()),
            (second, mldsa44.signature[8:], cosigned_message(state.origin, stamp, head)),
        ]
        found += two * len(state.entries)
    return found


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def main(years: tuple[int, ...] = YEARS) -> dict[str, Any]:
    """Measure."""
    federation = _federation(years)
    signatures = _signatures(federation)
    folder = Path(tempfile.mkdtemp())
    try:
        archive = Archive(folder / "archive")
        filling = _timed(lambda: _fill(archive, federation))
        packing = _timed(lambda: export_pack(archive, federation.roster_files, folder / "pack", federation.roster))
        heads = _head_signatures(federation)
        bare, whole, pack, more = [], [], [], []
        for _round in range(ROUNDS):
            bare.append(_timed(lambda: [key.verify(sig, signed) for key, sig, signed in signatures]))
            more.append(_timed(lambda: [verify(sig, signed) for verify, sig, signed in heads]))
            whole.append(
                _timed(lambda: verify_tree(archive.tree, federation.anchor, AT, roster_files=federation.roster_files))
            )
            pack.append(_timed(lambda: verify_tree(folder / "pack", federation.anchor, AT)))
        rebuilding = _timed(lambda: archive.rebuild(federation.roster))
    finally:
        shutil.rmtree(folder)
    releases = sum(len(state.entries) for state in federation.states.values())
    figures = {
        "releases": releases,
        "signatures": len(signatures),
        "bare_s": round(min(bare), 3),
        "archive_s": round(min(whole), 3),
        "pack_s": round(min(pack), 3),
        "accept_s": round(filling, 3),
        "rebuild_s": round(rebuilding, 3),
        "export_s": round(packing, 3),
        "bare_heads_s": round(min(more), 3),
        "ratio_archive_officers_only": round(min(bare) / min(whole), 3),
        "ratio_pack_officers_only": round(min(bare) / min(pack), 3),
        "ratio_pack_all_signatures": round((min(bare) + min(more)) / min(pack), 3),
        "goal": 0.8,
    }
    print(f"{releases} releases, {len(signatures)} officers' signatures; one process, best of {ROUNDS}")
    print(f"  bare: officers' signatures             {figures['bare_s']:7.2f} s")
    print(f"  bare: the log's, one head a receipt    {figures['bare_heads_s']:7.2f} s")
    print(f"  archive, everything checked            {figures['archive_s']:7.2f} s")
    print(f"  pack, with receipts and release files  {figures['pack_s']:7.2f} s")
    print(f"  accepted into an empty archive         {figures['accept_s']:7.2f} s")
    print(f"  index derived anew                     {figures['rebuild_s']:7.2f} s")
    print(f"  pack exported                          {figures['export_s']:7.2f} s")
    print("ratios, goal 0.8:")
    print(f"  pack, all signatures in it             {figures['ratio_pack_all_signatures']:7.2f}")
    print(f"  archive, officers' signatures only     {figures['ratio_archive_officers_only']:7.2f}")
    print(f"  pack, officers' signatures only        {figures['ratio_pack_officers_only']:7.2f}")
    return figures


def _fill(archive: Archive, federation: Federation) -> None:
    for state in federation.states.values():
        archive.accept(state.cc, state.view(), state.entries, federation.verified(state.code), state.data)


if __name__ == "__main__":
    main()
