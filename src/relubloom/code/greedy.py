"""Greedy low-overlap codes: random hashes of one weight, kept while all overlaps stay low."""

import numpy as np

from relubloom.code.bits import Code
from relubloom.code.families import random_constant_weight
from relubloom.errors import UsageError

BATCH = 4096  # candidates drawn and tested together


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
    for batch in range(-(-attempts // BATCH)):
        drawn = random_constant_weight(BATCH, width, weight, seed=seed * 1_000_003 + batch).bits
        drawn = drawn.astype(np.float32)
        fitting = (drawn @ kept[:count].T <= max_overlap).all(1)
        start = count
        for hash_ in drawn[fitting]:
            if (kept[start:count] @ hash_ <= max_overlap).all():
                kept[count] = hash_
                count += 1
                if count == vocab_size:
                    return Code(kept > 0)
    raise UsageError(
        f"max_overlap is {max_overlap}: {attempts} draws of weight {weight} on width {width} gave "
        f"{count} of {vocab_size} hashes; raise max_overlap or width, or lower weight"
    )
