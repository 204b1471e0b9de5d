"""Group-testing decoders: from a union back to the tokens. Rivals of the one-layer readout.

Tokens are items, units are tests, a covered unit is a positive test. COMP is what a Bloom filter
(and the network) reads; DD and SCOMP show what a second layer could buy. Sources: M. Aldridge,
L. Baldassini, O. Johnson, "Group testing algorithms: bounds and simulations" (2014); M. Aldridge,
O. Johnson, J. Scarlett, "Group testing: an information theory perspective" (2019).

The guarantees hold when the union given really is the union of some set's hashes.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from relubloom.code.bits import Code


def comp(code: Code, unions: ArrayLike) -> NDArray[np.bool_]:
    """COMP: declare every token whose bits are all covered.

    Args:
        code: the hashes.
        unions: bool [batch, width].

    Returns:
        bool [batch, vocab]. Never misses a member; its errors are the code's false positives.

    Cost: O(batch vocab width / 64).

    Raises:
        UsageError: `unions` is not [batch, width].
    """
    return code.decode_unions(unions)


def dd(code: Code, unions: ArrayLike) -> NDArray[np.bool_]:
    """DD (definite defectives): declare a COMP candidate if it alone explains some covered unit.

    Returns:
        bool [batch, vocab]. Never declares a non-member: the unit needs a member, and the token is
        the only candidate for it. It may miss members.

    Cost: O(batch vocab width). Arguments and errors as `comp`.
    """
    covered = code.checked_unions(unions)
    return _definite(code, covered, code.decode_unions(covered))


def scomp(code: Code, unions: ArrayLike) -> NDArray[np.bool_]:
    """SCOMP: start from DD; add the candidate that explains most until all units are explained.

    Equal candidates: the lowest token. Returns bool [batch, vocab], between DD and COMP and
    explaining every covered unit; it may both miss members and declare non-members.

    Cost: O(batch vocab width rounds), rounds at most the width. Arguments and errors as `comp`.
    """
    covered = code.checked_unions(unions)
    candidates = code.decode_unions(covered)
    declared = _definite(code, covered, candidates)
    bits = code.bits.astype(np.float32)
    while True:
        unexplained = covered & ~(declared.astype(np.float32) @ bits > 0)
        gains = unexplained.astype(np.float32) @ bits.T * candidates
        best = gains.argmax(1)
        open_sets = np.flatnonzero(gains[np.arange(len(best)), best] > 0)
        if len(open_sets) == 0:
            return declared
        declared[open_sets, best[open_sets]] = True


def _definite(
    code: Code, covered: NDArray[np.bool_], candidates: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    bits = code.bits.astype(np.float32)  # float32: BLAS, exact on counts below 2**24
    explained_once = covered & (candidates.astype(np.float32) @ bits == 1)
    return candidates & (explained_once.astype(np.float32) @ bits.T > 0)
