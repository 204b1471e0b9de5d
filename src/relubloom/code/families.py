"""Families of codes: rules that make a hash for every token."""

import numpy as np

from relubloom.code.bits import Code
from relubloom.errors import UsageError


def random_constant_weight(vocab_size: int, width: int, weight: int, seed: int = 0) -> Code:
    """Give each token `weight` distinct bits, uniform over all such hashes, independently.

    Cost: O(vocab width). Exact laws: `theory.constant_weight`.

    Raises:
        UsageError: there are no tokens or units, or `weight` is not in 0..width.
    """
    for name, value in (("vocab_size", vocab_size), ("width", width)):
        if value < 1:
            raise UsageError(f"{name} is {value}: a code has at least 1; raise it")
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
