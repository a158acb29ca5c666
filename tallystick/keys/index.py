"""Snapshot and timestamp: an index that TUF clients ask for and that carries no trust (``keys.serving``).

Both are made from the other files and from nothing else, so that two nodes which hold the same files write the same
index. The snapshot's version is the sum of all roles' versions: it grows with every change that is adopted. It expires
with the root, because only the offline roles say how long a roster is good.
"""

from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp

from tallystick.keys.chains import Chains
from tallystick.keys.profile import SPEC_VERSION
from tallystick.keys.serving import serving_signer
from tallystick.keys.tuf_files import write_file

__all__ = ["build_index"]


def _sign(signed: Snapshot | Timestamp) -> bytes:
    metadata: Metadata[Any] = Metadata(signed)
    metadata.sign(serving_signer())
    return write_file(metadata)


def build_index(chains: Chains) -> dict[str, bytes]:
    """Return ``metadata/N.snapshot.json`` and ``metadata/timestamp.json`` for verified chains."""
    versions = {"targets": len(chains.targets), **{cc: len(pages) for cc, pages in chains.states.items() if pages}}
    version = len(chains.roots) + sum(versions.values())
    expires = chains.roots[-1].page.expires
    meta = {f"{role}.json": MetaFile(number) for role, number in versions.items()}
    snapshot = Snapshot(version=version, spec_version=SPEC_VERSION, expires=expires, meta=meta)
    timestamp = Timestamp(version, SPEC_VERSION, expires, MetaFile(version))
    return {
        f"metadata/{version}.snapshot.json": _sign(snapshot),
        "metadata/timestamp.json": _sign(timestamp),
    }
