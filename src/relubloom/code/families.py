"""Families of codes: rules that draw a hash for every token, and a code of a named family."""

from numbers import Real
from typing import Literal, get_args

import numpy as np

from relubloom import theory
from relubloom.code.bits import Code
from relubloom.code.disjunct import disjunct_code
from relubloom.code.search import improve
from relubloom.errors import UsageError, check_choice, check_seed, whole
from relubloom.theory.arguments import check_sizes

Family = Literal[
    "constant-weight",
    "with-replacement",
    "bernoulli",
    "partitioned",
    "kautz-singleton",
    "greedy",
    "search",
]
LIGHTER = 0.87  # designed codes want fewer bits than random ones: docs/results/codes.md
GREEDY_ATTEMPTS = 200_000
GREEDY_BATCH = 4096  # candidates drawn and tested together
HOPE = 2  # times what the last batch found, which no later one will find
SEARCH_SECONDS = 60.0


def make_code(
    family: Family,
    vocab_size: int,
    width: int,
    set_size: int,
    *,
    weight: int | None = None,
    seed: int = 0,
    seconds: float = SEARCH_SECONDS,
) -> Code:
    """Make a code of the family.

    Args:
        family: *constant-weight*: `weight` random bits per token (default: the weight of least
            mse). *with-replacement*: the textbook Bloom filter's, `weight` hashes that may fall on
            the same unit (default: the number of least mse). *bernoulli*: each bit with chance
            weight / width (default 1 / (set_size + 1)).
            *partitioned*: one random bit in each of `weight` blocks. *kautz-singleton*: no
            false positive on any set, where the width allows one. *greedy*: random hashes of
            `weight` bits kept while overlaps stay as low as can be. *search*: the exact number
            of false positives lowered for `seconds`, from a random code of `weight`.
        vocab_size, width, set_size: sizes.
        weight: bits per token; None takes the family's default.
        seed: seed of the draws.
        seconds: what *search* may take.

    Raises:
        UsageError: a value breaks its rule, or the width is too small for the family.
    """
    check_seed(seed)
    check_choice("family", family, *get_args(Family))
    vocab_size, width, set_size = check_sizes(vocab_size, width, set_size)
    if weight is not None:
        weight = whole("weight", weight)
    if family == "kautz-singleton":
        if weight is not None:
            raise UsageError(
                f"weight is {weight}: a kautz-singleton code has the weight that its design asks "
                "for; leave weight out"
            )
        return disjunct_code(vocab_size, width, set_size)
    if family == "with-replacement":
        drawn = theory.best_with_replacement(vocab_size, width, set_size).weight
        return with_replacement(vocab_size, width, drawn if weight is None else weight, seed)
    if family == "bernoulli":
        density = 1 / (set_size + 1) if weight is None else weight / width
        return bernoulli(vocab_size, width, density, seed)
    if family == "partitioned":
        blocks = theory.best_blocks(width, set_size) if weight is None else weight
        return partitioned(vocab_size, width, blocks, seed)
    best = theory.best_constant_weight(vocab_size, width, set_size).weight
    if family == "constant-weight":
        return random_constant_weight(vocab_size, width, best if weight is None else weight, seed)
    bits = max(1, round(LIGHTER * best)) if weight is None else weight
    if family == "greedy":
        return _greedy(vocab_size, width, bits, seed)
    start = random_constant_weight(vocab_size, width, bits, seed)
    return improve(start, set_size, seconds=seconds, seed=seed).code


def random_constant_weight(vocab_size: int, width: int, weight: int, seed: int = 0) -> Code:
    """Give each token `weight` distinct bits, uniform over all such hashes, independently.

    Cost: O(vocab width). Exact laws: `theory.constant_weight`.

    Raises:
        UsageError: there are no tokens or units, `weight` is not in 0..width, or `seed` is below 0.
    """
    check_seed(seed)
    vocab_size, width = whole("vocab_size", vocab_size, 1), whole("width", width, 1)
    weight = whole("weight", weight)
    if not 0 <= weight <= width:
        raise UsageError(
            f"weight is {weight}: a hash has between 0 and width = {width} bits; lower the weight"
        )
    generator = np.random.default_rng([seed, vocab_size, width, weight])
    bits = np.zeros((vocab_size, width), dtype=np.bool_)
    rows = 1 + (1 << 22) // width  # random keys a few megabytes at a time
    for start in range(0, vocab_size, rows):
        keys = generator.random((min(rows, vocab_size - start), width))
        chosen = np.argpartition(keys, min(weight, width - 1), axis=1)[:, :weight]
        np.put_along_axis(bits[start : start + len(keys)], chosen, True, axis=1)
    return Code(bits)


def with_replacement(vocab_size: int, width: int, hashes: int, seed: int = 0) -> Code:
    """Draw `hashes` units for each token, with replacement: a token has at most so many bits.

    The textbook Bloom filter. Cost: O(vocab hashes). Exact law: `theory.with_replacement`.

    Raises:
        UsageError: `hashes` is below 0.
    """
    vocab_size, width = whole("vocab_size", vocab_size, 1), whole("width", width, 1)
    hashes = whole("weight", hashes)
    if hashes < 0:
        raise UsageError(f"weight is {hashes}: a token has 0 or more hashes; raise the weight")
    generator = np.random.default_rng([seed, vocab_size, width, hashes])
    bits = np.zeros((vocab_size, width), dtype=np.bool_)
    chosen = generator.integers(0, width, size=(vocab_size, hashes))
    np.put_along_axis(bits, chosen, True, axis=1)
    return Code(bits)


