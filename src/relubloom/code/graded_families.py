"""Families of graded codes of two strengths: random, of low overlap, and searched.

The search holds the code *cyclic*: where a token's hash is a row of strengths, the row turned by
one unit is another token's. Every shift of a set has the same false positives, shifted. So a code
of r d tokens is r rows, its false positives are d times those of the r rows' tokens, and one change
of a row changes d hashes at once.
"""

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from relubloom import theory
from relubloom.code.counting import check_set_size
from relubloom.code.families import LIGHTER, SEARCH_SECONDS
from relubloom.code.graded import GradedCode
from relubloom.code.graded_counting import (
    count_graded,
    covering_sets_of,
    graded_false_positives_by_token,
)
from relubloom.code.search import Budget, SearchResult
from relubloom.errors import UsageError, check_choice, check_seed, whole
from relubloom.theory.arguments import check_sizes, check_weights

GradedFamily = Literal["graded", "graded-greedy", "graded-search"]
SEARCHED = (6, 5)  # most half and full bits by default: heavier hashes take long to count
WARMTH = 0.02  # first temperature, on the logarithm of the false positives
COLD = 1e-2  # last temperature, in shares of the first
GREEDY_ATTEMPTS = 20_000
GREEDY_BATCH = 2048  # hashes drawn and tested together


def make_graded(
    family: GradedFamily,
    vocab_size: int,
    width: int,
    set_size: int,
    *,
    half: int | None = None,
    full: int | None = None,
    seed: int = 0,
    seconds: float = SEARCH_SECONDS,
) -> GradedCode:
    """Make a graded code of the family.

    Args:
        family: *graded*: `half` half and `full` full random bits per token (default: the weights
            of least mse). *graded-greedy*: random hashes kept while overlaps stay as low as can
            be. *graded-search*: the exact number of false positives of a cyclic code lowered for
            `seconds`.
        vocab_size, width, set_size: sizes.
        half, full: bits per token; give both, or neither for the family's default.
        seed: seed of the draws.
        seconds: what *graded-search* may take.

    Raises:
        UsageError: a value breaks its rule, or one of `half` and `full` is given alone.
    """
    check_seed(seed)
    check_choice("family", family, *get_args(GradedFamily))
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    if (half is None) != (full is None):
        raise UsageError(
            f"half is {half} and full is {full}: the bits of a graded hash are given together; "
            "give both, or neither for the best"
        )
    if half is None or full is None:
        best = theory.best_graded_weights(vocab_size, width, set_size)
        half, full = best.half, best.full
        if family != "graded":
            each = max(1, round(LIGHTER * (half + full) / 2))
            half, full = min(each, SEARCHED[0]), min(each, SEARCHED[1])
    if family == "graded":
        return random_graded(vocab_size, width, half, full, seed)
    if family == "graded-greedy":
        return _greedy(vocab_size, width, half, full, seed)
    return search_cyclic(vocab_size, width, set_size, half, full, seconds=seconds, seed=seed).code


def random_graded(vocab_size: int, width: int, half: int, full: int, seed: int = 0) -> GradedCode:
    """Give each token `half` half and `full` full bits, distinct, uniform and independent.

    Cost: O(vocab width log width). Exact laws: `theory.graded_constant_weight`.

    Raises:
        UsageError: there are no tokens or units, or more bits than units.
    """
    vocab_size, width = whole("vocab_size", vocab_size, 1), whole("width", width, 1)
    half, full = check_weights(half, full, width)
    generator = np.random.default_rng([seed, vocab_size, width, half, full])
    order = generator.random((vocab_size, width)).argsort(1)
    return GradedCode(np.where(order < full, 2, np.where(order < half + full, 1, 0)), 2)


