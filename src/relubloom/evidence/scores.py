"""One pass over a collection of sets: what the network does on each, and what its code predicts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.network import ReluNet
from relubloom.task import SetCollection
from relubloom.threads import intra_op_threads

CHUNK_BYTES = 2 << 20  # of one [batch, vocab] array in float64: it stays in a core's cache
MIN_CHUNK = 64  # sets; below that a chunk would read W_out more often than it uses it
CALL_MARGIN = float(np.log(2))  # a token is called when its p is at least half of the largest

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
}

OnSets = Callable[[int, int], None]


@dataclass(frozen=True)
class SetScores:
    """Figures per set ([sets]) and per unit ([width]), in float64 arithmetic.

    `copies` is how often a set counts; `unseen` marks sets with a token never trained on.
    `margin` is the least member logit minus the greatest non-member logit (infinite where every
    token is a member). `misses` and `false_positives` follow the calling rule: p_t >= p_max / 2.
    `code_false_positives` counts the code's covered non-members. `unit_agreement` is the share of
    sets on which "unit is 0" equals "some token has the bit", `unit_on` the share on which the
    unit is above 0.
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
    unit_agreement: NDArray[np.float64]
    unit_on: NDArray[np.float64]
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
    exponential per (set, token); about 20 MB a worker, more where vocab exceeds 4,096.
    """
    exact = ReluNet(*(value.detach().to("cpu", torch.float64) for value in net.parameters()))
    size = max(MIN_CHUNK, CHUNK_BYTES // (8 * net.vocab_size))
    per_set = {name: np.empty(len(sets), dtype) for name, dtype in PER_SET.items()}

    def score(start: int) -> dict[str, Tensor]:
        stop = min(len(sets), start + size)
        copies = sets.weights(start, stop)
        found = _score_chunk(exact, code, sets.chunk(start, stop), copies)
        found |= {"copies": copies, "unseen": sets.unseen(start, stop)}
        for name, values in per_set.items():
            values[start:stop] = found.pop(name).numpy()
        return found

    per_unit = {name: np.zeros(net.width) for name in ("unit_agreement", "unit_on")}
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            for chunk, found in enumerate(pool.map(score, range(0, len(sets), size)), 1):
                for name, values in per_unit.items():
                    values += found[name].numpy()
                if on_sets is not None:
                    on_sets(min(len(sets), chunk * size), len(sets))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    total = per_set["copies"].sum()
    shares = {name: values / total for name, values in per_unit.items()}
    return SetScores(**per_set, **shares, method=sets.method)


@torch.no_grad()
def _score_chunk(
    net: ReluNet, code: Code, sets: Int64[Tensor, "batch set_size"], copies: Tensor
) -> dict[str, Tensor]:
    logits, cache = net.run_with_cache(sets, "hook_post")
    union = torch.from_numpy(code.union(sets.numpy()))
    off = cache["hook_post"] == 0
    return _output_scores(logits, sets) | {
        "code_false_positives": torch.from_numpy(code.false_positives(sets.numpy())),
        "unit_agreement": copies @ (off == union).double(),
        "unit_on": copies @ (~off).double(),
    }


def _output_scores(
    logits: Float[Tensor, "batch vocab"], sets: Int64[Tensor, "batch set_size"]
) -> dict[str, Tensor]:
    """mse, kl, margin and calls of each set; overwrites the logits."""
    vocab = logits.shape[1]
    real = sets < vocab
    ids = sets.clamp(max=vocab - 1)
    size = real.sum(1)
    members = logits.gather(1, ids)
    top = logits.amax(1, keepdim=True)
    called_members = ((members >= top - CALL_MARGIN) & real).sum(1)
    called = (logits >= top - CALL_MARGIN).sum(1)

    low = members.masked_fill(~real, torch.inf).amin(1)
    padded = torch.cat([logits, logits.new_full((len(logits), 1), -torch.inf)], 1)
    best_other = padded.scatter_(1, sets, -torch.inf).amax(1)

    p = logits.sub_(top).exp_()
    total = p.sum(1, keepdim=True)
    surprise = (top + total.log() - members).masked_fill(~real, 0.0).sum(1)
    target = real.double() / size[:, None]
    error = p.div_(total).scatter_add_(1, ids, -target)
    return {
        "set_size": size,
        "mse": error.square_().sum(1),
        "kl": surprise / size - size.double().log(),
        "margin": low - best_other,
        "misses": size - called_members,
        "false_positives": called - called_members,
    }
