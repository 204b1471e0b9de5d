"""Is every hash of the same weight, or are the bits thrown like coins?"""

from dataclasses import dataclass

import numpy as np

from relubloom.code import Code


@dataclass(frozen=True)
class HashWeight:
    """The tokens' weights, between two extremes: all equal, and every bit on its own.

    `counts[w]` is the number of tokens with weight w, w = 0..width. `binomial_variance` is that of
    width independent bits with the same mean, width q (1 - q) with q = mean / width.
    `variance_ratio` is variance / binomial_variance, 0 for a constant weight and 1 for a
    binomial one; null where every token has no bit, or every bit.
    """

    counts: list[int]
    mean: float
    variance: float
    binomial_variance: float
    variance_ratio: float | None


def measure_hash_weight(code: Code) -> HashWeight:
    """Count the weights; `variance` is that of the population of tokens."""
    mean, variance = float(code.weights.mean()), float(code.weights.var())
    binomial = mean * (1 - mean / code.width)
    return HashWeight(
        counts=np.bincount(code.weights, minlength=code.width + 1).tolist(),
        mean=mean,
        variance=variance,
        binomial_variance=binomial,
        variance_ratio=variance / binomial if binomial > 0 else None,
    )
