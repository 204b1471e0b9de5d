"""Random codes with so many bits per token: distinct ones, or drawn with replacement."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from relubloom.errors import UsageError, whole
from relubloom.theory.arguments import Criterion, check_criterion, check_sizes, check_weight
from relubloom.theory.cover import CoverLaw, Expectations, Floats
from relubloom.theory.union_size import Occupancy, cover_law, log_cover_chance
from relubloom.theory.weight_search import WeightSearch, likely_unions


def constant_weight(vocab_size: int, width: int, weight: int, set_size: int) -> Expectations:
    """Exact mean errors of a random constant-weight code at infinite sharpness.

    The union size u of k random h-sets follows p'[u + a] += p[u] C(d-u, a) C(u, h-a) / C(d, h);
    a non-member is covered with chance c(u) = C(u, h) / C(d, h), independently of the others.
    Holds for sets of `set_size` distinct tokens and hashes drawn independently of the set (so
    for any source of sets). Derived here; source of the recursion: the hypergeometric law.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-11 (rounding of
    ln d!), kept down to 1e-230. Cost: O(k h d) and independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has; a width whose exact law needs over half a
            gigabyte.
    """
    weights = ConstantWeights(vocab_size, width, set_size)
    return weights.expectations(check_weight(weight, width))


def best_constant_weight(
    vocab_size: int, width: int, set_size: int, by: Criterion = "mse"
) -> Expectations:
    """The weight with the least mean error, and its errors: exact, over all weights 0..width.

    `by` is what is made best: "mse", "false_positives" (E[F]) or "p_exact". They can differ by
    one. The lightest of equals wins. A branch and bound, so exact: weights whose lower bound
    (see `weight_search`) is above the best value found are not evaluated.

    Cost: a handful of `constant_weight` calls and O(width) for the bounds.

    Raises:
        UsageError: as `constant_weight`; or `by` is none of the three.
    """
    return _best(*check_sizes(vocab_size, width, set_size), check_criterion(by))


@lru_cache(maxsize=256)
def _best(vocab_size: int, width: int, set_size: int, by: Criterion) -> Expectations:
    weights = ConstantWeights(vocab_size, width, set_size, by)
    return weights.expectations(weights.best())


class ConstantWeights(WeightSearch):
    """The search over all constant weights."""

    def law(self, weight: int) -> CoverLaw:
        """The law of a weight."""
        return cover_law(self.width, weight, self.set_size)

    def likely_covers(self) -> tuple[Floats, Floats]:
        """As `WeightSearch.likely_covers`."""
        width, set_size = self.width, self.set_size
        weights = np.arange(width + 1.0)[:, None]
        alone = 1 - weights / width  # one token misses a unit
        pair = alone * np.maximum(width - 1 - weights, 0) / max(width - 1, 1)  # and a second one
        union, share = likely_unions(width, alone**set_size, pair**set_size)
        union = np.maximum(union, weights)
        return np.exp(np.minimum(log_cover_chance(width, weights, union), 0.0)), share


def with_replacement(vocab_size: int, width: int, weight: int, set_size: int) -> Expectations:
    """Exact mean errors of the textbook Bloom filter: `weight` hashes drawn with replacement.

    The union is the occupied bins of h k balls in d bins, p'[j] = p[j] j/d + p[j-1] (d-j+1)/d;
    a non-member is covered with chance c(u) = (u/d)^h. Derived here.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-12, kept down
    to 1e-230. Cost: O(h k d), independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has, or a negative weight.
    """
    numbers = NumbersOfHashes(vocab_size, width, set_size)
    return numbers.expectations(_check_hashes(weight))


def best_with_replacement(
    vocab_size: int, width: int, set_size: int, by: Criterion = "mse"
) -> Expectations:
    """The number of hashes in 0..width with the least error (`by`), exact over all of them.

    Cost: a handful of `with_replacement` calls. Raises as `with_replacement`.
    """
    numbers = NumbersOfHashes(vocab_size, width, set_size, by)
    return numbers.expectations(numbers.best())


class NumbersOfHashes(WeightSearch):
    """The search over all numbers of hashes; occupied bins too are negatively associated."""

    @cached_property
    def _occupancy(self) -> Occupancy:  # one ball per member at each step
        return Occupancy(self.width, self.set_size)

    def law(self, weight: int) -> CoverLaw:
        """The law of a number of hashes."""
        if weight == 0:
            return CoverLaw.of_everything()
        probability, smallest = self._occupancy.after(weight)
        sizes = np.arange(smallest, smallest + len(probability))
        return CoverLaw(probability, weight * np.log(sizes / self.width))

    def likely_covers(self) -> tuple[Floats, Floats]:
        """As `WeightSearch.likely_covers`."""
        width = self.width
        weights = np.arange(width + 1.0)[:, None]
        balls = weights * self.set_size
        both_missed = max(1 - 2 / width, 0.0) ** balls  # width 1 has no pair of units
        union, share = likely_unions(width, (1 - 1 / width) ** balls, both_missed)
        return (np.maximum(union, np.minimum(weights, 1)) / width) ** weights, share


def classic(width: int, weight: int, set_size: int) -> float:
    """The false positive rate that textbooks give, (1 - (1 - 1/d)^{hk})^h: an approximation.

    It treats the bits as independent and is too small for every weight of 2 or more (34 % at
    width 64, weight 14, set_size 3); `with_replacement` is exact. Cost: O(1).

    Raises:
        UsageError: sizes that no code or set has.
    """
    _, width, set_size = check_sizes(set_size, width, set_size)
    weight = _check_hashes(weight)
    if width == 1:
        return 1.0
    return float(-np.expm1(weight * set_size * np.log1p(-1 / width))) ** weight


def _check_hashes(weight: int) -> int:
    weight = whole("weight", weight)
    if weight < 0:
        raise UsageError(
            f"weight is {weight}: a token draws 0 or more hashes; give a weight of 0 or more"
        )
    return weight
