"""Dead tokens: members that the network does not call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relubloom.evidence.scores import in_float64
from relubloom.measure.outputs import missed_members, split_logits
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.network.relu_net import ReluNet
from relubloom.task import SetCollection

DEAD_SHARE = 0.5


@dataclass(frozen=True)
class Misses:
    """By token, copies counted: the sets that hold it, those on which it is missed, and its mean
    probability on them (nan in no set)."""

    sets: NDArray[np.float64]
    misses: NDArray[np.float64]
    probability: NDArray[np.float64]


def dead_tokens(
    sets: NDArray[np.float64], misses: NDArray[np.float64], share: float = DEAD_SHARE
) -> NDArray[np.bool_]:
    """Which tokens are missed on more than `share` of the sets that hold them.

    A *miss* follows the calling rule (p_t < p_max / 2), so a token is not dead because a set has
    false positives besides. One that no set holds is not dead. `scores.tokens` and `count_misses`
    have both counts. Cost: O(vocab).
    """
    return misses > share * sets


def count_misses(net: ReluNet, sets: SetCollection, workers: int = 1) -> Misses:
    """Run the network, in float64, on the sets, and count who is missed.

    Cost: 2 sets width vocab FLOPs and one exponential per (set, token), as `score_sets` without
    the code: 100,000 sets at vocab 1,000 and width 64 take about 1.5 s on one core. Where the
    scores of the same sets are known, `scores.tokens` holds the counts already.
    """
    exact, vocab = in_float64(net), net.vocab_size
    totals = torch.zeros(3, vocab + 1, dtype=torch.float64)

    @torch.no_grad()
    def work(start: int, stop: int) -> tuple[Tensor, Tensor]:
        ids, copies = sets.chunk(start, stop), sets.weights(start, stop)
        logits = exact(ids)
        scale = logits.logsumexp(1, keepdim=True)
        outputs = split_logits(logits, ids)
        missed = missed_members(outputs)
        probability = (outputs.members - scale).exp()
        weighed = torch.stack([torch.ones_like(probability), missed.double(), probability])
        return ids, weighed * copies[:, None]

    def take(found: tuple[Tensor, Tensor]) -> None:
        ids, weighed = found
        totals.index_add_(1, ids.flatten(), weighed.flatten(1))

    over_chunks(len(sets), chunk_size(vocab), work, take, workers)
    held, missed, probability = totals[:, :vocab].numpy()  # padding counts for nothing
    mean = np.divide(probability, held, out=np.full(vocab, np.nan), where=held > 0)
    return Misses(held, missed, mean)
