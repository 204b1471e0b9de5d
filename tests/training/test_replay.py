"""Recorded updates do what plain ones do, whatever sets and rates come.

No GPU runs here. The graphs of these tests record a function and call it again: it sees changed
inputs only where they were written into the tensors that it was recorded with.
"""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from build.graphs import CalledAgain
from relubloom.task import KSparseTask
from relubloom.training import Recipe, loop, train_stack
from relubloom.training.recipe import ObjectiveName
from relubloom.training.replay import WARM_UP, CudaGraphs, ReplayedUpdate
from relubloom.training.run import TrainingRun

TASK = KSparseTask(23, (1, 3))


class Refusing(CalledAgain):
    def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
        self.recorded += 1
        raise RuntimeError("operation not permitted when stream is capturing\nand more")


def run_of(recipe: Recipe, graphs: CudaGraphs | None) -> TrainingRun:
    run = TrainingRun(TASK, 5, recipe, (0, 1), "cpu", None)
    if graphs is not None:
        run.replayed = ReplayedUpdate(run._update, graphs)
    while run.done < recipe.steps:
        run.advance()
    return run


@pytest.mark.parametrize("objective", ["mse", "kl", "kl-then-mse"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_replayed_training_is_the_plain_one(objective: ObjectiveName, decay: float) -> None:
    # Bit for bit but for the rate, which lies in a tensor of float32.
    recipe = Recipe(objective, steps=40, batch_size=9, weight_decay=decay, warmup=0.5)
    plain, graphs = run_of(recipe, None), CalledAgain()
    replayed = run_of(recipe, graphs)
    kinds = len(recipe.phases)
    assert (graphs.recorded, graphs.aside_calls) == (kinds, WARM_UP * kinds)
    assert graphs.replayed == recipe.steps - WARM_UP * kinds
    for here, there in zip(plain.results(), replayed.results(), strict=True):
        for p, q in zip(here.net.parameters(), there.net.parameters(), strict=True):
            torch.testing.assert_close(q, p, rtol=0, atol=2e-5)
        for record, other in zip(here.history, there.history, strict=True):
            assert other == record | {"loss": pytest.approx(record["loss"], rel=1e-4)}


def test_an_update_sees_the_sets_and_the_rate_of_its_own_step() -> None:
    seen: list[tuple[int, float]] = []

    def update(sets: Tensor, _: str, rate: Tensor) -> Tensor:
        seen.append((int(sets[0, 0, 0]), float(rate)))
        return torch.full((2,), float(rate))

    replayed = ReplayedUpdate(update, CalledAgain())
    for step in range(6):
        loss = replayed(torch.full((2, 1, 1), step), "mse", step / 2)
        assert loss.tolist() == [step / 2] * 2
    assert seen == [(step, step / 2) for step in range(6)]


def test_where_nothing_can_be_recorded_training_goes_on_as_it_is() -> None:
    recipe = Recipe(steps=12, batch_size=9)
    graphs = Refusing()
    run, plain = run_of(recipe, graphs), run_of(recipe, None)
    assert (graphs.recorded, graphs.aside_calls) == (1, recipe.steps)
    assert run.progress().note == "without CUDA graphs"
    assert plain.progress().note == ""
    for here, there in zip(plain.results(), run.results(), strict=True):
        torch.testing.assert_close(there.net.W_in, here.net.W_in, rtol=0, atol=2e-5)


def test_a_full_device_is_no_refusal() -> None:
    class Full(CalledAgain):
        def record(self, work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.cuda.OutOfMemoryError):
        run_of(Recipe(steps=12, batch_size=9), Full())


def test_a_device_is_asked_for_progress_where_it_is_waited_for_anyhow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 500 steps are recorded every other step.
    recipe, steps = Recipe(steps=500, batch_size=2), list[int]()
    show = partial(train_stack, KSparseTask(5, 1), 2, recipe, (0,))
    monkeypatch.setattr(loop.TrainingRun, "shows", lambda run: run._is_recorded(run.done))
    show(on_progress=lambda progress: steps.append(progress.step))
    assert steps == list(range(2, 501, 2))
