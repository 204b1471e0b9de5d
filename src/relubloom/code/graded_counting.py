"""Exact false-positive counts of a graded code, over all sets, without enumerating them.

Token t is kept out by its bit in unit i when no member has a bit there, or one alone has one that
is *weak* to it, of lower strength. By inclusion and exclusion over the parts J of t's bits that
keep it out,

    sum over S of F(S) = sum over t, over J in H_t, of (-1)^|J| K(t, J),

K(t, J) the number of sets of other tokens that keep t out in every unit of J: nobody is strong
there, and no two are weak in one unit. With n the tokens that have no bit in J at all, and D(m)
the ways to choose m tokens that are only weak in J, each somewhere, and no two in one unit,

    K(t, J) = sum over m of C(n, k - m) D(m).

A weak bit is a number e with e^2 = 0, and a token the product of its weak bits: m! D(m) is the sum
of the coefficients of the m-th power of their sum (derived in docs/exact-counts.md). Where no bit
is weak, D(m) = 0 for m > 0, and this is the formula of `counting`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from relubloom.code.graded import MOST_LEVELS, GradedCode
from relubloom.errors import UsageError

LARGEST_TABLE = 1 << 24  # products of entries for one token
BLOCK_ENTRIES = 1 << 21  # table entries at once, at most
ROW_ENTRIES = 1 << 11  # of the last axes: what one step of a product takes
LARGEST_SUM = 1 << 62

Counts = NDArray[np.int64]


def count_graded(
    code: GradedCode, set_size: int, *, progress: Callable[[int, int], None] | None = None
) -> int:
    """`count_false_positives` of a graded code.

    Cost: O(vocab (vocab weight + 2**ones (3**others + set_size 4**others))), `ones` a token's
    bits that no token has weaker, `others` its others; up to set_size 2 without the last term.
    Equal hashes, and tokens that the overlap test clears, cost no table.

    Raises:
        UsageError: a token has so many bits that its table, or its sums, would be too large.
    """
    tokens, copies = coverable_graded(code, set_size)
    total = done = 0
    for block, times in _blocks(code, tokens, copies):
        total += times * covering_sets_of(code, block, set_size)
        done += len(block)
        if progress is not None:
            progress(done, len(tokens))
    return total


def graded_false_positives_by_token(code: GradedCode, set_size: int) -> list[int]:
    """For each token, the number of sets on which it is a false positive, exact integers [vocab];
    cost and errors as `count_graded`."""
    tokens, _ = coverable_graded(code, set_size)
    counts = {int(t): covering_sets_of(code, np.array([t]), set_size) for t in tokens}
    _, first, group = np.unique(code.strengths, axis=0, return_index=True, return_inverse=True)
    return [counts.get(token, 0) for token in first[group.reshape(-1)].tolist()]


def doubled_overlaps(code: GradedCode, tokens: Counts) -> NDArray[np.float32]:
    """Twice what each other token covers of some tokens' hashes, float32 [tokens, vocab].

    A bit that is as strong counts 2, a weak one 1: two weak ones cover a bit. A token is covered
    by no set whose members' counts sum to less than twice its weight. Exact small integers.
    """
    any_bit = code.bits.astype(np.float32)
    doubled = any_bit[tokens] @ any_bit.T
    for strength in range(1, code.levels + 1):
        asking = (code.strengths[tokens] == strength).astype(np.float32)
        doubled += asking @ (code.strengths >= strength).T.astype(np.float32)
    doubled[np.arange(len(tokens)), tokens] = 0
    return doubled


def coverable_graded(code: GradedCode, set_size: int) -> tuple[Counts, Counts]:
    """One token per distinct hash that the overlap test does not clear, and its copies.

    Cost: O(vocab**2 width) multiply-adds.
    """
    _, first, copies = np.unique(code.strengths, axis=0, return_index=True, return_counts=True)
    doubled = doubled_overlaps(code, first)
    largest = np.partition(doubled, -set_size, axis=1)[:, -set_size:].sum(1)
    keep = largest >= 2 * code.weights[first]
    return first[keep].astype(np.int64), copies[keep].astype(np.int64)


def covering_sets_of(code: GradedCode, tokens: Counts, set_size: int) -> int:
    """Sets of other tokens that cover a token, summed over tokens of one kind; exact.

    Args:
        code: any graded code.
        tokens: tokens with equally many bits that no token has weaker, and equally many others.
        set_size: tokens per set.

    Raises:
        UsageError: the tables or the sums would be too large.
    """
    ones, others = _kinds(code, tokens[:1])[0].tolist()
    _refuse_large(code, tokens, ones, others, set_size)
    pool = _trace_tables(code, tokens, ones, others)
    free = pool[(slice(0, 2),) * others]  # no bit in J: its weak digits are none
    sign = _signs(ones, others)
    weak = pool.copy()
    weak[(slice(0, 2),) * others] = 0
    found = np.zeros((set_size + 1, code.vocab_size), dtype=np.int64)
    ways = np.broadcast_to(sign, free.shape)
    np.add.at(found[0], free.reshape(-1), ways.reshape(-1))
    power, spread = weak, _disjoint(weak, others)
    for members in range(1, min(set_size, others) + 1):
        if members > 1:
            ways = sign * _folded(power * spread, others)
        else:
            ways = sign * _folded(weak, others)
        np.add.at(found[members], free.reshape(-1), ways.reshape(-1))
        if 1 < members < min(set_size, others):
            power = _product(power, weak, others)
    return _weighed(found, set_size)


def _weighed(found: Counts, set_size: int) -> int:
    """The sets that signed counts of D(m) m! at each n stand for."""
    total = 0
    for members, row in enumerate(found):
        held = np.flatnonzero(row).tolist()
        share = sum(int(row[n]) * math.comb(n, set_size - members) for n in held)
        total += share // math.factorial(members)  # whole: each token's share is
    return total


def _trace_tables(code: GradedCode, tokens: Counts, ones: int, others: int) -> Counts:
    """How many other tokens keep each token out in each part of its bits, and how.

    An axis of length 3 for each bit that some token has weaker, then [tokens, 2**ones]. Digits
    of an axis: the bit is not in J; it is, and the others have no bit there; it is, and they are
    weak.
    The last axis has a binary digit for each other bit: whether it is in J.
    """
    rows, entries = len(tokens), 3**others << ones
    units = _units(code, tokens)
    mine = np.take_along_axis(code.strengths[tokens], units, axis=1)
    place = np.zeros((rows, code.vocab_size), dtype=np.int64)
    for column in range(ones + others):
        theirs = code.strengths.T[units[:, column]]  # (tokens, vocab)
        if column < ones:
            place += (theirs > 0).astype(np.int64) << column
        else:
            digit = (theirs > 0).astype(np.int64) + (theirs >= mine[:, column, None])
            place += (digit * rows << ones) * 3 ** (others - 1 - (column - ones))
    place += (np.arange(rows) << ones)[:, None]
    place[np.arange(rows), tokens] = rows * entries  # not the token itself
    table = np.bincount(place.reshape(-1), minlength=rows * entries + 1)[:-1]
    table = table.reshape((3,) * others + (rows,) + (2,) * ones)
    for axis in range(others):
        none, weak, strong = np.moveaxis(table, axis, 0)
        table = np.stack([none + weak + strong, none, weak], axis=axis)
    for axis in range(others + 1, table.ndim):
        none, has = np.moveaxis(table, axis, 0)
        table = np.stack([none + has, none], axis=axis)
    return table.reshape((3,) * others + (rows, 1 << ones))


def _signs(ones: int, others: int) -> Counts:
    """(-1)^|J|, [2] * others + [1, 2**ones]."""
    sign = 1 - 2 * (np.bitwise_count(np.arange(1 << ones)).astype(np.int64) & 1)
    sign = sign.reshape((1,) * others + (1, -1))
    for axis in range(others):
        shape = [1] * (others + 2)
        shape[axis] = 2
        sign = sign * np.array([1, -1]).reshape(shape)
    return sign


def _folded(table: Counts, others: int) -> Counts:
    """Sums over which bits of J are weak: axes of length 3 become 2."""
    for axis in range(others):
        out, none, weak = np.moveaxis(table, axis, 0)
        table = np.stack([out, none + weak], axis=axis)
    return table


def _disjoint(table: Counts, others: int) -> Counts:
    """At each part of J: the tokens that are weak in none of it."""
    for axis in range(others):
        out, none, weak = np.moveaxis(table, axis, 0)
        table = np.stack([out, none + weak, none], axis=axis)
    return table


def _product(left: Counts, right: Counts, others: int) -> Counts:
    """Product with e^2 = 0 along each of the first `others` axes."""
    if others == 0:
        return left * right
    return np.stack(
        [
            _product(left[0], right[0], others - 1),
            _product(left[1], right[1], others - 1),
            _product(left[1], right[2], others - 1) + _product(left[2], right[1], others - 1),
        ]
    )


def _units(code: GradedCode, tokens: Counts) -> Counts:
    """Each token's units, those where no token is weaker first: [tokens, weight]."""
    key = np.where(code.bits[tokens], ~_weakest(code, tokens), 2)
    weight = int(code.weights[tokens[0]])
    return np.argsort(key, axis=1, kind="stable")[:, :weight]


