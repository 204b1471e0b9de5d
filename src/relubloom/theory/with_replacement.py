"""The textbook Bloom filter: every token draws `weight` hashes, two of which may coincide."""

from __future__ import annotations

import numpy as np

from relubloom.errors import UsageError
from relubloom.theory.arguments import Criterion, check_criterion, check_sizes
from relubloom.theory.cover import CoverLaw, Floats
from relubloom.theory.expectations import Expectations, expectations
from relubloom.theory.occupancy import Occupancy
from relubloom.theory.weight_search import (
    bound_at_unions,
    error,
    least,
    likely_unions,
    likely_weight,
    some_reaches,
)


def with_replacement(vocab_size: int, width: int, weight: int, set_size: int) -> Expectations:
    """Exact mean errors of a code whose tokens draw `weight` hashes with replacement.

    The union is the occupied bins of h k balls in d bins, p'[j] = p[j] j/d + p[j-1] (d-j+1)/d;
    a non-member is covered with chance c(u) = (u/d)^h. Derived here.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-12, kept down
    to 1e-230. Cost: O(h k d), independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has, or a negative weight.
    """
    check_sizes(vocab_size, width, set_size)
    _check_hashes(weight)
    return expectations(
        _cover_law(Occupancy(width, set_size), width, weight),
        vocab_size=vocab_size,
        width=width,
        set_size=set_size,
        weight=weight,
    )


def best_with_replacement(
    vocab_size: int, width: int, set_size: int, by: Criterion = "mse"
) -> Expectations:
    """The number of hashes in 0..width with the least error (`by`), exact over all of them.

    Cost: a handful of `with_replacement` calls. Raises as `with_replacement`.
    """
    check_sizes(vocab_size, width, set_size)
    check_criterion(by)
    others = vocab_size - set_size
    occupancy = Occupancy(width, set_size)

    def error_of(weight: int) -> float:
        return error(_cover_law(occupancy, width, weight), others, set_size, by)

    weight = 0
    if others > 0:
        bounds = _error_bounds(vocab_size, width, set_size, by)
        weight = least(bounds, error_of, likely_weight(width, set_size))
    return with_replacement(vocab_size, width, weight, set_size)


def some_hashes_reach(
    vocab_size: int, width: int, set_size: int, by: Criterion, target: float
) -> bool:
    """Whether some number of hashes in 0..width has an error of at most `target`. Exact."""
    others = vocab_size - set_size
    if others == 0:
        return True
    occupancy = Occupancy(width, set_size)

    def error_of(weight: int) -> float:
        return error(_cover_law(occupancy, width, weight), others, set_size, by)

    bounds = _error_bounds(vocab_size, width, set_size, by)
    return some_reaches(bounds, error_of, likely_weight(width, set_size), target)


def classic(width: int, weight: int, set_size: int) -> float:
    """The false positive rate that textbooks give, (1 - (1 - 1/d)^{hk})^h: an approximation.

    It treats the bits as independent and is too small for every weight of 2 or more (34 % at
    width 64, weight 14, set_size 3); `with_replacement` is exact. Cost: O(1).

    Raises:
        UsageError: sizes that no code or set has.
    """
    check_sizes(set_size, width, set_size)
    _check_hashes(weight)
    if width == 1:
        return 1.0
    return float(-np.expm1(weight * set_size * np.log1p(-1 / width))) ** weight


def _cover_law(occupancy: Occupancy, width: int, weight: int) -> CoverLaw:
    """The law for `weight` hashes; `occupancy` throws one ball per member at each step."""
    if weight == 0:
        return CoverLaw(np.ones(1), np.zeros(1))
    probability, smallest = occupancy.after(weight)
    sizes = np.arange(smallest, smallest + len(probability))
    return CoverLaw(probability, weight * np.log(sizes / width))


def _error_bounds(vocab_size: int, width: int, set_size: int, by: Criterion) -> Floats:
    """As `weight_search.error_bounds`; occupied bins too are negatively associated."""
    weights = np.arange(width + 1.0)[:, None]
    balls = weights * set_size
    union, share = likely_unions(width, (1 - 1 / width) ** balls, _power(1 - 2 / width, balls))
    cover = (np.maximum(union, np.minimum(weights, 1)) / width) ** weights
    return bound_at_unions(cover, share, vocab_size - set_size, set_size, by)


def _power(base: float, exponent: Floats) -> Floats:
    return np.maximum(base, 0.0) ** exponent  # width 1 has no pair of units


def _check_hashes(weight: int) -> None:
    if weight < 0:
        raise UsageError(
            f"weight is {weight}: a token draws 0 or more hashes; give a weight of 0 or more"
        )
