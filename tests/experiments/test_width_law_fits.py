"""Fits of the two laws: worked by hand, planted, and refused where they say nothing."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relubloom.errors import UsageError
from width_law.fits import Sample, fit_laws

WIDTHS = (24, 32, 40, 48, 56, 64, 80, 96)


def one_seed(widths: tuple[int, ...], logs: list[float], noise: float = 0.0) -> list[Sample]:
    return [Sample(width, np.array([log]), noise) for width, log in zip(widths, logs, strict=True)]


def planted(
    law: Callable[[float], float], seeds: int = 8, spread: float = 0.05, draw: int = 0
) -> list[Sample]:
    """Seeds whose ln error is normal about the law's."""
    generator = np.random.default_rng(draw)
    return [
        Sample(width, math.log(law(width)) + spread * generator.standard_normal(seeds))
        for width in WIDTHS
    ]


def test_a_line_worked_by_hand() -> None:
    # x = 1, 2, 3, 4 and y = 0, -1, -1, -2: means 2.5 and -1, Sxx = 5, Sxy = -3, so the slope is
    # -.6 and y(0) = -1 + .6 * 2.5 = .5. Residuals .1, -.3, .3, -.1: sum of squares .2.
    # Standard error of the slope sqrt(.2 / 2 / 5) = .141421; t(.975; 2) = 4.302653.
    law = fit_laws(one_seed((1, 2, 3, 4), [0.0, -1.0, -1.0, -2.0])).exponential
    assert law.rate == pytest.approx(0.6)
    assert law.start == pytest.approx(0.5)
    assert law.rms == pytest.approx(math.sqrt(0.2 / 4))
    reach = 4.302653 * math.sqrt(0.02)
    assert law.by_misfit == pytest.approx((0.6 - reach, 0.6 + reach), abs=1e-6)
    assert law.by_seeds is None
    assert law.at(np.array([0.0, 5.0])) == pytest.approx([math.exp(0.5), math.exp(-2.5)])


def test_a_power_law_worked_by_hand() -> None:
    # At widths 1, 2, 4, 8 the logarithms are 0, 1, 2, 3 times ln 2: with y as above the slope is
    # -.6 per ln 2. The exponential: x = 1, 2, 4, 8, mean 3.75, Sxx = 28.75, and
    # Sxy = -2.75 * 1 + 4.25 * -1 = -7, so its sum of squares is 2 - 49 / 28.75.
    fit = fit_laws(one_seed((1, 2, 4, 8), [0.0, -1.0, -1.0, -2.0]))
    assert fit.power.rate == pytest.approx(0.6 / math.log(2))
    assert fit.power.start == pytest.approx(-0.1)
    assert fit.power.at(np.array([2.0])) == pytest.approx([math.exp(-0.7)])
    assert fit.exponential.rate == pytest.approx(7 / 28.75)
    assert fit.delta_aicc == pytest.approx(4 * math.log(0.2 / (2 - 49 / 28.75)))
    assert fit.favours == "neither"


def test_a_width_weighs_its_seeds_over_its_variance() -> None:
    # Three widths on the line y = -x, and a fourth, off it, of a thousand times the variance:
    # the weighted line all but ignores it; alone it would pull the slope far off.
    samples = one_seed((1, 2, 3), [-1.0, -2.0, -3.0], noise=1e-4)
    far = [Sample(4, np.array([3.0]), noise=0.1)]
    assert fit_laws([*samples, *far]).exponential.rate == pytest.approx(1, abs=0.02)
    alike = [*samples, Sample(4, np.array([3.0]), noise=1e-4)]
    assert fit_laws(alike).exponential.rate < 0


def test_seeds_weigh_by_their_number() -> None:
    # Doubling every seed of a width counts as that width twice: weights 2, 1, 1, 1 on x = 1..4.
    twice = [Sample(1, np.array([0.0, 0.0])), *one_seed((2, 3, 4), [-1.0, -1.0, -2.0])]
    slope, start = np.polyfit(
        [1, 2, 3, 4], [0.0, -1.0, -1.0, -2.0], 1, w=np.sqrt([2.0, 1.0, 1.0, 1.0])
    )
    law = fit_laws(twice).exponential
    assert (-law.rate, law.start) == pytest.approx((slope, start))


@pytest.mark.parametrize(
    ("law", "favoured", "shape"),
    [
        (lambda d: 2 * math.exp(-d / 6), "exponential", 1.0),
        (lambda d: 30 * d**-2.0, "power law", 0.0),
        (lambda d: math.exp(-3 * math.sqrt(d)), "exponential", 0.5),
    ],
)
def test_planted_laws_are_found(law: Callable[[float], float], favoured: str, shape: float) -> None:
    fit = fit_laws(planted(law))
    assert fit.shape_by_seeds is not None
    assert fit.shape == pytest.approx(shape, abs=0.15)
    assert fit.shape_by_seeds[0] <= fit.shape <= fit.shape_by_seeds[1]
    if shape in (0.0, 1.0):
        assert fit.favours == favoured
        assert fit.shape_by_seeds[0] - 0.02 <= shape <= fit.shape_by_seeds[1] + 0.02
    else:  # between the two, its interval holds neither
        assert fit.shape_by_seeds[0] > 0 and fit.shape_by_seeds[1] < 1


