"""Is every hash of the same weight, or are the bits thrown like coins?"""

import numpy as np

from relubloom.code import Code
from relubloom.records.mechanism import HashWeight


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
