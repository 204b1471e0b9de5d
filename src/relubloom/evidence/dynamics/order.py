"""What goes with a token's place in the order of settling."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from relubloom.measure.correlation import pearson
from relubloom.records.dynamics import Order

CHUNK = 1 << 10  # rows compared with all others at a time


def explain_order(
    settled: NDArray[np.int64],
    initial: NDArray[np.float32],
    wrong_bits: NDArray[np.int64],
    bits: NDArray[np.bool_],
    distance: NDArray[np.float64],
) -> Order:
    """Correlate `settled` [tokens] with figures of the rows.

    `initial` [tokens, units] is W_in before training, `distance` of its last entries from their
    thresholds. Cost: O(tokens^2 units) for the nearest rows and hashes, in chunks.
    """
    rows = initial.astype(np.float64)
    norm = np.linalg.norm(rows, axis=1)
    unit_rows = rows / np.where(norm > 0, norm, 1)[:, None]
    figures = {
        "norm": norm,
        "mean": rows.mean(1),
        "nearest": largest_product(unit_rows),
        "wrong_bits": wrong_bits,
        "weight": bits.sum(1),
        "weakest": distance.min(1),
        "overlap": largest_product(bits.astype(np.float64)),
    }
    return Order(**{name: spearman(settled, found) for name, found in figures.items()})


def spearman(x: NDArray[np.generic], y: NDArray[np.generic]) -> float | None:
    """Correlation of the ranks, ties at their mean rank; None where a side is constant."""
    return pearson(rankdata(x), rankdata(y))


def largest_product(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest inner product of each row with another; 0 where there is no other."""
    if len(rows) < 2:
        return np.zeros(len(rows))
    largest = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK):
        products = rows[start : start + CHUNK] @ rows.T
        own = np.arange(len(products))
        products[own, start + own] = -np.inf
        largest[start : start + CHUNK] = products.max(1)
    return largest
