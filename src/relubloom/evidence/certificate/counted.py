"""Certificates by counting: networks whose weights make them exactly a (graded) Bloom filter.

Conditions, read off the weights. For every unit i with b_in > 0: each entry of W_in's column is
0, or at most -b_in (a full bit), or between (a weaker bit), where any two weaker ones together are
at most -b_in; and W_out[i, t] is negative where t has a bit and 0 where not. A unit with b_in <= 0
has no positive entry: it is always 0 and carries no bit. All entries of b_out are equal. Then, for
every set, unit i is b_in when untouched, b_in + W_in where one weaker bit is alone there, and
exactly 0 otherwise. Its weaker values, from the one that leaves it highest, are its strengths.

So a covered token loses at most what its weaker bits let through (*leaked*), and any other at least
one untouched or too weakly covered unit (*drop*). Where the drop is larger, the exact sets are
those without a false positive of the code, and perhaps some where each false positive leaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode, count_false_positives
from relubloom.code.graded import MOST_LEVELS
from relubloom.errors import UsageError
from relubloom.evidence.certificate.certified import proven, round_down, round_up
from relubloom.measure.one_pass import OnSets
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import Certificate, Interval
from relubloom.theory import leaking_mse

Reals = NDArray[np.float64]
LN2_ABOVE = math.nextafter(math.log(2), 1)
LN2_BELOW = math.nextafter(math.log(2), 0)


@dataclass(frozen=True)
class ExactFilter:
    """The code of a network that is exactly its filter, and what its bits cost in logit.

    `least_drop` is at most the smallest loss of a token with a missing bit (inf when no token has
    bits), `leaked` at least the largest loss of a covered token (0 where all bits are full).
    """

    code: Code | GradedCode
    least_drop: float
    leaked: float


def as_exact_filter(net: ReluNet) -> ExactFilter | str:
    """The network as an exact (graded) Bloom filter, or the condition it breaks, in words.

    Cost: O(vocab width log vocab).
    """
    W_in, b_in, W_out, b_out = map(as_array, net.parameters())
    alive = b_in > 0
    bits = (W_in < 0) & alive
    if (W_in[:, ~alive] > 0).any():
        return "a unit without a positive bias has a positive entry in W_in"
    if ((W_in > 0) & alive).any():
        return "an entry of W_in is positive"
    weaker = bits & (W_in > -b_in)
    if weaker.any() and not _any_two_cover(np.where(weaker, W_in, -np.inf), b_in):
        return "two entries of W_in together do not bring their unit to 0"
    if ((W_out != 0) & ~bits.T & alive[:, None]).any():
        return "W_out reads a unit for a token that does not have the bit"
    if ((W_out >= 0) & bits.T).any():
        return "W_out is not negative for a token's own bit"
    if (b_out != b_out[0]).any():
        return "b_out is not the same for all tokens"
    found = _strengths(W_in, b_in, bits, weaker)
    if found is None:
        return f"a unit has more than {MOST_LEVELS} values in W_in"
    code, above = found
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        drops = above[bits] * -W_out.T[bits]
        leaked = 0.0
        if weaker.any():
            leaks = np.where(weaker, (b_in + W_in) * -W_out.T, 0.0).sum(1)
            leaked = float(leaks.max()) * (1 + net.width * 2.0**-50)
    least = float(drops.min()) * (1 - 2.0**-50) if drops.size else math.inf
    if leaked and not least > leaked:
        return "its weaker bits let as much through as a missing bit costs"
    return ExactFilter(code, least, leaked)


def _any_two_cover(weaker: Reals, b_in: Reals) -> bool:
    """Whether the two largest entries of each column sum to at most -b_in, exactly."""
    if len(weaker) < 2:
        return True
    largest = np.partition(weaker, -2, axis=0)[-2:]
    return all(
        Fraction(first) + Fraction(second) <= -Fraction(bias)
        for first, second, bias in zip(*largest.tolist(), b_in.tolist(), strict=True)
        if math.isfinite(first)
    )


def _strengths(
    W_in: Reals, b_in: Reals, bits: NDArray[np.bool_], weaker: NDArray[np.bool_]
) -> tuple[Code | GradedCode, Reals] | None:
    """The code, and the level of each bit's unit in the highest state that does not cover it."""
    above = np.where(bits, b_in, 0.0)
    if not weaker.any():
        return Code(bits), above
    strengths = np.zeros(bits.shape, dtype=np.int64)
    for unit in np.flatnonzero(weaker.any(0)).tolist():
        values, rank = np.unique(-W_in[weaker[:, unit], unit], return_inverse=True)
        strengths[weaker[:, unit], unit] = rank + 1
        levels = b_in[unit] - np.concatenate([[0.0], values])  # highest first
        above[weaker[:, unit], unit] = levels[rank]
        above[bits[:, unit] & ~weaker[:, unit], unit] = levels[-1]
    top = int(strengths.max()) + 1
    if top > MOST_LEVELS:
        return None
    strengths[bits & ~weaker] = top
    return GradedCode(strengths, top), above


