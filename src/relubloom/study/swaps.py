"""How many of a file's training sets get a token swapped: chosen by short trainings.

A network that is trained on the lines of a file learns them by heart. Sets in which one member was
exchanged for another token are further sets, and how many of them help depends on the file. So some
shares are compared on a fifth of the training sets. The held-out sets are never looked at.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from relubloom.measure.answers import Batch
from relubloom.measure.forward import in_float64
from relubloom.measure.shares import losses_of
from relubloom.network.relu_net import ReluNet
from relubloom.progress import Watch
from relubloom.records.study import Swaps, TriedSwaps
from relubloom.study.settings import Study
from relubloom.task import KSparseTask
from relubloom.training import TrainingProgress, train_stack

SHARES = (0.0, 0.5, 0.8)
STEPS_SHARE = 0.2  # of the study's steps, for each share
FEWEST_STEPS, MOST_STEPS = 100, 2_000
SMALLEST_SPLIT = 20  # sets; with fewer, nothing is chosen and nothing swapped
SCORED_SETS, SCORED_LOGITS = 2_000, 8_000_000


def choose_swaps(study: Study, threads: int, watch: Watch) -> Swaps:
    """Train a network for each of the shares on four fifths of the training sets, for a fifth of
    the study's steps (100 to 2,000), and take the share of least mse on the other fifth.

    Cost: three fifths of the time that a network of the study takes.
    """
    found: list[TriedSwaps] = []
    lines = study.task.training_lines()
    steps = min(MOST_STEPS, max(FEWEST_STEPS, round(STEPS_SHARE * study.recipe.steps)))
    recipe = replace(study.recipe, steps=min(steps, study.recipe.steps))
    for number, share in enumerate(SHARES if len(lines) >= SMALLEST_SPLIT else ()):
        task = replace(_within_training(study.task), swaps=share)

        def show(
            progress: TrainingProgress, first: int = number * recipe.steps, share: float = share
        ) -> None:
            total = len(SHARES) * recipe.steps
            watch("choosing swaps", first + progress.step, total, f"share {share:g}")

        (trained,) = train_stack(
            *(task, study.width, recipe, (study.seed,)),
            threads=threads,
            init_from=None if study.start is None else study.start.net,
            on_progress=show,
        )
        found.append(TriedSwaps(share, _mse(trained.net, task)))
    best = min(found, key=lambda each: each.mse, default=TriedSwaps(0.0, 0.0))
    return Swaps(best.share, found)


def _within_training(task: KSparseTask) -> KSparseTask:
    """The task of the training lines alone, a fifth of which is held out in its turn."""
    assert task.file is not None
    lines = task.training_lines()
    rows, copies = lines.sets.tolist(), lines.copies.tolist()
    sets = (tuple(token for token in row if token < task.vocab_size) for row in rows)
    return replace(task, file=replace(task.file, counts=dict(zip(sets, copies, strict=True))))


@torch.no_grad()
def _mse(net: ReluNet, task: KSparseTask) -> float:
    """On the held-out sets of a task: of many, on some."""
    held_out = task.evaluation_sets()
    number = min(len(held_out), SCORED_SETS, max(1, SCORED_LOGITS // task.vocab_size))
    rows = torch.linspace(0, len(held_out) - 1, number).long()
    sets = held_out.chunk(0, len(held_out))[rows]
    found = losses_of(in_float64(net)(sets), Batch.of(sets, task.vocab_size)).mse.numpy()
    return float(np.average(found, weights=held_out.weights(0, len(held_out))[rows].numpy()))
