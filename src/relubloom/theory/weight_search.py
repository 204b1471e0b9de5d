"""The best weight of a random code: branch and bound over all weights, exact.

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
from collections.abc import Callable

import numpy as np

from relubloom.theory.arguments import Criterion
from relubloom.theory.cover import CoverLaw, Floats, failure_share, mean_losses, mse_at_cover
from relubloom.theory.union_size import cover_law, log_cover_chance

DEVIATIONS = np.array(
    [0.5, 1.0, 2.0, 4.0, 7.0, 10.0]
)  # z, several because no one is best for all sizes
ROUNDING = 1e-12  # variance is a difference: allow for what rounding of mean² can hide
MARGIN = 1e-6  # bounds are lowered by this share: far above their rounding and quadrature error


def search_weight(vocab_size: int, width: int, set_size: int, by: Criterion) -> int:
    """The constant weight in 0..width with the least error; the lightest of equals.

    Where the error underflows (below about 1e-230) no weight can be told from another, and the
    starting guess is returned.

    Cost: O(d) for the bounds, then one exact evaluation per weight whose bound is not beaten.
    """
    others = vocab_size - set_size
    if others == 0:
        return 0  # no non-member, no error: all weights are equal

    def error_of(weight: int) -> float:
        return error(cover_law(width, weight, set_size), others, set_size, by)

    bounds = error_bounds(vocab_size, width, set_size, by)
    return least(bounds, error_of, likely_weight(width, set_size))


def some_weight_reaches(
    vocab_size: int, width: int, set_size: int, by: Criterion, target: float
) -> bool:
    """Whether some constant weight in 0..width has an error of at most `target`. Exact.

    For "p_exact" the error is P(F > 0). Cost: often a single exact evaluation.
    """
    others = vocab_size - set_size
    if others == 0:
        return True

    def error_of(weight: int) -> float:
        return error(cover_law(width, weight, set_size), others, set_size, by)

    bounds = error_bounds(vocab_size, width, set_size, by)
    return some_reaches(bounds, error_of, likely_weight(width, set_size), target)


def least(bounds: Floats, error_of: Callable[[int], float], guess: int) -> int:
    """Index of the least error, the lowest of equals; `bounds[i] <= error_of(i)` must hold.

    Evaluates `error_of` in the order of the bounds until a bound is above the best value found.
    """
    best, at = error_of(guess), guess
    for index in np.argsort(bounds, kind="stable").tolist():
        if bounds[index] > best or best == 0.0:
            break
        found = error_of(index)
        if (found, index) < (best, at):
            best, at = found, index
    return at


def some_reaches(
    bounds: Floats, error_of: Callable[[int], float], guess: int, target: float
) -> bool:
    """Whether any error is at most `target`; as `least`, but it stops at the first that is."""
    if error_of(guess) <= target:
        return True
    for index in np.argsort(bounds, kind="stable").tolist():
        if bounds[index] > target:
            return False
        if error_of(index) <= target:
            return True
    return False


def error(law: CoverLaw, others: int, set_size: int, by: Criterion) -> float:
    """What a search makes least: mse, E[F], or P(F > 0) when `by` is "p_exact"."""
    if by == "mse":
        return mean_losses(law, others, set_size)[0]
    return others * law.mean_cover() if by == "false_positives" else failure_share(law, others)


def likely_weight(width: int, set_size: int) -> int:
    """A weight near the best one: width ln 2 / (set_size + .5), a fit; the search starts there."""
    return min(width, max(1, round(width * math.log(2) / (set_size + 0.5))))


def error_bounds(vocab_size: int, width: int, set_size: int, by: Criterion) -> Floats:
    """A lower bound on the error of every constant weight 0..width, float64 [width + 1]."""
    weights = np.arange(width + 1.0)[:, None]
    alone = 1 - weights / width  # one token misses a unit
    pair = alone * np.maximum(width - 1 - weights, 0) / max(width - 1, 1)  # and a second one
    union, share = likely_unions(width, alone**set_size, pair**set_size)
    union = np.maximum(union, weights)
    cover = np.exp(np.minimum(log_cover_chance(width, weights, union), 0.0))
    return bound_at_unions(cover, share, vocab_size - set_size, set_size, by)


def likely_unions(width: int, missed: Floats, pair_missed: Floats) -> tuple[Floats, Floats]:
    """Union sizes, and shares of the sets that have at least that union, [weights, bounds] both.

    `missed` and `pair_missed`, [weights, 1]: chance that the union leaves out a unit, and a given
    pair of units.
    """
    outside = width * missed
    variance = width * (width - 1) * pair_missed + outside - outside**2
    deviation = np.sqrt(np.maximum(variance, 0.0) + ROUNDING * (1 + outside**2))
    excess = deviation * DEVIATIONS
    bernoulli = outside * (1 - missed) + ROUNDING
    share = np.maximum(
        DEVIATIONS**2 / (1 + DEVIATIONS**2),
        -np.expm1(-(excess**2) / (2 * (bernoulli + excess / 3))),
    )
    union = np.maximum(np.ceil(width - outside - excess - 1e-9), 0)
    share = np.hstack([share, np.maximum(1 - outside, 0)])  # Markov: all units are covered
    return np.hstack([union, np.full_like(outside, width)]), share


def bound_at_unions(
    cover: Floats, share: Floats, others: int, set_size: int, by: Criterion
) -> Floats:
    """The best of the bounds share x (error at that cover chance), float64 [weights]."""
    if by == "mse":
        error = mse_at_cover(cover, others, set_size)
    elif by == "false_positives":
        error = others * cover
    else:
        with np.errstate(divide="ignore"):
            error = -np.expm1(others * np.log1p(-cover))
    return (share * error).max(1) * (1 - MARGIN)
