"""Exact laws of random graded codes: check values, hand-worked cases, and the best weights."""

import json
import math
from pathlib import Path

import pytest

from relubloom.errors import UsageError
from relubloom.theory import (
    best_graded_density,
    best_graded_weights,
    constant_weight,
    counting_bound,
    counting_width,
    disjunct_bound,
    graded_bernoulli,
    graded_constant_weight,
    graded_exponent,
    leaking_mse,
    precision_bits,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "graded.json").read_text())[
    "random_graded_constant_weight"
]
SIZES = ("vocab_size", "width", "set_size", "half", "full")


@pytest.mark.parametrize("case", VECTORS, ids=lambda c: "-".join(str(c[name]) for name in SIZES))
def test_agrees_with_the_check_values(case: dict) -> None:
    found = graded_constant_weight(*(case[name] for name in SIZES))
    for figure in ("false_positives", "p_exact", "mse"):
        assert getattr(found, figure) == pytest.approx(case[figure], rel=1e-11), figure


@pytest.mark.parametrize(("half", "full"), [(5, 0), (0, 5), (0, 0)])
def test_one_kind_of_bit_is_the_binary_law(half: int, full: int) -> None:
    found = graded_constant_weight(100, 21, 3, half, full)
    binary = constant_weight(100, 21, half + full, 3)
    for figure in ("fpr", "false_positives", "p_exact", "p_failure", "mse", "kl"):
        assert getattr(found, figure) == pytest.approx(getattr(binary, figure), rel=1e-11)


def test_two_units_by_hand() -> None:
    # d = 2, k = 1, one half and one full bit: a member makes one unit half, the other covered. A
    # non-member passes if its full bit is on the covered one: chance 1/2.
    assert graded_constant_weight(9, 2, 1, 1, 1).fpr == pytest.approx(1 / 2, rel=1e-14)
    # Two members: with chance 1/2 their full bits are on different units, and both are
    # covered; else two full bits cover one and two half bits the other. All pass.
    assert graded_constant_weight(9, 2, 2, 1, 1).fpr == pytest.approx(1, rel=1e-14)


def test_the_best_weights_are_the_best_of_all() -> None:
    for sizes in ((60, 14, 3), (200, 18, 2), (30, 10, 4)):
        every = {
            (half, full): graded_constant_weight(*sizes, half, full).mse
            for half in range(sizes[1] + 1)
            for full in range(sizes[1] + 1 - half)
        }
        best = best_graded_weights(*sizes)
        assert best.mse == pytest.approx(min(every.values()), rel=1e-12)
    headline = best_graded_weights(256, 48, 3)
    assert (headline.half, headline.full) == (6, 5)


@pytest.mark.parametrize(
    ("set_size", "exponents"),
    [
        (2, [1.33, 1.47, 1.55, 1.67, 1.79]),
        (3, [1.31, 1.44, 1.50, 1.61, 1.72]),
        (4, [1.30, 1.42, 1.49, 1.58, 1.68]),
        (8, [1.29, 1.40, 1.46, 1.55, 1.64]),
    ],
)
def test_exponents(set_size: int, exponents: list[float]) -> None:
    found = [graded_exponent(set_size, levels) for levels in (2, 3, 4, 8, math.inf)]
    assert found == pytest.approx(exponents, abs=0.0051)
    assert graded_exponent(set_size, 1) == pytest.approx(1, rel=1e-14)


@pytest.mark.parametrize("levels", [1, 2, 3, 7])
@pytest.mark.parametrize("set_size", [1, 2, 5])
def test_the_best_density_is_the_best(set_size: int, levels: int) -> None:
    best = best_graded_density(set_size, levels)
    least = graded_bernoulli(30, set_size, levels)
    for factor in (0.99, 1.01):
        assert graded_bernoulli(30, set_size, levels, best * factor) > least


def test_a_bernoulli_rate_by_hand() -> None:
    # d = 1, k = 1, q = 1/2, two strengths. A non-member has a bit (1/2) and is stopped where the
    # member has none (1/2), or a half bit (1/4) under its full one (1/2): 1/2 (1/2 + 1/8) = 5/16.
    assert graded_bernoulli(1, 1, 2, 0.5) == pytest.approx(11 / 16, rel=1e-14)


def test_leaks_by_hand() -> None:
    # No leak and no mass on others: nothing is added. Others that may keep all: bounds are trivial.
    assert leaking_mse(0.1, 0.2, 256, 3, 0.0, math.inf) == (0.1, 0.2)
    low, high = leaking_mse(0.1, 0.2, 256, 3, 0.01, 30.0)
    assert low == pytest.approx(0.1 * math.exp(-0.02), rel=1e-9)
    assert high == pytest.approx(0.2 * math.exp(0.02) + math.expm1(0.01) ** 2 / 12, rel=1e-9)
    assert leaking_mse(0.1, 0.2, 256, 3, 0.0, 0.0)[0] == 0.0


def test_bounds_of_several_strengths() -> None:
    assert counting_width(256, 3, levels=2) == pytest.approx(
        counting_width(256, 3) / math.log2(3), rel=1e-12
    )
    assert counting_bound(256, 10, 3, levels=2) == pytest.approx(
        3.0**10 / math.comb(256, 3), rel=1e-9
    )
    assert disjunct_bound(256, 3, levels=2) == 5  # half of 10
    assert precision_bits(2, 6, 16.0) == pytest.approx(math.log2(96 / math.log(2)))
    assert precision_bits(1, 6, 16.0) == 0


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: graded_constant_weight(9, 4, 2, 3, 2), "half is 3 and full is 2: a hash has"),
        (lambda: graded_constant_weight(9, 4, 2, -1, 2), "half is -1"),
        (lambda: graded_constant_weight(9, 401, 2, 3, 2), "width is 401: .* up to 400 units"),
        (lambda: graded_constant_weight(9, 4, 10, 1, 1), "set_size is 10 and vocab_size is 9"),
        (lambda: graded_bernoulli(9, 2, 0), "levels is 0"),
        (lambda: graded_bernoulli(9, 2, 2, 1.5), "density is 1.5"),
        (lambda: precision_bits(0, 2, 2.0), "levels is 0"),
    ],
)
def test_impossible_sizes_are_refused(call, text: str) -> None:
    with pytest.raises(UsageError, match=text) as error:
        call()
    assert "\n" not in str(error.value)
