"""How many of d bins are occupied after some balls: the union under drawing with replacement."""

from __future__ import annotations

import numpy as np

from relubloom.theory.cover import Floats
from relubloom.theory.union_size import FORGOTTEN

BALLS_AT_ONCE = 32  # balls between two trims of the negligible ends


class Occupancy:
    """Law of the number of occupied bins after 0, b, 2b, ... balls, each step computed once.

    p'[j] = p[j] j/d + p[j-1] (d-j+1)/d; every term is positive, so relative accuracy is kept.
    Numbers with probability below 1e-250 are dropped on the way.

    Args:
        bins: number of bins, d.
        balls: balls per step, b.
    """

    def __init__(self, bins: int, balls: int) -> None:
        self._balls = balls
        stays = np.arange(bins + BALLS_AT_ONCE + 1) / bins
        self._stays = np.minimum(stays, 1.0)
        self._moves = np.maximum(1.0 - stays, 0.0)
        self._laws: list[tuple[Floats, int]] = [(np.ones(1), 0)]

    def after(self, steps: int) -> tuple[Floats, int]:
        """P(number of occupied bins), and the number its first entry belongs to; sums to 1.

        Cost: O(steps balls bins), less what earlier calls have computed.
        """
        while len(self._laws) <= steps:
            law = self._laws[-1]
            for start in range(0, self._balls, BALLS_AT_ONCE):
                law = self._throw(*law, min(BALLS_AT_ONCE, self._balls - start))
            self._laws.append(law)
        return self._laws[steps]

    def _throw(self, probability: Floats, smallest: int, balls: int) -> tuple[Floats, int]:
        grown = np.concatenate([probability, np.zeros(balls)])
        columns = slice(smallest, smallest + len(grown))
        stays, moves = self._stays[columns], self._moves[columns]
        for _ in range(balls):
            moved = grown[:-1] * moves[:-1]
            grown *= stays
            grown[1:] += moved
        kept = np.flatnonzero(grown > FORGOTTEN)
        grown = grown[kept[0] : kept[-1] + 1]
        return grown / grown.sum(), smallest + int(kept[0])
