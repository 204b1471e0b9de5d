"""Each family's law against the average over every code that the family can draw.

The truth is exact: all codes of a tiny vocabulary are listed with their rational probability,
and the set {0, .., k-1} is asked (the tokens are exchangeable, so one set stands for all).
"""

import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest

from relubloom.errors import UsageError
from relubloom.theory import (
    SetErrors,
    bernoulli,
    best_bernoulli,
    best_blocks,
    best_constant_weight,
    best_with_replacement,
    classic,
    constant_weight,
    kl_bound,
    leak,
    partitioned,
    partitioned_bounds,
    sharpness_for,
    with_replacement,
)

Hashes = list[tuple[int, Fraction]]  # a hash as a bit mask, and its probability


def equally_likely(masks: Iterator[int]) -> Hashes:
    listed = list(masks)
    return [(mask, Fraction(1, len(listed))) for mask in listed]


def mask_of(units: tuple[int, ...]) -> int:
    mask = 0
    for unit in units:
        mask |= 1 << unit
    return mask


def constant_hashes(width: int, weight: int) -> Hashes:
    return equally_likely(map(mask_of, itertools.combinations(range(width), weight)))


def hashes_with_replacement(width: int, weight: int) -> Hashes:
    return equally_likely(map(mask_of, itertools.product(range(width), repeat=weight)))


def bernoulli_hashes(width: int, density: Fraction) -> Hashes:
    return [
        (mask, density ** mask.bit_count() * (1 - density) ** (width - mask.bit_count()))
        for mask in range(1 << width)
    ]


def partitioned_hashes(width: int, weight: int) -> Hashes:
    block = width // weight
    chosen = itertools.product(range(block), repeat=weight)
    return equally_likely(
        mask_of(tuple(b * block + unit for b, unit in enumerate(units))) for units in chosen
    )


def false_positive_law(hashes: Hashes, vocab_size: int, set_size: int) -> dict[int, Fraction]:
    """P(F = f) by listing every code."""
    law: dict[int, Fraction] = {}
    for code in itertools.product(hashes, repeat=vocab_size):
        union = 0
        for mask, _ in code[:set_size]:
            union |= mask
        count = sum((mask & ~union) == 0 for mask, _ in code[set_size:])
        chance = math.prod((chance for _, chance in code), start=Fraction(1))
        law[count] = law.get(count, Fraction(0)) + chance
    assert sum(law.values()) == 1
    return law


def assert_follows(errors: SetErrors, law: dict[int, Fraction], others: int, k: int) -> None:
    mean = sum((f * p for f, p in law.items()), start=Fraction(0))
    none = law.get(0, Fraction(0))
    mse = sum((p * Fraction(f, k * (k + f)) for f, p in law.items()), start=Fraction(0))
    kl = math.fsum(float(p) * math.log1p(f / k) for f, p in law.items())
    close = {"rel": 1e-12, "abs": 1e-15}
    assert errors.false_positives == pytest.approx(float(mean), **close)
    assert errors.fpr == pytest.approx(float(mean / others), **close)
    assert errors.p_exact == pytest.approx(float(none), **close)
    assert errors.p_failure == pytest.approx(float(1 - none), **close)
    assert errors.mse == pytest.approx(float(mse), **close)
    assert errors.kl == pytest.approx(kl, **close)


@pytest.mark.parametrize(
    ("vocab_size", "width", "weight", "set_size"),
    [
        (4, 4, 2, 2),
        (5, 3, 1, 2),
        (4, 3, 2, 1),
        (5, 3, 2, 3),
        (3, 1, 1, 1),
        (3, 2, 0, 1),
        (4, 2, 2, 2),
    ],
)
def test_constant_weight_is_the_mean_over_all_codes(
    vocab_size: int, width: int, weight: int, set_size: int
) -> None:
    law = false_positive_law(constant_hashes(width, weight), vocab_size, set_size)
    errors = constant_weight(vocab_size, width, weight, set_size)
    assert_follows(errors, law, vocab_size - set_size, set_size)


