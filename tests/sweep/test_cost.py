"""What a run should cost: over how many tokens a softmax goes."""

import pytest

from relubloom.sweep.cost import run_seconds, softmax_tokens
from relubloom.sweep.settings import RunSettings
from relubloom.task import KSparseTask
from relubloom.training import Recipe


def test_a_softmax_over_the_batch_is_charged_for_the_tokens_that_a_batch_holds() -> None:
    task = KSparseTask(500, (2, 4))
    batch = RunSettings(task, 8, Recipe("kl", 10, 40, softmax="batch"), 0, figure_sets=1)
    held = [len(set(task.training_sets(0, i, 40).flatten().tolist()) - {500}) for i in range(60)]
    assert softmax_tokens(batch) == pytest.approx(sum(held) / len(held), rel=0.03)
    every = RunSettings(task, 8, Recipe("kl", 10, 40), 0, figure_sets=1)
    assert softmax_tokens(every) == 500
    assert run_seconds(batch) < run_seconds(every)
