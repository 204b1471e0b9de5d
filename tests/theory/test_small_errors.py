"""Errors of 1e-30 and below keep their digits: the laws against exact rational recursions."""

import math
from fractions import Fraction

import pytest

from relubloom.theory import SetErrors, constant_weight, with_replacement

Law = dict[int, Fraction]


def union_sizes(width: int, weight: int, set_size: int) -> Law:
    law: Law = {weight: Fraction(1)}
    for _ in range(set_size - 1):
        grown: Law = {}
        for u, p in law.items():
            for a in range(max(0, weight - u), min(weight, width - u) + 1):
                ways = math.comb(width - u, a) * math.comb(u, weight - a)
                grown[u + a] = grown.get(u + a, Fraction(0)) + p * ways
        law = {u: p / math.comb(width, weight) for u, p in grown.items()}
    return law


def occupied_bins(width: int, balls: int) -> Law:
    law: Law = {0: Fraction(1)}
    for _ in range(balls):
        grown: Law = {}
        for j, p in law.items():
            grown[j] = grown.get(j, Fraction(0)) + p * j
            grown[j + 1] = grown.get(j + 1, Fraction(0)) + p * (width - j)
        law = {j: p / width for j, p in grown.items() if p}
    return law


def assert_agrees(errors: SetErrors, law: Law, cover: dict[int, Fraction], n: int, k: int) -> None:
    """Mix the binomial of each union exactly, then compare."""
    chances = [
        sum(
            (
                p * math.comb(n, f) * cover[u] ** f * (1 - cover[u]) ** (n - f)
                for u, p in law.items()
            ),
            start=Fraction(0),
        )
        for f in range(n + 1)
    ]
    mse = sum((p * Fraction(f, k * (k + f)) for f, p in enumerate(chances)), start=Fraction(0))
    kl = math.fsum(float(p) * math.log1p(f / k) for f, p in enumerate(chances))
    assert errors.mse == pytest.approx(float(mse), rel=1e-11, abs=0)
    assert errors.kl == pytest.approx(kl, rel=1e-11, abs=0)
    assert errors.p_failure == pytest.approx(float(1 - chances[0]), rel=1e-11, abs=0)
    assert errors.false_positives == pytest.approx(
        float(sum(f * p for f, p in enumerate(chances))), rel=1e-11, abs=0
    )


@pytest.mark.parametrize(
    ("width", "weight", "set_size", "below"),
    [
        (331, 86, 2, 1e-36),
        (2000, 1230, 2, 1e-100),
        (330, 62, 3, 1e-22),
        (160, 12, 8, 1e-5),
        (24, 20, 3, 1),
        (90, 3, 12, 1),
    ],
)
def test_constant_weight(width: int, weight: int, set_size: int, below: float) -> None:
    law = union_sizes(width, weight, set_size)
    cover = {u: Fraction(math.comb(u, weight), math.comb(width, weight)) for u in law}
    errors = constant_weight(set_size + 3, width, weight, set_size)
    assert errors.mse < below
    assert_agrees(errors, law, cover, 3, set_size)


@pytest.mark.parametrize(
    ("width", "weight", "set_size", "below"),
    [(300, 80, 2, 1e-24), (200, 40, 3, 1e-11), (64, 5, 8, 1e-1), (5, 30, 2, 1)],
)
def test_with_replacement(width: int, weight: int, set_size: int, below: float) -> None:
    law = occupied_bins(width, weight * set_size)
    cover = {u: Fraction(u, width) ** weight for u in law}
    errors = with_replacement(set_size + 3, width, weight, set_size)
    assert errors.mse < below
    assert_agrees(errors, law, cover, 3, set_size)
