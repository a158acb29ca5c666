import hashlib
import hmac
import itertools
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallystick.config.errors import ConfigError
from tallystick.node.disclosure import PEER, PUBLIC, Profile
from tallystick.node.disclosure.perturbation import SCALE, PerturbationTable, draws, perturb, perturbation_table

SHAPES = st.tuples(st.integers(1, 8), st.sampled_from([Decimal("0.7"), 1, 2, 5]))


def moments(table: PerturbationTable, count: int) -> tuple[float, float]:
    rows = table.probabilities(count)
    mean = Fraction(sum(offset * share for offset, share in rows), SCALE)
    return float(mean), float(Fraction(sum(offset**2 * share for offset, share in rows), SCALE) - mean**2)


@pytest.mark.parametrize("profile", [PEER, PUBLIC], ids=lambda profile: profile.id)
def test_the_noise_has_mean_zero_and_the_profiles_variance(profile: Profile) -> None:
    table = perturbation_table(profile.reach, profile.variance)
    for count in range(1, 2 * profile.reach):
        mean, variance = moments(table, count)
        assert abs(mean) < 1e-17
        assert abs(variance - profile.variance) < 1e-15


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES)
def test_every_noise_that_can_be_derived_is_unbiased_in_range_and_leaves_every_offset_possible(
    shape: tuple[int, int],
) -> None:
    reach, variance_wanted = shape
    assume(reach**2 <= 25 * variance_wanted)  # further out the last offset would have less than one draw in 2**64
    table = perturbation_table(reach, variance_wanted)
    for count in range(1, reach + 3):
        rows = table.probabilities(count)
        assert [offset for offset, _share in rows] == list(range(-min(count, reach), reach + 1))
        assert all(share > 0 for _offset, share in rows)
        assert sum(share for _offset, share in rows) == SCALE
        mean, variance = moments(table, count)
        assert abs(mean) < 1e-15
        assert variance <= float(variance_wanted) + 1e-12


def test_the_noise_is_the_most_spread_one_of_its_mean_and_variance() -> None:
    # p(d) = exp(c + a d + b d^2) is the maximum-entropy form: log p is a parabola, so its third differences vanish.
    with localcontext(prec=40):
        for count in (1, 2, 3):
            logs = [(Decimal(share) / SCALE).ln() for _offset, share in perturbation_table(3, 1).probabilities(count)]
            for _order in range(3):
                logs = [right - left for left, right in itertools.pairwise(logs)]
            assert all(abs(value) < Decimal("1e-14") for value in logs)


def test_cut_points_are_these_integers_on_every_platform() -> None:
    assert perturbation_table(3, 1).rows[0] == (
        7036198406509592116,
        13298879838208372481,
        16857249362037909346,
        18147904614372780905,
    )
    digests = [hashlib.sha256(repr(perturbation_table(*s).rows).encode()).hexdigest()[:16] for s in ((3, 1), (5, 2))]
    assert digests == ["b63f011895fa75b9", "9b67d684408248d5"]


def test_a_true_zero_stays_zero_and_no_figure_is_negative_or_further_off_than_the_reach() -> None:
    rng = np.random.default_rng(7)
    counts = np.repeat(np.arange(9), 4000)
    keys = np.where(counts == 0, 0, rng.integers(1, 2**64, size=len(counts), dtype=np.uint64)).astype(np.uint64)
    figures = perturb(b"s" * 32, counts, keys, PEER)
    assert (figures[counts == 0] == 0).all()
    assert (figures >= 0).all()
    assert np.abs(figures - counts).max() == PEER.reach
    for count in range(1, 9):
        noise = (figures - counts)[counts == count]
        assert abs(noise.mean()) < 0.08
        assert abs(noise.var() - PEER.variance) < 0.12


def test_one_cell_and_many_cells_draw_alike() -> None:
    table = perturbation_table(5, 2)
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 12, size=500)
    drawn = rng.integers(0, 2**64, size=500, dtype=np.uint64)
    drawn[:4] = (0, 2**64 - 1, table.rows[4][0], table.rows[4][0] - 1)
    counts[:4] = (9, 9, 9, 9)
    many = table.offsets(counts, drawn)
    assert many.tolist() == [table.offset(int(c), int(d)) for c, d in zip(counts, drawn, strict=True)]
    assert many[:4].tolist() == [-5, 5, -4, -5]


def test_the_draw_is_a_keyed_hash_of_the_key_sum_and_of_nothing_else() -> None:
    sums = np.array([0, 5, 2**63 + 1, 5], dtype=np.uint64)
    found = draws(b"k" * 32, sums)
    wanted = hmac.new(b"k" * 32, b"tallystick-draw\0" + (5).to_bytes(8, "big"), "sha256").digest()[:8]
    assert int(found[1]) == int(found[3]) == int.from_bytes(wanted, "big")
    assert found[0] == 0
    assert (draws(b"other" * 7, sums)[1:] != found[1:]).all()


@pytest.mark.parametrize("shape", [(0, 1), (3, 0), (3, -1), (20, 1)])
def test_impossible_noise_is_refused_with_a_hint(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError):
        perturbation_table(*shape)
