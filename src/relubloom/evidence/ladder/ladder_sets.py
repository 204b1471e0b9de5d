"""What a ladder keeps of one pass over the sets: some to score rungs on, others to fit them on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.evidence.ladder.scoring import Outcome, ScoredSets
from relubloom.measure.one_pass import Chunk, method_of_choice
from relubloom.task import DrawnSets, SetCollection

SHARE = 5  # one set in five is fitted on
FEWEST = 2_000  # fewer fit nothing
DRAWN = 500_000  # fitted on where the scored sets are drawn themselves
MEAN_SIZE_FROM = 100_000  # sets, the first ones


@dataclass(frozen=True)
class KeptSets:
    """What is kept of a chunk: sets to score, with their copies and the network's outcome; sets to
    fit on; sums of the sizes and the copies of the first sets; keys of drawn sets."""

    scored: ScoredSets
    fitted_on: Int64[Tensor, "fitted set_size"]
    sizes: float
    copies: float
    keys: NDArray[np.uint64]


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
        drawn: how many sets are drawn to fit on, where the sets are drawn.

    Memory: the sets chosen.
    """

    def __init__(
        self,
        sets: SetCollection,
        vocab_size: int,
        most: int | None = None,
        *,
        fit: bool = True,
        drawn: int = DRAWN,
    ) -> None:
        self._drawn = sets if isinstance(sets, DrawnSets) else None
        self._vocab_size, self._fits, self._more = vocab_size, fit, drawn
        order = np.random.default_rng(0).permutation(len(sets))
        spares = self._drawn is None and len(sets) >= FEWEST * SHARE
        spared = len(sets) // SHARE if spares else 0
        scored = order[spared:] if most is None else order[spared : spared + most]
        self.numbers: NDArray[np.int64] = _ascending(scored, len(sets))
        self._fitted_numbers = _ascending(order[: spared if fit else 0], len(sets))
        self.method: str = method_of_choice(sets, len(scored))
        self._parts: list[KeptSets] = []

    def work(self, chunk: Chunk) -> KeptSets:
        """What there is of a chunk."""
        rows = chunk.rows(self.numbers)
        first = slice(max(0, MEAN_SIZE_FROM - chunk.start))
        keys = np.zeros(0, dtype=np.uint64)
        if self._drawn is not None and self._fits:
            keys = _keys(chunk.sets, self._vocab_size)
        network = Outcome.of(chunk.answers, chunk.batch).part(rows.numpy())
        return KeptSets(
            scored=ScoredSets(chunk.sets[rows], chunk.copies[rows], network),
            fitted_on=chunk.sets[chunk.rows(self._fitted_numbers)],
            sizes=float(chunk.copies[first] @ chunk.batch.size[first]),
            copies=float(chunk.copies[first].sum()),
            keys=keys,
        )

    def take(self, found: KeptSets) -> None:
        """Keep it."""
        self._parts.append(found)

    @cached_property
    def scored(self) -> ScoredSets:
        """The sets to score, ascending by number."""
        parts = [part.scored for part in self._parts]
        return ScoredSets(
            torch.cat([part.sets for part in parts]),
            torch.cat([part.copies for part in parts]),
            Outcome.joined([part.network for part in parts]),
        )

    @cached_property
    def fitted_on(self) -> Int64[Tensor, "fitted set_size"] | None:
        """The sets to fit on, each once; None where there are too few, or nothing is to be fitted.

        Cost: where the sets are drawn, 500,000 more are.
        """
        if not self._fits:
            return None
        if self._drawn is None:
            found = torch.cat([part.fitted_on for part in self._parts])
        else:
            more = replace(self._drawn, stream="ladder", count=self._more).chunk(0, self._more)
            seen = np.concatenate([part.keys for part in self._parts])
            found = more[torch.from_numpy(~np.isin(_keys(more, self._vocab_size), seen))]
        return found if len(found) >= FEWEST else None

    @cached_property
    def mean_size(self) -> float:
        """Mean number of tokens of a set, copies counted, over the first 100,000."""
        sizes = sum(part.sizes for part in self._parts)
        return sizes / sum(part.copies for part in self._parts)


def _ascending(numbers: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    chosen = np.zeros(total, dtype=np.bool_)
    chosen[numbers] = True
    return np.flatnonzero(chosen)


def _keys(sets: Int64[Tensor, "sets set_size"], vocab_size: int) -> NDArray[np.uint64]:
    """A number for each set, whatever the order of its tokens; equal sets have equal numbers."""
    ordered = sets.sort(1).values.numpy().astype(np.uint64)
    keys = np.zeros(len(ordered), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in ordered.T:
            keys = (keys * np.uint64(vocab_size + 1) + column) * np.uint64(0x9E3779B97F4A7C15)
    return keys
