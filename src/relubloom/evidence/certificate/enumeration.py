"""Certificates by evaluating the network on every set."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from jaxtyping import Float64
from torch import Tensor

from relubloom.evidence.certificate.certified import OnSets, nothing_decided, proven
from relubloom.evidence.certificate.outcomes import MeanSquaredError, MixedJudge
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import Certificate, Interval
from relubloom.task import AllSets, SetCollection

CHUNK_BYTES = 2 << 20  # of one [batch, vocab] array: it stays in a core's cache
MIN_CHUNK = 64  # sets; below that W_out is read more often than it is used
QUEUE = 4  # chunks under way per worker: memory stays small, and Ctrl-C is answered at once


class Counts(NamedTuple):
    """Sums over some sets: surely exact, surely not, called non-members at least and at most, and
    the computed mse of those that float64 judged and of the others."""

    sets: int
    exact: int
    failing: int
    called_low: int
    called_high: int
    fine_mse: Float64[Tensor, " fine"]
    coarse_mse: Float64[Tensor, " coarse"]


class Tally:
    """Counts over the sets seen so far, and the sums of mse by the arithmetic they came from."""

    def __init__(self, judge: MixedJudge, vocab_size: int, chunk: int) -> None:
        self._fine = MeanSquaredError(judge.fine, vocab_size, chunk)
        self._coarse = MeanSquaredError(judge.coarse or judge.fine, vocab_size, chunk)
        self.sets = self.exact = self.failing = self.called_low = self.called_high = 0

    def add(self, counts: Counts) -> None:
        """Count a chunk."""
        self.sets += counts.sets
        self.exact += counts.exact
        self.failing += counts.failing
        self.called_low += counts.called_low
        self.called_high += counts.called_high
        self._fine.add(counts.fine_mse)
        self._coarse.add(counts.coarse_mse)

    @property
    def judged_again(self) -> int:
        """Sets that float64 judged."""
        return self._fine.sets

    def mean_mse(self) -> Interval:
        """Bounds on the mean mse of the sets seen."""
        (low, high), (low32, high32) = self._fine.sum_bounds(), self._coarse.sum_bounds()
        down, up = (1 - 2.0**-50) / self.sets, (1 + 2.0**-50) / self.sets
        return Interval((low + low32) * down, (high + high32) * up)


def enumerate_sets(
    net: ReluNet,
    set_size: int,
    *,
    float32: bool = False,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Certificate:
    """Evaluate the network on all C(vocab, set_size) sets.

    Args:
        net: finite weights.
        set_size: 1 to vocab.
        float32: judge in float32 with its own error bound first, and only what that leaves in
            doubt, or what weighs most in the mse, in float64. About twice as fast; the mse
            interval is wider.
        workers: threads that share the chunks; let torch itself use one thread.
        on_sets: called with (done, total).

    Bounds: exact sets and called non-members are counted where their margin exceeds the rounding
    error (`error_bound`); the rest widens the bounds. Cost: 2 sets width vocab FLOPs and one
    exponential per (set, token); about 20 MB a worker, more where vocab exceeds 4,096.
    """
    sets = AllSets(net.vocab_size, set_size)
    total = len(sets)
    judge = MixedJudge(net, set_size, float32=float32)
    if not judge.fine.error.usable:
        return nothing_decided(total, set_size, net.vocab_size, "enumeration")
    tally = tally_sets(judge, sets, net.vocab_size, workers, on_sets)
    precision = "float64"
    if judge.coarse is not None:
        precision = f"float32, then float64 on the {tally.judged_again:,} sets that need it"
    return proven(
        sets=total,
        set_size=set_size,
        vocab_size=net.vocab_size,
        method="enumeration",
        exact=(tally.exact, total - tally.failing),
        mse=tally.mean_mse(),
        called=(tally.called_low, tally.called_high),
        reasons=f"every set evaluated in {precision}; logits are known to within "
        f"{judge.fine.error.logit:.1e}",
    )


def tally_sets(
    judge: MixedJudge,
    sets: SetCollection,
    vocab_size: int,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Tally:
    """Judge every set of the collection, in chunks under a byte budget."""
    item = 8 if judge.coarse is None else 4
    size = max(MIN_CHUNK, CHUNK_BYTES // (item * vocab_size))
    tally = Tally(judge, vocab_size, size)

    def count(start: int) -> Counts:
        outcomes, again = judge.outcomes(sets.chunk(start, min(len(sets), start + size)))
        return Counts(
            len(again),
            int(outcomes.exact.sum()),
            int(outcomes.failing.sum()),
            int(outcomes.called_low.sum()),
            int(outcomes.called_high.sum()),
            outcomes.mse[again],
            outcomes.mse[~again],
        )

    for counts in _shared(count, range(0, len(sets), size), workers):
        tally.add(counts)
        if on_sets is not None:
            on_sets(tally.sets, len(sets))
    return tally


def _shared(work: Callable[[int], Counts], starts: Iterable[int], workers: int) -> Iterator[Counts]:
    """The results in order, with a few chunks per worker under way at a time."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Counts]] = deque()
        try:
            for start in starts:
                waiting.append(pool.submit(work, start))
                if len(waiting) >= QUEUE * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