def search_cyclic(
    vocab_size: int,
    width: int,
    set_size: int,
    half: int,
    full: int,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> SearchResult[GradedCode]:
    """Lower E[F] over all sets by annealing cyclic codes of so many half and full bits.

    A step exchanges the strengths of two units in one row, counts exactly, and takes the change by
    Metropolis' rule on the logarithm of the count. Tokens to spare are dropped at the end, those
    that are a false positive most often first. `full` 0 searches binary codes.

    Args:
        vocab_size, width, set_size: sizes.
        half, full: bits per token, at least 1 in all and at most width.
        seconds: wall time to spend; give this or `steps`.
        steps: changes to try; the result then depends on the arguments only.
        seed: seed of the choices.

    Cost: a step is O(rows (vocab weight + 2**half 4**full)), rows = vocab / width: about 5 ms at
    vocab 256, width 40, set_size 3 with 4 and 4 bits, 40 ms at 1000, 64, 3 with 6 and 5, one core.

    Raises:
        UsageError: both or neither of `seconds` and `steps`, or a value out of range.
    """
    budget = Budget(seconds, steps)
    check_set_size(vocab_size, set_size)
    rows = random_graded(-(-vocab_size // max(1, width)), width, half, full, seed).strengths.copy()
    if not 0 < half + full < width:
        raise UsageError(
            f"half is {half} and full is {full}: a search needs units with and without a bit, 1 "
            f"to width - 1 = {width - 1} bits; change them"
        )
    generator = np.random.default_rng([seed, vocab_size, width])
    best, done, stopped = _annealed(rows, set_size, budget, generator)
    code = _trimmed(GradedCode(_turned(best), 2), vocab_size, set_size)
    total = count_graded(code, set_size)
    mean = total / math.comb(vocab_size, set_size)
    return SearchResult(code, total, mean, done, budget.elapsed, stopped)


def _annealed(
    rows: NDArray[np.uint8], set_size: int, budget: Budget, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], int, bool]:
    """The best rows met, the number of changes tried, and whether Ctrl-C ended it."""
    best, least = rows.copy(), _cyclic_count(rows, set_size)
    current, done = least, 0
    try:
        while least > 0 and (spent := budget.share(done)) < 1:
            changed = _exchanged(rows, generator)
            count = _cyclic_count(changed, set_size)
            done += 1
            if count <= current or _accepted(count / current, WARMTH * COLD**spent, generator):
                rows, current = changed, count
            if current < least:
                best, least = rows.copy(), current
    except KeyboardInterrupt:
        return best, done, True
    return best, done, False


def _exchanged(rows: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """The rows with the strengths of two units of one row exchanged."""
    changed = rows.copy()
    row = changed[generator.integers(len(rows))]
    unit = generator.integers(len(row))
    other = generator.choice(np.flatnonzero(row != row[unit]))
    row[[unit, other]] = row[[other, unit]]
    return changed


def _accepted(ratio: float, temperature: float, generator: np.random.Generator) -> bool:
    return temperature > 0 and generator.random() < math.exp(-math.log(ratio) / temperature)


def _turned(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every row turned by every number of units: [rows * width, width]."""
    width = rows.shape[1]
    units = (np.arange(width) - np.arange(width)[:, None]) % width
    return rows[:, units].reshape(-1, width)


def _cyclic_count(rows: NDArray[np.uint8], set_size: int) -> int:
    """Sets that cover the tokens of the rows, summed: the code's false positives over width."""
    width = rows.shape[1]
    return covering_sets_of(GradedCode(_turned(rows), 2), np.arange(len(rows)) * width, set_size)


def _trimmed(code: GradedCode, vocab_size: int, set_size: int) -> GradedCode:
    """The code without its tokens to spare, those most often false positives."""
    if code.vocab_size == vocab_size:
        return code
    found = graded_false_positives_by_token(code, set_size)
    order = sorted(range(code.vocab_size), key=lambda token: (found[token], token))
    return GradedCode(code.strengths[sorted(order[:vocab_size])], 2)


def _greedy(vocab_size: int, width: int, half: int, full: int, seed: int) -> GradedCode:
    """The least doubled overlap at which the draws find enough hashes."""
    for most in range(2 * (half + full) + 1):
        kept = _greedy_below(vocab_size, width, half, full, most, seed)
        if kept is not None:
            return GradedCode(kept, 2)
    return random_graded(vocab_size, width, half, full, seed)


def _greedy_below(
    vocab_size: int, width: int, half: int, full: int, most: int, seed: int
) -> NDArray[np.uint8] | None:
    """Draw hashes, keep each whose overlaps with all kept, both ways, are at most `most` / 2.

    Overlaps as in `doubled_overlaps`: a bit that is as strong counts 1, a weaker one a half. With
    set_size * most < 2 * weight no set has a false positive. None where the draws end before.
    """
    kept = np.zeros((0, width), dtype=np.uint8)
    for batch in range(-(-GREEDY_ATTEMPTS // GREEDY_BATCH)):
        drawn = random_graded(GREEDY_BATCH, width, half, full, seed * 1_000_003 + batch).strengths
        fitting = drawn[(_largest_overlaps(drawn, kept) <= most).all(1)]
        among = _largest_overlaps(fitting, fitting)
        chosen: list[int] = []
        for token in range(len(fitting)):
            if (among[token, chosen] <= most).all():
                chosen.append(token)
        kept = np.concatenate([kept, fitting[chosen]])
        if len(kept) >= vocab_size:
            return kept[:vocab_size]
    return None


def _largest_overlaps(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Twice what each hash of one list covers of each of the other, or is covered, the larger."""
    any_first, any_second = (first > 0).astype(np.float32), (second > 0).astype(np.float32)
    full_first, full_second = (first == 2).astype(np.float32), (second == 2).astype(np.float32)
    shared, both = any_first @ any_second.T, full_first @ full_second.T
    # a shared bit is weak to one side where the other alone is full there
    weak = np.minimum(full_first @ any_second.T, any_first @ full_second.T) - both
    return 2 * shared - weak
