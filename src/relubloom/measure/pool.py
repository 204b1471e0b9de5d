"""Work on many sets in chunks: each chunk on one thread, several chunks at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from relubloom.errors import RelubloomError
from relubloom.threads import intra_op_threads

CHUNK_BYTES = 2 << 20  # of one array with a row for each set: it stays in a core's cache
MIN_CHUNK = 64  # sets; below that a chunk would read W_out more often than it uses it
MOST_ENTRIES = 1 << 23  # of an array with a row for each of these sets; of larger ones fewer do
LOGITS = 1 << 25  # of a sample that would hold thousands of sets of a small vocabulary
FEWEST = 100  # sets of such a sample, at least
NO_ROOM = (
    "the device has no memory left: each thread has the logits of some sets there; lower "
    "--threads, or use --device cpu"
)

Found = TypeVar("Found")


def chunk_size(row: int, entries: int = CHUNK_BYTES // 8) -> int:
    """Sets in a chunk, of `row` entries each: as many as have `entries`, and at least 64; fewer,
    but one, where these had more than 2^23."""
    return max(1, min(MIN_CHUNK, MOST_ENTRIES // row), entries // row)


def affordable(sets: int, vocab_size: int) -> int:
    """So many sets, or fewer (but 100) where they had more than 2^25 logits: above 33,000 tokens,
    where 1,000 are asked for."""
    return min(sets, max(FEWEST, LOGITS // vocab_size))


def over_chunks(
    count: int,
    size: int,
    work: Callable[[int, int], Found],
    take: Callable[[Found], None],
    workers: int = 1,
) -> None:
    """Call `work(start, stop)` on chunks of `size` out of `count`, and `take` on each result.

    `work` runs on `workers` threads, in each of which torch uses one; `take` runs on the calling
    thread, in the order of the chunks. What either raises ends the work that is under way.

    Raises:
        RelubloomError: an accelerator has no memory left for the work.
    """

    def flush_denormal() -> None:
        torch.set_flush_denormal(True)  # numbers below 1e-38 would take fifty times as long

    def at(start: int) -> Found:
        return work(start, min(count, start + size))

    with (
        intra_op_threads(1),
        ThreadPoolExecutor(workers, initializer=flush_denormal) as pool,
    ):
        try:
            for found in pool.map(at, range(0, count, size)):
                take(found)
        except BaseException as error:
            pool.shutdown(cancel_futures=True)
            if isinstance(error, torch.cuda.OutOfMemoryError):
                raise RelubloomError(NO_ROOM) from None
            raise
