"""Exact false-positive counts of a fixed code, over all sets, without enumerating them.

Token t is a false positive on S when the traces of S's tokens cover all of t's bits. By inclusion
and exclusion over the bits J of t that stay uncovered,

    sum over S of F(S) = sum over t, over J in H_t, of (-1)^|J| C(n(t, J), k),

n(t, J) the number of tokens other than t whose bits avoid J (derived in docs/exact-counts.md).
Near misses, sets on which a token lacks few of its bits, are counted by the same sums.
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.graded import GradedCode
from relubloom.code.graded_counting import count_graded
from relubloom.code.traces import (
    BRANCHING_LIMIT,
    avoiding_tables,
    covering_sets,
    unit_columns,
)
from relubloom.errors import UsageError

NEAR_MISS_WEIGHT = 22  # heavier hashes would need tables beyond the cache of any core
ENTRY_COST = 64  # multiply-adds of branching that take as long as one table entry
PRUNING_ROWS = 256  # tokens whose overlaps are tested together, fewer of them
PRUNING_PAIRS = 1 << 26  # where they would be more pairs of tokens than this
SECONDS_A_TRACE, SECONDS_AN_ENTRY = 1e-9, 0.5e-9  # on one core: docs/trust.md


@dataclass(frozen=True)
class CountingLimits:
    """Where one way of counting takes over from another; none of them changes a count.

    Attributes:
        table_weight: heavier hashes are counted by branching only; their tables would take more
            than 32 MB each.
        small_weight: tables up to this weight are always the quicker way.
        block_entries: table entries at once: one or two megabytes, a core's second cache.
        branching: multiply-adds that branching may spend on one token.
    """

    table_weight: int = 24
    small_weight: int = 12
    block_entries: int = 1 << 19
    branching: int = BRANCHING_LIMIT


LIMITS = CountingLimits()


def count_false_positives(
    code: Code | GradedCode,
    set_size: int,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    limits: CountingLimits = LIMITS,
) -> int:
    """False positives summed over all C(vocab_size, set_size) sets, an exact integer.

    Args:
        code: any code: uneven weights, equal hashes, hashes of no bits or of all bits; for a
            graded one `threads` and `limits` are not used, and cost and errors are those of
            `count_graded`.
        set_size: tokens per set, 1 to vocab_size.
        threads: threads that share the work.
        progress: called with (tokens done, tokens in all).
        limits: where one way of counting takes over from another.

    Source: inclusion-exclusion, `docs/exact-counts.md`. Signed counts of n(t, J) are summed over
    all t in 64-bit integers and meet the binomials, as Python integers, once at the end; so no
    set_size overflows.

    Cost: O(vocab (vocab weight + weight 2**weight)) for weights up to 24; tokens that the
    overlap test clears cost O(vocab width). Heavier tokens are counted by branching
    (`covering_sets`), and lighter ones too where that is quicker.

    Raises:
        UsageError: `set_size` is out of range; or a token of weight above 24 resists branching.
    """
    if isinstance(code, GradedCode):
        check_set_size(code.vocab_size, set_size)
        return count_graded(code, set_size, progress=progress)
    counter = TokenCounter(code, set_size, limits)
    signed = np.zeros(code.vocab_size, dtype=np.int64)
    total = done = 0
    candidates, copies = coverable_tokens(code, set_size)
    light = ~counter.branched(candidates)
    blocks = list(_blocks(code, candidates[light], copies[light], limits.block_entries))
    with ThreadPoolExecutor(threads) as pool:
        try:
            shares = pool.map(counter.signed_counts, (tokens for tokens, _ in blocks))
            for (tokens, times), share in zip(blocks, shares, strict=True):
                signed += times * share
                done += len(tokens)
                if progress is not None:
                    progress(done, len(candidates))
        except BaseException:  # Ctrl-C must not wait for the blocks still queued
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for token, times in zip(candidates[~light].tolist(), copies[~light].tolist(), strict=True):
        total += times * counter.by_branching(token)
        done += 1
        if progress is not None:
            progress(done, len(candidates))
    return total + counter.weigh(signed)


def predicted_seconds(code: Code | GradedCode) -> float:
    """About how long `count_false_positives` takes on one core, where every token is coverable.

    Tokens above weight 24, which are counted by branching, are taken for such of weight 24.
    """
    weights = np.minimum(code.weights, LIMITS.table_weight).astype(np.float64)
    traces = code.vocab_size * float(weights.sum())
    entries = float((weights * 2.0**weights).sum())
    return SECONDS_A_TRACE * traces + SECONDS_AN_ENTRY * entries


def mean_false_positives(code: Code | GradedCode, set_size: int) -> float:
    """E[F]: false positives per set, the mean over all C(vocab_size, set_size) sets.

    The exact count divided by the number of sets, rounded once. Cost and errors as
    `count_false_positives`.
    """
    return count_false_positives(code, set_size) / math.comb(code.vocab_size, set_size)


class TokenCounter:
    """Counts, token by token, the sets on which a token is a false positive.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """

    def __init__(self, code: Code, set_size: int, limits: CountingLimits = LIMITS) -> None:
        check_set_size(code.vocab_size, set_size)
        self._code, self._set_size, self._limits = code, set_size, limits
        self._binomials = [math.comb(n, set_size) for n in range(code.vocab_size)]
        self._columns = unit_columns(code.bits)
        self._loads = code.bits.sum(0, dtype=np.int64)  # tokens per unit

    def count(self, token: int) -> int:
        """The number of sets without `token` that cover it, exact.

        Raises:
            UsageError: the token's weight is above 24 and it resists branching.
        """
        alone = np.array([token])
        if self.branched(alone)[0]:
            return self.by_branching(token)
        return self.weigh(self.signed_counts(alone))

    def branched(self, tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which tokens to count by branching: too heavy for a table, or quicker so (by bounds)."""
        code, weights = self._code, self._code.weights[tokens]
        branched = weights > self._limits.table_weight
        for place in np.flatnonzero((weights > self._limits.small_weight) & ~branched).tolist():
            scarcity = int(self._loads[code.bits[tokens[place]]].min())
            weight = int(weights[place])
            work = scarcity ** (self._set_size - 1) * code.vocab_size * weight
            branched[place] = work < ENTRY_COST << weight
        return branched

    def signed_counts(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """How often n(t, J) = n over tokens t of one weight, signed by (-1)^|J|, int64 [vocab]."""
        vocab_size, entries = self._code.vocab_size, self._limits.block_entries
        weight = int(self._code.weights[tokens[0]])
        units = np.nonzero(self._code.bits[tokens])[1].reshape(len(tokens), weight)
        flat = avoiding_tables(self._columns, units).reshape(-1)
        signed = np.zeros(vocab_size, dtype=np.int64)
        for start in range(0, flat.size, entries):
            part = flat[start : start + entries]
            shift = _odd_shift(len(part), weight, vocab_size)
            found = np.bincount(part + shift, minlength=2 * vocab_size)
            share = found[:vocab_size] - found[vocab_size:]
            block = (start & ((1 << weight) - 1)).bit_count()
            signed += -share if block & 1 else share
        return signed

    def weigh(self, signed: NDArray[np.int64]) -> int:
        """The number of sets that signed counts of n(t, J) stand for."""
        present = np.flatnonzero(signed).tolist()
        return sum(int(signed[n]) * self._binomials[n] for n in present)

    def by_branching(self, token: int) -> int:
        """As `count`, whatever the weight."""
        code, set_size, limits = self._code, self._set_size, self._limits
        others = np.delete(code.bits, token, axis=0)[:, code.bits[token]]
        try:
            return covering_sets(others, set_size, limits.branching)
        except OverflowError:
            raise UsageError(
                f"token {token} has weight {code.weights[token]}: tables hold weights up to "
                f"{limits.table_weight}, and too many sets of {set_size} nearly cover it for "
                "branching; lower its weight or the set size"
            ) from None


def check_set_size(vocab_size: int, set_size: int) -> None:
    """Refuse set sizes for which the vocabulary has no set.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    if not 1 <= set_size <= vocab_size:
        raise UsageError(
            f"set_size is {set_size}: a set holds between 1 and vocab_size = {vocab_size} "
            "distinct tokens; change the set size"
        )


def coverable_tokens(
    code: Code, set_size: int, *, every_token: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One token per distinct hash that the overlap test does not clear, and its copies.

    If the `set_size` largest overlaps of a token sum to less than its weight, no set covers it.
    The test goes on while it clears tokens (random codes near their best weight are seldom
    helped), or over `every_token`. Cost: O(vocab**2 width) multiply-adds where it goes on.
    """
    _, first, copies = np.unique(code.packed, axis=0, return_index=True, return_counts=True)
    bits = code.bits.astype(np.float32)
    keep = np.ones(len(first), dtype=np.bool_)
    rows = max(1, min(PRUNING_ROWS, PRUNING_PAIRS // code.vocab_size))
    for start in range(0, len(first), rows):
        tokens = first[start : start + rows]
        overlaps = bits[tokens] @ bits.T
        overlaps[np.arange(len(tokens)), tokens] = 0
        largest = np.partition(overlaps, -set_size, axis=1)[:, -set_size:]
        coverable = largest.sum(1) >= code.weights[tokens]
        keep[start : start + rows] = coverable
        if coverable.all() and not every_token:
            break
    return first[keep].astype(np.int64), copies[keep].astype(np.int64)


def _blocks(
    code: Code, tokens: NDArray[np.int64], copies: NDArray[np.int64], entries: int
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Group tokens of equal weight and equal number of copies into blocks that fit a cache."""
    weights = code.weights[tokens]
    for weight, times in np.unique(np.stack([weights, copies], axis=1), axis=0).tolist():
        chosen = tokens[(weights == weight) & (copies == times)]
        size = min(max(1, entries >> weight), max(1, entries // code.vocab_size))
        for start in range(0, len(chosen), size):
            yield chosen[start : start + size], times


@lru_cache(maxsize=4)
def _odd_shift(entries: int, weight: int, vocab_size: int) -> NDArray[np.int64]:
    """`vocab_size` where |J| is odd, else 0; J is the bits outside the entry's index."""
    kept = np.bitwise_count(np.arange(entries) & ((1 << weight) - 1))
    return ((kept ^ weight) & 1).astype(np.int64) * vocab_size


def count_near_misses(code: Code, token: int, set_size: int, fewer_than: int) -> int:
    """Sets without `token` on which fewer than `fewer_than` of its bits are outside the union.

    `fewer_than` = 1 counts the sets on which it is a false positive. A token heavier than 22 bits
    is not counted: the answer is then the number of all sets without it, an upper bound.

    Source: with E_j the sum over J in H_t, |J| = j, of C(n(t, J), k), the sets with exactly m
    missing bits number sum over j >= m of (-1)^(j - m) C(j, m) E_j (Jordan). Exact integers.
    Cost: O(vocab weight + weight 2**weight).

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    check_set_size(code.vocab_size, set_size)
    weight = int(code.weights[token])
    if fewer_than <= 0:
        return 0
    if fewer_than > weight or weight > NEAR_MISS_WEIGHT:
        return math.comb(code.vocab_size - 1, set_size)
    sums = _avoiding_sums(code, token, set_size)
    return sum(
        (-1) ** (j - missing) * math.comb(j, missing) * sums[j]
        for missing in range(fewer_than)
        for j in range(missing, weight + 1)
    )


def _avoiding_sums(code: Code, token: int, set_size: int) -> list[int]:
    """E_0 .. E_weight: over parts J of the token's bits of each size, sets that avoid J."""
    weight = int(code.weights[token])
    units = np.flatnonzero(code.bits[token])[None, :]
    table = avoiding_tables(unit_columns(code.bits), units)[0]
    size = weight - np.bitwise_count(np.arange(1 << weight)).astype(np.int64)
    found = np.bincount(size * code.vocab_size + table, minlength=(weight + 1) * code.vocab_size)
    sums = [0] * (weight + 1)
    for slot in np.flatnonzero(found).tolist():
        removed, avoiding = divmod(slot, code.vocab_size)
        sums[removed] += int(found[slot]) * math.comb(avoiding, set_size)
    return sums
