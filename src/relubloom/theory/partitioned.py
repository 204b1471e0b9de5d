"""Partitioned codes: `weight` blocks of equal size, one random bit in each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlogy  # pyright: ignore[reportMissingTypeStubs]

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_sizes
from relubloom.theory.cover import CoverLaw, Expectations, Floats, expectations, mean_losses
from relubloom.theory.union_size import Occupancy

STATE_LIMIT = 1_000_000


@dataclass(frozen=True)
class PartitionedBounds:
    """Mean errors of a partitioned code that has too many states for the exact mixture.

    Attributes:
        fpr: chance that one given non-member is covered; exact.
        false_positives: E[F]; exact.
        p_exact: (lower, upper) bound on P(F = 0).
        mse: (lower, upper) bound on the mean squared error.
        kl: (lower, upper) bound, nats.
    """

    fpr: float
    false_positives: float
    p_exact: tuple[float, float]
    mse: tuple[float, float]
    kl: tuple[float, float]


def partitioned(vocab_size: int, width: int, weight: int, set_size: int) -> Expectations:
    """Exact mean errors of a partitioned code: `weight` blocks of width / weight units each.

    A block of Q units has u_b of them covered, by the law of k balls in Q bins; a non-member is
    covered with chance prod_b u_b / Q, so the state is how many blocks have each occupancy
    (multinomial). FPR = (1 - (1 - 1/Q)^k)^n. Derived here.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-11.
    Cost: O(states), see `partitioned_states`; independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has; a width that is no multiple of the weight;
            more than a million states (use `partitioned_bounds`).
    """
    block = _block_size(vocab_size, width, weight, set_size)
    states = partitioned_states(weight, block, set_size)
    if states > STATE_LIMIT:
        raise UsageError(
            f"a partitioned code of {weight} blocks and set_size {set_size} has {states} states: "
            f"the exact mixture is offered up to {STATE_LIMIT}; use partitioned_bounds"
        )
    law = _cover_law(weight, block, set_size)
    return expectations(law, vocab_size, width, set_size, weight)


def partitioned_bounds(
    vocab_size: int, width: int, weight: int, set_size: int
) -> PartitionedBounds:
    """Exact FPR and E[F] of a partitioned code, and rigorous bounds on the rest, at any size.

    With M = N - k and c the random cover chance: (1-c)^M is convex in c and the mean losses given
    c are concave, so Jensen bounds them at c = FPR; in the other direction P(F > 0) >= M E[c] -
    C(M,2) E[c²] (Bonferroni), and a set with F > 0 loses at least what F = 1 does. Derived here.

    Raises:
        UsageError: as `partitioned`, but for the number of states. Cost: O(k Q).
    """
    block = _block_size(vocab_size, width, weight, set_size)
    others = vocab_size - set_size
    probability, smallest = Occupancy(block, set_size).after(1)
    share = np.arange(smallest, smallest + len(probability)) / block
    fpr = float(probability @ share) ** weight
    square = float(probability @ share**2) ** weight
    failing = max(0.0, others * fpr - others * (others - 1) / 2 * square)
    certain = CoverLaw(np.ones(1), np.log(np.array([fpr])))
    mse, kl = mean_losses(certain, others, set_size)
    none = math.exp(others * math.log1p(-fpr)) if fpr < 1 else float(others == 0)
    return PartitionedBounds(
        fpr=fpr,
        false_positives=others * fpr,
        p_exact=(none, max(none, 1 - failing)),
        mse=(min(mse, failing / (set_size * (set_size + 1))), mse),
        kl=(min(kl, failing * math.log1p(1 / set_size)), kl),
    )


def best_blocks(width: int, set_size: int) -> int:
    """The number of blocks n in 1..width, of width // n units each, with the least FPR.

    Exact, by the closed form; the fewest of equals. Units left over are not used. (The number
    with the least mse can differ.) Cost: O(width).

    Raises:
        UsageError: width or set_size below 1.
    """
    _, width, set_size = check_sizes(set_size, width, set_size)
    blocks = np.arange(1, width + 1)
    missed = 1 - 1 / (width // blocks)
    with np.errstate(divide="ignore"):
        log_fpr = blocks * np.log1p(-(missed**set_size))
    return int(blocks[np.argmin(log_fpr)])


def partitioned_states(weight: int, block_size: int, set_size: int) -> int:
    """Number of ways to give `weight` blocks occupancies in 1..min(set_size, block_size)."""
    kinds = min(set_size, block_size)
    return math.comb(weight + kinds - 1, kinds - 1)


def _cover_law(blocks: int, block_size: int, set_size: int) -> CoverLaw:
    """Mix over how many blocks have each occupancy; one row per multiset of occupancies."""
    probability, smallest = Occupancy(block_size, set_size).after(1)
    occupancy = np.arange(smallest, smallest + len(probability))
    left = np.array([blocks])
    log_probability: Floats = np.array([gammaln(blocks + 1.0)])
    log_cover: Floats = np.zeros(1)
    for index, (chance, size) in enumerate(zip(probability, occupancy, strict=True)):
        last = index == len(probability) - 1
        parent = np.arange(len(left)) if last else np.repeat(np.arange(len(left)), left + 1)
        first = np.concatenate([[0], np.cumsum(left + 1)[:-1]])
        taken = left if last else np.arange(len(parent)) - first[parent]
        log_probability = log_probability[parent] - gammaln(taken + 1.0) + xlogy(taken, chance)
        log_cover = log_cover[parent] + taken * math.log(size / block_size)
        left = left[parent] - taken
    weights = np.exp(log_probability)
    return CoverLaw(weights / weights.sum(), log_cover)


def _block_size(vocab_size: int, width: int, weight: int, set_size: int) -> int:
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    if weight < 1 or width % weight:
        raise UsageError(
            f"width is {width}, weight {weight}: a partitioned code has `weight` blocks of equal "
            f"size; use a width that is a multiple of the weight, such as "
            f"{max(1, width // max(weight, 1)) * max(weight, 1)}"
        )
    return width // weight
