"""Finite sharpness: how much a network leaks to tokens that its union does not cover."""

from __future__ import annotations

import math

import numpy as np

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_set_size, check_sizes, check_weight
from relubloom.theory.union_size import fresh_bits_table, union_sizes

LARGEST_LEAK = 300.0  # in logit; e^600 is a float64


def leak(width: int, weight: int, set_size: int, sharpness: float) -> float:
    """G(c) = E[e^{-c m}], m the missing bits of one random non-member; its FPR as c grows.

    For random constant-weight codes, exact. It is the mean mass of a non-member relative to that
    of a member. Derived here. Cost: O(k h d).

    Raises:
        UsageError: sizes that no code or set has, or a negative sharpness.
    """
    _, width, set_size = check_sizes(set_size, width, set_size)
    weight = check_weight(weight, width)
    if not sharpness >= 0:
        raise UsageError(
            f"sharpness is {sharpness}: it is the drop in logit per missing bit; give 0 or more"
        )
    if weight == 0:
        return 1.0
    probability, smallest = union_sizes(width, weight, set_size)
    table = fresh_bits_table(width, weight, min(width, set_size * weight))
    columns = slice(smallest - weight, smallest - weight + len(probability))
    missing = np.arange(weight + 1)
    return float(np.exp(-sharpness * missing) @ table[:, columns] @ probability)


def kl_bound(vocab_size: int, width: int, weight: int, set_size: int, sharpness: float) -> float:
    """Upper bound ln(1 + (N-k) G(c) / k) on the mean kl (nats) at sharpness c, by Jensen.

    For random constant-weight codes. False positives are included. Derived here.
    Cost: O(k h d). Raises as `leak`.
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    others = vocab_size - set_size
    return math.log1p(others * leak(width, weight, set_size, sharpness) / set_size)


def sharpness_for(vocab_size: int, set_size: int, tolerance: float) -> float:
    """The least sharpness c at which uncovered tokens hold at most `tolerance` of the mass.

    A missing bit costs a token c in logit, so the N - k others hold at most (N - k) e^{-c} / k
    of the mass of the members: c = ln((N - k) / (k tolerance)), or 0 where nothing is needed.
    For every code, on every set. Derived here. Cost: O(1).

    Raises:
        UsageError: sizes that no set has, or a tolerance outside 0..1 (both excluded).
    """
    vocab_size, set_size = check_set_size(vocab_size, set_size)
    if not 0 < tolerance < 1:
        raise UsageError(
            f"tolerance is {tolerance}: it is a share of the probability mass; give a value "
            "between 0 and 1, such as 1e-6"
        )
    others = vocab_size - set_size
    return max(0.0, math.log(others / (set_size * tolerance))) if others else 0.0


def leaking_mse(
    lower: float, upper: float, vocab_size: int, set_size: int, leaked: float, drop: float
) -> tuple[float, float]:
    """Bounds on the mse of a graded filter from bounds on that of its code, F / (k (k + F)).

    On every set covered tokens lose at most `leaked` in logit, and all others at least `drop`.
    With y = min(1, (N - k) e^(leaked - drop) / k the mass that those may keep,

        e^(-2 leaked) (1 - y)^2 lower <= mse <= e^(2 leaked) upper + (e^leaked - 1)^2 / (4 k) + 4 y.

    For every code and every source of sets (derived in docs/theory.md); where e^(2 leaked) is over
    the floating-point range, nothing is said. Cost: O(1).
    """
    if leaked > LARGEST_LEAK:
        return 0.0, math.inf
    mass = (vocab_size - set_size) * math.exp(leaked - drop) / set_size if drop < math.inf else 0.0
    mass = min(1.0, mass)
    grown = math.exp(2 * leaked)
    uneven = math.expm1(leaked) ** 2 / (4 * set_size)
    return (1 - mass) ** 2 / grown * lower, grown * upper + uneven + 4 * mass
