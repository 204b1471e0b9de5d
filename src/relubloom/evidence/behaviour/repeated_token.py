"""A token given twice: a union does not notice, a sum does."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from relubloom.evidence.behaviour.drawn import sample
from relubloom.evidence.behaviour.member_mass import percentiles
from relubloom.evidence.scores import in_float64
from relubloom.measure.outputs import CALL_MARGIN
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import LogitChange, RepeatedToken
from relubloom.task import SetCollection
from relubloom.task.sampling import seeded_generator

STREAM = "repeated-token"
LOGITS = 10_000_000
SETS = (500, 20_000)  # at least and at most


def measure_repeated_token(net: ReluNet, sets: SetCollection, workers: int = 1) -> RepeatedToken:
    """Compare the network's answer to a set, and to the set with a member given twice.

    Of the scored sets a sample: 10 million / vocab, between 500 and 20,000. Cost: two forward
    passes over it.
    """
    exact, vocab = in_float64(net), net.vocab_size
    low, high = SETS
    ids, copies = sample(sets, STREAM, min(max(low, LOGITS // vocab), high))
    given = torch.cat([ids, _random_member(ids, vocab)], 1)
    found: list[Tensor] = []

    def compare(start: int, stop: int) -> Tensor:
        return _changes(exact, ids[start:stop], given[start:stop])

    over_chunks(len(ids), chunk_size(vocab), compare, found.append, workers)
    same, lost, change = torch.cat(found, 1).numpy()
    weights = copies.numpy()
    median, p95 = percentiles(change, weights, (0.5, 0.95))
    return RepeatedToken(
        sets=len(ids),
        same_calls=float(np.average(same, weights=weights)),
        lost_members=float(np.average(lost, weights=weights)),
        logit_change=LogitChange(median, p95),
    )


def _random_member(ids: Int64[Tensor, "sets set_size"], padding: int) -> Int64[Tensor, "sets 1"]:
    """One member of each set, each of them equally likely."""
    draw = torch.rand(ids.shape, generator=seeded_generator(0, STREAM, 0), dtype=torch.float64)
    return ids.gather(1, draw.masked_fill(ids == padding, -1.0).argmax(1, keepdim=True))


@torch.no_grad()
def _changes(
    net: ReluNet, ids: Int64[Tensor, "batch set_size"], given: Int64[Tensor, "batch longer"]
) -> Float64[Tensor, "3 batch"]:
    """Whether the calls stay the same, whether a member is lost, and the change of log p."""
    before, after = net(ids).log_softmax(1), net(given).log_softmax(1)
    called, still = _called(before), _called(after)
    change = (after - before).abs_().masked_fill_(~called, 0.0).amax(1)
    same = (called == still).all(1)
    real = ids < net.vocab_size
    tokens = ids.clamp(max=net.vocab_size - 1)
    lost = (called.gather(1, tokens) & ~still.gather(1, tokens) & real).any(1)
    return torch.stack([same.double(), lost.double(), change])


def _called(log_p: Float64[Tensor, "batch vocab"]) -> Bool[Tensor, "batch vocab"]:
    return log_p >= log_p.amax(1, keepdim=True) - CALL_MARGIN
