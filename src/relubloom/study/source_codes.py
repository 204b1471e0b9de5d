"""Codes for a file of real sets, and what they are worth beside their rivals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode, random_constant_weight, worth_on
from relubloom.code.frequency import FrequencyLaw, best_frequency_law
from relubloom.code.learned import learn
from relubloom.errors import UsageError
from relubloom.evidence.random_code import expected_random_code, size_counts
from relubloom.progress import Watch
from relubloom.task import KSparseTask, ListedSets

SourceFamily = Literal["frequency", "learned"]
RIVALS = 5  # codes of a kind, of which the median is shown


def source_code(
    family: SourceFamily, task: KSparseTask, width: int, seconds: float, seed: int, watch: Watch
) -> tuple[Code, dict[str, Any]]:
    """A code of the family for the training lines of a file, and how it was made.

    Raises:
        UsageError: the task has no file, or the width is too small for its sets.
    """
    if task.file is None:
        raise UsageError(
            f"family is {family!r}: it is made from a file of sets; give one with --sets"
        )
    lines = task.training_lines()
    sets, copies = lines.sets.numpy(), lines.copies.double().numpy()
    if family == "frequency":
        law = _law(task, width)
        made = {"fill": law.fill, "expected_false_positives": law.expected_false_positives()}
        return law.draw(seed), made
    found = learn(sets, copies, task.vocab_size, width, seconds, seed, watch)
    return found.code, {"finished": found.finished, "stopped": found.stopped}


def source_weight(task: KSparseTask, width: int) -> int:
    """The weight of the best random constant-weight code for the sizes of the training lines."""
    return expected_random_code(task.vocab_size, width, size_counts(task)).weight


def worth_on_source(code: Code | GradedCode, task: KSparseTask, width: int) -> dict[str, Any]:
    """What a code is worth on the held-out lines of a file, beside its rivals.

    Keys: `held_out` (false_positives a set, p_exact, mse, kl, sets; `unseen` and `seen` are the
    same for the sets with and without a token that no training set holds, `null` where there is
    none), `unseen_tokens`, and `rivals`: the median random constant-weight and the median
    frequency-aware code on the same sets.
    """
    held_out = task.evaluation_sets()
    assert isinstance(held_out, ListedSets)
    weight, law = source_weight(task, width), _law(task, width)
    draws: dict[str, Callable[[int], Code]] = {
        "constant-weight": partial(random_constant_weight, task.vocab_size, width, weight),
        "frequency": law.draw,
    }
    rivals: dict[str, Any] = {}
    for name, draw in draws.items():
        found = [_figures(draw(seed), held_out) for seed in range(RIVALS)]
        found.sort(key=lambda each: each["false_positives"])
        rivals[name] = found[RIVALS // 2]
    rivals["constant-weight"]["weight"] = weight
    rivals["frequency"]["weight"] = float(law.weights.mean())
    trained = np.unique(task.training_lines().sets.numpy())
    return {
        "held_out": _figures(code, held_out),
        "unseen_tokens": task.vocab_size - int((trained < task.vocab_size).sum()),
        "rivals": rivals,
    }


def _law(task: KSparseTask, width: int) -> FrequencyLaw:
    lines = task.training_lines()
    return best_frequency_law(
        lines.sets.numpy(), lines.copies.double().numpy(), task.vocab_size, width
    )


def _figures(code: Code | GradedCode, lines: ListedSets) -> dict[str, Any]:
    def over(chosen: NDArray[np.bool_]) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        sets, copies = lines.sets.numpy()[chosen], lines.copies.numpy()[chosen]
        return asdict(worth_on(code, sets, copies)) | {"sets": int(copies.sum())}

    unseen = lines.has_unseen.numpy()
    whole = over(np.ones(len(unseen), dtype=np.bool_))
    assert whole is not None
    return whole | {"unseen": over(unseen), "seen": over(~unseen)}
