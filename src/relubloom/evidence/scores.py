"""One pass over a collection of sets: what the network does on each, and what its code predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.token_counts import ChunkOfTokens, Listed, TokenCounts, TokenTally
from relubloom.measure.outputs import called_others, missed_members, output_figures, split_logits
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.network.relu_net import ReluNet
from relubloom.task import SetCollection

PER_SET = {
    "copies": np.float64,
    "unseen": np.bool_,
    "set_size": np.int32,
    "mse": np.float64,
    "kl": np.float64,
    "margin": np.float64,
    "misses": np.int32,
    "false_positives": np.int32,
    "code_false_positives": np.int32,
    "member_mass": np.float64,
    "uniformity": np.float64,
}

OnSets = Callable[[int, int], None]


@dataclass(frozen=True)
class SetScores:
    """Figures per set ([sets]), per unit ([width]) and per token, in float64 arithmetic.

    `copies` is how often a set counts; `unseen` marks sets with a token never trained on.
    `margin` is the least member logit minus the greatest non-member logit (infinite where every
    token is a member). `misses` and `false_positives` follow the calling rule: p_t >= p_max / 2.
    `code_false_positives` counts the code's covered non-members. `member_mass` is the sum of p
    over the members, `uniformity` set_size times the least of these p, divided by their sum.
    `unit_agreement` is the share of sets on which "unit is 0" equals "some token has the bit",
    `unit_on` the share on which the unit is above 0.
    """

    copies: NDArray[np.float64]
    unseen: NDArray[np.bool_]
    set_size: NDArray[np.int32]
    mse: NDArray[np.float64]
    kl: NDArray[np.float64]
    margin: NDArray[np.float64]
    misses: NDArray[np.int32]
    false_positives: NDArray[np.int32]
    code_false_positives: NDArray[np.int32]
    member_mass: NDArray[np.float64]
    uniformity: NDArray[np.float64]
    unit_agreement: NDArray[np.float64]
    unit_on: NDArray[np.float64]
    tokens: TokenCounts
    method: str

    @property
    def ranking_failure(self) -> NDArray[np.bool_]:
        """Sets whose members are not all strictly above every other token."""
        return ~(self.margin > 0)

    @property
    def loss_failure(self) -> NDArray[np.bool_]:
        """Sets whose mse exceeds 1/(2k(k+1)), half of what one false positive costs."""
        return self.mse > 1 / (2 * self.set_size * (self.set_size + 1))

    @property
    def code_failure(self) -> NDArray[np.bool_]:
        """Sets on which the code has a false positive."""
        return self.code_false_positives > 0

    @property
    def code_mse(self) -> NDArray[np.float64]:
        """F / (k (k + F)): the mse of the code as an infinitely sharp filter."""
        F, k = self.code_false_positives, self.set_size
        return F / (k * (k + F))

    @property
    def code_kl(self) -> NDArray[np.float64]:
        """ln(1 + F / k): the kl of the code as an infinitely sharp filter."""
        return np.log1p(self.code_false_positives / self.set_size)

    def mean(self, values: NDArray[np.generic]) -> float:
        """Mean over the sets, copies counted."""
        return float(np.average(values.astype(np.float64), weights=self.copies))


def score_sets(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> SetScores:
    """Run the network (in float64) and the code on every set of the collection.

    Chunks go to `workers` threads, in each of which torch uses one.
    `on_sets(done, total)` is called as they come back. Cost: 2 sets width vocab FLOPs and one
    exponential per (set, token); about 20 MB a worker, more where vocab exceeds 4,096, and
    4 width vocab bytes.
    """
    exact, table = in_float64(net), CoverTable(code)
    per_set = {name: np.empty(len(sets), dtype) for name, dtype in PER_SET.items()}
    per_unit = {name: np.zeros(net.width) for name in ("unit_agreement", "unit_on")}
    tally = TokenTally(net.vocab_size)

    def score(start: int, stop: int) -> tuple[int, dict[str, Tensor], ChunkOfTokens]:
        copies = sets.weights(start, stop)
        found, tokens = _score_chunk(exact, code, table, sets.chunk(start, stop), copies)
        found |= {"copies": copies, "unseen": sets.unseen(start, stop)}
        for name, values in per_set.items():
            values[start:stop] = found.pop(name).numpy()
        return stop, found, tokens

    def take(scored: tuple[int, dict[str, Tensor], ChunkOfTokens]) -> None:
        stop, found, tokens = scored
        for name, values in per_unit.items():
            values += found[name].numpy()
        tally.add(tokens)
        if on_sets is not None:
            on_sets(stop, len(sets))

    over_chunks(len(sets), chunk_size(net.vocab_size), score, take, workers)
    total = per_set["copies"].sum()
    shares = {name: values / total for name, values in per_unit.items()}
    return SetScores(**per_set, **shares, tokens=tally.counts(), method=sets.method)


def in_float64(net: ReluNet) -> ReluNet:
    """A copy on the CPU whose arithmetic is the truth: float64 evaluation of the weights."""
    return ReluNet(*(value.detach().to("cpu", torch.float64) for value in net.parameters()))


@torch.no_grad()
def _score_chunk(
    net: ReluNet,
    code: Code,
    table: CoverTable,
    sets: Int64[Tensor, "batch set_size"],
    copies: Tensor,
) -> tuple[dict[str, Tensor], ChunkOfTokens]:
    logits, cache = net.run_with_cache(sets, "hook_post")
    union = code.union(sets.numpy())
    covered = _covered_others(table, union, sets)
    off = cache["hook_post"] == 0
    outputs = split_logits(logits, sets)
    missed, called = missed_members(outputs), called_others(outputs)
    found = output_figures(outputs) | {
        "misses": missed.sum(1),
        "false_positives": torch.from_numpy(called.per_set(len(sets))),
        "code_false_positives": torch.from_numpy(covered.per_set(len(sets))),
        "unit_agreement": copies @ (off == torch.from_numpy(union)).double(),
        "unit_on": copies @ (~off).double(),
    }
    return found, ChunkOfTokens(
        ids=sets.numpy(),
        copies=copies.numpy(),
        mse=found["mse"].numpy(),
        missed=missed.numpy(),
        called=called,
        covered=covered,
    )


def _covered_others(
    table: CoverTable, union: NDArray[np.bool_], sets: Int64[Tensor, "batch set_size"]
) -> Listed:
    """The code's false positives, token by token."""
    rows, tokens = table.listed(union)
    member = (sets.numpy()[rows] == tokens[:, None]).any(1)
    return Listed(rows[~member], tokens[~member])
