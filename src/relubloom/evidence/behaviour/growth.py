"""Tokens added one by one: a union only grows, so what is called stays called."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.behaviour.drawn import uniform_sets
from relubloom.evidence.scores import in_float64
from relubloom.measure.outputs import CALL_MARGIN
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import GrownSets, Growth

STEPS = 32  # tokens in a sequence, at most
LOGITS = 5_000_000
SEQUENCES = (100, 2_000)  # at least and at most


def measure_growth(net: ReluNet, code: Code, set_size: int, workers: int = 1) -> Growth:
    """Grow sets up to twice `set_size` (and at most to the vocabulary, or 32 tokens).

    5 million / (vocab steps) sequences, between 100 and 2,000. Cost: a forward pass for each of
    their steps.
    """
    exact, vocab = in_float64(net), net.vocab_size
    steps = min(2 * set_size, vocab, STEPS)
    low, high = SEQUENCES
    count = min(max(low, LOGITS // (vocab * steps)), high)
    ids = uniform_sets(vocab, steps, "growth", count).chunk(0, count)
    totals = np.zeros((steps, 6))

    def grow(start: int, stop: int) -> NDArray[np.float64]:
        return _grow(exact, code, ids[start:stop])

    def add(counts: NDArray[np.float64]) -> None:
        totals[:] += counts

    over_chunks(count, chunk_size(vocab), grow, add, workers)
    complete, members, false, code_false, before, kept = totals.T
    return Growth(
        sequences=count,
        steps=steps,
        kept_members=float(complete.sum() / (count * steps)),
        kept_false_positives=float(kept.sum() / before.sum()) if before.any() else None,
        by_size=[
            GrownSets(
                set_size=size,
                members_called=float(members[size - 1] / (count * size)),
                false_positives=float(false[size - 1] / count),
                code_false_positives=float(code_false[size - 1] / count),
            )
            for size in range(1, steps + 1)
        ],
    )


@torch.no_grad()
def _grow(net: ReluNet, code: Code, ids: Int64[Tensor, "batch steps"]) -> NDArray[np.float64]:
    """Sums over sequences, [steps, 6]: sets whose members are all called, members called, false
    positives, the code's; and of the false positives before the step, all and those still called.
    """
    sums = np.zeros((ids.shape[1], 6))
    others = torch.zeros(len(ids), net.vocab_size, dtype=torch.bool)
    for step in range(ids.shape[1]):
        members = ids[:, : step + 1]
        logits = net(members)
        called = logits >= logits.amax(1, keepdim=True) - CALL_MARGIN
        members_called = called.gather(1, members).sum(1)
        before = others.scatter_(1, ids[:, [step]], False)
        kept = int((before & called).sum())
        known = int(before.sum())
        others = called.scatter_(1, members, False)
        sums[step] = (
            int((members_called == step + 1).sum()),
            int(members_called.sum()),
            int(others.sum()),
            int(code.false_positives(members.numpy()).sum()),
            known,
            kept,
        )
    return sums
