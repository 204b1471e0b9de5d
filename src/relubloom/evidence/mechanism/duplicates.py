"""Tokens that a code cannot tell apart."""

import numpy as np

from relubloom.code import Code


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
