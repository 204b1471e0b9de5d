"""Certificates by counting: networks whose weights make them exactly a Bloom filter.

Conditions, read off the weights. For every unit i with b_in > 0: each entry of W_in's column is
either 0 or at most -b_in (a bit), and W_out[i, t] is negative where t has the bit and 0 where
not. A unit with b_in <= 0 has no positive entry: it is always 0 and carries no bit. All entries of
b_out are equal. Then, for every set, unit i is b_in when uncovered and exactly 0 otherwise, and a
token's logit is b_out minus the levels of its missing bits: b_out for members and covered tokens,
less for all others. So the exact sets are those without a false positive of the code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from relubloom.code import Code, count_false_positives
from relubloom.errors import UsageError
from relubloom.evidence.certificate.certified import proven, round_down, round_up
from relubloom.measure.one_pass import OnSets
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import Certificate, Interval

LN2_ABOVE = math.nextafter(math.log(2), 1)


@dataclass(frozen=True)
class ExactFilter:
    """The code of a network that is exactly its Bloom filter, and what a missing bit costs.

    `least_drop` is at most the smallest loss in logit of a token with a missing bit (inf when no
    token has bits).
    """

    code: Code
    least_drop: float


def as_exact_filter(net: ReluNet) -> ExactFilter | str:
    """The network as an exact Bloom filter, or the condition it breaks, in words.

    Cost: O(vocab width).
    """
    W_in, b_in, W_out, b_out = (
        value.detach().to("cpu", torch.float64).numpy() for value in net.parameters()
    )
    alive = b_in > 0
    bits = (W_in <= -b_in) & alive & (W_in < 0)
    if (W_in[:, ~alive] > 0).any():
        return "a unit without a positive bias has a positive entry in W_in"
    if ((W_in != 0) & ~bits & alive).any():
        return "an entry of W_in is neither 0 nor at most minus its unit's bias"
    if ((W_out != 0) & ~bits.T & alive[:, None]).any():
        return "W_out reads a unit for a token that does not have the bit"
    if ((W_out >= 0) & bits.T).any():
        return "W_out is not negative for a token's own bit"
    if (b_out != b_out[0]).any():
        return "b_out is not the same for all tokens"
    with np.errstate(under="ignore", over="ignore"):
        drops = (b_in[:, None] * -W_out)[bits.T]
    least = float(drops.min()) * (1 - 2.0**-50) if drops.size else math.inf
    return ExactFilter(Code(bits), least)


def count_sets(
    net: ReluNet, set_size: int, *, workers: int = 1, on_sets: OnSets | None = None
) -> Certificate:
    """Certify a network that is exactly a Bloom filter, by the exact count of its code.

    With T the false positives summed over all C = C(vocab, k) sets, between T / (vocab - k) and T
    sets are not exact. mse lies between T / (C k (vocab)) and T / (C k (k + 1)) + (mass of the
    other tokens) / k^2. Called non-members number T where a missing bit costs more than ln 2.

    Raises:
        UsageError: the network is no exact Bloom filter (the text says why), or a token is too
            heavy to count.

    Cost: that of `code.count_false_positives`.
    """
    found = as_exact_filter(net)
    if isinstance(found, str):
        raise UsageError(
            f"method is 'counting' and {found}: counting holds for exact Bloom filters only; "
            "use enumeration, bounds or sampled"
        )
    vocab = net.vocab_size
    sets = math.comb(vocab, set_size)
    total = count_false_positives(found.code, set_size, threads=workers, progress=on_sets)
    others = vocab - set_size
    least_failing = -(-total // others) if others else 0
    sharp = found.least_drop > LN2_ABOVE
    return proven(
        sets=sets,
        set_size=set_size,
        vocab_size=vocab,
        method="counting",
        exact=(sets - total, sets - least_failing),
        mse=_mse_bounds(Fraction(total, sets), vocab, set_size, found.least_drop),
        called=(total, total if sharp else sets * others),
        reasons=f"exactly a Bloom filter; its code has {total:,} false positives over all sets",
    )


def _mse_bounds(mean: Fraction, vocab: int, set_size: int, least_drop: float) -> Interval:
    """Section 1 of the formulas with what the other tokens keep at finite sharpness.

    phi(x) = x / (k (k + x)) is concave and increasing; a set's mse is at least phi(F) and at
    most phi(F + eps), eps <= (vocab - k) e^-drop, and phi' <= 1 / k^2.
    """
    k = set_size
    leak = 0.0
    if vocab > k and least_drop < math.inf:
        leak = (vocab - k) * math.exp(-least_drop) / k**2 * (1 + 1e-12) + 1e-300
    lower = round_down(mean / (k * vocab))
    upper = round_up(mean / (k * (k + 1)))
    return Interval(lower, (upper + leak) * (1 + 2.0**-50))