def test_rates_of_planted_laws() -> None:
    exponential = fit_laws(planted(lambda d: 2 * math.exp(-d / 6))).exponential
    assert exponential.by_seeds is not None
    assert exponential.by_seeds[0] < 1 / 6 < exponential.by_seeds[1]
    power = fit_laws(planted(lambda d: 30 * d**-2.0)).power
    assert power.by_seeds is not None
    assert power.by_seeds[0] < 2 < power.by_seeds[1]


def test_the_seeds_interval_covers_as_often_as_it_says() -> None:
    covered = 0
    for draw in range(40):
        law = fit_laws(planted(lambda d: math.exp(-d / 6), seeds=16, draw=draw)).exponential
        assert law.by_seeds is not None
        covered += law.by_seeds[0] <= 1 / 6 <= law.by_seeds[1]
    # Binomial(40, .95) is below 33 less than once in a thousand draws.
    assert covered >= 33


def test_without_seed_noise_the_misfit_is_all_that_is_left() -> None:
    exact = one_seed(WIDTHS, [-d / 6 for d in WIDTHS])
    fit = fit_laws(exact)
    assert fit.exponential.rate == pytest.approx(1 / 6)
    assert fit.exponential.rms == pytest.approx(0, abs=1e-12)
    assert fit.shape == pytest.approx(1.0)
    assert fit.shape_by_seeds is None
    assert fit.favours == "exponential"


def test_the_random_codes_own_curve() -> None:
    # ln eps = ln .4 + 1.1 ln eps_random: a line in the third law, curved in both others.
    random = {width: math.exp(-((width / 20) ** 1.5)) for width in WIDTHS}
    fit = fit_laws(
        one_seed(WIDTHS, [math.log(0.4) + 1.1 * math.log(random[width]) for width in WIDTHS]),
        random,
    )
    assert fit.random is not None and fit.random_delta_aicc is not None
    assert fit.random.rate == pytest.approx(1.1)
    assert fit.random.start == pytest.approx(math.log(0.4))
    assert fit.random_delta_aicc > 4
    errors = np.array([random[48]])
    assert fit.random.at(errors) == pytest.approx([0.4 * random[48] ** 1.1])


@pytest.mark.parametrize("random", [None, {24: 0.1}, dict.fromkeys(WIDTHS, 0.0)])
def test_no_random_law_without_its_errors(random: dict[int, float] | None) -> None:
    fit = fit_laws(one_seed(WIDTHS, [-d / 6 for d in WIDTHS]), random)
    assert fit.random is None and fit.random_delta_aicc is None


@settings(max_examples=10)
@given(st.floats(-20, 20), st.integers(0, 5))
def test_a_factor_on_all_errors_moves_the_start_alone(shift: float, draw: int) -> None:
    samples = planted(lambda d: math.exp(-d / 6), seeds=3, draw=draw)
    moved = [Sample(sample.width, sample.logs + shift) for sample in samples]
    before, after = fit_laws(samples), fit_laws(moved)
    assert after.exponential.rate == pytest.approx(before.exponential.rate, abs=1e-9)
    assert after.exponential.start == pytest.approx(before.exponential.start + shift)
    assert after.power.rate == pytest.approx(before.power.rate, abs=1e-7)
    assert after.delta_aicc == pytest.approx(before.delta_aicc, abs=1e-5)
    assert after.shape == pytest.approx(before.shape, abs=0.021)


def test_the_order_of_the_samples_does_not_matter() -> None:
    samples = planted(lambda d: math.exp(-d / 6))
    assert fit_laws(samples[::-1]) == fit_laws(samples)


def test_runs_as_points_overstate_the_evidence() -> None:
    # A slightly curved law: seeds share its misfit, so the sign agrees and the size is larger.
    fit = fit_laws(planted(lambda d: math.exp(-((d / 10) ** 1.2)), seeds=16, spread=0.02))
    assert fit.delta_aic_runs > fit.delta_aicc > 0


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (one_seed((1, 2, 3), [0.0, -1.0, -2.0]), "4 distinct widths or more"),
        (one_seed((1, 2, 3, 3), [0.0, -1.0, -2.0, -3.0]), "give each width once"),
        (
            one_seed((1, 2, 3, 4), [0.0, -1.0, -math.inf, -3.0]),
            "width 3 has no network or an error",
        ),
        (
            [*one_seed((1, 2, 3), [0.0, 0.0, 0.0]), Sample(4, np.array([]))],
            "width 4 has no network",
        ),
    ],
)
def test_refusals_teach(samples: list[Sample], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fit_laws(samples)
