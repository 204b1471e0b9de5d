"""Tokens added to a set: new ones, of which a union only grows, and one that it has already,
which a union does not notice and a sum does."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.measure.forward import in_float64
from relubloom.measure.pool import affordable, chunk_size, over_chunks
from relubloom.measure.shares import are_called
from relubloom.measure.statistics import percentiles
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import GrownSets, Growth, LogitChange, RepeatedToken
from relubloom.task import AllSets, DrawnSets, SetCollection
from relubloom.task.sampling import seeded_generator

STEPS = 32  # tokens in a sequence, at most
GROWTH_LOGITS = 5_000_000
SEQUENCES = (100, 2_000)  # at least and at most
STREAM = "repeated-token"
REPEATED_LOGITS = 10_000_000
REPEATED_SETS = (500, 20_000)  # at least and at most


def measure_growth(
    net: ReluNet, code: Code, set_size: int, workers: int = 1, longest: int = STEPS
) -> Growth:
    """Grow sets up to twice `set_size` (and at most to the vocabulary, or 32 tokens).

    5 million / (vocab steps) sequences, between 100 and 2,000. Cost: a forward pass for each of
    their steps.
    """
    exact, vocab = in_float64(net), net.vocab_size
    steps = min(2 * set_size, vocab, longest)
    low, high = SEQUENCES
    count = min(max(low, GROWTH_LOGITS // (vocab * steps)), high)
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
        called = are_called(logits)
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


def measure_repeated_token(net: ReluNet, sets: SetCollection, workers: int = 1) -> RepeatedToken:
    """Compare the network's answer to a set, and to the set with a member given twice.

    Of the scored sets a sample: 10 million / vocab, between 500 (of large vocabularies fewer:
    `pool.affordable`) and 20,000. Cost: two forward
    passes over it.
    """
    exact, vocab = in_float64(net), net.vocab_size
    low, high = affordable(REPEATED_SETS[0], vocab), REPEATED_SETS[1]
    ids, copies = sample(sets, STREAM, min(max(low, REPEATED_LOGITS // vocab), high))
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
    called, still = are_called(before), are_called(after)
    change = (after - before).abs_().masked_fill_(~called, 0.0).amax(1)
    same = (called == still).all(1)
    real = ids < net.vocab_size
    tokens = ids.clamp(max=net.vocab_size - 1)
    lost = (called.gather(1, tokens) & ~still.gather(1, tokens) & real).any(1)
    return torch.stack([same.double(), lost.double(), change])


def uniform_sets(vocab_size: int, set_size: int, stream: str, count: int) -> DrawnSets:
    """`count` sets of distinct tokens, each equally likely; a function of the stream's name."""
    sizes = (set_size, set_size)
    return DrawnSets(vocab_size, sizes, None, stream, count, method="drawn uniformly")


def sample(
    sets: SetCollection, stream: str, count: int
) -> tuple[Int64[Tensor, "sets set_size"], Float64[Tensor, " sets"]]:
    """At most `count` of the sets, and how often each counts.

    Of all sets, `count` uniformly drawn ones; of others, evenly spaced ones.
    """
    if isinstance(sets, AllSets) and len(sets) > count:
        drawn = uniform_sets(sets.vocab_size, sets.set_size, stream, count)
        return drawn.chunk(0, count), drawn.weights(0, count)
    step = -(-len(sets) // count)
    return sets.chunk(0, len(sets))[::step], sets.weights(0, len(sets))[::step]
