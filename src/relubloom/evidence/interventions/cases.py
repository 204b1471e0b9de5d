"""The cases of an intervention: which sets go in, and what is done to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cases:
    """Cases of one intervention; every field has one row a case.

    `sets`: int64 [cases, set_size], the ids that go into the network (vocab_size is padding).
    `acted_on`: int64 [cases, any], what the intervention acts on: a unit, two tokens, a donor.
    `members`: int64 [cases, any], the intervened members: the tokens that the network should
    name if the hypothesis holds and the code has no false positive; padded like `sets`.
    `weight`: float64 [cases], how often the case counts.
    """

    sets: NDArray[np.int64]
    acted_on: NDArray[np.int64]
    members: NDArray[np.int64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, which: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Cases:
        return Cases(
            self.sets[which], self.acted_on[which], self.members[which], self.weight[which]
        )


def even_cases(
    sets: NDArray[np.int64], acted_on: NDArray[np.int64], members: NDArray[np.int64]
) -> Cases:
    """Cases that each count once; `acted_on` may be [cases]."""
    columns = acted_on[:, None] if acted_on.ndim == 1 else acted_on
    return Cases(sets, columns, members, np.ones(len(sets)))


def half_with_predicted_errors(cases: Cases, predicted: NDArray[np.bool_], count: int) -> Cases:
    """At most `count` of the cases, half of them with a predicted error if there are so many.

    They are taken evenly from all of each kind, and each weighs as its kind does among the cases
    given.

    So rare errors are seen often enough, and weighted figures remain those of random cases: a
    false positive that the code did not predict is not drowned by the predicted ones.
    `predicted`: bool [cases]. The weights sum to 1.
    """
    kinds = [np.flatnonzero(predicted), np.flatnonzero(~predicted)]
    quota = max(count // 2, count - len(kinds[1])), max(count - count // 2, count - len(kinds[0]))
    weight = np.zeros(len(cases))
    for kind, most in zip(kinds, quota, strict=True):
        taken = min(most, len(kind))
        chosen = kind[np.arange(taken) * len(kind) // max(1, taken)]
        if len(chosen):
            weight[chosen] = len(kind) / (len(cases) * len(chosen))
    kept = cases[weight > 0]
    return Cases(kept.sets, kept.acted_on, kept.members, weight[weight > 0])


def random_choice(eligible: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.int64]:
    """One eligible column of each row, each equally likely, int64 [rows]; 0 where none is.

    Cost: one random float32 an entry.
    """
    lots = random.random(eligible.shape, dtype=np.float32)
    return np.where(eligible, lots, np.float32(-1)).argmax(1)
