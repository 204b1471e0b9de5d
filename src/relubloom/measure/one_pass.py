"""One pass over a collection of sets: each is read once and run once, and all take what they need.

A consumer looks at one chunk after the other: `work` on the pool's threads, `take` in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code
from relubloom.measure.answers import Answers, Batch
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.measure.statistics import counted
from relubloom.network.extract import reversed_units
from relubloom.network.relu_net import ReluNet
from relubloom.task import AllSets, DrawnSets, SetCollection

CHUNK_BYTES = 8 << 20  # of float32 logits; in smaller chunks the calls weigh more than the caches

OnSets = Callable[[int, int], None]
"""Called with (done, total) as the work goes on."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Chunk:
    """Sets number `start` up to `stop`, and what the network does on them.

    `copies` is how often a set counts, `unseen` marks sets with a token never trained on, `post`
    is the hidden layer in float64. `exact` are the rows, ascending, whose float64 logits were
    asked for, and `exact_logits` these, to be read and not written. `union` is that of the hashes,
    `reversed` the units that a bit turns on, bool [width].
    """

    start: int
    stop: int
    batch: Batch
    copies: Float64[Tensor, " batch"]
    unseen: Bool[Tensor, " batch"]
    post: Float64[Tensor, "batch width"]
    answers: Answers
    code: Code | None
    reversed: NDArray[np.bool_] | None
    exact: Int64[Tensor, " rows"]
    exact_logits: Float64[Tensor, "rows vocab"] | None

    @property
    def sets(self) -> Int64[Tensor, "batch set_size"]:
        """The sets; padding is vocab_size."""
        return self.batch.sets

    @cached_property
    def union(self) -> NDArray[np.bool_]:
        """Units of which some token of the set has the bit, bool [batch, width]."""
        assert self.code is not None
        return self.code.union(self.sets.numpy())

    @cached_property
    def on(self) -> NDArray[np.bool_]:
        """Units above 0, bool [batch, width]."""
        return self.post.numpy() > 0

    @cached_property
    def unit_counts(self) -> NDArray[np.float64]:
        """On how many sets each unit is on, covered, both, and as the union says: [4, width].

        As the union says: off just where it is covered, or of a reversed unit on just there.
        """
        assert self.reversed is not None
        flags = (self.on, self.union, self.on & self.union)
        on, covered, both = (counted(each, self.copies.numpy()) for each in flags)
        apart = on + covered - 2 * both
        as_said = np.where(self.reversed, float(self.copies.sum()) - apart, apart)
        return np.stack([on, covered, both, as_said])

    def rows(self, numbers: NDArray[np.int64]) -> Int64[Tensor, " rows"]:
        """The rows of those of the sets, by ascending numbers, that lie in this chunk."""
        low, high = np.searchsorted(numbers, [self.start, self.stop])
        return torch.from_numpy(numbers[low:high] - self.start)


@runtime_checkable
class Consumer(Protocol[Found]):
    """One of those who look on."""

    def work(self, chunk: Chunk) -> Found:
        """What there is to find in a chunk; several chunks are worked on at a time."""
        ...

    def take(self, found: Found) -> None:
        """What `work` found, chunk by chunk in order, on the calling thread."""
        ...


def one_pass(
    net: ReluNet,
    sets: SetCollection,
    consumers: Sequence[Consumer[Any]],
    *,
    code: Code | None = None,
    exact: NDArray[np.int64] | None = None,
    tight: bool = False,
    evaluator: Evaluator | None = None,
    chunk: int | None = None,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> None:
    """Read each set once, run the network on it once, and show it to all consumers.

    Args:
        net: the network.
        sets: the collection.
        consumers: who looks on.
        code: whose union the consumers ask for.
        exact: numbers of the sets, ascending, whose logits are wanted in float64.
        tight: as in `Evaluator.answers`.
        evaluator: the network's; None makes one that may begin in float32.
        chunk: sets in a chunk; None takes as many as would have 8 MB of float32 logits.
        workers: threads that share the chunks, in each of which torch uses one.
        on_sets: called with (done, total).

    Cost: that of `Evaluator.answers` and of the consumers; about 20 MB a worker, more where
    vocab exceeds 4,096.
    """
    evaluate = evaluator_for(net, sets) if evaluator is None else evaluator
    wanted = np.zeros(0, dtype=np.int64) if exact is None else exact
    turned = None if code is None else reversed_units(net, code)

    def work(start: int, stop: int) -> tuple[int, list[Any]]:
        batch = Batch.of(sets.chunk(start, stop), net.vocab_size)
        low, high = np.searchsorted(wanted, [start, stop])
        rows = torch.from_numpy(wanted[low:high] - start)
        post = evaluate.hidden(batch)
        answers, logits = evaluate.answers(batch, post, rows if len(rows) else None, tight=tight)
        copies, unseen = sets.weights(start, stop), sets.unseen(start, stop)
        found = Chunk(start, stop, batch, copies, unseen, post, answers, code, turned, rows, logits)
        return stop, [consumer.work(found) for consumer in consumers]

    def take(found: tuple[int, list[Any]]) -> None:
        stop, parts = found
        for consumer, part in zip(consumers, parts, strict=True):
            consumer.take(part)
        if on_sets is not None:
            on_sets(stop, len(sets))

    size = chunk_size(net.vocab_size, CHUNK_BYTES // 4) if chunk is None else chunk
    over_chunks(len(sets), size, work, take, workers)


def evaluator_for(net: ReluNet, sets: SetCollection, *, float32: bool = True) -> Evaluator:
    """An evaluator for sets of the sizes that the collection holds."""
    if isinstance(sets, AllSets):
        return Evaluator(net, sets.set_size, one_size=True, float32=float32)
    if isinstance(sets, DrawnSets):
        low, high = sets.sizes
        return Evaluator(net, high, one_size=low == high, float32=float32)
    largest = sets.chunk(0, min(1, len(sets))).shape[1]
    return Evaluator(net, largest, float32=float32)


def one_of_each_part(total: int, count: int) -> NDArray[np.int64]:
    """A seeded choice of `count` numbers below `total`, or all: one from each of as many parts."""
    if total <= count:
        return np.arange(total)
    random = np.random.default_rng(0)
    bounds = np.arange(count + 1) * total // count
    return random.integers(bounds[:-1], bounds[1:])


def method_of_choice(sets: SetCollection, count: int) -> str:
    """A choice from "all" sets is "drawn"; one from held-out sets is held-out."""
    return "drawn" if count < len(sets) and sets.method == "all" else sets.method
