"""Dead tokens: members that the network does not call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relubloom.measure.one_pass import Chunk, one_pass
from relubloom.measure.statistics import rates
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
    """Run the network on the sets, and count who is missed.

    Cost: that of `measure.one_pass`. Where the scores of the same sets are known, `scores.tokens`
    holds the counts already.
    """
    found = _CountingMisses(net)
    one_pass(net, sets, [found], workers=workers)
    return found.misses()


class _CountingMisses:
    """A consumer of `one_pass`."""

    def __init__(self, net: ReluNet) -> None:
        self._vocab = net.vocab_size
        self._totals = torch.zeros(3, net.vocab_size + 1, dtype=torch.float64)

    def work(self, chunk: Chunk) -> tuple[Tensor, Tensor]:
        """The ids, and for each what it adds."""
        probability = chunk.answers.member_p
        missed = chunk.answers.missed.double()
        weighed = torch.stack([torch.ones_like(probability), missed, probability])
        return chunk.sets, weighed * chunk.copies[:, None]

    def take(self, found: tuple[Tensor, Tensor]) -> None:
        """Add a chunk."""
        ids, weighed = found
        self._totals.index_add_(1, ids.flatten(), weighed.flatten(1))

    def misses(self) -> Misses:
        """By token; padding counts for nothing."""
        held, missed, probability = self._totals[:, : self._vocab].numpy()
        return Misses(held, missed, rates(probability, held))
