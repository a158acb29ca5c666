"""The roster of nine states: verify it, merge two rotations, and after many rotations; against bare Ed25519."""

import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tallystick.keys.merge import merge
from tallystick.keys.roster import load_roster
from tallystick.keys.tuf_files import parse_name, read_file
from tests.support.rosters import AT, Ceremony, Files

ROTATIONS = 40


def cpu(action: Callable[[], Any], repeat: int = 20) -> float:
    """Return CPU milliseconds of ``action``; best of ``repeat``."""
    best = float("inf")
    for _ in range(repeat):
        started = time.process_time()
        action()
        best = min(best, time.process_time() - started)
    return best * 1e3


def signatures(files: Files) -> int:
    """Count the signatures that a load has to check."""
    names = [parse_name(name) for name in files]
    return sum(
        len(read_file(name, files[name.text]).signatures) for name in names if not (name.digest or name.is_index)
    )


def main() -> dict[str, float]:
    """Measure load and merge; compare with the same number of bare verifications of 4,000 bytes."""
    ceremony = Ceremony.make(officers=3, nodes=True)
    kaz = ceremony.new_page(ceremony.files, "KAZ")
    tur = ceremony.new_page(ceremony.files, "TUR")
    long = ceremony.files
    for _ in range(ROTATIONS):
        long = ceremony.new_page(long, "KAZ", cards=[])
    key, message = Ed25519PrivateKey.generate(), b"x" * 4000
    public, signature = key.public_key(), key.sign(message)
    bare = cpu(lambda: public.verify(signature, message), 200)
    figures = {
        "load (nine states)": cpu(lambda: load_roster(ceremony.files, anchor=ceremony.anchor, at=AT)),
        "merge, two concurrent rotations": cpu(lambda: merge(kaz, tur, at=AT)),
        "merge, nothing new": cpu(lambda: merge(kaz, kaz, at=AT)),
        f"load after {ROTATIONS} rotations": cpu(lambda: load_roster(long, anchor=ceremony.anchor, at=AT), 3),
    }
    counts = [signatures(ceremony.files), 2 * signatures(kaz), signatures(kaz), signatures(long)]
    ratios = {}
    for (label, value), count in zip(figures.items(), counts, strict=True):
        ratios[f"{label} / bare signatures"] = value / (bare * count)
        print(f"{label:34} {value:8.2f} ms CPU   {value / (bare * count):5.2f} of its {count} bare signatures")
    return {**figures, **ratios, "one bare Ed25519 verification": bare}
