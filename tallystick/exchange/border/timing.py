"""When a peer is asked next: the interval with jitter, or a growing pause after failures."""

from random import Random, SystemRandom

__all__ = ["Timing"]

_JITTER = 0.2
_LONGEST = 3600.0
_FIRST_WITHIN = 1.0


class Timing:
    """Pauses between pulls of one peer.

    Args:
        seconds: The interval.
        random: Source of the jitter, so that nine states do not all ask at once.
    """

    def __init__(self, seconds: float, random: Random | None = None) -> None:
        self._seconds, self._random = float(seconds), random or SystemRandom()

    def first(self) -> float:
        """Return how long to wait before the first pull."""
        return self._random.uniform(0.0, min(_FIRST_WITHIN, self._seconds))

    def after(self, failures: int) -> float:
        """Return how long to wait after a pull.

        Args:
            failures: Attempts that failed in a row; 0 after a good one. A peer that is down is asked after 1, 2, 4,
                ... seconds, up to four intervals and at most an hour.
        """
        growing = min(2.0 ** min(failures - 1, 20), max(4 * self._seconds, 1.0), _LONGEST)
        base = growing if failures else self._seconds
        return base * self._random.uniform(1 - _JITTER, 1 + _JITTER)
