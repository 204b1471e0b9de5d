"""Pearson's correlation of weighted figures."""

import numpy as np
from numpy.typing import NDArray


def pearson(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64] | None = None
) -> float | None:
    """Correlation of x and y, arrays of one shape, each pair counted `weights` times.

    Returns None where it has no meaning: fewer than two pairs, or one side is constant.
    """
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    x = x - np.average(x, weights=weights)
    y = y - np.average(y, weights=weights)
    share = np.ones_like(x) if weights is None else weights
    spread = np.sqrt((share * x * x).sum()) * np.sqrt((share * y * y).sum())
    return float((share * x * y).sum() / spread) if spread > 0 else None
