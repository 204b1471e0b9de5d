"""Networks per second of a sweep beside a plain PyTorch loop, and how quickly results are listed.

Usage: python benchmarks/sweep.py [--json] [--steps 400] [--rounds 3]

At (256, 48, 3) with batches of 512. A sweep: one process a core, one thread each, 4 networks a
stack; its processes are started before the clock. The plain loop (dense indicators, nn.Linear,
autograd, Adam) trains one network at a time, with one thread and with torch's own number of
threads, whichever is quicker. Rounds take turns; figures are medians. Neither side evaluates.

Cost model: a network is `steps` steps, so networks per second are cores / (steps x ms per step);
the ratio is that of the steps in docs/performance.md times the number of cores.

Listing: 1,000 runs in a table are read, filtered, sorted and drawn by the command, in a process of
its own, so that imports count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import nn

from relubloom import KSparseTask, Recipe, train_stack
from relubloom.records.sweep_row import SweepRow
from relubloom.sweep.results import Results

VOCAB, WIDTH, SET_SIZE, BATCH, STACK = 256, 48, 3, 512, 4
LISTED = 1000


def main() -> None:
    """Take turns, then list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = [networks_per_second(given.steps, given.rounds), listing(given.rounds)]
    if given.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def networks_per_second(steps: int, rounds: int) -> dict[str, Any]:
    """Seconds a network of each side, in turns."""
    cores = len(os.sched_getaffinity(0))
    own = torch.get_num_threads()
    times: dict[str, list[float]] = {"sweep": [], "plain_1_thread": [], "plain_own_threads": []}
    with ProcessPoolExecutor(cores, get_context("spawn"), initializer=one_thread) as pool:
        list(pool.map(train_group, [10] * cores))  # imports and first calls
        for _ in range(rounds):
            started = time.perf_counter()
            list(pool.map(train_group, [steps] * cores))
            times["sweep"].append((time.perf_counter() - started) / (cores * STACK))
            for name, threads in (("plain_1_thread", 1), ("plain_own_threads", own)):
                torch.set_num_threads(threads)
                started = time.perf_counter()
                plain_network(steps)
                times[name].append(time.perf_counter() - started)
    seconds = {name: statistics.median(values) for name, values in times.items()}
    best = min(seconds["plain_1_thread"], seconds["plain_own_threads"])
    return {
        "vocab_size": VOCAB,
        "width": WIDTH,
        "set_size": SET_SIZE,
        "batch_size": BATCH,
        "steps": steps,
        "processes": cores,
        **{f"{name}_s_per_network": round(value, 3) for name, value in seconds.items()},
        "plain_threads": own,
        "plain_over_sweep": round(best / seconds["sweep"], 2),
    }


def one_thread() -> None:
    """As a sweep's workers do."""
    torch.set_num_threads(1)


def train_group(steps: int) -> None:
    """One stack, as a worker trains it."""
    task = KSparseTask(VOCAB, SET_SIZE)
    train_stack(task, WIDTH, Recipe(steps=steps, batch_size=BATCH), tuple(range(STACK)), threads=1)


def plain_network(steps: int) -> None:
    """What one writes first."""
    net = nn.Sequential(nn.Linear(VOCAB, WIDTH), nn.ReLU(), nn.Linear(WIDTH, VOCAB))
    adam = torch.optim.Adam(net.parameters(), lr=2e-2)
    for _ in range(steps):
        ids = torch.rand(BATCH, VOCAB).topk(SET_SIZE).indices
        indicator = torch.zeros(BATCH, VOCAB).scatter_(1, ids, 1.0)
        loss = (net(indicator).softmax(-1) - indicator / SET_SIZE).square().sum(-1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()


def listing(rounds: int) -> dict[str, Any]:
    """Seconds of `relubloom results` on a thousand runs: filtered, sorted, drawn."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [
            {"vocab_size": 256, "width": 8 * (i % 12 + 1), "set_size": i % 3 + 2, "seed": i}
            for i in range(LISTED)
        ]
        Results(Path(folder), create=True).record(
            SweepRow(f"{i:016x}", "done", each | {"mse": 1 / (1 + i)})
            for i, each in enumerate(settings)
        )
        command = [sys.executable, "-c", "from relubloom.cli import main; main()", "results"]
        options = ["--where", "width<=88", "--sort", "mse", "--limit", "0", "--by", "set_size"]
        times: list[float] = []
        for _ in range(rounds):
            started = time.perf_counter()
            plot = str(Path(folder) / "all.svg")
            subprocess.run(
                [*command, folder, *options, "--plot", plot], check=True, stdout=subprocess.DEVNULL
            )
            times.append(time.perf_counter() - started)
    return {"runs_listed": LISTED, "listing_s": round(statistics.median(times), 2)}


if __name__ == "__main__":
    main()
