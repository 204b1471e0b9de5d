"""Sets to fit a rung's numbers on, and others to score all rungs on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.task import DrawnSets, SetCollection

SHARE = 5  # one set in five is fitted on
FEWEST = 2_000  # fewer fit nothing
DRAWN = 500_000  # fitted on where the scored sets are drawn themselves


@dataclass(frozen=True)
class Chosen:
    """The sets of a collection whose numbers (ascending) are given."""

    whole: SetCollection
    numbers: NDArray[np.int64]

    @property
    def method(self) -> str:
        """That of the whole collection; "drawn" where all sets were there and some are left out."""
        some = len(self) < len(self.whole)
        return "drawn" if some and self.whole.method == "all" else self.whole.method

    def __len__(self) -> int:
        return len(self.numbers)

    def chunk(self, start: int, stop: int) -> Int64[Tensor, "batch set_size"]:
        """Sets number start..stop of those chosen."""
        first, last, kept = self._part(start, stop)
        return self.whole.chunk(first, last)[kept]

    def weights(self, start: int, stop: int) -> Float64[Tensor, " batch"]:
        """How often each of these sets counts."""
        first, last, kept = self._part(start, stop)
        return self.whole.weights(first, last)[kept]

    def unseen(self, start: int, stop: int) -> Bool[Tensor, " batch"]:
        """Which of these sets hold a token that no training set holds."""
        first, last, kept = self._part(start, stop)
        return self.whole.unseen(first, last)[kept]

    def _part(self, start: int, stop: int) -> tuple[int, int, Int64[Tensor, " batch"]]:
        """The stretch of the whole collection that holds them, and where in it they are."""
        numbers = self.numbers[start:stop]
        if not len(numbers):
            return 0, 1, torch.zeros(0, dtype=torch.int64)
        first = int(numbers[0])
        return first, int(numbers[-1]) + 1, torch.from_numpy(numbers - first)


def split_off(
    sets: SetCollection, vocab_size: int, most: int | None = None
) -> tuple[Chosen, Tensor | None]:
    """The sets to score, at most `most`, and the sets to fit on (int64 [fitted, set_size]).

    Where the sets are drawn, up to 500,000 others of the same source are fitted on. Of other
    collections one set in five is, by a seeded choice, and it is not scored. None where either
    gives fewer than 2,000. A set is fitted on once, however many copies it has.
    """
    order = np.random.default_rng(0).permutation(len(sets))
    fitted: Tensor | None = None
    spared = 0
    if isinstance(sets, DrawnSets):
        fitted = _drawn_apart(sets, vocab_size)
    elif len(sets) >= FEWEST * SHARE:
        spared = len(sets) // SHARE
        fitted = _read(Chosen(sets, np.sort(order[:spared])))
    scored = order[spared:] if most is None else order[spared : spared + most]
    return Chosen(sets, np.sort(scored)), fitted


def _read(chosen: Chosen) -> Int64[Tensor, "sets set_size"]:
    """All of them, a part of the collection at a time."""
    parts = range(0, len(chosen), 10_000)
    return torch.cat([chosen.chunk(part, part + 10_000) for part in parts])


def _drawn_apart(sets: DrawnSets, vocab_size: int) -> Tensor | None:
    """Sets of the same source from a stream of their own, without those that are scored."""
    drawn = replace(sets, stream="ladder", count=DRAWN).chunk(0, DRAWN)
    scored = sets.chunk(0, len(sets))
    apart = ~np.isin(_keys(drawn, vocab_size), _keys(scored, vocab_size))
    fitted = drawn[torch.from_numpy(apart)]
    return fitted if len(fitted) >= FEWEST else None


def _keys(sets: Tensor, vocab_size: int) -> NDArray[np.uint64]:
    """A number for each set, whatever the order of its tokens; equal sets have equal numbers."""
    ordered = sets.sort(1).values.numpy().astype(np.uint64)
    keys = np.zeros(len(ordered), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in ordered.T:
            keys = (keys * np.uint64(vocab_size + 1) + column) * np.uint64(0x9E3779B97F4A7C15)
    return keys
