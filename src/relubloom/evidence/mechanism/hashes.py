"""The hashes alone: their weights, the bits that two of them share, and those that are equal."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.records.mechanism import HashWeight, Overlaps, Spread

LARGEST_COUNTED = 10_000  # tokens; above it pairs are drawn
DRAWN_PAIRS = 1 << 20
CHUNK_BYTES = 2 << 20


def measure_hash_weight(code: Code) -> HashWeight:
    """Count the weights; `variance` is that of the population of tokens."""
    mean, variance = float(code.weights.mean()), float(code.weights.var())
    binomial = mean * (1 - mean / code.width)
    return HashWeight(
        counts=np.bincount(code.weights, minlength=code.width + 1).tolist(),
        mean=mean,
        variance=variance,
        binomial_variance=binomial,
        variance_ratio=variance / binomial if binomial > 0 else None,
    )


def duplicate_hashes(code: Code) -> list[list[int]]:
    """Groups of two or more tokens with the same hash, ids ascending, by their first token.

    Tokens without any bit are such a group too.
    """
    _, group, size = np.unique(code.packed, axis=0, return_inverse=True, return_counts=True)
    shared = np.flatnonzero(size[group] > 1)
    ordered = shared[np.argsort(group[shared], kind="stable")]
    cuts = np.flatnonzero(np.diff(group[ordered])) + 1
    groups = [each.tolist() for each in np.split(ordered, cuts) if len(each)]
    return sorted(groups)


def measure_overlaps(code: Code, counted_up_to: int = LARGEST_COUNTED) -> Overlaps | None:
    """Count the overlaps of all pairs, or of 2^20 drawn ones; null for a single token.

    Cost: vocab^2 width multiply-adds in float32, where overlaps are exact, by chunks of about
    2 MB.
    """
    if code.vocab_size < 2:
        return None
    every = code.vocab_size <= counted_up_to
    counts = _all_pairs(code) if every else _drawn_pairs(code, DRAWN_PAIRS)
    pairs = int(counts.sum())
    overlap = np.arange(len(counts))
    mean = float(counts @ overlap / pairs)
    sd = float(np.sqrt(counts @ (overlap - mean) ** 2 / pairs))
    random = random_overlap(code.weights, code.width)
    return Overlaps(
        mean=mean,
        sd=sd,
        largest=int(np.flatnonzero(counts).max()),
        counts=np.trim_zeros(counts, "b").tolist(),
        random=random,
        sd_ratio=sd / random.sd if random.sd > 0 else None,
        method="all" if every else "drawn",
        pairs=pairs,
    )


def random_overlap(weights: NDArray[np.int64], width: int) -> Spread:
    """Mean and sd of the overlap of a pair of tokens picked at random from a random code.

    Given weights u and v the overlap is hypergeometric: mean u v / d, variance
    u v (d - u) (d - v) / (d^2 (d - 1)). Pairs of different weights are mixed exactly.
    """
    counts = np.bincount(weights, minlength=width + 1).astype(np.float64)
    pairs = np.outer(counts, counts) - np.diag(counts)
    u = np.arange(width + 1, dtype=np.float64)
    mean = np.outer(u, u) / width
    free = u * (width - u)
    variance = np.outer(free, free) / (width**2 * max(1, width - 1))
    centre = float((pairs * mean).sum() / pairs.sum())
    total = float((pairs * (variance + (mean - centre) ** 2)).sum() / pairs.sum())
    return Spread(centre, float(np.sqrt(total)))


def _all_pairs(code: Code) -> NDArray[np.int64]:
    bits = code.bits.astype(np.float32)
    both_orders = np.zeros(code.width + 1, dtype=np.int64)
    for start, stop in _rows(code.vocab_size):
        shared = (bits[start:stop] @ bits.T).astype(np.int64)
        both_orders += np.bincount(shared.ravel(), minlength=code.width + 1)
    with_itself = np.bincount(code.weights, minlength=code.width + 1)
    return (both_orders - with_itself) // 2


def _drawn_pairs(code: Code, pairs: int) -> NDArray[np.int64]:
    random = np.random.default_rng(0)
    first = random.integers(0, code.vocab_size, pairs)
    second = random.integers(0, code.vocab_size - 1, pairs)
    second += second >= first
    shared = np.bitwise_count(code.packed[first] & code.packed[second]).sum(1, dtype=np.int64)
    return np.bincount(shared, minlength=code.width + 1)


def _rows(vocab_size: int) -> Iterator[tuple[int, int]]:
    size = max(1, CHUNK_BYTES // (8 * vocab_size))
    for start in range(0, vocab_size, size):
        yield start, min(vocab_size, start + size)
