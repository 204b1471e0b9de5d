"""What is asked of codes in several tests."""

import numpy as np

from relubloom.code import Code
from relubloom.code.counting import LIMITS, CountingLimits, TokenCounter


def largest_overlap(code: Code) -> int:
    """The most bits that two tokens share."""
    counts = code.bits.astype(int)
    overlaps = counts @ counts.T
    np.fill_diagonal(overlaps, 0)
    return int(overlaps.max())


def false_positives_by_token(
    code: Code, set_size: int, limits: CountingLimits = LIMITS
) -> list[int]:
    """For each token, the number of sets on which it is a false positive."""
    counter = TokenCounter(code, set_size, limits)
    return [counter.count(token) for token in range(code.vocab_size)]
