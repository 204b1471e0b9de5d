"""k-means of numbers: the codebook with which a quantiser's squared error is least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

MAX_ITERATIONS = 1000


class Quantiser:
    """Numbers sorted once, to be quantised to codebooks of several sizes.

    Lloyd's iteration on the sorted values, by prefix sums, from three starts: equal shares of the
    values, equal steps of their range, and between (shares of density to the 1/3, the best
    companding at high rates). The best of the three is taken; nothing is random.

    Cost: a sort; then O(levels log values) per iteration.
    """

    def __init__(self, values: Reals) -> None:
        self.values = values
        self._distinct, counts = np.unique(values, return_counts=True)
        self._centre = float(values.mean()) if values.size else 0.0
        moved = self._distinct - self._centre
        self._count = _from_zero(np.cumsum(counts))
        self._sum = _from_zero(np.cumsum(counts * moved))
        self._square = float(counts @ moved**2)

    def codebook(self, levels: int) -> Reals:
        """At most `levels` numbers, ascending; all of the values where there are no more."""
        if len(self._distinct) <= levels:
            return self._distinct
        books = [self._converged(start) for start in self._starts(levels)]
        return min(books, key=self._error) + self._centre

    def nearest(self, codebook: Reals) -> Reals:
        """Each of the values as its nearest number in the codebook, in the values' shape."""
        if not codebook.size:
            return self.values
        return codebook[np.searchsorted(_midpoints(codebook), self.values)]

    def _starts(self, levels: int) -> list[Reals]:
        """Centres to start from, each list ascending."""
        moved = self._distinct - self._centre
        shares = (np.arange(levels) + 0.5) / levels
        step = np.diff(moved, prepend=moved[0])
        companded = np.cumsum(step ** (2 / 3))
        return [
            moved[np.searchsorted(self._count[1:], shares * self._count[-1])],
            moved[0] + shares * (moved[-1] - moved[0]),
            np.interp(shares * companded[-1], companded, moved),
        ]

    def _converged(self, centres: Reals) -> Reals:
        """Lloyd's iteration; a centre without values stays where it is."""
        moved = self._distinct - self._centre
        cuts = np.zeros(0, dtype=np.int64)
        for _ in range(MAX_ITERATIONS):
            before, cuts = cuts, self._cuts(moved, centres)
            if np.array_equal(before, cuts):
                break
            count, total = np.diff(self._count[cuts]), np.diff(self._sum[cuts])
            centres = np.where(count > 0, total / np.maximum(count, 1), centres)
        return centres

    def _cuts(self, moved: Reals, centres: Reals) -> NDArray[np.int64]:
        """Borders, among the distinct values, between the cells of the centres."""
        inner = np.searchsorted(moved, _midpoints(centres))
        return np.concatenate([[0], inner, [len(moved)]])

    def _error(self, centres: Reals) -> float:
        """Sum of squared distances to the nearest centre, for converged centres."""
        cuts = self._cuts(self._distinct - self._centre, centres)
        count, total = np.diff(self._count[cuts]), np.diff(self._sum[cuts])
        return self._square - float((total**2 / np.maximum(count, 1)).sum())


def _midpoints(ascending: Reals) -> Reals:
    return (ascending[1:] + ascending[:-1]) / 2


def _from_zero(sums: NDArray[np.generic]) -> Reals:
    return np.concatenate([[0.0], sums.astype(np.float64)])
