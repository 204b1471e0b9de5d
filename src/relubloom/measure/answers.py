"""What is asked of a network, a batch of sets, and what is said of each of them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sets [batch, set_size], and what every evaluation needs of them.

    `ids` are the sets with padding replaced by the set's least token, `real` is 1 where there is
    no padding (transposed, [set_size, batch]: long rows are quick), `size` the number of tokens.
    """

    sets: Int64[Tensor, "batch set_size"]
    ids: Int64[Tensor, "batch set_size"]
    real: Float64[Tensor, "set_size batch"]
    size: Float64[Tensor, " batch"]

    @classmethod
    def of(cls, sets: Int64[Tensor, "batch set_size"], vocab_size: int) -> Batch:
        """Of sets with at least one token each; padding is `vocab_size`."""
        real = (sets < vocab_size).T.double().contiguous()
        ids = sets if bool(real.all()) else torch.where(real.T > 0, sets, sets.amin(1)[:, None])
        return cls(sets, ids, real, real.sum(0))

    def __len__(self) -> int:
        return len(self.sets)

    def __getitem__(self, rows: Int64[Tensor, " rows"]) -> Batch:
        return Batch(self.sets[rows], self.ids[rows], self.real[:, rows], self.size[rows])

    @property
    def threshold(self) -> Float64[Tensor, " batch"]:
        """1/(2k(k+1)): the mse from which on a set is a loss failure."""
        return 1 / (2 * self.size * (self.size + 1))


@dataclass(frozen=True)
class Listed:
    """Non-members that were called (or covered): token `tokens[i]` on set `rows[i]` of a batch."""

    rows: NDArray[np.int64]
    tokens: NDArray[np.int64]

    def per_set(self, sets: int) -> NDArray[np.int64]:
        """How many are listed for each set of the batch, int64 [sets]."""
        return np.bincount(self.rows, minlength=sets)

    def replaced(self, rows: NDArray[np.int64], other: Listed) -> Listed:
        """With what `other` lists, for these rows of the batch, instead."""
        if not len(self.rows) and not len(other.rows):
            return self
        gone = np.zeros(max(rows.max(), self.rows.max(initial=0)) + 1, dtype=np.bool_)
        gone[rows] = True
        kept = ~gone[self.rows]
        both = np.concatenate([self.rows[kept], rows[other.rows]])
        tokens = np.concatenate([self.tokens[kept], other.tokens])
        order = np.argsort(both, kind="stable")
        return Listed(both[order], tokens[order])


@dataclass(frozen=True)
class Losses:
    """Of each set: mse and kl, and margin, the least member logit minus the greatest other."""

    mse: Float64[Tensor, " batch"]
    kl: Float64[Tensor, " batch"]
    margin: Float64[Tensor, " batch"]


@dataclass(frozen=True)
class Answers(Losses):
    """What the network answers on each set of a batch ([batch] each), and how surely.

    `member_p` [batch, set_size] are the members' p, 0 at padding, `member_mass` their sum,
    `uniformity` set_size times the least of them, divided by their sum. `missed` [batch, set_size]
    marks members that are not called, `called` lists the called non-members. `exact` sets surely
    have all members strictly above all others, `failing` sets surely do not; a set that is neither
    is undecided. Called non-members number at least `called_low` and at most `called_high`. `error`
    bounds the Euclidean distance of the computed p from the true one (inf where nothing can be
    said), the rounding of its norm counted. `fine` sets were evaluated in float64.
    """

    member_p: Float64[Tensor, "batch set_size"]
    member_mass: Float64[Tensor, " batch"]
    uniformity: Float64[Tensor, " batch"]
    missed: Bool[Tensor, "batch set_size"]
    called: Listed
    exact: Bool[Tensor, " batch"]
    failing: Bool[Tensor, " batch"]
    called_low: Int64[Tensor, " batch"]
    called_high: Int64[Tensor, " batch"]
    error: Float64[Tensor, " batch"]
    fine: Bool[Tensor, " batch"]

    @property
    def mse_error(self) -> Float64[Tensor, " batch"]:
        """Bound on |mse - true mse| of each set."""
        return reach(self.mse, self.error)

    def replaced(self, rows: Int64[Tensor, " rows"], better: Answers) -> Answers:
        """With better answers on these sets."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if name != "called":
                value[rows] = getattr(better, name)
        values["called"] = self.called.replaced(rows.numpy(), better.called)
        return Answers(**values)


def reach(
    mse: Float64[Tensor, " batch"], error: Float64[Tensor, " batch"]
) -> Float64[Tensor, " batch"]:
    """How far the true mse can be: 2 error sqrt(mse) + error^2, error that of the vector."""
    return error * (2.01 * mse.sqrt() + 1.01 * error)
