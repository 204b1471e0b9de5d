"""Error against width, one curve for each cell: its range, its fits and its local slopes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from width_law.fits import FEWEST_WIDTHS, LawFit, Sample, fit_laws
from width_law.records import Cell, Measured

OBJECTIVES = ("mse", "kl", "kl-then-mse")  # in the order that they are shown in
SATURATED = 0.5  # share of the uniform answer's error from which a network has hardly learnt
SOFT = 0.5  # share of the error below which sets ranked wrongly do not make it
SLOWER = 0.5  # of the random code's rate: a network that no longer follows the law
ASTRAY = 3.0  # times the median of its width: a seed that went astray
UNRESOLVED = 0.3  # relative standard error, median of the seeds, beyond which a width says little


@dataclass(frozen=True)
class AtWidth:
    """The networks of one cell and width, one a seed."""

    width: int
    networks: tuple[Measured, ...]

    @property
    def errors(self) -> list[float]:
        """Mse of each seed."""
        return [network.mse for network in self.networks]

    @property
    def median(self) -> float:
        """Median mse."""
        return statistics.median(self.errors)

    @property
    def astray(self) -> list[float]:
        """Errors above 3 times the median, as multiples of it; none can be with two seeds."""
        return [error / self.median for error in self.errors if error > ASTRAY * self.median]

    @property
    def relative_se(self) -> float:
        """Standard error over mse, median of the seeds; infinite at an mse of 0."""
        return statistics.median(
            network.mse_se / network.mse if network.mse else math.inf for network in self.networks
        )

    @property
    def failing_share(self) -> float:
        """The most of the error that sets ranked wrongly can make, median of the seeds, up to 1.

        A set's squared error is at most 1 + 1/k (all mass on one other token).
        """
        size = self.networks[0].cell.set_size
        return statistics.median(
            min(1.0, (1 - network.p_exact) * (1 + 1 / size) / network.mse) if network.mse else 0.0
            for network in self.networks
        )

    def sample(self) -> Sample:
        """What a fit needs of this width."""
        relative = [network.mse_se / network.mse for network in self.networks]
        logs = np.log([network.mse for network in self.networks])
        return Sample(self.width, logs, statistics.fmean(share**2 for share in relative))


@dataclass(frozen=True)
class LocalSlope:
    """Fall of ln error per unit between two neighbouring widths, and its standard error.

    The error is of the seeds' spread; None with one seed at either width.
    """

    low: int
    high: int
    slope: float
    error: float | None


@dataclass(frozen=True)
class Curve:
    """The networks of one cell, by width, ascending."""

    cell: Cell
    points: tuple[AtWidth, ...]

    @property
    def trivial(self) -> bool:
        """Whether sets hold one token: nothing is united, and there is no law to fit."""
        return self.cell.set_size == 1

    @property
    def soft(self) -> tuple[AtWidth, ...]:
        """Widths whose error is not that of sets ranked wrongly, so no code's."""
        return tuple(point for point in self.points if point.failing_share < SOFT)

    @property
    def uniform_error(self) -> float:
        """Mse of the uniform answer, 1/k - 1/N: what a network that learnt nothing has."""
        return 1 / self.cell.set_size - 1 / self.cell.vocab_size

    def is_saturated(self, point: AtWidth) -> bool:
        """Whether these networks have hardly learnt: over half the uniform answer's error."""
        return point.median >= SATURATED * self.uniform_error

    @property
    def range(self) -> tuple[AtWidth, ...]:
        """The widths that the laws are fitted to.

        Left out: narrow ones whose median error is over half the uniform answer's (the error has
        a ceiling there that neither law has), and ones where sampling leaves the error unresolved
        (relative standard error above .3, or an error of 0).
        """
        return tuple(
            point
            for point in self.points
            if not self.is_saturated(point)
            and point.relative_se <= UNRESOLVED
            and min(point.errors) > 0
        )

    def fit(self, random: Mapping[int, float] | None = None) -> LawFit | None:
        """The laws over `range`; None where it holds fewer than 4 widths, and at set_size 1.

        `random` is the error of the best random code by width, for the law beside them.
        """
        if self.trivial or len(self.range) < FEWEST_WIDTHS:
            return None
        return fit_laws([point.sample() for point in self.range], random)

    def local_slopes(self) -> list[LocalSlope]:
        """Between neighbouring widths whose errors are all above 0, saturated ones included."""
        usable = [point for point in self.points if min(point.errors) > 0 and point.relative_se < 1]
        return [_slope(low, high) for low, high in pairwise(usable)]

    def slowing(self, rate: float, first: int) -> list[LocalSlope]:
        """Local slopes from width `first` on that are below half of `rate`, 1 / units.

        By more than two standard errors over seeds.
        """
        return [
            each
            for each in self.local_slopes()
            if each.slope + 2 * (each.error or 0.0) < SLOWER * rate and each.low >= first
        ]


def curves(networks: Iterable[Measured]) -> list[Curve]:
    """One curve a cell; ordered by vocabulary, set size, objective and activation."""
    grouped: dict[Cell, dict[int, list[Measured]]] = {}
    for network in networks:
        grouped.setdefault(network.cell, {}).setdefault(network.width, []).append(network)
    found = [
        Curve(cell, tuple(AtWidth(width, tuple(at[width])) for width in sorted(at)))
        for cell, at in grouped.items()
    ]
    return sorted(found, key=lambda curve: _order(curve.cell))


def _order(cell: Cell) -> tuple[object, ...]:
    sets = math.inf if cell.training_pool is None else cell.training_pool
    return (
        cell.vocab_size,
        cell.set_size,
        OBJECTIVES.index(cell.objective),
        cell.activation != "relu",
        sets,
    )


def _slope(low: AtWidth, high: AtWidth) -> LocalSlope:
    one, other = low.sample().logs, high.sample().logs
    apart = high.width - low.width
    error = None
    if min(len(one), len(other)) > 1:
        error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)) / apart
    return LocalSlope(low.width, high.width, float(one.mean() - other.mean()) / apart, error)
