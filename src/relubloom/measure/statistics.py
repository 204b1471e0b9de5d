"""Statistics of weighted figures: correlation, agreement, percentiles, and sums part by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.records.ladder import Agreement
from relubloom.records.mechanism import Spread

BYTE_ROWS = 128  # rows whose count fits in a byte
ROUNDING = 1e-12  # what sums of squares may owe to rounding, as a share


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


def agreement(predicted: float, actual: float, both: float) -> Agreement:
    """From counts or weights: what was predicted, what there was, and what was both.

    Null where neither side has any, which counts as agreement; 0 where they have nothing in common.
    """
    if not predicted and not actual:
        return Agreement(None, None, None)
    if not both:
        return Agreement(0.0, 0.0, 0.0)
    return Agreement(both / predicted, both / actual, 2 * both / (predicted + actual))


def counted(flags: NDArray[np.bool_], copies: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many rows of bool [rows, columns] are set, each row counted `copies` times: [columns]."""
    if (copies != 1).any():
        return copies @ flags
    whole = len(flags) - len(flags) % BYTE_ROWS
    parts = flags[:whole].view(np.uint8).reshape(-1, BYTE_ROWS, flags.shape[1])
    counts = np.add.reduce(parts, axis=1, dtype=np.uint8).sum(0, dtype=np.float64)
    return counts + flags[whole:].sum(0)


def rates(counts: NDArray[np.float64], sets: NDArray[np.float64]) -> NDArray[np.float64]:
    """counts / sets, NaN where there are no sets."""
    return np.divide(counts, sets, out=np.full_like(counts, np.nan), where=sets > 0)


def weighted_mean(values: NDArray[np.generic], weights: NDArray[np.float64]) -> float:
    """Mean of the values, each counted `weights` times."""
    if (weights == 1).all():
        return float(values.mean(dtype=np.float64))
    return float(values.astype(np.float64, copy=False) @ weights / weights.sum())


def f1(
    predicted: NDArray[np.bool_], actual: NDArray[np.bool_], copies: NDArray[np.float64]
) -> float | None:
    """Of a prediction set by set, copies counted; null when both are empty."""
    counts = [float(copies[each].sum()) for each in (predicted, actual, predicted & actual)]
    return agreement(*counts).f1


def percentiles(
    values: NDArray[np.float64], copies: NDArray[np.float64], shares: tuple[float, ...]
) -> list[float]:
    """The least value that each share of the values, copies counted, does not exceed."""
    weights = None if np.ptp(copies) == 0 else copies  # without weights nothing need be sorted
    return np.quantile(values, shares, weights=weights, method="inverted_cdf").tolist()


def spread(total: float, sums: float, squares: float) -> Spread | None:
    """From the number, sum and sum of squares of some values; null where there are none.

    An sd under a millionth of the mean is what rounding leaves of equal values, and so 0.
    """
    if total == 0:
        return None
    mean = sums / total
    variance = squares / total - mean**2
    return Spread(float(mean), float(np.sqrt(variance)) if variance > ROUNDING * mean**2 else 0.0)


@dataclass(frozen=True)
class Pairs:
    """Weighted pairs (x, y): their total weight, means, and sums of squared deviations.

    Parts are merged by the formula of Chan, Golub and LeVeque (1983), so that nothing cancels.
    """

    weight: float
    x: float
    y: float
    xx: float
    xy: float
    yy: float

    @classmethod
    def of(
        cls,
        x: NDArray[np.floating],
        y: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
    ) -> Pairs:
        """Of two arrays of one shape; `weights` is one a row, or 1."""
        rows = [x.reshape(len(x), -1), y.reshape(len(y), -1)]
        counts = np.ones(len(x)) if weights is None else weights
        total = float(counts.sum()) * rows[0].shape[1]
        mean_x, mean_y = (float(counts @ each.sum(1) / total) for each in rows)
        dx, dy = rows[0] - mean_x, rows[1] - mean_y
        xx, xy, yy = (
            float(counts @ np.einsum("ij,ij->i", one, other))
            for one, other in ((dx, dx), (dx, dy), (dy, dy))
        )
        return cls(total, mean_x, mean_y, xx, xy, yy)

    def __add__(self, other: Pairs) -> Pairs:
        weight = self.weight + other.weight
        part = other.weight / weight
        dx, dy = other.x - self.x, other.y - self.y
        between = self.weight * part
        return Pairs(
            weight,
            self.x + part * dx,
            self.y + part * dy,
            self.xx + other.xx + between * dx * dx,
            self.xy + other.xy + between * dx * dy,
            self.yy + other.yy + between * dy * dy,
        )

    @property
    def slope(self) -> float | None:
        """Of the least-squares line y = intercept + slope x; null where all x are equal."""
        return self.xy / self.xx if self._varies(self.xx, self.x) else None

    @property
    def intercept(self) -> float | None:
        """Null where all x are equal."""
        return None if self.slope is None else self.y - self.slope * self.x

    @property
    def correlation(self) -> float | None:
        """Pearson's; null where all x or all y are equal."""
        if not self._varies(self.xx, self.x) or not self._varies(self.yy, self.y):
            return None
        return float(np.clip(self.xy / np.sqrt(self.xx) / np.sqrt(self.yy), -1.0, 1.0))

    @property
    def r2(self) -> float | None:
        """Share of y's variance on the line; null where all x or all y are equal."""
        return None if self.correlation is None else self.correlation**2

    def _varies(self, squares: float, mean: float) -> bool:
        return squares > self.weight * (ROUNDING * mean) ** 2


@dataclass(frozen=True)
class Groups:
    """Values in numbered groups: each group's weight, mean and sum of squared deviations."""

    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        group: NDArray[np.int64],
        values: NDArray[np.float64],
        weights: NDArray[np.float64] | None,
        groups: int,
    ) -> Groups:
        """Of flat arrays; `group` is 0..groups - 1; `weights` None counts each once."""
        weight = group_sums(group, weights, groups)
        weighed = values if weights is None else weights * values
        mean = group_sums(group, weighed, groups) / np.where(weight > 0, weight, 1.0)
        squares = np.square(values - mean[group])
        if weights is not None:
            squares *= weights
        return cls(weight, mean, group_sums(group, squares, groups))

    def __add__(self, other: Groups) -> Groups:
        weight = self.weight + other.weight
        part = other.weight / np.where(weight > 0, weight, 1.0)
        step = other.mean - self.mean
        squares = self.squares + other.squares + self.weight * part * step**2
        return Groups(weight, self.mean + part * step, squares)

    def against_number(self) -> Pairs:
        """The pairs (number of the group, value)."""
        between = Pairs.of(np.arange(len(self.weight), dtype=np.float64), self.mean, self.weight)
        yy = between.yy + float(self.squares.sum())
        return Pairs(between.weight, between.x, between.y, between.xx, between.xy, yy)


def group_sums(
    group: NDArray[np.int64], values: NDArray[np.float64] | None, groups: int
) -> NDArray[np.float64]:
    """Sum of the values of each group 0..groups - 1; None counts each as 1."""
    return np.bincount(group, values, groups).astype(np.float64)
