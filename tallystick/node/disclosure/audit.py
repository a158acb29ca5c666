"""The interval audit: what an attacker can work out of every withheld cell from everything ever released.

Extraction (1) of the design: a withheld cell is known exactly, or to an interval narrower than the width, or certainly
to lie in 1 .. k - 1. An interval is as wide as it has whole numbers: [0, 4] has the five that "fewer than five" openly
says, and passes at width 5 (docs/adr/0012 has the stricter reading and what it costs).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tallystick.node.disclosure.layout import Ints, LinkedSystem
from tallystick.node.disclosure.picture import Picture, Status
from tallystick.node.disclosure.profile import Profile
from tallystick.node.disclosure.solver import Solver

__all__ = ["Auditor", "is_extraction", "withheld_cells"]

_NOTHING: Final = np.array([], dtype=np.int64)
_SWEEPS: Final = 24
_TOGETHER: Final = 4
_AT_ONCE: Final = 8
"""After the first sweeps, which pull at all cells, about so many are pulled at: they hinder each other less."""
_FEW: Final = 12
"""So few cells are pushed one by one."""


def is_extraction(low: int, high: int, profile: Profile) -> bool:
    """Tell whether knowing that a withheld cell lies in ``low .. high`` gives it away."""
    return high - low + 1 < profile.width or (low >= 1 and high <= profile.threshold - 1)


def withheld_cells(picture: Picture) -> list[int]:
    """Return the numbers of all withheld cells, of the draft and of what was released."""
    return [int(cell) for cell in np.flatnonzero(picture.status != Status.SHOWN)]


@dataclass(eq=False)
class Auditor:
    """Judges the cells of one system; every whole-number point found for one cell serves as a witness for all.

    Attributes:
        system: The constraints.
        profile: Width and threshold.
    """

    system: LinkedSystem = field(repr=False)
    profile: Profile
    _solver: Solver = field(init=False, repr=False)
    _seen_low: Ints | None = field(init=False, repr=False, default=None)
    _seen_high: Ints = field(init=False, repr=False, default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        self._solver = Solver(self.system)

    def _witness(self, point: Ints | None) -> None:
        if point is None:
            return
        counts = self.system.counts(point)
        if self._seen_low is None:
            self._seen_low, self._seen_high = counts, counts
        self._seen_low = np.minimum(self._seen_low, counts)
        self._seen_high = np.maximum(self._seen_high, counts)

    def _seen_apart(self, cell: int) -> bool:
        """Tell whether points already found protect the cell."""
        if self._seen_low is None:
            return False
        return not is_extraction(int(self._seen_low[cell]), int(self._seen_high[cell]), self.profile)

    def _sweep(self, cells: Sequence[int]) -> None:
        """Look for points that put many cells far apart at once, so that few have to be asked for one by one.

        The verdicts do not depend on what is found: a point is checked before it counts, and where none helps the cell
        is pushed to its ends.
        """
        rng = np.random.default_rng(0)
        for rounds in range(_SWEEPS):
            left = [cell for cell in cells if not self._seen_apart(cell)]
            if len(left) < _FEW:
                return
            # All of them at first; later a few at a time, which pull less against each other.
            share = 1.0 if rounds < _TOGETHER else _AT_ONCE / len(left)
            signs = rng.choice([-1, 1], size=len(left)) * (rng.random(len(left)) < share)
            for direction in (1, -1):
                weights = np.zeros(self.system.matrix.shape[1], dtype=np.int64)
                for cell, sign in zip(left, signs.tolist(), strict=True):
                    weights[self.system.members[cell]] += direction * sign
                self._witness(self._solver.somewhere(weights))

    def _push(self, cell: int, sign: int) -> int | None:
        found = self._solver.relaxed(self.system.members[cell], sign)
        if found is None:
            return None
        self._witness(found[1])
        return found[0]

    def _rounded_apart(self, cell: int) -> bool:
        """Tell whether rounding a cell's relaxed ends puts it far enough apart: far cheaper than its exact ends."""
        weights = np.zeros(self.system.matrix.shape[1], dtype=np.int64)
        for sign in (1, -1):
            weights[self.system.members[cell]] = sign
            self._witness(self._solver.somewhere(weights))
            if self._seen_apart(cell):
                return True
        return False

    def extracted(self, cell: int) -> bool:
        """Tell whether a withheld cell is given away; what cannot be decided counts as given away."""
        limits = []
        for sign in (1, -1):
            if self._seen_apart(cell):
                return False
            limits.append(self._push(cell, sign))
        if self._seen_apart(cell):
            return False
        high, low = limits
        if high is None or low is None or is_extraction(low, high, self.profile):
            return True
        if self._rounded_apart(cell):
            return False
        exact = self.interval(cell)
        return exact is None or is_extraction(*exact, self.profile)

    def interval(self, cell: int) -> tuple[int, int] | None:
        """Return the exact ends ``(low, high)`` of a cell over all whole-number points, or None if undecided."""
        ends = []
        for sign in (-1, 1):
            found = self._solver.whole(self.system.members[cell], sign)
            if found is None:
                return None
            self._witness(found[1])
            ends.append(found[0])
        return ends[0], ends[1]

    def first_extraction(self, cells: Sequence[int]) -> int | None:
        """Return the first of ``cells`` that is given away, or None."""
        self._sweep(cells)
        return next((cell for cell in cells if self.extracted(cell)), None)

    def extractions(self, cells: list[int]) -> list[int]:
        """Return those of ``cells`` that are given away, in their order."""
        self._sweep(cells)
        return [cell for cell in cells if self.extracted(cell)]
