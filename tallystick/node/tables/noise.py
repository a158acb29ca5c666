"""Record keys: what ties a person's contribution to the noise of every cell that holds him.

One secret per period, made from the state's noise secret; a block is a period of its own.
"""

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from numpy.typing import NDArray

from tallystick.config.periods import Period

__all__ = ["period_secret", "record_keys"]

_CONTEXT = b"tallystick-noise\0"
_KEY_BYTES = 8


def period_secret(master: bytes, period: Period) -> bytes:
    """Derive a period's noise secret: HMAC-SHA-256(noise secret, "tallystick-noise" NUL period)."""
    derived = HMAC(master, SHA256())
    derived.update(_CONTEXT + period.text.encode())
    return derived.finalize()


def record_keys(secret: bytes, person_ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return each person's record key: the first 8 bytes, big-endian, of HMAC-SHA-256(secret, person id).

    Args:
        secret: The period's secret.
        person_ids: uint8, shape (n, 16).

    Returns:
        uint64, shape (n,).
    """
    start = HMAC(secret, SHA256())
    width = person_ids.shape[1]
    raw = person_ids.tobytes()
    heads = []
    for at in range(0, len(raw), width):
        one = start.copy()
        one.update(raw[at : at + width])
        heads.append(one.finalize()[:_KEY_BYTES])
    return np.frombuffer(b"".join(heads), dtype=">u8").astype(np.uint64)
