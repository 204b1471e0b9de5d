"""One pass over the sets in which every rung is scored against the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from relubloom.evidence.ladder.agreement import Score, Tally, median, tally
from relubloom.evidence.ladder.outcomes import Chunk, NetworkJudge, judge_of
from relubloom.evidence.ladder.rung import Rung
from relubloom.network import ReluNet
from relubloom.task import SetCollection
from relubloom.threads import intra_op_threads

CHUNK_BYTES = 2 << 20  # of one [batch, vocab] array in float32: it stays in a core's cache
MIN_CHUNK = 64  # sets; below that a chunk would read W_out more often than it uses it

OnSets = Callable[[int, int], None]


def evaluate(
    net: ReluNet,
    rungs: Sequence[Rung],
    sets: SetCollection,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> list[Score]:
    """Score each rung on the same sets as the network: the network's own score first.

    The network is judged in float64. A rung with several programs has the medians of their
    figures. `on_sets(done, total)` is called as chunks come back. Cost: that of each program's
    judge (`outcomes`); some 10 MB a worker, more where vocab exceeds 8,192.
    """
    largest = sets.chunk(0, 1).shape[1]
    programs = [program for rung in rungs for program in rung.programs]
    judges = [
        NetworkJudge(net, largest, float32=False),
        *(judge_of(program, largest) for program in programs),
    ]
    size = max(MIN_CHUNK, CHUNK_BYTES // (4 * net.vocab_size))

    def count(start: int) -> Tally:
        stop = min(len(sets), start + size)
        chunk = Chunk.of(sets.chunk(start, stop), net.vocab_size)
        found = [judge.outcomes(chunk) for judge in judges]
        return tally(found, sets.weights(start, stop).numpy())

    total: Tally | None = None
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            for done, part in enumerate(pool.map(count, range(0, len(sets), size)), 1):
                total = part if total is None else total + part
                if on_sets is not None:
                    on_sets(min(len(sets), done * size), len(sets))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    assert total is not None
    return _by_rung(rungs, total.scores())


def _by_rung(rungs: Sequence[Rung], scores: list[Score]) -> list[Score]:
    """The network's score, then each rung's, from one score per program."""
    merged, start = scores[:1], 1
    for rung in rungs:
        merged.append(median(scores[start : start + len(rung.programs)]))
        start += len(rung.programs)
    return merged
