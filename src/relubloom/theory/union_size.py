"""How many units the hashes of k tokens cover: hashes of distinct bits, and balls in bins."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln  # pyright: ignore[reportMissingTypeStubs]

from relubloom.errors import UsageError
from relubloom.theory.cover import CoverLaw, Floats

FORGOTTEN = 1e-250  # union sizes less likely than this are left out of the recursion
BALLS_AT_ONCE = 32  # balls between two trims of the negligible ends
TABLE_LIMIT = 1 << 26  # entries of one transition table: half a gigabyte


def cover_law(width: int, weight: int, set_size: int) -> CoverLaw:
    """Law of the union's size, with the chance c(u) that a union of that size covers a hash."""
    if weight == 0:  # the empty hash: every token is covered
        return CoverLaw.of_everything()
    probability, smallest = union_sizes(width, weight, set_size)
    sizes = np.arange(smallest, smallest + len(probability), dtype=np.float64)
    return CoverLaw(probability, log_cover_chance(width, weight, sizes))


def log_cover_chance(width: int, weight: int | Floats, sizes: Floats) -> Floats:
    """Ln of C(u, h) / C(d, h) for union sizes u >= h, any shape; real u by the gamma function."""
    return (
        gammaln(sizes + 1.0)
        - gammaln(sizes - weight + 1.0)
        - gammaln(width + 1.0)
        + gammaln(width - weight + 1.0)
    )


def union_sizes(width: int, weight: int, set_size: int) -> tuple[Floats, int]:
    """P(u), and the union size u that its first entry belongs to; sums to 1.

    Cost: O(k h d), or O(d^2) where k is so large that the union is surely all units.
    Union sizes with probability below `FORGOTTEN` are dropped on the way.
    """
    largest = min(width, set_size * weight)
    table = fresh_bits_table(width, weight, largest)
    probability, smallest = np.ones(1), weight
    for _ in range(set_size - 1):
        if smallest == width:  # all units are covered, and stay so
            break
        columns = slice(smallest - weight, smallest - weight + len(probability))
        grown = np.zeros(len(probability) + weight)
        for fresh in range(min(weight, largest - smallest) + 1):
            grown[fresh : fresh + len(probability)] += probability * table[fresh, columns]
        grown = grown[: largest - smallest + 1]
        kept = np.flatnonzero(grown > FORGOTTEN)
        probability = grown[kept[0] : kept[-1] + 1]
        smallest += int(kept[0])
    return probability / probability.sum(), smallest


def fresh_bits_table(width: int, weight: int, largest: int) -> Floats:
    """Chance that a random hash adds `fresh` bits to a union of size u: [fresh, u - weight].

    Normalised over `fresh`, so that rounding of the log factorials does not pile up over k.
    """
    if max((weight + 1) * (largest - weight + 1), width) > TABLE_LIMIT:
        raise UsageError(
            f"width is {width} at weight {weight}: the exact law would need a table of over half "
            "a gigabyte; use a smaller width or weight, or width_rule for an estimate"
        )
    log_factorial = gammaln(np.arange(width + 2) + 1.0)
    fresh = np.arange(weight + 1)[:, None]
    union = np.arange(weight, largest + 1)[None, :]
    outside = width - union
    possible = (fresh <= outside) & (weight - fresh <= union)
    left = np.where(possible, outside - fresh, 0)
    logs = (
        log_factorial[outside]
        - log_factorial[fresh]
        - log_factorial[left]
        + log_factorial[union]
        - log_factorial[weight - fresh]
        - log_factorial[union - weight + fresh]
    )
    logs = np.where(possible, logs, -np.inf)
    table = np.exp(logs - logs.max(0))
    return table / table.sum(0)


class Occupancy:
    """Law of the number of occupied bins after 0, b, 2b, ... balls, each step computed once.

    p'[j] = p[j] j/d + p[j-1] (d-j+1)/d; every term is positive, so relative accuracy is kept.
    Numbers with probability below 1e-250 are dropped on the way.

    Args:
        bins: number of bins, d.
        balls: balls per step, b.
    """

    def __init__(self, bins: int, balls: int) -> None:
        self._bins, self._balls = bins, balls
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
                if law[1] == self._bins:  # all are occupied, and stay so
                    break
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
