"""Keyed noise: a maximum-entropy table and a draw that depends only on who is in the cell.

For a true count of x the noise lies on -min(x, D) .. D, has mean zero and variance V (less where x is so small that
V cannot be had), and is otherwise as spread as possible: among all such distributions the one of largest entropy
(Marley & Leaver 2011; Giessing 2016). Its form is p(d) ~ exp(a d + b d^2); a and b are found by Newton's method on the
convex dual, in decimal arithmetic of fixed precision, and the cumulative probabilities are kept as integers out of
2**64. Decimal arithmetic is specified to the last digit, so every platform draws the same noise.

The draw of a cell is HMAC-SHA-256 under the period's noise secret over the sum of its persons' record keys: the same
set of persons gets the same noise wherever it is counted in that period, and a fresh release averages nothing out.
A true zero stays zero, and no figure falls below zero.
"""

import hmac
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tallystick.config.errors import ConfigError
from tallystick.config.i18n import _
from tallystick.node.disclosure.profile import Profile
from tallystick.node.tables.cubes import Counts, KeySums

__all__ = ["SCALE", "PerturbationTable", "draws", "perturb", "perturbation_table"]

SCALE: Final = 2**64
"""Cut points are out of this many."""

_DIGITS = Context(prec=80, rounding=ROUND_HALF_EVEN)
_STEPS = 200
_CLOSE = Decimal("1e-40")
_DRAW = b"tallystick-draw\0"


@dataclass(frozen=True, eq=False)
class PerturbationTable:
    """Noise by true count.

    Attributes:
        reach: D, the largest amount of noise.
        rows: For true counts 1, 2, ... D (the last row serves every larger count): the upper cut points of the
            offsets -min(x, D), ..., D - 1 out of ``SCALE``; a draw at or above the last one gives D.
    """

    reach: int
    rows: tuple[tuple[int, ...], ...]

    def offset(self, count: int, draw: int) -> int:
        """Return the noise of one cell: ``count`` persons, ``draw`` in 0 .. 2**64 - 1."""
        if count == 0:
            return 0
        row = self.rows[min(count, self.reach) - 1]
        return sum(draw >= cut for cut in row) - min(count, self.reach)

    def probabilities(self, count: int) -> tuple[tuple[int, int], ...]:
        """Return ``(offset, share out of SCALE)`` for a true count of at least 1."""
        row = (0, *self.rows[min(count, self.reach) - 1], SCALE)
        low = -min(count, self.reach)
        return tuple((low + place, row[place + 1] - row[place]) for place in range(len(row) - 1))

    def offsets(self, counts: Counts, drawn: KeySums) -> Counts:
        """Return the noise of many cells at once, shape ``counts.shape``."""
        noise = np.zeros(counts.shape, dtype=np.int64)
        for row_number, row in enumerate(self.rows, start=1):
            chosen = counts >= row_number if row_number == self.reach else counts == row_number
            cuts = np.array(row, dtype=np.uint64)
            noise[chosen] = np.searchsorted(cuts, drawn[chosen], side="right") - row_number
        return noise


def _shares(offsets: list[Decimal], a: Decimal, b: Decimal) -> list[Decimal]:
    weights = [(a * offset + b * offset * offset).exp() for offset in offsets]
    total = sum(weights, Decimal(0))
    return [weight / total for weight in weights]


def _dual(offsets: list[Decimal], a: Decimal, b: Decimal, variance: Decimal) -> Decimal:
    return sum(((a * o + b * o * o).exp() for o in offsets), Decimal(0)).ln() - b * variance


