"""From a network to its graded code: which bits are full, which are half, and how far apart.

A token alone in a unit takes away a share of the level that the unit has on a set without bits
there. A *full* bit takes it all: the unit is 0. A *half* bit takes at least half, but not all: the
unit leaks, and two such bits bring it to 0. Whether half bits are a kind of their own, or no more
than the tail of the full ones, both matrices must say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.errors import UsageError, whole
from relubloom.network.extract import APART, extract_code, reversed_units
from relubloom.network.given_weights import as_array
from relubloom.network.modes import fit_two_modes
from relubloom.network.relu_net import ReluNet, as_network
from relubloom.network.weights_file import check_finite

BIT, FULL = 0.5, 1.0  # share of the level that a bit, and that a full bit, takes away at least
SEVERAL = 2  # tokens: on sets of one, a half bit is nothing but a bit
ROUNDS = 50  # of the fixed point; two or three will do
EQUAL = 1e-6  # of what bits do: non-bit entries that do less do nothing, as in a made network
ENOUGH = 0.05  # of the bits, at least, are half where half bits are a kind of their own
NARROW = 0.125  # interquartile range of their shares, at most; of a tail all over 1/2..1, twice it
OWN_SIDE = 0.95  # of each kind's costs, at least, on its own side of the midpoint
LEAST_COST = 0.05  # logits; below it costs count as equal
CALLED = math.log(2)  # logits that a member may lose and still be called
ASKED = CALLED / 2  # logits that an untouched unit costs a half bit, at least: two cost the call


@dataclass(frozen=True)
class Drops:
    """What one token alone does to each unit; float64 [vocab, width] but for `untouched`.

    Attributes:
        share: of the level of an untouched unit that the token alone takes away: 0 on average
            for non-bit entries, 1/2 to 1 for half bits, 1 and more for full ones. nan in units
            that have no such level: reversed units, and those with b_in <= 0 that are off without
            any bit.
        untouched: level of the unit on a set of average non-bit entries, [width].
        cost: logits that the token loses where the unit is untouched.
    """

    share: NDArray[np.float64]
    untouched: NDArray[np.float64]
    cost: NDArray[np.float64]


def extract_graded_code(net: ReluNet, set_size: int) -> GradedCode:
    """Read the strength of each token's bits off both matrices.

    Let m be the mean of a unit's non-bit entries in W_in, u = b_in + set_size m its untouched
    level, and v = (m - W_in[t, i]) / u the share of it that token t alone takes away. Token t has
    a full bit there if v >= 1. It has a half bit if 1/2 <= v < 1, so that two of them turn the unit
    off, and if an untouched unit costs it `u |W_out[i, t]|` >= ln 2 / 2 logits, so that two of them
    cost it the call. m is found by going round, from
    `extract_code`'s bits on; where those leave no untouched level, it is the empty set's, b_in.

    The code has two strengths if the half bits are a kind of their own:

    - at least 5 % of the bits are half;
    - their shares v lie together: their interquartile range is at most 0.125, half of what it is
      for bits that lie all over 1/2..1;
    - in W_out the kinds lie apart: taken at the midpoint of the two means of the log of a bit's
      cost, `u |W_out|`, each kind has at least 95 % on its side;
    - an untouched unit costs the half bit's token something, and a leak less than ln 2, by the
      median: so it is called.

    Half bits that in turn split into two such kinds, whose log leaks lie at least 4 pooled standard
    deviations apart, make three strengths, and so on. Otherwise the code is that of `extract_code`,
    with one strength. A network in which non-bit entries do nothing was made, not trained: there
    each value of v is a strength, if the last point holds for all, whatever it costs.

    Strengths that no bit has are not told apart: `extract_graded_code(construct(code), k)` is the
    code without them. The bits of a reversed unit are full: a leak is what a unit that a bit
    turns off does.

    Args:
        net: the network.
        set_size: of the sets that it was made for; sets of one token count as two, as nothing
            tells a half bit from a bit there.

    Raises:
        UsageError: the weights hold NaN or infinity, or set_size is below 1.

    Cost: that of `extract_code`, and O(vocab width) a round.
    """
    check_finite(as_network(net).state_dict())
    return extract_with_drops(net, extract_code(net), set_size)[0]


def extract_with_drops(net: ReluNet, code: Code, set_size: int) -> tuple[GradedCode, Drops]:
    """The graded code, and the drops it was read off; `code` is that of `extract_code`."""
    set_size = whole("set_size", set_size)
    if set_size < 1:
        raise UsageError(f"set_size is {set_size}: sets have at least one token; give 1 or more")
    drops = measure_drops(net, code, set_size)
    read = ~np.isnan(drops.share)
    half = read & (drops.share >= BIT) & (drops.share < FULL)
    kinds = _kinds(drops, half)
    if not kinds:
        return GradedCode(code.bits), drops
    if not _is_made(drops):
        half &= drops.cost >= ASKED
    strengths = np.where(read, drops.share >= FULL, code.bits) * np.uint8(len(kinds) + 1)
    leaks = 1 - drops.share
    for strength, (low, high) in enumerate(kinds, start=1):  # the widest leak is the weakest
        strengths[half & (leaks >= low) & (leaks <= high)] = strength
    return GradedCode(strengths, len(kinds) + 1), drops


def written_in_sets_of(net: ReluNet, code: GradedCode, set_size: int) -> GradedCode:
    """The strengths that the tokens' bits write into their units in sets of another size.

    What a bit asks for as it is read, its strength in the code, is W_out's, the same in any set.
    What it does as it is written is the share v of the untouched level that it takes away (see
    `extract_graded_code`), and that level rises or falls with every member, by a mean non-bit
    entry. So a full bit with v < 1 in sets of this size leaks as the code's strongest half bits do,
    a half bit with v >= 1 covers its unit, and a bit with v < 1/2 does nothing. Tokens that
    `code` lets out in states of the code returned come out of sets of this size.

    Non-bit entries are those without a bit in `code`. Units without an untouched level in sets of
    this size, or reversed ones, and codes of full bits, which say nothing of leaks, are as given.

    Cost: O(vocab width).
    """
    if code.levels == 1:
        return code
    W_in, b_in = as_array(net.W_in), as_array(net.b_in)
    mean = mean_where(W_in, code.strengths == 0)
    untouched = b_in + set_size * mean
    read = (untouched > 0) & ~reversed_units(net, Code(code.bits))
    share = (mean - W_in) / np.where(read, untouched, 1)
    written = np.where(share < BIT, 0, code.strengths.clip(max=code.levels - 1))
    written = np.where(share >= FULL, code.levels, written)
    return GradedCode(np.where(read & code.bits, written, code.strengths), code.levels)


def measure_drops(net: ReluNet, code: Code, set_size: int) -> Drops:
    """What each token alone takes away, unit by unit; see `extract_graded_code`."""
    W_in, b_in, W_out = map(as_array, (net.W_in, net.b_in, net.W_out))
    size = max(SEVERAL, set_size)
    mean = mean_where(W_in, ~code.bits)
    mean[b_in + size * mean <= 0] = 0  # no entry can be a non-bit one: so start from the empty set
    moving = np.arange(net.width)  # a unit's mean depends on its own entries alone
    for _ in range(ROUNDS):
        if not moving.size:
            break
        entries, bias, before = W_in[:, moving], b_in[moving], mean[moving]
        others = _shares(entries, before, bias + size * before) < BIT
        found = np.where(others.any(0), mean_where(entries, others), before)
        found[bias + size * found <= 0] = 0
        mean[moving], moving = found, moving[found != before]
    untouched = b_in + size * mean
    share = _shares(W_in, mean, untouched)
    share[:, (untouched <= 0) | reversed_units(net, code)] = np.nan
    return Drops(share, untouched, -W_out.T * untouched)


def _shares(
    entries: NDArray[np.float64], mean: NDArray[np.float64], untouched: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of a unit's untouched level that each token takes away alone."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (mean - entries) / untouched


def mean_where(
    entries: NDArray[np.float64], chosen: NDArray[np.bool_], axis: int = 0
) -> NDArray[np.float64]:
    """Mean of the chosen entries along the axis, 0 where there are none."""
    return np.where(chosen, entries, 0).sum(axis) / chosen.sum(axis).clip(min=1)


def _kinds(drops: Drops, half: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """The range of leaks of each kind of half bits, the widest leaks first; none if there is none.

    A leak is the share of the untouched level that a bit leaves.
    """
    if not half.any():
        return []
    leaks, costs = 1 - drops.share[half], drops.cost[half]
    if _is_made(drops):
        groups = [leaks == leak for leak in np.unique(leaks)[::-1]]
    else:
        full = drops.share >= FULL
        enough = ENOUGH * (len(leaks) + int(full.sum()))
        if len(leaks) < enough or not _apart(costs, drops.cost[full]):
            return []
        groups = _split(leaks, costs, np.ones(len(leaks), dtype=np.bool_), enough)
        if any(_range(leaks[group]) > NARROW for group in groups):
            return []
    lost = [np.median(leaks[group] * costs[group]) for group in groups]
    if not all(0 < loss < CALLED for loss in lost):
        return []
    return [(float(leaks[group].min()), float(leaks[group].max())) for group in groups]


def _is_made(drops: Drops) -> bool:
    """Whether non-bit entries do nothing, neither to their units nor to their tokens."""
    others = drops.share < BIT
    most = np.abs(drops.cost[drops.share >= BIT]).max(initial=0.0)
    share, cost = np.abs(drops.share[others]), np.abs(drops.cost[others])
    return bool(share.max(initial=0.0) <= EQUAL and cost.max(initial=0.0) <= EQUAL * most)


def _split(
    leaks: NDArray[np.float64],
    costs: NDArray[np.float64],
    group: NDArray[np.bool_],
    enough: float,
) -> list[NDArray[np.bool_]]:
    """The kinds that a group of half bits consists of, the widest leaks first."""
    values = np.log(leaks)
    modes = fit_two_modes(values[group][:, None])
    wide = group & (values >= modes.midpoint[0])
    tight = group & ~wide
    few = min(wide.sum(), tight.sum()) < enough
    if few or not modes.gap[0] >= APART or not _apart(costs[wide], costs[tight]):
        return [group]
    return [*_split(leaks, costs, wide, enough), *_split(leaks, costs, tight, enough)]


def _apart(weak: NDArray[np.float64], strong: NDArray[np.float64]) -> bool:
    """Whether two kinds of bits lie apart in W_out: the weak ones cost less."""
    if not weak.size or not strong.size:
        return False
    low, high = (np.log(costs.clip(min=LEAST_COST)) for costs in (weak, strong))
    middle = (low.mean() + high.mean()) / 2
    return bool(min((low < middle).mean(), (high >= middle).mean()) >= OWN_SIDE)


def _range(values: NDArray[np.float64]) -> float:
    """Interquartile."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)
