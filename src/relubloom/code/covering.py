"""How many sets cover one heavy token: branching on its scarcest unit."""

import math

import numpy as np
from numpy.typing import NDArray

BRANCHING_LIMIT = 1 << 36  # multiply-adds for one token: about a minute


def covering_sets(rows: NDArray[np.bool_], set_size: int) -> int:
    """Number of sets of `set_size` rows whose union is every column, an exact integer.

    Args:
        rows: bool [tokens, units]: the traces of the other tokens on the token's units.
        set_size: rows per set, at least 0.

    Every covering set holds a row that has the scarcest unit; sets are counted by the first such
    row. Sets whose largest traces cannot cover what is left are never visited.

    Cost: O(scarcity**(set_size - 1) tokens units) at worst, `scarcity` the rows with the scarcest
    unit; far less where overlaps are small.

    Raises:
        OverflowError: more than 2**36 multiply-adds would be needed.
    """
    return _Search().count(rows, set_size)


class _Search:
    """One count under one budget."""

    def __init__(self) -> None:
        self.spent = 0

    def count(self, rows: NDArray[np.bool_], set_size: int) -> int:
        tokens, units = rows.shape
        if units == 0:
            return math.comb(tokens, set_size)
        if set_size == 0 or tokens < set_size:
            return 0
        self._spend(rows.size)
        covered = rows.sum(1)
        if np.partition(covered, -set_size)[-set_size:].sum() < units:
            return 0
        if set_size == 1:
            return int((covered == units).sum())
        scarcest = int(rows.sum(0).argmin())
        having = rows[:, scarcest]
        first, rest = rows[having], rows[~having]
        if set_size == 2:
            return self._pairs(first, rest)
        total = 0
        for place, row in enumerate(first):
            later = np.concatenate([first[place + 1 :], rest])
            total += self.count(later[:, ~row], set_size - 1)
        return total

    def _pairs(self, first: NDArray[np.bool_], rest: NDArray[np.bool_]) -> int:
        """Covering pairs with one row of `first` and one of `rest`, or two of `first`."""
        self._spend(len(first) * (len(first) + len(rest)) * first.shape[1])
        lacking = (~first).astype(np.float32)
        mixed = lacking @ (~rest).astype(np.float32).T  # units that both rows lack
        within = lacking @ lacking.T
        return int((mixed == 0).sum()) + int((np.triu(within == 0, 1)).sum())

    def _spend(self, work: int) -> None:
        self.spent += work
        if self.spent > BRANCHING_LIMIT:
            raise OverflowError
