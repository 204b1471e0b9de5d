"""What a run should cost: the model in docs/performance.md, and how fast this machine is by it."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from relubloom.sweep.settings import RunSettings
from relubloom.task import KSparseTask
from relubloom.threads import intra_op_threads
from relubloom.training import Recipe, train_stack

# Seconds on one core of the machine of docs/performance.md; `machine_speed` scales them.
PER_FLOP = 1 / 65e9  # of the three GEMMs of a step
PER_LOGIT = 2.2e-9  # softmax, loss and gradient
PER_WEIGHT = 2.3e-9  # Adam: 7 reads or writes of 4 bytes at 12 GB/s
PER_STEP = 540e-6  # calls, drawing, rows of W_in: what is left of a step at vocab 256
PER_SCORE = 27e-9  # a set and token, when figures are taken in float64
PROBE = (256, 48, 3, 120)  # vocab, width, set size, steps


@dataclass(frozen=True)
class Cost:
    """Predicted work: floating-point operations of the GEMMs, and seconds of one core."""

    flops: float
    seconds: float


def run_seconds(run: RunSettings) -> float:
    """Predicted seconds of one core for one run, on the machine that the constants are of."""
    vocab, batch = run.task.vocab_size, run.recipe.batch_size
    step = (
        PER_STEP
        + PER_FLOP * step_flops(run)
        + PER_LOGIT * batch * softmax_tokens(run)
        + PER_WEIGHT * 2 * vocab * run.width
    )
    return run.recipe.steps * step + PER_SCORE * run.figure_sets * vocab


def step_flops(run: RunSettings) -> float:
    """6 batch width tokens: the logits, and the two products of the backward pass."""
    return 6.0 * run.recipe.batch_size * run.width * softmax_tokens(run)


def softmax_tokens(run: RunSettings) -> float:
    """Over how many tokens the softmax of a step goes; of a batch the expected number."""
    vocab = run.task.vocab_size
    if run.recipe.softmax == "all":
        return vocab
    held = run.recipe.batch_size * sum(run.task.sizes) / 2
    return -vocab * math.expm1(-held / vocab)


def predict(runs: Iterable[RunSettings]) -> Cost:
    """The cost of runs; divide its seconds by `machine_speed` for those of another machine."""
    listed = list(runs)
    return Cost(
        flops=sum(run.recipe.steps * step_flops(run) for run in listed),
        seconds=sum(map(run_seconds, listed)),
    )


def machine_speed() -> float:
    """How fast one core is beside the machine that the constants are of: a short training."""
    vocab, width, set_size, steps = PROBE
    task, recipe = KSparseTask(vocab, set_size), Recipe(steps=steps)
    expected = run_seconds(RunSettings(task, width, recipe, 0, figure_sets=1))
    times: list[float] = []
    with intra_op_threads(1):
        for _ in range(3):
            started = time.perf_counter()
            train_stack(task, width, recipe, (0,), threads=1)
            times.append(time.perf_counter() - started)
    return expected / statistics.median(times)
