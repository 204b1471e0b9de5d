"""What the network itself does on every set: what the rungs are held against."""

from __future__ import annotations

import numpy as np

from relubloom.evidence.ladder.chunks import over_chunks
from relubloom.evidence.ladder.outcomes import Chunk, NetworkJudge, Outcomes
from relubloom.evidence.scores import SetScores
from relubloom.network.relu_net import ReluNet
from relubloom.task import SetCollection


def judge_network(net: ReluNet, sets: SetCollection, workers: int = 1) -> Outcomes:
    """The network's outcomes on every set, in float64.

    Cost: 2 sets width vocab FLOPs in float64 and one exponential per (set, token).
    """
    judge = NetworkJudge(net, sets.chunk(0, 1).shape[1], float32=False)
    count = len(sets)
    outcomes = Outcomes(
        np.empty(count), np.empty(count), np.empty(count, np.bool_), np.empty(count, np.bool_)
    )

    def work(start: int, stop: int) -> None:
        chunk = Chunk.of(sets.chunk(start, stop), net.vocab_size)
        outcomes.put(start, judge.outcomes(chunk))

    for _ in over_chunks(work, count, net.vocab_size, workers):
        pass
    return outcomes


def outcomes_of(scores: SetScores) -> Outcomes:
    """The network's outcomes from its scores."""
    return Outcomes(scores.mse, scores.kl, scores.loss_failure, scores.ranking_failure)
