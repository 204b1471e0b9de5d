"""The training loop: several seeds as one stack, resumable at any step."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from relubloom.errors import (
    StoppedError,
    UsageError,
    as_path,
    check_seed,
    described,
    true_or_false,
    whole,
)
from relubloom.network.relu_net import ReluNet
from relubloom.task import KSparseTask, as_task
from relubloom.threads import denormals_flushed, intra_op_threads, threads_for
from relubloom.training.devices import check_device, memory_errors_told, products_as
from relubloom.training.recipe import Recipe, as_recipe
from relubloom.training.run import HistoryRow, TrainedNetwork, TrainingProgress, TrainingRun
from relubloom.training.step import Step

CHECKPOINT_SECONDS = 20.0
CHECKPOINT_SHARE = 0.05  # of the time may go into writing checkpoints


def train(
    task: KSparseTask,
    width: int,
    recipe: Recipe | None = None,
    seed: int = 0,
    init_from: ReluNet | None = None,
) -> tuple[ReluNet, list[HistoryRow]]:
    """Train one network; returns it with its history, some 200 rows.

    Nothing is shown meanwhile; `train_stack` takes `on_progress`.

    Args:
        task: which sets there are.
        width: hidden units, at least 1.
        recipe: how to train; None is `Recipe()`, the article's, mse in 5,000 steps of 512 sets.
        seed: of the initial weights and of the sets, 0 or more.
        init_from: a network of these sizes whose weights training starts from, in place of drawn
            ones; a peak rate of 3e-3 or less keeps what it knows.

    Raises:
        UsageError: an argument is of another kind or breaks its rule, or the sizes of `init_from`
            are others.
        DivergedError: a loss or a weight became NaN or infinite.
        StoppedError: Ctrl-C; nothing is kept. `train_stack` keeps the state in a checkpoint.

    Cost: `recipe.steps` times about 6 batch_size vocab width FLOPs; by default, of 256 tokens in
    48 units, some 10 seconds on two idle cores.
    """
    recipe, seeds = as_recipe(recipe), (whole("seed", seed),)
    trained = train_stack(task, width, recipe, seeds, init_from=init_from)[0]
    return trained.net, trained.history


def train_stack(
    task: KSparseTask,
    width: int,
    recipe: Recipe,
    seeds: tuple[int, ...],
    *,
    device: torch.device | str = "cpu",
    threads: int | None = None,
    checkpoint: Path | str | None = None,
    resume: bool = False,
    step: Step | None = None,
    init_from: ReluNet | None = None,
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> list[TrainedNetwork]:
    """Train one network a seed, all at once.

    A seed has the sets and the initialisation that it has alone. With `checkpoint`, the state is
    written there about every 20 seconds, on Ctrl-C and at the end; `resume` continues from it if
    it is there. `threads` (by default torch's number) is the most that one operation uses, and
    `step` (by default the one that the recipe asks for) does the arithmetic. With `init_from` every
    seed starts from that network, rounded to float32; seeds differ by their sets. Trained without
    activation, a network is returned with a ReLU and input biases so high that it clips nothing.

    `on_progress` is called at each step on a CPU, elsewhere some 200 times, since it waits for the
    device. Losses are checked to be finite then, and else some 200 times. Weights and moments are
    checked before the state is written and at the end.

    On CUDA, with Adam and no `step` given, updates are recorded and replayed.

    Raises:
        DivergedError: a loss or a weight became NaN or infinite; the last state is kept.
        UsageError: width < 1, no seeds or one below 0, or `init_from` is of other sizes; or there
            is no such device, or it has no such products as the recipe asks for, or the sets are
            not drawn uniformly and the recipe's softmax is over a batch.
        RelubloomError: the device has too little memory, or computes other logits than the CPU.
        FileError: the checkpoint is of another configuration or cannot be read or written.
        StoppedError: Ctrl-C; the state is on disk if `checkpoint` was given.
    """
    task, recipe = as_task(task), as_recipe(recipe)
    width, seeds = check_network(width, seeds)
    device = check_device(device)
    logits = recipe.batch_size * task.vocab_size  # of one network: alone it has as many threads
    checkpoint = None if checkpoint is None else as_path("checkpoint", checkpoint)
    with memory_errors_told(device), products_as(recipe.products, device):
        run = TrainingRun(task, width, recipe, seeds, device, step, init_from)
        if true_or_false("resume", resume) and checkpoint is not None and checkpoint.exists():
            run.restore(checkpoint)
        with (
            intra_op_threads(threads_for(logits, threads)),
            denormals_flushed(),
            deferred_interrupt() as interrupted,
        ):
            _advance_to_the_end(run, checkpoint, interrupted, on_progress)
    if checkpoint is not None:
        run.save(checkpoint)
    return run.results()


def _advance_to_the_end(
    run: TrainingRun,
    checkpoint: Path | None,
    interrupted: Callable[[], bool],
    on_progress: Callable[[TrainingProgress], None] | None,
) -> None:
    """The steps that are left; the state is written now and then, and when interrupted."""
    written, cost = time.monotonic(), 0.0
    while run.done < run.recipe.steps:
        run.advance()
        if on_progress is not None and run.shows():
            progress = run.progress()
            if not math.isfinite(progress.loss):
                run.check_finite()
            on_progress(progress)
        now = time.monotonic()
        if interrupted():
            if checkpoint is not None:
                run.save(checkpoint)
            raise StoppedError(f"stopped at step {run.done} of {run.recipe.steps}")
        pause = max(CHECKPOINT_SECONDS, cost / CHECKPOINT_SHARE)
        if checkpoint is not None and now - written > pause:
            run.save(checkpoint)
            written = time.monotonic()
            cost = written - now


def check_network(width: int, seeds: Iterable[int] | int) -> tuple[int, tuple[int, ...]]:
    """Both as ints; refuse what cannot be trained, before anything is written.

    Raises:
        UsageError: width < 1, or no seeds, or one below 0.
    """
    width = whole("width", width)
    if width < 1:
        raise UsageError(f"width is {width}: a network has at least 1 hidden unit; raise it")
    if not isinstance(seeds, Iterable):
        raise UsageError(f"seeds is {described(seeds)}: give one seed a network, such as (0, 1)")
    each = tuple(check_seed(seed) for seed in seeds)
    if not each:
        raise UsageError("no seeds given: at least one network is trained; give such as (0,)")
    return width, each


@contextmanager
def deferred_interrupt() -> Generator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed; a second press stops at once.

    Outside the main thread nothing is installed, since only it receives signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.getsignal(signal.SIGINT)
    pressed = False

    def remember(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, remember)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, previous)
