"""What a ladder keeps of one pass over the sets: some to score rungs on, others to fit them on."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.evidence.ladder.scoring import Outcome, ScoredSets
from relubloom.measure.one_pass import Chunk, method_of_choice
from relubloom.task import DrawnSets, SetCollection

SHARE = 5  # one set in five is fitted on
FEWEST = 2_000  # fewer fit nothing
DRAWN = 500_000  # fitted on where the scored sets are drawn themselves
MEAN_SIZE_FROM = 100_000  # sets, the first ones

Ids = Int64[Tensor, "sets set_size"]
_Found = tuple[Ids, Float64[Tensor, " sets"], Outcome, Ids, tuple[float, float], NDArray[np.uint64]]


class LadderSets:
    """A consumer of the pass (`measure.one_pass`), to be asked when the pass is over.

    Where the sets are drawn, up to 500,000 others of the same source are fitted on, in a stream of
    their own. Of other collections one set in five is, by a seeded choice, and it is not scored.
    Nothing is fitted on where either gives fewer than 2,000. A set is fitted on once, however many
    copies it has.

    Args:
        sets: the collection.
        vocab_size: its number of tokens.
        most: score rungs on at most that many of the sets, by a seeded choice; None scores them on
            all but those fitted on.
        fit: whether rungs are to be fitted at all. It does not change which sets are scored.

    Memory: the sets chosen.
    """

    def __init__(
        self, sets: SetCollection, vocab_size: int, most: int | None = None, *, fit: bool = True
    ) -> None:
        self._drawn = sets if isinstance(sets, DrawnSets) else None
        self._vocab_size, self._fits = vocab_size, fit
        order = np.random.default_rng(0).permutation(len(sets))
        spares = self._drawn is None and len(sets) >= FEWEST * SHARE
        spared = len(sets) // SHARE if spares else 0
        scored = order[spared:] if most is None else order[spared : spared + most]
        self.numbers = _ascending(scored, len(sets))
        self._fitted_numbers = _ascending(order[: spared if fit else 0], len(sets))
        self.method = method_of_choice(sets, len(scored))
        self._parts: list[_Found] = []

    def work(self, chunk: Chunk) -> _Found:
        """What there is of a chunk: sets, copies and outcomes to score, sets to fit on, sizes."""
        rows = chunk.rows(self.numbers)
        counted = slice(max(0, MEAN_SIZE_FROM - chunk.start))
        copies = chunk.copies[counted]
        sizes = float(copies @ chunk.batch.size[counted]), float(copies.sum())
        keys = np.zeros(0, dtype=np.uint64)
        if self._drawn is not None and self._fits:
            keys = _keys(chunk.sets, self._vocab_size)
        return (
            chunk.sets[rows],
            chunk.copies[rows],
            Outcome.of(chunk.answers, chunk.batch).part(rows.numpy()),
            chunk.sets[chunk.rows(self._fitted_numbers)],
            sizes,
            keys,
        )

    def take(self, found: _Found) -> None:
        """Keep it."""
        self._parts.append(found)

    @cached_property
    def scored(self) -> ScoredSets:
        """The sets to score, ascending by number."""
        sets, copies, outcomes, *_ = zip(*self._parts, strict=True)
        return ScoredSets(torch.cat(sets), torch.cat(copies), Outcome.joined(outcomes))

    @cached_property
    def fitted_on(self) -> Ids | None:
        """The sets to fit on, each once; None where there are too few, or nothing is to be fitted.

        Cost: where the sets are drawn, 500,000 more are.
        """
        if not self._fits:
            return None
        if self._drawn is None:
            found = torch.cat([part[3] for part in self._parts])
        else:
            more = replace(self._drawn, stream="ladder", count=DRAWN).chunk(0, DRAWN)
            seen = np.concatenate([part[5] for part in self._parts])
            found = more[torch.from_numpy(~np.isin(_keys(more, self._vocab_size), seen))]
        return found if len(found) >= FEWEST else None

    @cached_property
    def mean_size(self) -> float:
        """Mean number of tokens of a set, copies counted, over the first 100,000."""
        sizes, copies = (sum(each) for each in zip(*(part[4] for part in self._parts), strict=True))
        return sizes / copies


def _ascending(numbers: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    chosen = np.zeros(total, dtype=np.bool_)
    chosen[numbers] = True
    return np.flatnonzero(chosen)


def _keys(sets: Ids, vocab_size: int) -> NDArray[np.uint64]:
    """A number for each set, whatever the order of its tokens; equal sets have equal numbers."""
    ordered = sets.sort(1).values.numpy().astype(np.uint64)
    keys = np.zeros(len(ordered), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in ordered.T:
            keys = (keys * np.uint64(vocab_size + 1) + column) * np.uint64(0x9E3779B97F4A7C15)
    return keys
