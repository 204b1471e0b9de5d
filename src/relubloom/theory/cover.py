"""From the chance that a union covers a non-member to the errors that one set makes.

Every random family here has independent hashes. So, given what the members did to the hidden
layer (the *state*: the size of the union, say), the N - k non-members are covered independently,
each with chance c(state), and F ~ Binomial(N - k, c). A family is then nothing but a table of
P(state) and c(state), and this file turns such a table into E[F], P_exact, mse and kl.

The last two are means of F / (k (k + F)) and ln(1 + F / k). With e^{-ks} as weight,

    F / (k (k + F)) = ∫_0^∞ e^{-ks} (1 - e^{-Fs}) ds,
    ln(1 + F / k)   = ∫_0^∞ e^{-ks} (1 - e^{-Fs}) ds / s,

and E e^{-Fs} = (1 - c (1 - e^{-s}))^{N-k} is the binomial's generating function: the sum over F
is done exactly, whatever N is, and what is left is one smooth positive integral. In x = ln s the
integrand is analytic and decays in the strip |Im x| < π/2, so the trapezoid rule with step
`STEP` errs by about e^{-π²/STEP}, some 1e-20: below rounding. Nothing cancels, so small values
keep their relative accuracy down to the underflow of floats. (Derived here; tested against
exact rational sums.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEP = 0.2  # trapezoid step in ln s: discretisation error about e^{-π²/.2} = 4e-22
COARSE_STEP = 0.5  # about 3e-9: for bounds that are then given a margin
LEFT = 39.0  # e^-39 = 1e-17: what the lower cut leaves out, relative to the integral
RIGHT = 45.0  # e^{-k s} at the upper cut: e^-45
NEGLIGIBLE = 1e-18  # states whose share of every answer is below this are skipped
NODES_AT_ONCE = 1 << 20  # states x nodes evaluated at once: 8 MB


@dataclass(frozen=True, eq=False)
class CoverLaw:
    """States of the hidden layer: how likely each is, and how likely it covers a non-member.

    Args:
        probability: float64 [states], P(state), sum 1.
        log_cover: float64 [states], ln c(state), at most 0.
    """

    probability: Floats
    log_cover: Floats

    @property
    def cover(self) -> Floats:
        """c(state), float64 [states], in 0..1."""
        return np.minimum(np.exp(self.log_cover), 1.0)

    def mean_cover(self) -> float:
        """E[c], the false positive rate of one non-member."""
        return float(self.probability @ self.cover)

    @classmethod
    def of_everything(cls) -> CoverLaw:
        """One state, in which every token is covered."""
        return cls(np.ones(1), np.zeros(1))


@dataclass(frozen=True)
class SetErrors:
    """Mean errors on one set of `set_size` tokens at infinite sharpness.

    Attributes:
        fpr: chance that one given non-member is covered.
        false_positives: E[F], covered non-members per set.
        p_exact: P(F = 0), the share of sets that are answered exactly.
        p_failure: P(F > 0) = 1 - p_exact, computed without cancellation.
        mse: mean of F / (k (k + F)): squared error summed over tokens, mean over sets.
        kl: mean of ln(1 + F / k), nats.
    """

    fpr: float
    false_positives: float
    p_exact: float
    p_failure: float
    mse: float
    kl: float


@dataclass(frozen=True)
class Expectations(SetErrors):
    """Mean errors of a family with a whole number of bits per token.

    Attributes:
        vocab_size: number of tokens, N.
        width: number of units, d.
        set_size: tokens per set, k.
        weight: bits per token (hashes per token, where they are drawn with replacement).
    """

    vocab_size: int
    width: int
    set_size: int
    weight: int


def set_errors(law: CoverLaw, vocab_size: int, set_size: int) -> SetErrors:
    """Mean errors of the code whose states and cover chances `law` lists.

    Cost: O(states). The mse and the kl are to about 1e-13 relative.
    """
    others = vocab_size - set_size
    mse, kl = mean_losses(law, others, set_size)
    fpr = law.mean_cover()
    return SetErrors(
        fpr=fpr,
        false_positives=others * fpr,
        p_exact=exact_share(law, others),
        p_failure=failure_share(law, others),
        mse=mse,
        kl=kl,
    )


def expectations(
    law: CoverLaw, vocab_size: int, width: int, set_size: int, weight: int
) -> Expectations:
    """`set_errors`, with the sizes they belong to."""
    errors = set_errors(law, vocab_size, set_size)
    return Expectations(
        **vars(errors), vocab_size=vocab_size, width=width, set_size=set_size, weight=weight
    )


def exact_share(law: CoverLaw, others: int) -> float:
    """P(F = 0) with `others` = N - k non-members: E[(1 - c)^(N - k)]."""
    return min(1.0, float(law.probability @ np.exp(_log_none_covered(law.cover, others))))


def failure_share(law: CoverLaw, others: int) -> float:
    """P(F > 0), without the cancellation of 1 - P(F = 0): good relative accuracy when tiny."""
    return min(1.0, float(law.probability @ -np.expm1(_log_none_covered(law.cover, others))))


def mean_losses(law: CoverLaw, others: int, set_size: int) -> tuple[float, float]:
    """E[F / (k (k + F))] and E[ln(1 + F / k)]: mse, and kl in nats, at infinite sharpness.

    Relative accuracy about 1e-13 (see the file's docstring). Cost: O(states x 250).
    """
    if others == 0:
        return 0.0, 0.0
    probability, cover = _states_that_matter(law, others, set_size)
    nodes = _nodes(set_size, others * float(cover.max(initial=0.0)), STEP)
    mixed = np.zeros(len(nodes))
    rows = max(1, NODES_AT_ONCE // len(nodes))
    for start in range(0, len(cover), rows):
        stop = start + rows
        mixed += probability[start:stop] @ _deficit(cover[start:stop, None], nodes, others)
    weight = np.exp(-set_size * nodes) * STEP
    return float((weight * nodes) @ mixed), float(weight @ mixed)


def mse_at_cover(cover: Floats, others: int, set_size: int) -> Floats:
    """E[F / (k (k + F))] for each given c, shape of `cover`; relative error about 1e-8."""
    nodes = _nodes(set_size, others * float(cover.max(initial=0.0)), COARSE_STEP)
    weight = nodes * np.exp(-set_size * nodes) * COARSE_STEP
    flat = cover.reshape(-1, 1)
    rows = max(1, NODES_AT_ONCE // len(nodes))
    parts = [
        _deficit(flat[start : start + rows], nodes, others) @ weight
        for start in range(0, len(flat), rows)
    ]
    return np.concatenate(parts).reshape(cover.shape)


def _log_none_covered(cover: Floats, others: int) -> Floats:
    if others == 0:
        return np.zeros_like(cover)
    with np.errstate(divide="ignore"):  # c = 1: ln 0 = -inf is meant
        return others * np.log1p(-cover)


def _deficit(cover: Floats, nodes: Floats, others: int) -> Floats:
    """1 - E[e^{-Fs}] at each node s, [states, nodes]."""
    with np.errstate(divide="ignore"):
        return -np.expm1(others * np.log1p(cover * np.expm1(-nodes)))


def _nodes(set_size: int, largest_mean: float, step: float) -> Floats:
    """Values of s that the integrals are taken at, evenly spaced in ln s."""
    low = -LEFT - math.log(max(set_size, largest_mean))
    high = math.log(RIGHT / set_size)
    return np.exp(np.arange(low, high + step, step))


def _states_that_matter(law: CoverLaw, others: int, set_size: int) -> tuple[Floats, Floats]:
    """Drop states that add less than `NEGLIGIBLE` to either mean (bounded by Jensen, both ways).

    p ln(1 + (N-k)c/k) bounds a state's part of the kl, p (N-k)c / (k (k + (N-k)c)) its part of
    the mse, and each true part is at least half of its bound when summed.
    """
    mean = others * law.cover
    kl = law.probability * np.log1p(mean / set_size)
    mse = law.probability * mean / (set_size + mean)
    small = NEGLIGIBLE / len(mean)
    keep = (kl > small * kl.sum()) | (mse > small * mse.sum())
    return law.probability[keep], law.cover[keep]
