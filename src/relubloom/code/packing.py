"""Cyclic packings: hashes of one weight with small overlaps, whole orbits under a turn of units.

Hashes of weight w with overlaps of at most (w - 1) / k have no false positive on any set of k. A
search that takes whole orbits chooses a few of them instead of many hashes. (Cyclic constructions
of constant-weight codes are standard: A. E. Brouwer et al., "A new table of constant weight
codes", 1990.)
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

ENUMERATED = 1 << 16  # hashes of an orbit's kind are all listed up to here, and drawn beyond
DRAWN = 1 << 13
MOST_OVERLAP = 4  # beyond, hashes are heavier than designs of some hundred units pay for
MOST_BLOCKS = 4
BEST_KINDS = 3  # kinds of orbits that are tried again
TRIES = 40  # choices from one list of drawn hashes

Bits = NDArray[np.float32]  # 0 and 1: BLAS counts overlaps, exactly


@dataclass(frozen=True)
class Turn:
    """Units in `blocks` rings of `length` that turn together; units beyond stay where they are."""

    width: int
    blocks: int
    length: int

    @cached_property
    def places(self) -> NDArray[np.int64]:
        """Where each unit is after each number of steps, int64 [length, width]."""
        block, place = np.divmod(np.arange(self.width), self.length)
        turned = (place + np.arange(self.length)[:, None]) % self.length + block * self.length
        return np.where(block < self.blocks, turned, np.arange(self.width))

    def orbit(self, hash_: Bits) -> Bits:
        """The hash (float32 [width]) after each number of steps, [length, width]."""
        turned = np.zeros((self.length, self.width), dtype=np.float32)
        np.put_along_axis(turned, self.places[:, hash_ > 0], 1, axis=1)
        return turned


class PackingSearch:
    """Packings of at least `tokens` hashes on `width` units without false positives on sets of k.

    Iterating gives a packing for each random choice of orbits, without end, and None for a choice
    that came to too few tokens. Half of the time goes to kinds of orbits not tried yet, half to
    the best so far. There is nothing where counting pairs (triples, ...) of units forbids them all.

    Args:
        tokens, width, set_size: sizes; set_size is k.
        heaviest: largest weight allowed.
        generator: of the choices.
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        set_size: int,
        heaviest: int,
        generator: np.random.Generator,
    ) -> None:
        self._tokens, self._generator = tokens, generator
        self._untried = [
            _Kind(Turn(width, blocks, (width - fixed) // blocks), overlap, overlap * set_size + 1)
            for blocks in range(1, MOST_BLOCKS + 1)
            for overlap in range(1, MOST_OVERLAP + 1)
            if _allowed(tokens, width, overlap, overlap * set_size + 1, heaviest)
            for fixed in (0, 1)
            if (width - fixed) % blocks == 0 and width > fixed
        ]

    def __iter__(self) -> Iterator[NDArray[np.bool_] | None]:
        opening = trying = 0.0  # seconds
        tried: list[_Kind] = []
        while self._untried or tried:
            started = time.perf_counter()
            if self._untried and opening <= trying:
                kind = self._untried.pop(0)
                kind.list_hashes(self._generator)
                found = self._chosen(kind)
                tried.append(kind)
                opening += time.perf_counter() - started
            else:
                tried = [kind for kind in tried if kind.most > 0]
                tried.sort(key=lambda each: -each.most)
                kind = tried[int(self._generator.integers(min(len(tried), BEST_KINDS)))]
                kind.tries += 1
                if kind.tries % TRIES == 0:
                    kind.list_hashes(self._generator)
                found = self._chosen(kind)
                trying += time.perf_counter() - started
            yield found

    def _chosen(self, kind: "_Kind") -> NDArray[np.bool_] | None:
        """Orbits taken at random as long as they fit."""
        hashes, taken = kind.listed, [np.zeros((0, kind.turn.width), dtype=np.float32)]
        while len(hashes) and (len(taken) - 1) * kind.turn.length < self._tokens:
            taken.append(kind.turn.orbit(hashes[self._generator.integers(len(hashes))]))
            hashes = hashes[(hashes @ taken[-1].T <= kind.overlap).all(1)]
        found = np.concatenate(taken) > 0
        kind.most = max(kind.most, len(found))
        return found if len(found) >= self._tokens else None


class _Kind:
    """Orbits of one turn, weight and largest overlap; and the most tokens that they came to."""

    def __init__(self, turn: Turn, overlap: int, weight: int) -> None:
        self.turn, self.overlap, self._weight = turn, overlap, weight
        self.most = self.tries = 0
        self.listed: Bits = np.zeros((0, turn.width), dtype=np.float32)

    def list_hashes(self, generator: np.random.Generator) -> None:
        """List all hashes whose own turns fit, one an orbit; some, where there are too many."""
        width, weight = self.turn.width, self._weight
        every = math.comb(width, weight) <= ENUMERATED
        if every and self.tries:
            return
        if every:
            units = np.array(list(combinations(range(width), weight)))
        else:
            units = generator.random((DRAWN, width)).argsort(1)[:, :weight]
        hashes = np.zeros((len(units), width), dtype=np.float32)
        np.put_along_axis(hashes, units, 1, axis=1)
        for places in self.turn.places[1 : self.turn.length // 2 + 1]:
            fits = np.take_along_axis(hashes, places[units], axis=1).sum(1) <= self.overlap
            hashes, units = hashes[fits], units[fits]
        if every:
            values = generator.random(width)  # an orbit is named by the least sum over its hashes
            sums = [values[places[units]].sum(1) for places in self.turn.places]
            hashes = hashes[sums[0] <= np.min(sums, axis=0) + 1e-12]
        self.listed = hashes


def _allowed(tokens: int, width: int, overlap: int, weight: int, heaviest: int) -> bool:
    """No two hashes share `overlap` + 1 units, so there are not more hashes than such parts."""
    if weight > min(width, heaviest):
        return False
    return math.comb(width, overlap + 1) // math.comb(weight, overlap + 1) >= tokens
