"""Certificates from intervals: worst cases of every unit, and a count of near misses of the code.

Read the code A off W_in. Over all sets, an uncovered unit lies in an interval [low, high], a
covered one in [0, leak]. For a non-member t and a member s the difference of their logits is
bounded unit by unit; each missing bit of t lowers it. If r missing bits make it negative against
every s, t outranks a member only on sets where fewer than r of its bits are missing, and those are
counted exactly. No assumption is made of units or tokens: what fails a test widens the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, count_near_misses
from relubloom.evidence.certificate.certified import proven
from relubloom.measure.error_bound import FLOAT64, rounding_error, top_sums
from relubloom.network.extract import extract_code
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import Certificate, Interval

Reals = NDArray[np.float64]
LN2 = math.nextafter(math.log(2), 1)


@dataclass(frozen=True)
class UnitLevels:
    """What each unit can be over all sets of k distinct tokens, bounds, [width] each.

    `low`, `high`: when uncovered (k tokens without the bit). `leak`: at most this when covered.
    `top`: at most this on any set.
    """

    low: Reals
    high: Reals
    leak: Reals

    @property
    def top(self) -> Reals:
        """The larger of `high` and `leak`."""
        return np.maximum(self.high, self.leak)


def bound_sets(net: ReluNet, set_size: int, *, workers: int = 1) -> Certificate:
    """Bound exact sets from below and called non-members from above without visiting sets.

    Gives up (certifying nothing) at the first token that no number of missing bits keeps down.
    The mse is not bounded. Cost: O(vocab^2 width) for the differences, O(vocab (vocab weight +
    weight 2^weight)) for the counts.
    """
    vocab, sets = net.vocab_size, math.comb(net.vocab_size, set_size)
    code = extract_code(net)
    levels = unit_levels(net, code, set_size)
    failing = called = sets * (vocab - set_size)
    reason = f"{int((levels.leak == 0).sum())} of {net.width} units are exactly 0 when covered"
    error = rounding_error(net, set_size, FLOAT64).logit
    if vocab > set_size and math.isfinite(error):
        needed = _missing_bits_needed(net, code, levels, 4 * error)
        if needed is None:
            reason += "; worst cases keep no number of missing bits from failing"
        else:
            failing, called = (_near_misses(code, set_size, row, workers) for row in needed)
            reason += f"; at most {needed[0].max()} missing bits keep any token below every member"
    return proven(
        sets=sets,
        set_size=set_size,
        vocab_size=vocab,
        method="bounds",
        exact=(sets if vocab == set_size else sets - failing, sets),
        mse=Interval(0.0, math.inf),
        called=(0, called),
        reasons=reason,
    )


def unit_levels(net: ReluNet, code: Code, set_size: int) -> UnitLevels:
    """The levels of each unit, widened by more than the rounding of their own evaluation."""
    W_in, b_in = as_array(net.W_in), as_array(net.b_in)
    low, high, leak = (np.zeros(net.width) for _ in range(3))
    for unit, (column, bits) in enumerate(zip(W_in.T, code.bits.T, strict=True)):
        size = float(top_sums(np.abs(column[:, None]), set_size)[0]) + abs(float(b_in[unit]))
        slack = size * (set_size + 4) * 2.0**-51
        if _is_dyadic_small(column, b_in[unit]):
            slack = 0.0
        without, having = np.sort(column[~bits]), np.sort(column[bits])
        if len(without) >= set_size:
            low[unit] = max(0.0, b_in[unit] + without[:set_size].sum() - slack)
            high[unit] = max(0.0, b_in[unit] + without[-set_size:].sum() + slack)
        if len(having):
            rest = np.sort(np.concatenate([without, having[:-1]]))[::-1][: set_size - 1]
            leak[unit] = max(0.0, b_in[unit] + having[-1] + rest.sum() + slack)
    return UnitLevels(low, high, leak)


def _is_dyadic_small(column: Reals, bias: float) -> bool:
    """Multiples of 2^-20 below 2^20: all sums of up to 2^12 of them are exact."""
    values = np.append(column, bias)
    return bool((np.abs(values) < 2.0**20).all() and (values * 2.0**20 % 1 == 0).all())


def _missing_bits_needed(
    net: ReluNet, code: Code, levels: UnitLevels, slack: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Per token, missing bits from which on it stays below every member, and ln 2 below.

    None where some token has no such number. A number may exceed the token's weight: then a set
    on which the token is a non-member always has a member whose bits it lacks too few of.
    """
    W_out, b_out = as_array(net.W_out), as_array(net.b_out)
    scale = float((levels.top @ np.abs(W_out) + np.abs(b_out)).max())
    slack += scale * (net.width + 64) * 2.0**-49
    if not math.isfinite(slack):
        return None
    ranks = np.zeros(net.vocab_size, dtype=np.int64)
    calls = np.zeros(net.vocab_size, dtype=np.int64)
    for token in range(net.vocab_size):
        worst = _worst_differences(token, W_out, b_out, code.bits, levels) + slack
        for row, drop in ((ranks, 0.0), (calls, LN2)):
            below = np.flatnonzero(worst < -drop)
            if row is ranks and not len(below):
                return None
            row[token] = below[0] if len(below) else len(worst)
    return ranks, calls


def _worst_differences(
    token: int, W_out: Reals, b_out: Reals, bits: NDArray[np.bool_], levels: UnitLevels
) -> Reals:
    """Entry r bounds logit[token] - logit[s] over all members s and sets with >= r missing bits.

    Missing bits of the token are bits that s lacks; entries that no s allows are -inf.
    """
    difference = W_out[:, token] - W_out.T  # (vocab, width)
    mine = bits[token]
    quiet = bits | mine  # units that are covered unless they are missing bits
    largest = np.maximum(0.0, difference * np.where(quiet, levels.leak, levels.top))
    may_miss = mine & ~bits
    on = np.maximum(difference * levels.low, difference * levels.high)
    gain = np.where(may_miss, on - largest, -np.inf)[:, mine]
    gain = -np.sort(-gain, axis=1)  # the r largest gains are the worst r missing bits
    base = b_out[token] - b_out + largest.sum(1)
    steps = np.concatenate([np.zeros((len(base), 1)), np.cumsum(gain, axis=1)], axis=1)
    worst = base[:, None] + steps
    worst[token] = -np.inf
    # "at least r": the worst over any number from r on
    return np.maximum.accumulate(worst[:, ::-1], axis=1)[:, ::-1].max(0)


def _near_misses(code: Code, set_size: int, fewer_than: NDArray[np.int64], workers: int) -> int:
    def count(token: int) -> int:
        return count_near_misses(code, token, set_size, int(fewer_than[token]))

    work: Callable[[int], int] = count
    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(work, range(code.vocab_size)))
