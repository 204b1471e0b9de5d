"""How many threads there are, and how torch computes within a block: on how many of them, and what
it does with tiny numbers."""

import os
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


@contextmanager
def denormals_flushed() -> Generator[None]:
    """Let the calling thread take float32 numbers below 1.2e-38 as 0 within the block.

    A processor takes some fifty times as long over them, and a well-trained network's softmax is
    full of them: at N=256 a step in which they stay costs 15 times one in which they are 0.
    """
    before = float(torch.tensor(1e-40).mul(1.0)) == 0.0
    try:
        torch.set_flush_denormal(True)
        yield
    finally:
        torch.set_flush_denormal(before)


def cores(asked: int | None = None) -> int:
    """The number asked for, or the cores this process may use."""
    if asked is not None:
        return asked
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(elements: int, threads: int | None) -> int:
    """`threads` (by default torch's number) for operations of that many elements, or one.

    Two threads on tiny tensors cost more than they save, and on a busy machine a hundredfold.
    """
    if elements < THREADED_ELEMENTS:
        return 1
    return torch.get_num_threads() if threads is None else threads