def count_sets(
    net: ReluNet, set_size: int, *, workers: int = 1, on_sets: OnSets | None = None
) -> Certificate:
    """Certify a network that is exactly a (graded) Bloom filter, by the exact count of its code.

    With T the false positives summed over all C = C(vocab, k) sets, between T / (vocab - k) and T
    sets are not exact; where weaker bits leak, at most T, and perhaps none. mse lies between
    T / (C k (vocab)) and T / (C k (k + 1)) + (mass of the other tokens) / k^2; leaks widen this
    (`theory.leaking_mse`). Called non-members number T where a missing bit costs more than ln 2
    beside what leaks, and leaks are below ln 2.

    Raises:
        UsageError: the network is no exact Bloom filter (the text says why), or a token is too
            heavy to count.

    Cost: that of `code.count_false_positives`.
    """
    found = as_exact_filter(net)
    if isinstance(found, str):
        raise UsageError(
            f"method is 'counting' and {found}: counting holds for exact filters only; "
            "use enumeration, bounds or sampled"
        )
    vocab = net.vocab_size
    sets = math.comb(vocab, set_size)
    total = count_false_positives(found.code, set_size, threads=workers, progress=on_sets)
    others = vocab - set_size
    least_failing = -(-total // others) if others else 0
    sharp = found.least_drop - found.leaked > LN2_ABOVE and found.leaked < LN2_BELOW
    kind = "a Bloom filter" if isinstance(found.code, Code) else "a graded Bloom filter"
    return proven(
        sets=sets,
        set_size=set_size,
        vocab_size=vocab,
        method="counting",
        exact=(sets - total, sets if found.leaked else sets - least_failing),
        mse=_mse_bounds(Fraction(total, sets), vocab, set_size, found),
        called=(total if found.leaked < LN2_BELOW else 0, total if sharp else sets * others),
        reasons=f"exactly {kind}; its code has {total:,} false positives over all sets",
    )


def _mse_bounds(mean: Fraction, vocab: int, set_size: int, found: ExactFilter) -> Interval:
    """Section 1 of the formulas with what the other tokens keep at finite sharpness.

    phi(x) = x / (k (k + x)) is concave and increasing; a set's mse is at least phi(F) and at
    most phi(F + eps), eps <= (vocab - k) e^-drop, and phi' <= 1 / k^2. With leaks as in
    `theory.leaking_mse`.
    """
    k = set_size
    lower = round_down(mean / (k * vocab))
    upper = round_up(mean / (k * (k + 1)))
    if found.leaked:
        low, high = leaking_mse(lower, upper, vocab, k, found.leaked, found.least_drop)
        return Interval(low * (1 - 2.0**-40), high * (1 + 2.0**-40))
    leak = 0.0
    if vocab > k and found.least_drop < math.inf:
        leak = (vocab - k) * math.exp(-found.least_drop) / k**2 * (1 + 1e-12) + 1e-300
    return Interval(lower, (upper + leak) * (1 + 2.0**-50))
