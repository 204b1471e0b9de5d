"""Frequency-aware random codes: rare tokens get more bits.

Let token t be in a set with chance p_t, all independently, and let its hash be h_t units drawn at
random of d. With a fill f, the chance that a unit is covered, a stranger is covered with chance
f^h_t. Minimise sum (1 - p_t) f^h_t under a fixed fill 1 - exp(-sum p_t h_t / d): the derivative by
h_t is (1 - p_t) f^h_t ln f + mu p_t, with one multiplier mu for all tokens. It is 0 at

    h_t = ln(lambda p_t / ((1 - p_t) (-ln f))) / ln f,    lambda = mu,

affine in the log-odds of the token. h_t is kept from 1 to d, and lambda is what gives the fill.
(J. Bruck, J. Gao, A. Jiang, "Weighted Bloom filter", 2006, is the relative.)

The expected number of false positives of such a code is known exactly for independent tokens. A
token's j units are all open with chance prod_s (1 - p_s + p_s r_s(j)) over the others, where r_s(j)
is the chance that s has none of j given units; inclusion and exclusion over j gives the chance that
all h_t are covered.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import gammaln

from relubloom.code.bits import Code
from relubloom.code.worth import worth_on

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
FILLS = np.arange(0.16, 0.53, 0.04)  # tried on the training sets
TRIED_SETS = 2_000
TRIED_PAIRS = 1 << 24  # (set, token) pairs that a code is tried on
TRIED_CODES = 3
SMOOTHING = 0.5  # sets added for each token


@dataclass(frozen=True)
class FrequencyLaw:
    """Hash weights by frequency.

    Attributes:
        shares: p_t, the share of sets that hold each token, float64 [vocab].
        weights: h_t, float64 [vocab], between 1 and the width; a hash has one of the two whole
            numbers beside it, at random so that h_t is its mean.
        width: d.
        fill: f.
    """

    shares: Floats
    weights: Floats
    width: int
    fill: float

    def draw(self, seed: int) -> Code:
        """A random code of these weights. Cost: O(vocab width)."""
        generator = np.random.default_rng([seed, len(self.weights), self.width])
        whole = np.floor(self.weights)
        bits_of = whole + (generator.random(len(whole)) < self.weights - whole)
        drawn = generator.random((len(whole), self.width))
        after = np.pad(np.sort(drawn, axis=1), ((0, 0), (0, 1)), constant_values=1)
        return Code(drawn < np.take_along_axis(after, bits_of.astype(np.int64)[:, None], axis=1))

    def expected_false_positives(self) -> float:
        """E[F] over codes and sets, exact if tokens are independent.

        Cost: O(vocab weight). Terms cancel: with weights up to 24 the error stays under 1e-8 a
        token.
        """
        most = math.ceil(self.weights.max())
        free = np.arange(most + 1)[:, None]  # units asked to be open
        none = _mixed(self.weights, lambda h: _log_ratio(self.width, free, h))
        open_chance = np.log1p(-self.shares * (1 - none))
        others = np.exp(open_chance.sum(1, keepdims=True) - open_chance)  # [free, vocab]

        def covered(h: Floats) -> Floats:
            terms = _binomial(h, free) * np.where(free % 2, -1.0, 1.0) * others
            return terms.sum(0, keepdims=True)

        return float(((1 - self.shares) * _mixed(self.weights, covered)[0]).sum())


def frequency_law(shares: Floats, width: int, fill: float) -> FrequencyLaw:
    """The weights of least expected false positives at a fill, as derived above.

    Where hashes of 1 to `width` bits do not come to the fill, all have 1 bit or all have `width`,
    and the fill is what that gives. Cost: O(vocab) for each of some 50 steps.
    """
    log_fill = math.log(fill)
    log_odds = np.log(shares / (1 - shares))

    def weights(log_lambda: float) -> Floats:
        return np.clip((log_lambda + log_odds - math.log(-log_fill)) / log_fill, 1, width)

    def surplus(log_lambda: float) -> float:
        return float(shares @ weights(log_lambda)) + width * math.log1p(-fill)

    lightest, heaviest = 60.0, -60.0 * width
    if surplus(lightest) >= 0:
        found = weights(lightest)
    elif surplus(heaviest) <= 0:
        found = weights(heaviest)
    else:
        found = weights(cast("float", brentq(surplus, heaviest, lightest)))
    return FrequencyLaw(shares, found, width, -math.expm1(-float(shares @ found) / width))


def token_shares(sets: Ints, copies: Floats, vocab_size: int) -> Floats:
    """The share of the sets that hold each token, half a set added to each, float64 [vocab]."""
    held = sets < vocab_size
    each = np.repeat(copies, held.sum(1))
    counts = np.bincount(sets[held], weights=each, minlength=vocab_size)
    return (counts + SMOOTHING) / (copies.sum() + 2 * SMOOTHING)


def best_frequency_law(sets: Ints, copies: Floats, vocab_size: int, width: int) -> FrequencyLaw:
    """The law whose codes have the fewest false positives on the given (training) sets.

    Fills from 0.16 to 0.52 are tried with 3 codes each, on 2,000 of the sets, or fewer of many
    tokens. Cost: seconds.
    """
    shares = token_shares(sets, copies, vocab_size)
    tried = min(TRIED_SETS, -(-TRIED_PAIRS // vocab_size))
    chosen = np.random.default_rng(0).permutation(len(sets))[:tried]

    def false_positives(law: FrequencyLaw) -> float:
        codes = (law.draw(seed) for seed in range(TRIED_CODES))
        found = [worth_on(code, sets[chosen], copies[chosen]).false_positives for code in codes]
        return float(np.mean(found))

    laws = [frequency_law(shares, width, fill) for fill in FILLS.tolist()]
    return min(laws, key=false_positives)


def _mixed(weights: Floats, of: Callable[[Floats], Floats]) -> Floats:
    """The mean of a function of whole weights over the two beside each weight."""
    whole = np.floor(weights)
    part = weights - whole
    return (1 - part) * of(whole) + part * of(np.minimum(whole + 1, weights.max().round(12) + 1))


def _log_ratio(width: int, free: Ints, h: Floats) -> Floats:
    """Chance that h units of d miss `free` given ones: C(d - free, h) / C(d, h)."""
    fits = free + h <= width
    left = np.where(fits, width - free - h, 0)
    logs = (
        gammaln(width - free + 1) - gammaln(left + 1) + gammaln(width - h + 1) - gammaln(width + 1)
    )
    return np.where(fits, np.exp(logs), 0.0)


def _binomial(h: Floats, free: Ints) -> Floats:
    fits = free <= h
    left = np.where(fits, h - free, 0)
    return np.where(fits, np.exp(gammaln(h + 1) - gammaln(free + 1) - gammaln(left + 1)), 0.0)
