"""Bernoulli codes: every bit of every hash is set with chance `density`, independently."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy  # pyright: ignore[reportMissingTypeStubs]

from relubloom.errors import UsageError
from relubloom.theory.arguments import check_sizes
from relubloom.theory.cover import CoverLaw, SetErrors, set_errors


@dataclass(frozen=True)
class BernoulliExpectations(SetErrors):
    """Mean errors of a Bernoulli code.

    Attributes:
        vocab_size: number of tokens, N.
        width: number of units, d.
        set_size: tokens per set, k.
        density: chance that a bit is set; a token has `density * width` bits on average.
    """

    vocab_size: int
    width: int
    set_size: int
    density: float


def bernoulli(vocab_size: int, width: int, density: float, set_size: int) -> BernoulliExpectations:
    """Exact mean errors of a code with independent bits at infinite sharpness.

    The union is Binomial(d, 1 - (1-q)^k), and covers a non-member with chance (1-q)^(d-u);
    averaged, FPR = (1 - q (1-q)^k)^d. Derived here.

    Returns rates and means without unit, kl in nats; relative accuracy about 1e-11.
    Cost: O(d), independent of `vocab_size`.

    Raises:
        UsageError: sizes that no code or set has, or a density outside 0..1.
    """
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    if not 0 <= density <= 1:
        raise UsageError(
            f"density is {density}: it is the chance that a bit is set; give a value in 0..1"
        )
    errors = set_errors(_cover_law(width, density, set_size), vocab_size, set_size)
    return BernoulliExpectations(
        **vars(errors), vocab_size=vocab_size, width=width, set_size=set_size, density=density
    )


def best_bernoulli(vocab_size: int, width: int, set_size: int) -> BernoulliExpectations:
    """The density with the least E[F], 1 / (k + 1), and its errors.

    q (1-q)^k is largest there, so the FPR is least, at every width: no search. (The density with
    the least mse differs a little.) Cost and errors raised as `bernoulli`.
    """
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    return bernoulli(vocab_size, width, 1 / (set_size + 1), set_size)


def _cover_law(width: int, density: float, set_size: int) -> CoverLaw:
    if density in (0.0, 1.0):  # all hashes are equal: everything is covered
        return CoverLaw.of_everything()
    outside = np.arange(width + 1.0)
    log_missed = set_size * math.log1p(-density)  # ln of the chance that a unit is left out
    log_probability = (
        gammaln(width + 1.0)
        - gammaln(outside + 1)
        - gammaln(width - outside + 1)
        + outside * log_missed
        + xlogy(width - outside, -math.expm1(log_missed))
    )
    probability = np.exp(log_probability)
    return CoverLaw(probability / probability.sum(), xlog1py(outside, -density))