def _kinds(code: GradedCode, tokens: Counts) -> Counts:
    """Bits that no token has weaker, and the others, of each token: [tokens, 2]."""
    ones = _weakest(code, tokens).sum(1)
    return np.stack([ones, code.weights[tokens] - ones], axis=1)


def _weakest(code: GradedCode, tokens: Counts) -> NDArray[np.bool_]:
    """Where a token has a bit that no token has weaker, [tokens, width]."""
    least = np.where(code.bits, code.strengths, MOST_LEVELS).min(0)
    return code.bits[tokens] & (code.strengths[tokens] == least)


def _blocks(code: GradedCode, tokens: Counts, copies: Counts) -> Iterator[tuple[Counts, int]]:
    """Group tokens of one kind, with equally many copies, into blocks that fit a cache."""
    keys = np.concatenate([_kinds(code, tokens), copies[:, None]], axis=1)
    for ones, others, times in np.unique(keys, axis=0).tolist():
        chosen = tokens[(keys == (ones, others, times)).all(1)]
        size = max(1, min(ROW_ENTRIES >> ones, BLOCK_ENTRIES // (3**others << ones)))
        for start in range(0, len(chosen), size):
            yield chosen[start : start + size], times


def _refuse_large(code: GradedCode, tokens: Counts, ones: int, others: int, set_size: int) -> None:
    if 4**others << ones > LARGEST_TABLE:
        raise UsageError(
            f"token {tokens[0]} has {others} bits that others have weaker, and {ones} more: its "
            "exact count would need too large a table; use fewer bits"
        )
    weak = min(others, set_size)
    if len(tokens) * code.vocab_size**weak << (ones + others) > LARGEST_SUM:
        raise UsageError(
            f"token {tokens[0]} has {others} bits that others of {code.vocab_size} tokens have "
            f"weaker: counts of sets of {set_size} overflow 64-bit integers; use fewer bits or "
            "tokens, or smaller sets"
        )
