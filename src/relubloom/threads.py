"""How many threads one torch operation may use: a tiny one is fastest on one."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

THREADED_ELEMENTS = 1 << 23  # of an operation's result; below, threads wait more than they work


@contextmanager
def intra_op_threads(threads: int) -> Generator[None]:
    """Let one torch operation use `threads` threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(elements: int, threads: int | None) -> int:
    """`threads` (by default torch's number) for operations of that many elements, or one.

    Two threads on tiny tensors cost more than they save, and on a busy machine a hundredfold.
    """
    if elements < THREADED_ELEMENTS:
        return 1
    return torch.get_num_threads() if threads is None else threads
