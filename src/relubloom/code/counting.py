"""Exact false-positive counts of a fixed code, over all sets, without enumerating them.

Token t is a false positive on S when the traces of S's tokens cover all of t's bits. By inclusion
and exclusion over the bits J of t that stay uncovered,

    sum over S of F(S) = sum over t, over J in H_t, of (-1)^|J| C(n(t, J), k),

n(t, J) the number of tokens other than t whose bits avoid J. (Derived in docs/theory.md.)
"""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.covering import covering_sets
from relubloom.code.traces import counter_type, subset_sums, traces_on, unit_columns
from relubloom.errors import UsageError

TABLE_WEIGHT = 24  # heavier hashes would need tables of more than 32 MB each
BLOCK_ENTRIES = 1 << 19  # table entries per block: one or two megabytes, a core's second cache
PRUNING_ROWS = 256  # tokens whose overlaps are tested together


class _Block(NamedTuple):
    tokens: NDArray[np.int64]
    copies: int


def count_false_positives(
    code: Code,
    set_size: int,
    *,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """False positives summed over all C(vocab_size, set_size) sets, an exact integer.

    Args:
        code: any code: uneven weights, equal hashes, hashes of no bits or of all bits.
        set_size: tokens per set, 1 to vocab_size.
        threads: threads that share the work.
        progress: called with (tokens done, tokens in all).

    Source: inclusion-exclusion, `docs/theory.md`. Signed counts of n(t, J) are summed over all t
    in 64-bit integers and meet the binomials, as Python integers, once at the end; so no
    set_size overflows.

    Cost: O(vocab (vocab weight + weight 2**weight)) for weights up to 24; tokens that the
    overlap test clears cost O(vocab width). Heavier tokens are counted by branching.

    Raises:
        UsageError: `set_size` is out of range; or a token of weight above 24 resists branching.
    """
    check_set_size(code, set_size)
    binomials = [math.comb(n, set_size) for n in range(code.vocab_size)]
    signed = np.zeros(code.vocab_size, dtype=np.int64)
    total = done = 0
    candidates, copies = coverable_tokens(code, set_size)
    light = code.weights[candidates] <= TABLE_WEIGHT
    columns = unit_columns(code.bits)
    blocks = list(_blocks(code, candidates[light], copies[light]))

    def counted(block: _Block) -> NDArray[np.int64]:
        return _signed_counts(code, columns, block.tokens)

    with ThreadPoolExecutor(threads) as pool:
        try:
            for block, share in zip(blocks, pool.map(counted, blocks), strict=True):
                signed += block.copies * share
                done += len(block.tokens)
                if progress is not None:
                    progress(done, len(candidates))
        except BaseException:  # Ctrl-C must not wait for the blocks still queued
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    total += _weigh(signed, binomials)
    for token, times in zip(candidates[~light], copies[~light], strict=True):
        total += int(times) * _heavy_count(code, int(token), set_size)
        done += 1
        if progress is not None:
            progress(done, len(candidates))
    return total


def mean_false_positives(code: Code, set_size: int, *, threads: int = 1) -> float:
    """E[F]: false positives per set, the mean over all C(vocab_size, set_size) sets.

    The exact count divided by the number of sets, rounded once. Cost and errors as
    `count_false_positives`.
    """
    total = count_false_positives(code, set_size, threads=threads)
    return total / math.comb(code.vocab_size, set_size)


def false_positives_by_token(code: Code, set_size: int) -> list[int]:
    """For each token, the number of sets on which it is a false positive, exact integers [vocab].

    Cost and errors as `count_false_positives`, plus O(min(vocab, 2**weight)) big-integer products
    per token.
    """
    counter = TokenCounter(code, set_size)
    counts = {token: counter.count(token) for token in coverable_tokens(code, set_size)[0].tolist()}
    _, first, group = np.unique(code.packed, axis=0, return_index=True, return_inverse=True)
    return [counts.get(token, 0) for token in first[group.reshape(-1)].tolist()]


class TokenCounter:
    """Counts, token by token, the sets on which a token is a false positive.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """

    def __init__(self, code: Code, set_size: int) -> None:
        check_set_size(code, set_size)
        self._code = code
        self._set_size = set_size
        self._binomials = [math.comb(n, set_size) for n in range(code.vocab_size)]
        self._columns = unit_columns(code.bits)

    def count(self, token: int) -> int:
        """The number of sets without `token` that cover it, exact.

        Raises:
            UsageError: the token's weight is above 24 and it resists branching.
        """
        if self._code.weights[token] > TABLE_WEIGHT:
            return _heavy_count(self._code, token, self._set_size)
        signed = _signed_counts(self._code, self._columns, np.array([token]))
        return _weigh(signed, self._binomials)


def check_set_size(code: Code, set_size: int) -> None:
    """Refuse set sizes for which the vocabulary has no set.

    Raises:
        UsageError: `set_size` is not in 1..vocab_size.
    """
    if not 1 <= set_size <= code.vocab_size:
        raise UsageError(
            f"set_size is {set_size}: a set holds between 1 and vocab_size = {code.vocab_size} "
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
    for start in range(0, len(first), PRUNING_ROWS):
        tokens = first[start : start + PRUNING_ROWS]
        overlaps = bits[tokens] @ bits.T
        overlaps[np.arange(len(tokens)), tokens] = 0
        largest = np.partition(overlaps, -set_size, axis=1)[:, -set_size:]
        coverable = largest.sum(1) >= code.weights[tokens]
        keep[start : start + PRUNING_ROWS] = coverable
        if coverable.all() and not every_token:
            break
    return first[keep].astype(np.int64), copies[keep].astype(np.int64)


def _blocks(code: Code, tokens: NDArray[np.int64], copies: NDArray[np.int64]) -> Iterator[_Block]:
    """Group tokens of equal weight and equal number of copies into blocks that fit a cache."""
    weights = code.weights[tokens]
    for weight, times in np.unique(np.stack([weights, copies], axis=1), axis=0).tolist():
        chosen = tokens[(weights == weight) & (copies == times)]
        size = max(1, BLOCK_ENTRIES >> weight)
        size = min(size, max(1, BLOCK_ENTRIES // code.vocab_size))
        for start in range(0, len(chosen), size):
            yield _Block(chosen[start : start + size], times)


def _signed_counts(
    code: Code, columns: NDArray[np.uint8], tokens: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How often n(t, J) = n over tokens t of one weight, signed by (-1)^|J|, int64 [vocab]."""
    weight = int(code.weights[tokens[0]])
    batch = len(tokens)
    units = np.nonzero(code.bits[tokens])[1].reshape(batch, weight)
    slots = traces_on(columns, units)
    slots += np.arange(batch)[:, None] << weight
    tables = np.zeros((batch, 1 << weight), dtype=counter_type(code.vocab_size))
    np.add.at(tables.reshape(-1), slots.reshape(-1), tables.dtype.type(1))
    tables[:, -1] -= 1  # the token itself: its trace on itself is full
    subset_sums(tables)  # entry M: tokens that avoid the bits outside M
    return _signed_histogram(tables, weight, code.vocab_size)


def _signed_histogram(
    tables: NDArray[np.uint16 | np.uint32], weight: int, vocab_size: int
) -> NDArray[np.int64]:
    flat = tables.reshape(-1)
    signed = np.zeros(vocab_size, dtype=np.int64)
    for start in range(0, flat.size, BLOCK_ENTRIES):
        part = flat[start : start + BLOCK_ENTRIES]
        shift = _odd_shift(len(part), weight, vocab_size)
        found = np.bincount(part + shift, minlength=2 * vocab_size)
        share = found[:vocab_size] - found[vocab_size:]
        block = (start & (tables.shape[1] - 1)).bit_count()
        signed += -share if block & 1 else share
    return signed


@lru_cache(maxsize=4)
def _odd_shift(entries: int, weight: int, vocab_size: int) -> NDArray[np.int64]:
    """`vocab_size` where |J| is odd, else 0; J is the bits outside the entry's index."""
    kept = np.bitwise_count(np.arange(entries) & ((1 << weight) - 1))
    return ((kept ^ weight) & 1).astype(np.int64) * vocab_size


def _weigh(signed: NDArray[np.int64], binomials: list[int]) -> int:
    present = np.flatnonzero(signed).tolist()
    return sum(int(signed[n]) * binomials[n] for n in present)


def _heavy_count(code: Code, token: int, set_size: int) -> int:
    others = np.delete(code.bits, token, axis=0)[:, code.bits[token]]
    try:
        return covering_sets(others, set_size)
    except OverflowError:
        raise UsageError(
            f"token {token} has weight {code.weights[token]}: tables hold weights up to "
            f"{TABLE_WEIGHT}, and too many sets of {set_size} nearly cover it for branching; "
            "lower its weight or the set size"
        ) from None
