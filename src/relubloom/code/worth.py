"""What a code is worth: its errors on listed sets, and over all sets of some sizes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import SLICED_VOCAB, Code, distinct_tokens
from relubloom.code.counting import count_false_positives
from relubloom.code.cover_table import CoverTable
from relubloom.code.graded import GradedCode

TABLED = 500  # sets from which on a table saves time
CHUNK = 4096  # sets decoded together
COUNTED = 1_000_000_000  # table entries and overlaps that exact counts may take: some seconds
Numbers = NDArray[np.int32] | NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """Means over sets: false positives, the share without one, mse and kl (nats) at infinite
    sharpness."""

    false_positives: float
    p_exact: float
    mse: float
    kl: float


def worth_on(
    code: Code | GradedCode,
    sets: NDArray[np.int64],
    copies: NDArray[np.int64] | NDArray[np.float64] | None = None,
) -> Worth:
    """The worth of a code on sets (ids [batch, set_size], `vocab_size` is padding).

    `copies` says how often each set counts. Cost: that of `Code.false_positives`.
    """
    size = distinct_tokens(sets, code.vocab_size)
    if isinstance(code, Code) and len(sets) >= TABLED and code.vocab_size < SLICED_VOCAB:
        table, parts = CoverTable(code), np.array_split(sets, -(-len(sets) // CHUNK))
        found = np.concatenate([table.false_positives(part) for part in parts])
    else:
        found = code.false_positives(sets)

    def mean(values: NDArray[np.float64]) -> float:
        return float(np.average(values, weights=copies))

    mse, kl = filter_losses(found, size)
    exact = (found == 0).astype(np.float64)
    return Worth(mean(found.astype(np.float64)), mean(exact), mean(mse), mean(kl))


def filter_losses(
    false_positives: Numbers, set_size: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """mse F / (k (k + F)) and kl ln(1 + F / k) of an infinitely sharp filter, set by set."""
    F, k = false_positives, set_size
    return F / (k * (k + F)), np.log1p(F / k)


def uniform_false_positives(
    code: Code | GradedCode, sizes: tuple[int, int]
) -> tuple[float, int] | None:
    """False positives a set and in all, over all sets of these sizes; exact, or None if too long.

    The mean gives each size the same share, as `KSparseTask` draws them. Cost: seconds.
    """
    weights = code.weights.astype(np.float64)
    if isinstance(code, GradedCode):
        weights = weights + code.of_strength(code.levels)
    work = (weights * 2.0**weights).sum() + code.vocab_size * weights.sum()
    low, high = sizes
    if work * (high - low + 1) > COUNTED:
        return None
    totals = {size: count_false_positives(code, size) for size in range(low, high + 1)}
    means = [total / math.comb(code.vocab_size, size) for size, total in totals.items()]
    return sum(means) / len(means), sum(totals.values())
