"""Two modes or one: mixtures on data whose parameters are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from relubloom.network import modes
from relubloom.network.modes import fit_two_modes


def two_normals(count: int, seed: int = 0, sd: tuple[float, float] = (0.1, 0.2)) -> NDArray:
    """30 % around -1, 70 % around 1."""
    random = np.random.default_rng(seed)
    low = random.normal(-1, sd[0], round(0.3 * count))
    high = random.normal(1, sd[1], count - len(low))
    return random.permutation(np.concatenate([low, high]))[:, None]


def test_known_parameters_are_found() -> None:
    # Sampling error at 20,000 entries: means .001-.002, sds .001-.002, the share is exact.
    fit = fit_two_modes(two_normals(20_000))
    assert fit.mean[:, 0] == pytest.approx([-1, 1], abs=0.01)
    assert fit.sd[:, 0] == pytest.approx([0.1, 0.2], abs=0.006)
    assert fit.share[:, 0] == pytest.approx([0.3, 0.7], abs=1e-3)
    # Gap 2 / sqrt((.01 + .04) / 2) = 12.65.
    assert fit.gap[0] == pytest.approx(2 / 0.025**0.5, rel=0.03)
    assert fit.midpoint[0] == pytest.approx(0, abs=0.01)
    assert fit.bic_gain[0] > 10_000
    assert fit.distinct[0] == 3


def test_overlapping_modes_are_told_apart() -> None:
    # Gap 2 / .5 = 4: the parts overlap, so their moments are those of the mixture, not of a cut.
    fit = fit_two_modes(two_normals(20_000, sd=(0.5, 0.5)))
    assert fit.mean[:, 0] == pytest.approx([-1, 1], abs=0.04)
    assert fit.sd[:, 0] == pytest.approx([0.5, 0.5], abs=0.03)
    assert fit.gap[0] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_bic_prefers_one_normal_on_one_and_two_on_two(seed: int) -> None:
    random = np.random.default_rng(seed)
    one, two = random.normal(3, 2, (500, 1)), two_normals(500, seed, (0.5, 0.5))
    fit = fit_two_modes(np.hstack([one, two]))
    assert fit.bic_gain[0] < 0
    assert fit.bic_gain[1] > 0


def test_exactly_two_values() -> None:
    fit = fit_two_modes(np.array([[-2.0], [5.0], [-2.0], [-2.0]]))
    assert fit.distinct.tolist() == [2]
    assert fit.mean[:, 0].tolist() == [-2, 5]
    assert fit.sd[:, 0].tolist() == [0, 0]
    assert fit.share[:, 0].tolist() == [0.75, 0.25]
    assert fit.midpoint.tolist() == [1.5]
    assert np.isnan(fit.gap).all()
    assert fit.bic_gain[0] == np.inf


@pytest.mark.parametrize("entries", [1, 2, 5])
def test_exactly_one_value(entries: int) -> None:
    fit = fit_two_modes(np.full((entries, 1), 0.25))
    assert fit.distinct.tolist() == [1]
    assert fit.mean[:, 0].tolist() == [0.25, 0.25]
    assert np.isnan(fit.gap).all()
    assert fit.bic_gain[0] == -np.inf


def test_three_values_are_no_two() -> None:
    fit = fit_two_modes(np.array([[0.0], [0.1], [1.0]] * 50))
    assert fit.distinct.tolist() == [3]
    assert fit.mean[:, 0] == pytest.approx([0.05, 1.0], abs=1e-6)
    assert fit.gap[0] > 10


def test_columns_are_fitted_one_by_one() -> None:
    columns = np.hstack([two_normals(400), np.full((400, 1), 7.0), 3 * two_normals(400, 1) + 2])
    together = fit_two_modes(columns)
    for i in range(3):
        alone = fit_two_modes(columns[:, i : i + 1])
        for name in ("share", "mean", "sd", "bic_gain", "distinct"):
            assert (getattr(together, name)[..., i] == getattr(alone, name)[..., 0]).all()


@given(st.integers(0, 100), st.sampled_from([0.25, 8.0]), st.sampled_from([-2.0, 0.0, 4.0]))
def test_shift_and_scale_move_the_modes_and_keep_the_gap(
    seed: int, scale: float, shift: float
) -> None:
    columns = two_normals(60, seed)
    one, other = fit_two_modes(columns), fit_two_modes(scale * columns + shift)
    assert other.mean == pytest.approx(scale * one.mean + shift, rel=1e-6, abs=1e-6)
    assert other.sd == pytest.approx(scale * one.sd, rel=1e-4)
    assert other.gap == pytest.approx(one.gap, rel=1e-4)


@pytest.mark.parametrize("count", [8192, 10_000])
def test_many_entries_in_groups_agree_with_one_by_one(count: int) -> None:
    columns = two_normals(count, sd=(0.3, 0.3))
    whole = fit_two_modes(columns)
    grouped = fit_two_modes(columns, groups=1000)  # about ten neighbours a group
    assert grouped.mean == pytest.approx(whole.mean, abs=1e-3)
    assert grouped.sd == pytest.approx(whole.sd, abs=1e-3)
    assert grouped.share == pytest.approx(whole.share, abs=1e-3)
    assert grouped.gap == pytest.approx(whole.gap, rel=5e-3)
    assert grouped.bic_gain == pytest.approx(whole.bic_gain, rel=0.02)
    # Whatever the grouping, the mixture's overall mean is the data's.
    assert (grouped.share * grouped.mean).sum() == pytest.approx(columns.mean(), abs=1e-12)


@pytest.mark.parametrize("exponent", [-60, -20, 20, 60])
def test_the_fit_stops_at_the_same_iteration_at_any_scale(exponent: int) -> None:
    # A power of two changes no rounding but that of logarithms: the fits are the same to 1e-12.
    columns = two_normals(300, sd=(0.6, 0.8))  # they overlap: dozens of iterations
    one, other = fit_two_modes(columns), fit_two_modes(2.0**exponent * columns)
    assert other.mean / 2.0**exponent == pytest.approx(one.mean, rel=1e-12)
    assert other.sd / 2.0**exponent == pytest.approx(one.sd, rel=1e-12)
    assert other.share == pytest.approx(one.share, rel=1e-12)


def test_the_fit_goes_on_while_means_move_by_a_ten_millionth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Means that move by less than 1e-7 of the spread a step, at a rate of convergence of 0.9 or so,
    # are within some 1e-6 of where they would end.
    columns = two_normals(2000, sd=(0.5, 0.6))
    stopped = fit_two_modes(columns)
    monkeypatch.setattr(modes, "TOLERANCE", 0.0)
    ended = fit_two_modes(columns)
    assert stopped.mean == pytest.approx(ended.mean, abs=3e-6)
    assert not np.allclose(stopped.mean, ended.mean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("groups", [1 << 20, 20])
@pytest.mark.parametrize("seed", range(6))
def test_the_fit_begins_at_the_best_split_in_two(
    monkeypatch: pytest.MonkeyPatch, seed: int, groups: int
) -> None:
    # Of all cuts of the sorted entries (or groups of neighbours), that with the least squares.
    random = np.random.default_rng(seed)
    column = np.sort(np.concatenate([random.normal(size=30), random.normal(4, 2, size=11)]))
    monkeypatch.setattr(modes, "MAX_ITERATIONS", 0)
    size = -(-len(column) // groups)
    cuts = range(size, len(column), size)
    best = min(cuts, key=lambda cut: cut * column[:cut].var() + (41 - cut) * column[cut:].var())
    fit = fit_two_modes(column[:, None], groups)
    assert fit.share[:, 0] == pytest.approx([best / 41, 1 - best / 41])
    assert fit.mean[:, 0] == pytest.approx([column[:best].mean(), column[best:].mean()])
    assert fit.sd[:, 0] == pytest.approx([column[:best].std(), column[best:].std()])
