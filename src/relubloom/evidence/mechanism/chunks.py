"""Sets read in chunks by several threads, and a seeded choice of them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch

from relubloom.task import ListedSets, SetCollection
from relubloom.threads import intra_op_threads

CHUNK_BYTES = 2 << 20  # of one float64 array with a row for each set: it stays in a core's cache
MIN_CHUNK = 64  # sets; below that a chunk would read the weights more often than it uses them
READ_AT_ONCE = 1 << 14  # sets
Found = TypeVar("Found")


def chunk_size(row: int) -> int:
    """Sets in a chunk whose arrays have `row` entries for each set."""
    return max(MIN_CHUNK, CHUNK_BYTES // (8 * row))


def map_chunks(
    function: Callable[[int, int], Found], count: int, size: int, workers: int
) -> Iterator[Found]:
    """`function(start, stop)` of each chunk of `count` sets, in order, on `workers` threads.

    In each thread torch uses one. The order does not depend on `workers`, nor does any sum.
    """
    starts = range(0, count, size)
    stops = [min(count, start + size) for start in starts]
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(function, starts, stops)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def choose_sets(sets: SetCollection, count: int) -> SetCollection:
    """`count` of the sets, or all if there are no more: one from each of `count` equal parts.

    Which one of a part is drawn by a generator of a fixed seed. A choice from "all" sets is
    "drawn"; one from held-out sets is held-out. Cost: reads the collection once.
    """
    total = len(sets)
    if total <= count:
        return sets
    random = np.random.default_rng(0)
    bounds = np.arange(count + 1) * total // count
    chosen = random.integers(bounds[:-1], bounds[1:])
    ids, copies, unseen = [], [], []
    for start in range(0, total, READ_AT_ONCE):
        stop = min(total, start + READ_AT_ONCE)
        low, high = np.searchsorted(chosen, [start, stop])
        here = torch.from_numpy(chosen[low:high] - start)
        ids.append(sets.chunk(start, stop)[here])
        copies.append(sets.weights(start, stop)[here])
        unseen.append(sets.unseen(start, stop)[here])
    method = "drawn" if sets.method == "all" else sets.method
    return ListedSets(torch.cat(ids), torch.cat(copies).long(), torch.cat(unseen), method)
