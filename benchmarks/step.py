"""The training step beside a plain loop and beside its three matrix products alone.

Usage: python benchmarks/step.py [--json] [--rounds 15] [--large]

A step is sampling, loss, gradient and Adam. The contenders take turns (A B C A B C ...), and a row
shows medians in milliseconds and ratios to ours, with one thread.

Cost model per step: 6 batch width vocab FLOPs (logits, and two products of the backward pass),
about ten passes over batch x vocab floats (softmax, loss and gradient), and Adam's four arrays of
2 vocab width floats.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from relubloom import KSparseTask, Recipe
from relubloom.training.initialisation import initialise
from relubloom.training.step import dense_step

SIZES = [(256, 48, 3, 512), (1000, 64, 3, 1024)]
LARGE = [(4096, 128, 4, 1024), (16384, 256, 8, 512)]


def main() -> None:
    """Time each size and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--large", action="store_true", help="also N = 4,096 and 16,384")
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(*size, given.rounds) for size in SIZES + LARGE * given.large]
    if given.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


def measure(vocab: int, width: int, set_size: int, batch: int, rounds: int) -> dict[str, Any]:
    """Medians of interleaved steps of each contender."""
    task = KSparseTask(vocab, set_size)
    contenders = {
        "ours": ours(task, width, batch),
        "plain_loop": plain_loop(task, width, batch),
        "three_gemms": three_gemms(vocab, width, batch),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 2):
        for name, step in contenders.items():
            started = time.perf_counter()
            step(turn)
            if turn >= 2:  # two turns of warm-up
                times[name].append(1e3 * (time.perf_counter() - started))
    ms = {name: statistics.median(values) for name, values in times.items()}
    return {
        "vocab_size": vocab,
        "width": width,
        "set_size": set_size,
        "batch_size": batch,
        "threads": 1,
        **{f"{name}_ms": round(value, 3) for name, value in ms.items()},
        "ours_over_three_gemms": round(ms["ours"] / ms["three_gemms"], 2),
        "plain_loop_over_ours": round(ms["plain_loop"] / ms["ours"], 2),
    }


def ours(task: KSparseTask, width: int, batch: int) -> Callable[[int], None]:
    """Sampling, `dense_step` and Adam, as `training.loop` does them."""
    stack = initialise(task.vocab_size, width, Recipe(), (0,))
    adam = torch.optim.Adam(list(stack.parameters().values()), fused=True)

    def step(turn: int) -> None:
        sets = task.training_sets(0, turn, batch)[None]
        gradients = dense_step(stack, sets, "mse").gradients
        for name, value in stack.parameters().items():
            value.grad = gradients[name]
        adam.step()

    return step


def plain_loop(task: KSparseTask, width: int, batch: int) -> Callable[[int], None]:
    """What one writes first: dense indicators, nn.Linear, autograd, Adam."""
    vocab, k = task.vocab_size, task.sizes[0]
    net = nn.Sequential(nn.Linear(vocab, width), nn.ReLU(), nn.Linear(width, vocab))
    adam = torch.optim.Adam(net.parameters())

    def step(turn: int) -> None:
        del turn
        ids = torch.rand(batch, vocab).topk(k).indices
        indicator = torch.zeros(batch, vocab).scatter_(1, ids, 1.0)
        p = net(indicator).softmax(-1)
        loss = (p - indicator / k).square().sum(-1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def three_gemms(vocab: int, width: int, batch: int) -> Callable[[int], None]:
    """The floor: logits, and the two products of the backward pass."""
    post, W_out = torch.rand(batch, width), torch.rand(width, vocab)
    d_logits = torch.rand(batch, vocab)

    def step(turn: int) -> None:
        del turn
        _ = post @ W_out, d_logits @ W_out.T, post.T @ d_logits

    return step


if __name__ == "__main__":
    main()
