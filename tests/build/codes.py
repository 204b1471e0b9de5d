"""What is asked of codes in several tests."""

import numpy as np

from relubloom.code import Code


def largest_overlap(code: Code) -> int:
    """The most bits that two tokens share."""
    counts = code.bits.astype(int)
    overlaps = counts @ counts.T
    np.fill_diagonal(overlaps, 0)
    return int(overlaps.max())