@pytest.mark.parametrize(
    ("vocab_size", "width", "weight", "set_size"),
    [(4, 3, 2, 2), (5, 3, 1, 2), (3, 3, 3, 1), (4, 1, 2, 1), (4, 3, 0, 2), (3, 2, 3, 1)],
)
def test_with_replacement_is_the_mean_over_all_codes(
    vocab_size: int, width: int, weight: int, set_size: int
) -> None:
    law = false_positive_law(hashes_with_replacement(width, weight), vocab_size, set_size)
    errors = with_replacement(vocab_size, width, weight, set_size)
    assert_follows(errors, law, vocab_size - set_size, set_size)


@pytest.mark.parametrize(
    ("vocab_size", "width", "density", "set_size"),
    [
        (4, 3, Fraction(1, 4), 2),
        (4, 2, Fraction(1, 2), 1),
        (5, 2, Fraction(1, 8), 3),
        (3, 2, Fraction(0), 1),
        (3, 2, Fraction(1), 1),
    ],
)
def test_bernoulli_is_the_mean_over_all_codes(
    vocab_size: int, width: int, density: Fraction, set_size: int
) -> None:
    law = false_positive_law(bernoulli_hashes(width, density), vocab_size, set_size)
    errors = bernoulli(vocab_size, width, float(density), set_size)
    assert_follows(errors, law, vocab_size - set_size, set_size)
    q = float(density)
    assert errors.fpr == pytest.approx((1 - q * (1 - q) ** set_size) ** width, rel=1e-12)


@pytest.mark.parametrize(
    ("vocab_size", "width", "weight", "set_size"),
    [(4, 4, 2, 2), (4, 6, 2, 2), (4, 3, 3, 2), (5, 3, 1, 3), (4, 6, 3, 1)],
)
def test_partitioned_is_the_mean_over_all_codes(
    vocab_size: int, width: int, weight: int, set_size: int
) -> None:
    law = false_positive_law(partitioned_hashes(width, weight), vocab_size, set_size)
    errors = partitioned(vocab_size, width, weight, set_size)
    assert_follows(errors, law, vocab_size - set_size, set_size)
    block = width // weight
    closed = (1 - (1 - 1 / block) ** set_size) ** weight
    assert errors.fpr == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize(
    ("width", "weight", "set_size", "distinct", "replaced", "textbook"),
    [
        (8, 2, 2, 0.161990, 0.177765, 0.171246),
        (16, 3, 3, 0.0815350, 0.0905962, 0.0855187),
        (64, 14, 3, 3.49717e-5, 5.83247e-5, 3.85856e-5),
    ],
)
def test_three_false_positive_rates_agree_with_the_table(
    width: int, weight: int, set_size: int, distinct: float, replaced: float, textbook: float
) -> None:
    assert constant_weight(1000, width, weight, set_size).fpr == pytest.approx(distinct, rel=4e-6)
    assert with_replacement(1000, width, weight, set_size).fpr == pytest.approx(replaced, rel=4e-6)
    assert classic(width, weight, set_size) == pytest.approx(textbook, rel=4e-6)


def test_the_textbook_rate_worked_by_hand() -> None:
    # d = 2, h = 2, k = 1: two balls leave a bin empty with chance 1/2, then c = 1/4; else c = 1.
    # Exact rate 1/2 * 1/4 + 1/2 = 5/8; the textbook says (1 - 1/4)^2 = 9/16, too small.
    assert with_replacement(2, 2, 2, 1).fpr == pytest.approx(5 / 8, rel=1e-14)
    assert classic(2, 2, 1) == pytest.approx(9 / 16, rel=1e-14)
    assert classic(1, 3, 2) == 1.0


@pytest.mark.parametrize(("width", "weight", "set_size"), [(64, 16, 3), (40, 8, 8), (30, 10, 4)])
@pytest.mark.parametrize("vocab_size", [12, 1000, 10**6])
def test_partitioned_bounds_hold(vocab_size: int, width: int, weight: int, set_size: int) -> None:
    exact = partitioned(vocab_size, width, weight, set_size)
    bounds = partitioned_bounds(vocab_size, width, weight, set_size)
    assert bounds.fpr == pytest.approx(exact.fpr, rel=1e-11)
    assert bounds.false_positives == pytest.approx(exact.false_positives, rel=1e-11)
    for figure in ("p_exact", "mse", "kl"):
        lower, upper = getattr(bounds, figure)
        assert lower * (1 - 1e-12) <= getattr(exact, figure) <= upper * (1 + 1e-12), figure


