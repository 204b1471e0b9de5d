"""Rates before and after doubling the steps, and whether the steps are enough for the law."""

import math

import pytest

from build.sweep import Record, record, sweep
from width_law.curves import curves
from width_law.fits import LawFit
from width_law.records import measurements
from width_law.steps import StepStudy, reach, step_studies

WIDTHS = (24, 32, 40, 48, 56, 72)
CHECKED = (24, 48, 72)


def law(width: int) -> float:
    """An exponential with a misfit: a factor of 1.1 and of 1/1.1 by turns about e^(-d/8)."""
    return math.exp(-width / 8) * 1.1 ** (-1) ** WIDTHS.index(width)


def study(rows: list[Record]) -> tuple[StepStudy, LawFit | None]:
    found = measurements(rows)
    (made,) = step_studies(found)
    (curve,) = curves(found.networks)
    return made, curve.fit()


def swept(after: dict[int, float], *, spread: float = 0.01) -> list[Record]:
    """The law's networks, and some with twice the steps whose errors are these shares of theirs."""
    rows = sweep(WIDTHS, law, spread=spread)
    return rows + sweep(after, lambda width: after[width] * law(width), spread=spread, steps=10_000)


def test_rates_by_hand() -> None:
    # Errors e^-1 and e^-3 at widths 30 and 40: a rate of 2/10; with twice the steps e^-2 and e^-5,
    # a rate of 3/10. Errors fall by e and e^2. One seed each: no spread, no interval, no judgement.
    errors = {(30, 5000): -1, (40, 5000): -3, (30, 10_000): -2, (40, 10_000): -5}
    rows = [
        record(width=width, steps=steps, mse=math.exp(log) / 3)
        for (width, steps), log in errors.items()
    ]
    rows.append(record(width=50, steps=5000, mse=0.001))  # so that 5,000 is the law's number
    made, fit = study(rows)
    doubled = made.doubling(5000)
    assert made.law_steps == 5000 and doubled is not None
    assert doubled.widths == (30, 40)
    assert doubled.before == pytest.approx(0.2) and doubled.after == pytest.approx(0.3)
    assert doubled.falls == pytest.approx((math.e, math.e**2))
    assert doubled.change is None and made.judge(fit) == "cannot be said"
    assert made.doubling(10_000) is None and made.doubling(2500) is None


def test_the_interval_of_the_change_by_hand() -> None:
    # ln errors -1 -+ .1 and -3 -+ .1 (two seeds each), the same with twice the steps: four pairs of
    # squares 2 * .01 with a degree of freedom each, variance .02. Pull at two widths 10 apart is
    # -+ 1/10; error = sqrt(.02 * 4 * .01 / 2) = .02; Student's t of 4 degrees at .975 is 2.7764.
    rows = [
        record(width=width, steps=steps, seed=seed, mse=math.exp(log + off))
        for width, log in ((30, -2), (40, -4))
        for steps in (5000, 10_000)
        for seed, off in enumerate((-0.1, 0.1))
    ]
    rows.append(record(width=50, mse=0.001))
    doubled = study(rows)[0].doubling(5000)
    assert doubled is not None
    assert doubled.change == pytest.approx((-0.055529, 0.055529), abs=1e-6)


def test_a_level_that_falls_everywhere_alike_leaves_the_law() -> None:
    made, fit = study(swept(dict.fromkeys(CHECKED, 0.5)))
    doubled = made.doubling(5000)
    assert doubled is not None and doubled.falls == pytest.approx((2, 2, 2), rel=0.05)
    assert made.judge(fit) == "enough"


def test_a_rate_that_moves_far_says_not_enough() -> None:
    made, fit = study(swept({24: 1.0, 48: 0.1, 72: 0.01}))
    doubled = made.doubling(5000)
    assert fit is not None and doubled is not None and doubled.change is not None
    assert doubled.change[0] > reach(fit)
    assert made.judge(fit) == "not enough"


def test_seeds_that_scatter_leave_it_open() -> None:
    made, fit = study(swept({24: 1.0, 48: 0.8, 72: 0.6}, spread=0.8))
    assert made.judge(fit) == "cannot be said"


def test_no_law_and_one_width_leave_it_open() -> None:
    made, fit = study(swept(dict.fromkeys(CHECKED, 0.5)))
    assert fit is not None and made.judge(None) == "cannot be said"
    made, fit = study(swept({48: 0.5}))
    assert made.doubling(5000) is None and made.judge(fit) == "cannot be said"


def test_saturated_widths_have_no_rate() -> None:
    # The uniform answer errs by .3294 at N=256, k=3: an error over half of it holds no rate.
    rows = [
        record(width=width, steps=steps, mse=mse)
        for width, mse in ((8, 0.25), (30, 0.1), (40, 0.03))
        for steps in (5000, 10_000)
    ]
    rows.append(record(width=50, mse=0.001))
    doubled = study(rows)[0].doubling(5000)
    assert doubled is not None and doubled.widths == (30, 40)
