"""Who does the work: any `concurrent.futures.Executor`, by default one process a core."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from typing import cast

from relubloom.errors import RelubloomError, UsageError

CLUSTER_EXTRA = "pip install 'relubloom[cluster]'"
POLL_SECONDS = 0.05
AHEAD = 2  # groups a core of a cluster has, so that none waits for the next


@dataclass(frozen=True)
class Workers:
    """How to get an executor, and how many groups to give it at a time.

    Args:
        start: makes the executor; called again when a worker's death has broken it.
        slots: how many groups may be under way, asked anew each time (a cluster grows).
        stop: lets training that is under way save its state and end.
        shared_disk: whether workers see this machine's files, for the checkpoints of training.
    """

    start: Callable[[], Executor]
    slots: Callable[[], int]
    stop: Callable[[], None]
    shared_disk: bool


def local_workers(count: int) -> Workers:
    """`count` processes of this machine, one thread each.

    Raises:
        UsageError: count < 1.
    """
    if count < 1:
        raise UsageError(f"--workers is {count}: at least 1 process does the work; raise it")

    context = multiprocessing.get_context("spawn")  # a fork would inherit torch's threads
    stopping = context.Event()

    def start() -> Executor:
        return ProcessPoolExecutor(count, context, initializer=begin_worker, initargs=(stopping,))

    return Workers(start, lambda: count, stopping.set, shared_disk=True)


def cluster_workers(address: str) -> Workers:
    """The workers of a Dask scheduler, and so of SLURM or Kubernetes: see docs/cluster.md.

    Raises:
        UsageError: the extra is not installed.
        RelubloomError: nothing answers at the address.
    """
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise UsageError(
            f"--cluster is {address!r} and dask.distributed is not installed; {CLUSTER_EXTRA}"
        ) from None
    try:
        client = Client(address, timeout=10)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise RelubloomError(
            f"no Dask scheduler answers at {address} ({reason}); start one, or mend --cluster"
        ) from None

    def slots() -> int:
        cores = cast(dict[str, int], client.ncores())
        return AHEAD * max(1, sum(cores.values()))

    def stop() -> None:
        """Nothing: cancelled groups that have begun end on their own, and are not recorded."""

    def start() -> Executor:
        return cast(Executor, client.get_executor(pure=False))

    return Workers(start, slots, stop, shared_disk=False)


@contextmanager
def interrupts_held() -> Generator[None]:
    """Hold back Ctrl-C within the block, and for the processes that are started in it.

    A process that starts is in the terminal's reach until `begin_worker` takes it out; without
    this, Ctrl-C would end it with a traceback of its imports.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker(stopping: Event) -> None:
    """One thread for torch, and no life after the process that asked for the work.

    Ctrl-C is that process's to answer: a worker is out of the terminal's reach, and `stopping`
    interrupts its training, which then saves its state.
    """
    import torch

    torch.set_num_threads(1)
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    threading.Thread(target=_interrupt_when, args=(stopping,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """End at once when the parent is gone: a killed sweep leaves nobody at work on its files."""
    wait([sentinel])
    os._exit(1)


def _interrupt_when(stopping: Event) -> None:
    """Interrupt training as soon as it is there to be interrupted, and once."""
    stopping.wait()
    while signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGINT)
