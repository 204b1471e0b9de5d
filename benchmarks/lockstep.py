"""Contenders in processes of their own that take turns: A B C A B C ...

So each has its own memory, which can be measured, and all see the same moments of a busy machine.
A turn is some steps; its time is what the process spent on the processor, which on an idle machine
with one thread is the time that passes.
"""

import importlib
import multiprocessing
import os
import re
import time
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from contenders import CONTENDERS, Size

WARM_UP = 2  # turns that are not counted


class MissingError(Exception):
    """Why a contender does not run here."""


class Contender:
    """A process that does steps of one contender when told to."""

    def __init__(self, name: str, size: Size, label: str) -> None:
        self.label = label
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, size), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Until it is ready.

        Raises:
            MissingError: it cannot run here.
        """
        self._answer()

    def turn(self, steps: int) -> float:
        """Do steps; returns the milliseconds that one took."""
        self._ours.send(steps)
        return self._answer()

    def peak(self) -> float:
        """MiB by which its memory had grown, at most, since its imports."""
        self._ours.send(None)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join()

    def _answer(self) -> float:
        answer = self._ours.recv()
        if isinstance(answer, str):
            raise MissingError(answer)
        return answer


@contextmanager
def one_thread() -> Any:
    """Processes started within it use one core and one thread, whatever library they use."""
    names = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    before, cores = dict(os.environ), os.sched_getaffinity(0)
    os.environ |= names
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        os.environ.clear()
        os.environ |= before


def take_turns(
    contenders: list[Contender], steps: int, rounds: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Milliseconds per step of each turn, and the peak MiB, by label."""
    times: dict[str, list[float]] = {each.label: [] for each in contenders}
    for number in range(rounds + WARM_UP):
        for each in contenders:
            ms = each.turn(steps)
            if number >= WARM_UP:
                times[each.label].append(ms)
    return times, {each.label: each.peak() for each in contenders}


def _serve(pipe: Connection, name: str, size: Size) -> None:
    torch.set_num_threads(1)
    make, modules = CONTENDERS[name]
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError:
        pipe.send("not installed")
        return
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = _memory("VmRSS")
    try:
        step = make(size)
        step()
    except RuntimeError as error:  # as torch.compile does where there is no compiler
        pipe.send(f"not available ({type(error).__name__})")
        return
    pipe.send(0.0)
    while True:
        try:
            steps = pipe.recv()
        except EOFError:
            return
        if steps is None:
            pipe.send(_memory("VmHWM") - before)
            continue
        started = time.process_time()
        for _ in range(steps):
            step()
        pipe.send(1e3 * (time.process_time() - started) / steps)


def _memory(field: str) -> float:
    """MiB of this process, by a field of Linux's /proc/self/status."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024
