"""The best weight of a constant-weight code: branch and bound over all weights, exact.

A bound that is cheap for all weights at once: the number X of units outside the union has mean
d q, q = (1-h/d)^k, and E[X(X-1)] = d (d-1) (C(d-2,h)/C(d,h))^k, so by Cantelli's inequality
P(X < E[X] + z sd) >= z²/(1+z²). A larger union covers more, so the error is at least
z²/(1+z²) times the error at that union size. For large z Bernstein's inequality says more:
P(X < E[X] + t) >= 1 - exp(-t²/(2 (d q (1-q) + t/3))). It holds although the units are not
independent, because they are negatively associated (Joag-Dev and Proschan 1983, from memory:
so is a random h-set, and so are increasing functions of disjoint parts). And by Markov's,
P(X = 0) >= 1 - E[X]. (Derived here.)
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from relubloom.theory.cover import Floats, failure_share, mean_losses, mse_at_cover
from relubloom.theory.union_size import cover_law, log_cover_chance

Criterion = Literal["mse", "false_positives", "p_exact"]

DEVIATIONS = np.array(
    [0.5, 1.0, 2.0, 4.0, 7.0, 10.0]
)  # z, several because no one is best for all sizes
ROUNDING = 1e-12  # variance is a difference: allow for what rounding of mean² can hide
MARGIN = 1e-6  # bounds are lowered by this share: far above their rounding and quadrature error


def search_weight(vocab_size: int, width: int, set_size: int, by: Criterion) -> int:
    """The weight in 0..width with the least error; the lightest of equals.

    Where the error underflows (below about 1e-230) no weight can be told from another, and the
    starting guess is returned.

    Cost: O(d) for the bounds, then one exact evaluation per weight whose bound is not beaten.
    """
    others = vocab_size - set_size
    if others == 0:
        return 0  # no non-member, no error: all weights are equal
    bounds = error_bounds(vocab_size, width, set_size, by)
    guess = likely_weight(width, set_size)
    best, best_weight = _error(vocab_size, width, guess, set_size, by), guess
    for weight in np.argsort(bounds, kind="stable"):
        if bounds[weight] > best or best == 0.0:
            break
        error = _error(vocab_size, width, int(weight), set_size, by)
        if (error, weight) < (best, best_weight):
            best, best_weight = error, int(weight)
    return best_weight


def likely_weight(width: int, set_size: int) -> int:
    """A weight near the best one: width ln 2 / (set_size + .5), a fit; the search starts there."""
    return min(width, max(1, round(width * math.log(2) / (set_size + 0.5))))


def error_bounds(vocab_size: int, width: int, set_size: int, by: Criterion) -> Floats:
    """A lower bound on the error of every weight 0..width, float64 [width + 1]."""
    weights = np.arange(width + 1.0)[:, None]
    outside, deviation = _uncovered_units(width, weights, set_size)
    excess = deviation * DEVIATIONS  # [weights, z]
    bernoulli = outside * (
        1 - outside / width
    )  # what the variance would be, were units independent
    share = np.maximum(
        DEVIATIONS**2 / (1 + DEVIATIONS**2),
        -np.expm1(-(excess**2) / (2 * (bernoulli + excess / 3))),
    )
    # With chance `share` or more, the union has this many units or more.
    union = np.maximum(np.ceil(width - outside - excess - 1e-9), weights)
    share = np.hstack([share, np.maximum(1 - outside, 0)])  # Markov: all units are covered
    union = np.hstack([union, np.full_like(outside, width)])
    cover = np.exp(np.minimum(log_cover_chance(width, weights, union), 0.0))
    error = _error_at_cover(cover, vocab_size - set_size, set_size, by)
    return (share * error).max(1) * (1 - MARGIN)


def _uncovered_units(width: int, weights: Floats, set_size: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the number of units outside the union, per weight."""
    alone = 1 - weights / width
    mean = width * alone**set_size
    pair = alone * np.maximum(width - 1 - weights, 0) / max(width - 1, 1)
    variance = width * (width - 1) * pair**set_size + mean - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.0) + ROUNDING * (1 + mean**2))


def _error_at_cover(cover: Floats, others: int, set_size: int, by: Criterion) -> Floats:
    if by == "mse":
        return mse_at_cover(cover, others, set_size)
    if by == "false_positives":
        return others * cover
    with np.errstate(divide="ignore"):
        return -np.expm1(others * np.log1p(-cover))


def _error(vocab_size: int, width: int, weight: int, set_size: int, by: Criterion) -> float:
    law = cover_law(width, weight, set_size)
    others = vocab_size - set_size
    if by == "mse":
        return mean_losses(law, others, set_size)[0]
    return others * law.mean_cover() if by == "false_positives" else failure_share(law, others)