def test_partitioned_bounds_say_something() -> None:
    # Rare false positives: here the two sides must be within a few per cent of each other.
    bounds = partitioned_bounds(1000, 96, 24, 3)
    for lower, upper in (bounds.mse, bounds.kl):
        assert 0.9 * upper < lower < upper


def test_the_best_choices_are_best_over_all_choices() -> None:
    for vocab_size, width, set_size in [(40, 12, 2), (200, 15, 4), (5, 1, 2), (1000, 24, 3)]:
        weights = range(width + 1)
        pairs = [(constant_weight, best_constant_weight), (with_replacement, best_with_replacement)]
        for one, best in pairs:
            every = [one(vocab_size, width, weight, set_size).mse for weight in weights]
            assert best(vocab_size, width, set_size).mse == min(every)


def test_the_best_density_and_blocks_have_the_least_false_positives() -> None:
    best = best_bernoulli(500, 40, 3)
    assert best.density == 1 / 4
    for density in (0.2, 0.24, 0.26, 0.3):
        assert bernoulli(500, 40, density, 3).fpr > best.fpr
    fprs = {n: (1 - (1 - 1 / (40 // n)) ** 3) ** n for n in range(1, 41)}
    assert best_blocks(40, 3) == min(fprs, key=lambda n: fprs[n])


def test_leak_worked_by_hand() -> None:
    # d = 2, h = 1, k = 1: the other token shares the unit (m = 0) or not (m = 1), 1/2 each.
    assert leak(2, 1, 1, 3.0) == pytest.approx((1 + math.exp(-3)) / 2, rel=1e-14)
    assert kl_bound(5, 2, 1, 1, 3.0) == pytest.approx(math.log1p(4 * (1 + math.exp(-3)) / 2))
    assert leak(5, 0, 2, 3.0) == 1.0


def test_leak_falls_from_one_to_the_false_positive_rate() -> None:
    leaks = [leak(64, 12, 3, c) for c in (0, 1, 2, 5, 10, 20, 40)]
    assert leaks[0] == pytest.approx(1.0, rel=1e-13)
    assert leaks == sorted(leaks, reverse=True)
    assert leaks[-1] == pytest.approx(constant_weight(1000, 64, 12, 3).fpr, rel=1e-11)


def test_sharpness_for_a_tolerance() -> None:
    # N = 1000, k = 3: 997 e^-c / 3 <= 1e-6 from c = ln(997e6 / 3) on.
    assert sharpness_for(1000, 3, 1e-6) == pytest.approx(math.log(997e6 / 3))
    assert sharpness_for(3, 3, 1e-6) == 0.0  # no other token
    assert sharpness_for(4, 3, 0.5) == 0.0  # one other, never more than a third of the members


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: partitioned(100, 64, 12, 3), "width is 64, weight 12: a partitioned code has"),
        (lambda: partitioned(100, 64, 0, 3), "width is 64, weight 0: a partitioned code has"),
        (
            lambda: partitioned(10**4, 400, 40, 12),
            "a partitioned code of 40 blocks and set_size 12",
        ),
        (lambda: bernoulli(100, 64, 1.5, 3), "density is 1.5: it is the chance that a bit is set"),
        (lambda: with_replacement(100, 64, -1, 3), "weight is -1: a token draws 0 or more hashes"),
        (lambda: sharpness_for(100, 3, 0.0), "tolerance is 0.0: it is a share of the probability"),
        (lambda: leak(64, 12, 3, -1.0), "sharpness is -1.0: it is the drop in logit"),
        (lambda: best_with_replacement(9, 4, 2, by="f1"), "by is 'f1': choose one of mse, "),  # type: ignore[arg-type]
        (lambda: best_constant_weight(9, 4, 2, by="f1"), "by is 'f1': choose one of mse, "),  # type: ignore[arg-type]
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_values_are_refused_in_one_line(call: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)