def _newton_step(offsets: list[Decimal], a: Decimal, b: Decimal, variance: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return the Newton direction in (a, b) and the size of the gradient."""
    shares = _shares(offsets, a, b)
    moment = [Decimal(1)]
    moment += [sum((p * o**power for p, o in zip(shares, offsets, strict=True)), Decimal(0)) for power in range(1, 5)]
    gradient = (moment[1], moment[2] - variance)
    h11 = moment[2] - moment[1] ** 2
    h12 = moment[3] - moment[1] * moment[2]
    h22 = moment[4] - moment[2] ** 2
    determinant = h11 * h22 - h12 * h12
    step_a = (h22 * gradient[0] - h12 * gradient[1]) / determinant
    step_b = (h11 * gradient[1] - h12 * gradient[0]) / determinant
    return -step_a, -step_b, max(abs(gradient[0]), abs(gradient[1]))


def _largest_entropy(low: int, high: int, variance: Decimal) -> list[Decimal]:
    """Return the shares of low .. high with mean 0 and ``variance`` that have the largest entropy."""
    offsets = [Decimal(offset) for offset in range(low, high + 1)]
    a, b = Decimal(0), Decimal(0)
    for _round in range(_STEPS):
        step_a, step_b, size = _newton_step(offsets, a, b, variance)
        if size < _CLOSE:
            return _shares(offsets, a, b)
        here, stride = _dual(offsets, a, b, variance), Decimal(1)
        while _dual(offsets, a + stride * step_a, b + stride * step_b, variance) > here and stride > _CLOSE:
            stride /= 2
        a, b = a + stride * step_a, b + stride * step_b
    raise ConfigError(
        _("no noise on {low} to {high} has variance {variance}").format(low=low, high=high, variance=variance),
        hint=_("choose a smaller variance"),
    )


def _cut_points(shares: list[Decimal]) -> tuple[int, ...]:
    """Turn shares into integer cut points, every offset keeping at least one draw."""
    running, cuts = Decimal(0), []
    for share in shares[:-1]:
        running += share
        cuts.append(int((running * SCALE).to_integral_value(ROUND_HALF_EVEN)))
    if any(upper <= lower for lower, upper in zip([0, *cuts], [*cuts, SCALE], strict=True)):
        raise ConfigError(
            _("the noise has offsets that would never be drawn"), hint=_("choose a larger variance or a smaller D")
        )
    return tuple(cuts)


def _feasible_variance(count: int, reach: int, variance: Decimal) -> Decimal:
    """Return V, or half of the largest variance that a count this small allows, whichever is less.

    On -x .. D with mean zero no variance exceeds x D (all mass at the two ends). At that limit the noise would be a
    coin between two values; half of it keeps every value possible.
    """
    return min(variance, Decimal(min(count, reach) * reach) / 2)


@cache
def perturbation_table(reach: int, variance: Decimal | int) -> PerturbationTable:
    """Derive the noise for D = ``reach`` and V = ``variance``.

    Raises:
        ConfigError: V is not positive, or so small or large for this D that an offset would never be drawn.
    """
    with localcontext(_DIGITS):
        wanted = Decimal(variance)
        if reach < 1 or wanted <= 0:
            raise ConfigError(_("noise needs D of at least 1 and a positive variance"))
        rows = (
            _cut_points(_largest_entropy(-count, reach, _feasible_variance(count, reach, wanted)))
            for count in range(1, reach + 1)
        )
        return PerturbationTable(reach, tuple(rows))


def draws(secret: bytes, key_sums: KeySums) -> NDArray[np.uint64]:
    """Return one uniform 64-bit draw for every key sum, same shape; 0 where the key sum is 0 (nobody)."""
    drawn = np.zeros(key_sums.shape, dtype=np.uint64)
    occupied = np.flatnonzero(key_sums)
    sums = key_sums[occupied].tolist()
    first_words = b"".join(hmac.digest(secret, _DRAW + one.to_bytes(8, "big"), "sha256")[:8] for one in sums)
    drawn[occupied] = np.frombuffer(first_words, dtype=">u8")
    return drawn


def perturb(secret: bytes, counts: Counts, key_sums: KeySums, profile: Profile) -> Counts:
    """Return the perturbed figures of a cube, before any threshold, in persons.

    Args:
        secret: The period's noise secret.
        counts: True counts, shape (rows,).
        key_sums: Key sums, same shape.
        profile: Gives D and V.
    """
    table = perturbation_table(profile.reach, profile.variance)
    return counts + table.offsets(counts, draws(secret, key_sums))
