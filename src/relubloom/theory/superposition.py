"""The rival without a ReLU: linear superposition of random directions (Johnson-Lindenstrauss).

Each token is a random unit vector v_t; a set is x = sum of its vectors; the score of t is <v_t, x>
and the answer softmax(β score), with the best β. A non-member's score has second moment k/d, a
member's error (k-1)/d: noise that falls only as a power of the width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_sizes
from relubloom.theory.cover import Floats

ENTRY_LIMIT = 1 << 24  # vocab_size x width held at once: 128 MB in float64
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Superposition:
    """A Monte Carlo estimate: one draw of the directions, some random sets. Never a bound.

    Attributes:
        mse: mean over the sets of the squared error summed over tokens.
        standard_error: of that mean over sets; it does not cover the draw of the directions.
        beta: the inverse temperature used, the best for these sets.
        sets: number of sets drawn.
        method: how the figures were made, in words.
    """

    mse: float
    standard_error: float
    beta: float
    sets: int
    method: str


def superposition_noise(width: int, set_size: int) -> tuple[float, float]:
    """Second moments (E[y²] of a non-member, E[(y-1)²] of a member): (k/d, (k-1)/d), exact.

    For unit vectors with random directions. Cost: O(1).

    Raises:
        UsageError: width or set_size below 1.
    """
    _, width, set_size = check_sizes(set_size, width, set_size)
    return set_size / width, (set_size - 1) / width


def linear_superposition(
    vocab_size: int, width: int, set_size: int, *, sets: int = 64, seed: int = 0
) -> Superposition:
    """Monte Carlo mse of linear superposition with the best β.

    Cost: O(N d + sets N (d + 30)) and N d float64 of memory.

    Raises:
        UsageError: sizes that no code or set has; fewer than 2 sets; vocab_size x width above
            2^24 (the draw would not fit in 128 MB).
    """
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    if sets < 2:
        raise UsageError(f"sets is {sets}: a standard error needs 2 sets or more; give 2 or more")
    if vocab_size * width > ENTRY_LIMIT:
        raise UsageError(
            f"vocab_size x width is {vocab_size * width}: the Monte Carlo holds at most "
            f"{ENTRY_LIMIT} numbers; use superposition_noise, which is a closed form"
        )
    generator = np.random.default_rng([seed, vocab_size, width, set_size])
    directions = generator.standard_normal((vocab_size, width))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    members = np.stack(
        [generator.choice(vocab_size, set_size, replace=False) for _ in range(sets)]
    )  # [sets, set_size]
    scores = directions[members].sum(1) @ directions.T  # [sets, vocab]
    target = np.zeros_like(scores)
    np.put_along_axis(target, members, 1 / set_size, axis=1)
    beta = _best_beta(scores, target)
    errors = _errors(scores, target, beta)
    return Superposition(
        mse=float(errors.mean()),
        standard_error=float(errors.std(ddof=1) / math.sqrt(sets)),
        beta=beta,
        sets=sets,
        method=f"Monte Carlo: one draw of the directions (seed {seed}), {sets} random sets",
    )


def _errors(scores: Floats, target: Floats, beta: float) -> Floats:
    mass = np.exp(beta * (scores - scores.max(1, keepdims=True)))
    mass /= mass.sum(1, keepdims=True)
    return ((mass - target) ** 2).sum(1)


def _best_beta(scores: Floats, target: Floats) -> float:
    """Golden section over ln β in 1..1000, to about 1 %: the optimum is flat."""
    low, high = 0.0, math.log(1000.0)
    while high - low > 0.01:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        at_left = _errors(scores, target, math.exp(left)).mean()
        at_right = _errors(scores, target, math.exp(right)).mean()
        low, high = (low, right) if at_left < at_right else (left, high)
    return math.exp((low + high) / 2)