def bernoulli(vocab_size: int, width: int, density: float, seed: int = 0) -> Code:
    """Give each token each bit with probability `density`, all independently.

    The classic random design of group testing. Cost: O(vocab width).

    Raises:
        UsageError: `density` is not in [0, 1].
    """
    vocab_size, width = whole("vocab_size", vocab_size, 1), whole("width", width, 1)
    if not isinstance(density, Real) or not 0 <= density <= 1:
        raise UsageError(
            f"density is {density}: it is the probability of a bit; give a number from 0 to 1"
        )
    generator = np.random.default_rng([seed, vocab_size, width])
    return Code(generator.random((vocab_size, width)) < density)


def partitioned(vocab_size: int, width: int, weight: int, seed: int = 0) -> Code:
    """Split the units into `weight` blocks of nearly equal size; one bit per block and token.

    Blocks differ in size by one unit where `weight` does not divide `width`. Cost: O(vocab width).

    Raises:
        UsageError: `weight` is not in 1..width.
    """
    vocab_size, width = whole("vocab_size", vocab_size, 1), whole("width", width, 1)
    weight = whole("weight", weight)
    if not 1 <= weight <= width:
        raise UsageError(
            f"weight is {weight}: a partitioned hash has one bit in each of 1 to width = {width} "
            "blocks; change the weight"
        )
    generator = np.random.default_rng([seed, vocab_size, width, weight])
    borders = np.arange(weight + 1) * width // weight
    chosen = generator.integers(borders[:-1], borders[1:], size=(vocab_size, weight))
    bits = np.zeros((vocab_size, width), dtype=np.bool_)
    np.put_along_axis(bits, chosen, True, axis=1)
    return Code(bits)


def greedy_low_overlap(
    vocab_size: int,
    width: int,
    weight: int,
    max_overlap: int,
    seed: int = 0,
    *,
    attempts: int = 2_000_000,
) -> Code:
    """Draw hashes of `weight` bits; keep each that shares at most `max_overlap` bits with all kept.

    Overlaps at most `max_overlap` make the code disjunct for every set_size with
    set_size * max_overlap < weight.

    Args:
        vocab_size: tokens wanted.
        width: units.
        weight: bits per token.
        max_overlap: bits that two hashes may share.
        seed: seed of the draws.
        attempts: hashes to draw at most.

    Cost: O(attempts vocab width) multiply-adds at worst.

    Raises:
        UsageError: the draws ended before `vocab_size` hashes were found, or a value is out of
            range.
    """
    if vocab_size < 1 or max_overlap < 0:
        raise UsageError(
            f"vocab_size is {vocab_size} and max_overlap is {max_overlap}: give at least 1 token "
            "and an overlap of at least 0"
        )
    kept = np.zeros((vocab_size, width), dtype=np.float32)  # float32: BLAS, exact on small counts
    count = 0
    batches = -(-attempts // GREEDY_BATCH)
    for batch in range(batches):
        drawn = random_constant_weight(GREEDY_BATCH, width, weight, seed * 1_000_003 + batch).bits
        drawn = drawn.astype(np.float32)
        for start in range(0, count if max_overlap < weight else 0, 4 * GREEDY_BATCH):
            beside = kept[start : min(count, start + 4 * GREEDY_BATCH)]
            drawn = drawn[(drawn @ beside.T <= max_overlap).all(1)]
        among = drawn @ drawn.T <= max_overlap
        np.fill_diagonal(among, True)
        chosen: list[int] = []
        for place in range(len(drawn)) if not among.all() else ():
            if among[place, chosen].all():
                chosen.append(place)
        fresh = (drawn if among.all() else drawn[chosen])[: vocab_size - count]
        kept[count : count + len(fresh)] = fresh
        count += len(fresh)
        if count == vocab_size:
            return Code(kept > 0)
        if count + HOPE * len(fresh) * (batches - batch - 1) + GREEDY_BATCH < vocab_size:
            attempts = (batch + 1) * GREEDY_BATCH
            break  # later batches find fewer and fewer
    raise UsageError(
        f"max_overlap is {max_overlap}: {attempts} draws of weight {weight} on width {width} gave "
        f"{count} of {vocab_size} hashes; raise max_overlap or width, or lower weight"
    )


def greedy_seconds(vocab_size: int, width: int) -> float:
    """About how long the family *greedy* takes on one core; above 200,000 tokens no time at all,
    as no draws are enough to avoid overlaps."""
    return 0.0 if vocab_size > GREEDY_ATTEMPTS else 6e-11 * vocab_size**2 * width


def _greedy(vocab_size: int, width: int, weight: int, seed: int) -> Code:
    """The least overlap at which the draws find enough hashes."""
    for overlap in range(weight):
        try:
            return greedy_low_overlap(
                vocab_size, width, weight, overlap, seed, attempts=GREEDY_ATTEMPTS
            )
        except UsageError:
            continue
    return greedy_low_overlap(vocab_size, width, weight, weight, seed)
