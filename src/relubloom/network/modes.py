"""One mode or two? A two-component normal mixture against a single normal, column by column."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_ITERATIONS = 500
TOLERANCE = 1e-7  # change of the means, relative to the data's spread
MAX_GROUPS = 1 << 20  # beyond that neighbours are taken together; moments stay exact
VARIANCE_FLOOR = 1e-12  # of the data's variance: exact values keep a finite density


@dataclass(frozen=True)
class TwoModes:
    """Mixtures fitted to each column of a matrix; every field has one entry a column.

    `share`, `mean` and `sd` are [2, columns], the lower component first. `bic_gain` is the BIC of
    one normal minus that of two (positive: two components describe the column better; +inf
    where the column holds exactly two values). `distinct` is the number of distinct values,
    counted up to 3.
    """

    share: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    bic_gain: NDArray[np.float64]
    distinct: NDArray[np.int64]

    @property
    def midpoint(self) -> NDArray[np.float64]:
        """Halfway between the two means."""
        return self.mean.mean(0)

    @property
    def gap(self) -> NDArray[np.float64]:
        """(m2 - m1) / sqrt((s1^2 + s2^2) / 2); nan where the column has at most two values."""
        pooled = np.sqrt((self.sd**2).mean(0))
        gap = np.full(pooled.shape, np.nan)
        np.divide(self.mean[1] - self.mean[0], pooled, out=gap, where=self.distinct > 2)
        return gap


def fit_two_modes(columns: NDArray[np.floating], groups: int = MAX_GROUPS) -> TwoModes:
    """Fit the mixture by EM to each column of [entries, columns], from the best 2-means split.

    All entries are used, in float64; above `groups` of them (a million), neighbours of the sorted
    column share one posterior (a group spans a millionth of the entries), with their exact
    moments. A column with one or two values is not iterated: its means are those values. Cost:
    O(entries) for moments, O(groups) per iteration and column, at most 500 iterations.
    """
    fits = [_fit_column(column, groups) for column in np.asarray(columns, dtype=np.float64).T]
    share, mean, sd, gain, distinct = (np.array(values) for values in zip(*fits, strict=True))
    return TwoModes(share.T, mean.T, sd.T, gain, distinct.astype(np.int64))


def _fit_column(
    column: NDArray[np.float64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, int]:
    ordered = np.sort(column)
    low, high = ordered[0], ordered[-1]
    if not ((ordered != low) & (ordered != high)).any():
        lows = float((ordered == low).mean())
        distinct = 1 if low == high else 2
        gain = np.inf if distinct == 2 else -np.inf
        return np.array([lows, 1 - lows]), np.array([low, high]), np.zeros(2), gain, distinct
    share, mean, variance, log_likelihood = _expectation_maximisation(_grouped(ordered, groups))
    count = len(ordered)
    one = -0.5 * count * (np.log(2 * np.pi * ordered.var()) + 1)
    gain = 2 * (log_likelihood - one) - 3 * np.log(count)  # five parameters against two
    order = np.argsort(mean)
    return share[order], mean[order], np.sqrt(variance[order]), float(gain), 3


@dataclass(frozen=True)
class _Groups:
    """Neighbouring sorted entries taken together: their number, mean and variance within."""

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    within: NDArray[np.float64]


def _grouped(ordered: NDArray[np.float64], groups: int) -> _Groups:
    """Groups of one entry each; above `groups` entries, of equally many neighbours."""
    size = -(-len(ordered) // groups)
    starts = np.arange(0, len(ordered), size)
    count = np.diff(np.append(starts, len(ordered))).astype(np.float64)
    mean = np.add.reduceat(ordered, starts) / count
    if size == 1:
        return _Groups(count, mean, np.zeros_like(mean))
    centred = ordered - np.repeat(mean, count.astype(np.int64))
    return _Groups(count, mean, np.add.reduceat(centred**2, starts) / count)


def _expectation_maximisation(
    groups: _Groups,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    total = groups.count.sum()
    centre = groups.count @ groups.mean / total
    spread = np.sqrt(groups.count @ ((groups.mean - centre) ** 2 + groups.within) / total)
    floor = VARIANCE_FLOOR * spread**2
    lower = np.zeros(len(groups.mean))
    lower[: _two_means_cut(groups)] = 1.0
    share, mean, variance = _moments(groups, lower, floor)
    for _ in range(MAX_ITERATIONS):
        lower, _ = _responsibility(groups.mean, share, mean, variance)
        before = mean
        share, mean, variance = _moments(groups, lower, floor)
        if np.abs(mean - before).max() <= TOLERANCE * spread:
            break
    _, log_density = _responsibility(groups.mean, share, mean, variance)
    return share, mean, variance, float(groups.count @ log_density)


def _moments(
    groups: _Groups, lower: NDArray[np.float64], floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Share, mean and variance of the two components, given each group's part in the lower."""
    parts = np.stack([lower, 1 - lower]) * groups.count
    weight = parts.sum(1).clip(1e-300)
    mean = parts @ groups.mean / weight
    squares = (groups.mean - mean[:, None]) ** 2 + groups.within
    variance = (parts * squares).sum(1) / weight
    return weight / weight.sum(), mean, np.maximum(variance, floor)


def _responsibility(
    values: NDArray[np.float64],
    share: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Posterior of the first component, and the log density of the mixture, at each value."""
    log_terms = (
        np.log(share.clip(1e-300))[:, None]
        - 0.5 * np.log(2 * np.pi * variance)[:, None]
        - 0.5 * (values - mean[:, None]) ** 2 / variance[:, None]
    )
    log_density = np.logaddexp(log_terms[0], log_terms[1])
    return np.exp(log_terms[0] - log_density), log_density


def _two_means_cut(groups: _Groups) -> int:
    """Number of groups in the lower part of the split with the least variance within its parts."""
    count, sums = np.cumsum(groups.count), np.cumsum(groups.count * groups.mean)
    below, total = count[:-1], count[-1]
    between = (sums[-1] * below - sums[:-1] * total) ** 2 / (below * (total - below))
    return int(np.argmax(between)) + 1
