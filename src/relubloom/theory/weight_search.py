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
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from relubloom.theory.arguments import Criterion, check_criterion, check_sizes
from relubloom.theory.cover import (
    CoverLaw,
    Expectations,
    Floats,
    expectations,
    failure_share,
    mean_losses,
    mse_at_cover,
)

DEVIATIONS = np.array(
    [0.5, 1.0, 2.0, 4.0, 7.0, 10.0]
)  # z, several because no one is best for all sizes
ROUNDING = 1e-12  # variance is a difference: allow for what rounding of mean² can hide
MARGIN = 1e-6  # bounds are lowered by this share: far above their rounding and quadrature error


@dataclass(frozen=True)
class WeightSearch(ABC):
    """The weights 0..width of one family of codes, judged by one error on sets of one size.

    Attributes:
        vocab_size, width, set_size: sizes.
        by: the error: mse, E[F], or P(F > 0) where it is "p_exact".

    Raises:
        UsageError: sizes that no code or set has; or `by` is none of the three.
    """

    vocab_size: int
    width: int
    set_size: int
    by: Criterion = "mse"

    def __post_init__(self) -> None:
        sizes = check_sizes(self.vocab_size, self.width, self.set_size)
        for name, value in zip(("vocab_size", "width", "set_size"), sizes, strict=True):
            object.__setattr__(self, name, value)
        check_criterion(self.by)

    @abstractmethod
    def law(self, weight: int) -> CoverLaw:
        """The law of a weight."""

    @abstractmethod
    def likely_covers(self) -> tuple[Floats, Floats]:
        """Of every weight at some union sizes: how it covers, and how often, [weights, unions].

        The chance that such a union covers a token, and the share of the sets that have a union
        at least as large; see `likely_unions`.
        """

    def expectations(self, weight: int) -> Expectations:
        """Mean errors of a weight."""
        return expectations(self.law(weight), self.vocab_size, self.width, self.set_size, weight)

    def best(self) -> int:
        """The weight with the least error; the lightest of equals.

        Weights are evaluated in the order of their bounds until one is above the best error
        found. Where the error underflows (below about 1e-230) no weight can be told from another,
        and the starting guess is returned.

        Cost: the bounds, O(d), then one exact evaluation per weight whose bound is not beaten.
        """
        if self._others == 0:
            return 0  # no non-member, no error: all weights are equal
        at = self._likely_weight()
        best, bounds = self.error(at), self.bounds()
        for weight in np.argsort(bounds, kind="stable").tolist():
            if bounds[weight] > best or best == 0.0:
                break
            found = self.error(weight)
            if (found, weight) < (best, at):
                best, at = found, weight
        return at

    def reaches(self, target: float) -> bool:
        """Whether some weight has an error of at most `target`. Exact.

        Cost: often a single exact evaluation.
        """
        if self._others == 0 or self.error(self._likely_weight()) <= target:
            return True
        bounds = self.bounds()
        for weight in np.argsort(bounds, kind="stable").tolist():
            if bounds[weight] > target:
                return False
            if self.error(weight) <= target:
                return True
        return False

    def error(self, weight: int) -> float:
        """The exact error of a weight."""
        law = self.law(weight)
        if self.by == "mse":
            return mean_losses(law, self._others, self.set_size)[0]
        if self.by == "false_positives":
            return self._others * law.mean_cover()
        return failure_share(law, self._others)

    def bounds(self) -> Floats:
        """A lower bound on the error of every weight, float64 [width + 1]."""
        cover, share = self.likely_covers()
        if self.by == "mse":
            error = mse_at_cover(cover, self._others, self.set_size)
        elif self.by == "false_positives":
            error = self._others * cover
        else:
            with np.errstate(divide="ignore"):
                error = -np.expm1(self._others * np.log1p(-cover))
        return (share * error).max(1) * (1 - MARGIN)

    @property
    def _others(self) -> int:
        return self.vocab_size - self.set_size

    def _likely_weight(self) -> int:
        """Near the best one: width ln 2 / (set_size + 0.5), a fit; the search starts there."""
        return min(self.width, max(1, round(self.width * math.log(2) / (self.set_size + 0.5))))


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
