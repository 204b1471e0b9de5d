"""How strengths come about: one network looked at while it is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import relubloom as rb
from relubloom.evidence.gather import look_at
from relubloom.evidence.graded_hash import GradedScoring
from relubloom.network.strengths import ASKED, BIT, FULL, measure_drops
from relubloom.threads import denormals_flushed, intra_op_threads
from relubloom.training.run import TrainingRun

SETS = 100_000
Strengths = NDArray[np.uint8]
SHARES = (1 / 64, 1 / 32, 3 / 64, 1 / 16, 3 / 32, 1 / 8, 3 / 16, 1 / 4, 3 / 8, 1 / 2, 3 / 4, 1)


def history_of(
    task: rb.KSparseTask,
    width: int,
    recipe: rb.Recipe,
    seed: int,
    start: rb.ReluNet | None = None,
) -> tuple[list[dict[str, Any]], rb.ReluNet]:
    """Train a network, from `start` on where it is given, and read its strengths at some moments.

    They are those of `extract_graded_code`, but taken for strengths whether or not they are kinds
    of their own yet. The bare hash has their bits, all full.
    """
    run = TrainingRun(task, width, recipe, (seed,), "cpu", None)
    moments = {round(share * recipe.steps) for share in SHARES}
    rows: list[dict[str, Any]] = []
    seen: list[Strengths] = []
    if start is not None:
        given = zip(run.stack.parameters().values(), start.parameters(), strict=True)
        for value, at in given:
            value.copy_(at.detach()[None])
        row, strengths = looked_at(start, task)
        rows.append({"step": 0} | row)
        seen.append(strengths)
    with intra_op_threads(1), denormals_flushed():
        while run.done < recipe.steps:
            run.advance()
            if run.done in moments:
                row, strengths = looked_at(run.stack[0], task)
                rows.append({"step": run.done} | row)
                seen.append(strengths)
    last = seen[-1]
    for row, strengths in zip(rows, seen, strict=True):
        row["differ"] = int((strengths != last).sum())
        for strength, name in enumerate(("others", "halves", "fulls")):
            row[f"{name}_stay"] = share(last[strengths == strength] == strength)
            row[f"half_from_{name}"] = share(strengths[last == 1] == strength)
    return rows, run.results()[0].net


def share(flags: NDArray[np.bool_]) -> float | None:
    """Of the flags those that are true; None without any."""
    return float(flags.mean()) if flags.size else None


def looked_at(net: rb.ReluNet, task: rb.KSparseTask) -> tuple[dict[str, Any], Strengths]:
    """Figures over drawn sets, and the strengths."""
    size = task.sizes[0]
    drops = measure_drops(net, rb.extract_code(net), size)
    half = (drops.share >= BIT) & (drops.share < FULL) & (drops.cost >= ASKED)
    strengths = (half + 2 * (drops.share >= FULL)).astype(np.uint8)
    graded = rb.GradedCode(strengths, 2)
    sets = task.drawn_sets("history", SETS)
    grading = GradedScoring(net, graded, drops, sets)
    seen = look_at(net, rb.Code(graded.bits), sets, grading=grading)
    found = seen.strengths
    assert found is not None
    f1 = found.extracted.loss_failure_f1
    return {
        "half": float(half.sum(1).mean()),
        "full": float((strengths == 2).sum(1).mean()),
        "mse": seen.scores.mean(seen.scores.mse),
        "fails": seen.scores.mean(seen.scores.loss_failure),
        "code_fails": found.code_failure_share,
        "graded_f1": f1,
        "bare_f1": None if f1 is None or found.f1_gain is None else f1 - found.f1_gain,
        "recall": found.called_recall,
    }, strengths
