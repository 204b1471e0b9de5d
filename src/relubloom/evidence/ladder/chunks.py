"""Chunks of sets, shared out to threads and handed back in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from relubloom.threads import intra_op_threads

CHUNK_BYTES = 4 << 20  # of one [batch, vocab] array in float32: it stays in the cache
MIN_CHUNK = 64  # sets; below that a chunk would read W_out more often than it uses it

T = TypeVar("T")


def over_chunks(
    work: Callable[[int, int], T], sets: int, vocab_size: int, workers: int
) -> Iterator[tuple[int, T]]:
    """`work(start, stop)` over all sets, each with its stop, in order.

    Chunks go to `workers` threads, in each of which torch uses one.
    """
    size = max(MIN_CHUNK, CHUNK_BYTES // (4 * vocab_size))

    def bounded(start: int) -> tuple[int, T]:
        stop = min(sets, start + size)
        return stop, work(start, stop)

    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(bounded, range(0, sets, size))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
