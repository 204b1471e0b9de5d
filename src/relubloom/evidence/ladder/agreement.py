"""Agreement of programs with a network: which sets fail, and the loss set by set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.evidence.ladder.outcomes import Outcomes
from relubloom.records.ladder import Agreement

Figures = NDArray[np.float64]

NO_SPREAD = 1e-12  # a standard deviation of mse up to this is rounding, and counts as none


@dataclass(frozen=True)
class Score:
    """One program on the sets: mean mse and kl, agreement on which sets fail, and the Pearson
    correlation of its mse with the network's (null where one of them has no variance)."""

    mse: float
    kl: float
    loss_failures: Agreement
    ranking_failures: Agreement
    loss_correlation: float | None


@dataclass(frozen=True)
class Tally:
    """Sums over sets for several programs ([programs]), the network being the first.

    `weight` counts the sets with their copies. `mse` and `kl` are means, `squares` the sum of
    squared deviations of mse from its mean, `products` the sum of products of the deviations
    with the network's. `failing` and `both` [2, programs] count failures by loss and by ranking,
    and those that the network shares.
    """

    weight: float
    mse: Figures
    kl: Figures
    squares: Figures
    products: Figures
    failing: Figures
    both: Figures

    def __add__(self, other: Tally) -> Tally:
        """Of both collections of sets (Chan, Golub and LeVeque's update, 1979)."""
        weight = self.weight + other.weight
        part = other.weight / weight
        step = other.mse - self.mse
        shift = self.weight * part * step
        return Tally(
            weight,
            self.mse + part * step,
            self.kl + part * (other.kl - self.kl),
            self.squares + other.squares + shift * step,
            self.products + other.products + shift * step[0],
            self.failing + other.failing,
            self.both + other.both,
        )

    def scores(self) -> list[Score]:
        """The figures of each program."""
        failing, both = self.failing.tolist(), self.both.tolist()
        return [
            Score(
                mse=float(self.mse[i]),
                kl=float(self.kl[i]),
                loss_failures=agreement(failing[0][i], failing[0][0], both[0][i]),
                ranking_failures=agreement(failing[1][i], failing[1][0], both[1][i]),
                loss_correlation=self._correlation(i),
            )
            for i in range(len(self.mse))
        ]

    def _correlation(self, program: int) -> float | None:
        spreads = [math.sqrt(self.squares[i] / self.weight) for i in (0, program)]
        if min(spreads) <= NO_SPREAD:
            return None
        covariance = float(self.products[program]) / self.weight
        return max(-1.0, min(1.0, covariance / (spreads[0] * spreads[1])))


def tally(programs: Sequence[Outcomes], copies: NDArray[np.float64]) -> Tally:
    """Sum up the outcomes of each program on the same sets; the network's come first."""
    mse = np.stack([each.mse for each in programs])
    weight = copies.sum()
    mean = _sums(mse, copies) / weight
    deviations = mse - mean[:, None]
    failing = np.stack(
        [
            np.stack([each.loss_failure for each in programs]),
            np.stack([each.ranking_failure for each in programs]),
        ]
    ).astype(np.float64)
    return Tally(
        weight=float(weight),
        mse=mean,
        kl=_sums(np.stack([each.kl for each in programs]), copies) / weight,
        squares=_sums(deviations**2, copies),
        products=_sums(deviations, deviations[0] * copies),
        failing=failing @ copies,
        both=np.stack([of_one @ (of_one[0] * copies) for of_one in failing]),
    )


def _sums(rows: Figures, copies: Figures) -> Figures:
    """Sum of each row, copies counted; unlike a GEMM's, the same for equal rows to the last bit."""
    return np.einsum("ps,s->p", rows, copies)


def agreement(predicted: float, actual: float, both: float) -> Agreement:
    """Precision, recall and F1 from counts."""
    if not predicted and not actual:
        return Agreement(None, None, None)
    if not both:
        return Agreement(0.0, 0.0, 0.0)
    return Agreement(both / predicted, both / actual, 2 * both / (predicted + actual))


def median(scores: Sequence[Score]) -> Score:
    """Figure by figure, over the scores that have it."""
    return Score(
        mse=float(np.median([each.mse for each in scores])),
        kl=float(np.median([each.kl for each in scores])),
        loss_failures=_median_agreement([each.loss_failures for each in scores]),
        ranking_failures=_median_agreement([each.ranking_failures for each in scores]),
        loss_correlation=_median([each.loss_correlation for each in scores]),
    )


def _median_agreement(agreements: Sequence[Agreement]) -> Agreement:
    return Agreement(
        _median([each.precision for each in agreements]),
        _median([each.recall for each in agreements]),
        _median([each.f1 for each in agreements]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
