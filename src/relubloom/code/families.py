"""Random families of codes: rules that draw a hash for every token independently."""

import numpy as np

from relubloom.code.bits import Code
from relubloom.errors import UsageError


def random_constant_weight(vocab_size: int, width: int, weight: int, seed: int = 0) -> Code:
    """Give each token `weight` distinct bits, uniform over all such hashes, independently.

    Cost: O(vocab width). Exact laws: `theory.constant_weight`.

    Raises:
        UsageError: `weight` is not in 0..width.
    """
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


def bernoulli(vocab_size: int, width: int, density: float, seed: int = 0) -> Code:
    """Give each token each bit with probability `density`, all independently.

    The classic random design of group testing. Cost: O(vocab width).

    Raises:
        UsageError: `density` is not in [0, 1].
    """
    if not 0 <= density <= 1:
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
