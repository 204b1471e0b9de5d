"""From cover chances to errors: against exact rational sums, and against a plain long sum."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relubloom.theory.cover import (
    CoverLaw,
    exact_share,
    failure_share,
    mean_losses,
    mse_at_cover,
)


def certain(cover: float) -> CoverLaw:
    return CoverLaw(np.ones(1), np.array([math.log(cover)]))


def exact_losses(cover: Fraction, others: int, k: int) -> tuple[float, float]:
    """E[F / (k (k + F))] as a rational number, and E[ln(1 + F / k)] with 17-digit logarithms."""
    law = [math.comb(others, f) * cover**f * (1 - cover) ** (others - f) for f in range(others + 1)]
    mse = sum((p * Fraction(f, k * (k + f)) for f, p in enumerate(law)), start=Fraction(0))
    return float(mse), math.fsum(float(p) * math.log1p(f / k) for f, p in enumerate(law))


@pytest.mark.parametrize("k", [1, 3, 50, 10**6])
@pytest.mark.parametrize("others", [1, 2, 7, 60])
@pytest.mark.parametrize(
    "cover", [1e-200, 1e-30, 1e-9, 1e-3, 0.03125, 0.3, 0.5, 0.96875, 1 - 2**-40, 1.0]
)
def test_mean_losses_are_exact(cover: float, others: int, k: int) -> None:
    mse, kl = mean_losses(certain(cover), others, k)
    true_mse, true_kl = exact_losses(Fraction(math.exp(math.log(cover))), others, k)
    assert mse == pytest.approx(true_mse, rel=1e-12)
    assert kl == pytest.approx(true_kl, rel=1e-12)


def binomial_around_its_mode(others: int, cover: float) -> tuple[np.ndarray, np.ndarray]:
    """F and P(F = f) over all f within 14 standard deviations, by ratios of neighbours."""
    mode = int((others + 1) * cover)
    reach = int(14 * math.sqrt(others * cover * (1 - cover)) + 60)
    up = np.arange(mode, min(others, mode + reach))
    down = np.arange(mode, max(0, mode - reach), -1)
    odds = cover / (1 - cover)
    rising = np.cumprod(odds * (others - up) / (up + 1))
    falling = np.cumprod(down / (odds * (others - down + 1)))
    mass = np.concatenate([falling[::-1], [1.0], rising])
    first = mode - len(falling)
    return np.arange(first, first + len(mass)), mass / mass.sum()


@pytest.mark.parametrize("k", [1, 3, 100])
@pytest.mark.parametrize("cover", [1e-12, 1e-7, 1e-6, 1e-3, 0.25, 0.9])
def test_ten_million_tokens_agree_with_the_plain_sum(cover: float, k: int) -> None:
    others = 10**7 - k
    count, mass = binomial_around_its_mode(others, cover)
    mse, kl = mean_losses(certain(cover), others, k)
    assert mse == pytest.approx(float(mass @ (count / (k * (k + count)))), rel=1e-11)
    assert kl == pytest.approx(float(mass @ np.log1p(count / k)), rel=1e-11)


def test_one_other_token_worked_by_hand() -> None:
    # N - k = 1, so F is 0 or 1: mse = c / (k (k + 1)), kl = c ln(1 + 1/k), at c = 1e-30, k = 3.
    mse, kl = mean_losses(certain(1e-30), 1, 3)
    assert mse == pytest.approx(1e-30 / 12, rel=1e-12)
    assert kl == pytest.approx(1e-30 * math.log(4 / 3), rel=1e-12)


def test_failure_keeps_its_digits_where_one_minus_p_has_none() -> None:
    law = certain(1e-30)
    assert exact_share(law, 1000) == 1.0
    assert failure_share(law, 1000) == pytest.approx(1e-27, rel=1e-12)


def test_no_other_token_means_no_error() -> None:
    law = certain(1.0)
    assert mean_losses(law, 0, 4) == (0.0, 0.0)
    assert exact_share(law, 0) == 1.0
    assert failure_share(law, 0) == 0.0


@settings(deadline=None, max_examples=100)
@given(
    covers=st.lists(st.floats(1e-40, 1.0), min_size=1, max_size=6),
    others=st.integers(1, 10**7),
    k=st.integers(1, 1000),
)
def test_the_bounds_that_hold_for_every_code(covers: list[float], others: int, k: int) -> None:
    law = CoverLaw(np.full(len(covers), 1 / len(covers)), np.log(np.array(covers)))
    mse, kl = mean_losses(law, others, k)
    mean, failing = others * law.mean_cover(), failure_share(law, others)
    slack = 1 + 1e-12
    assert failing / (k * (k + 1)) <= mse * slack
    assert mse <= min(mean / (k * (k + 1)), 1 / k) * slack
    assert failing * math.log1p(1 / k) <= kl * slack
    assert kl <= min(mean * math.log1p(1 / k), math.log1p(others / k)) * slack
    assert exact_share(law, others) >= 1 - mean - 1e-12
    assert exact_share(law, others) + failing == pytest.approx(1.0)


def test_the_quick_error_used_in_bounds_is_close_enough_for_its_margin() -> None:
    covers = np.array([1e-20, 1e-9, 1e-4, 0.01, 0.5, 1.0])
    for others, k in [(1, 1), (1000, 3), (10**7, 64)]:
        quick = mse_at_cover(covers, others, k)
        exact = [mean_losses(certain(c), others, k)[0] for c in covers]
        assert quick == pytest.approx(exact, rel=1e-7)
