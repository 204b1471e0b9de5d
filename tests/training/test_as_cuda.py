"""Training as on CUDA, on a CPU that plays it: all that is done otherwise there, put together."""

from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from build.graphs import CalledAgain
from relubloom.task import KSparseTask, philox
from relubloom.training import Recipe, batch_softmax, run, step, train_stack
from relubloom.training.replay import WARM_UP


class CpuAsCuda(TorchFunctionMode):
    """What is asked for on CUDA is made on the CPU."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.device:
            return func(*args)
        named = {name: _here(value) for name, value in (kwargs or {}).items()}
        return func(*map(_here, args), **named)


def _here(value: Any) -> Any:
    is_cuda = isinstance(value, torch.device) and value.type == "cuda"
    return torch.device("cpu") if is_cuda else value


@pytest.fixture(params=["plain", "kernels"])
def graphs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> CalledAgain:
    """CUDA with the plain passes, or with kernels that are interpreted; and its graphs."""
    fused, words = None, philox.words_anywhere
    if request.param == "kernels":
        if find_spec("triton") is None:
            pytest.skip("Triton is not installed: make kernels")
        from build.kernels import interpreted

        fused = interpreted("relubloom.training.fused_loss").fused_loss_
        words = interpreted("relubloom.task.philox_kernel").words_by_triton
    monkeypatch.setattr(step, "fused_pass", lambda _: fused)
    monkeypatch.setattr(run, "fused_pass", lambda _: fused)
    monkeypatch.setattr(philox, "way_of", lambda _: words)
    for place in (step, batch_softmax):
        monkeypatch.setattr(place, "instances_together", lambda count, _: count)
    monkeypatch.setattr("relubloom.training.softmax_loss.known_unpadded", lambda *_: False)
    monkeypatch.setattr("relubloom.training.devices.free_bytes", lambda _: 1 << 30)
    graphs = CalledAgain()
    monkeypatch.setattr(run, "CudaGraphs", lambda _: graphs)
    monkeypatch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
    return graphs


RECIPE = Recipe("kl-then-mse", steps=16, batch_size=5, warmup=0.5, weight_decay=0.01)
OVER_BATCH = replace(RECIPE, objective="kl", softmax="batch")


@pytest.mark.parametrize("generator", ["torch", "philox"])
@pytest.mark.parametrize("recipe", [RECIPE, OVER_BATCH], ids=["all", "batch"])
def test_a_training_there_is_the_training_here(
    generator: Any, recipe: Recipe, graphs: CalledAgain
) -> None:
    task = KSparseTask(23, (1, 3), generator=generator)
    notes: list[str] = []
    note = "without Triton" if step.fused_pass("cuda") is None else ""
    with CpuAsCuda():
        there = train_stack(
            *(task, 4, recipe, (0, 1)),
            device="cuda",
            on_progress=lambda progress: notes.append(progress.note),
        )
    here = train_stack(task, 4, recipe, (0, 1))
    assert graphs.replayed == 16 - len(recipe.phases) * WARM_UP
    assert set(notes) == {note}
    for own, other in zip(here, there, strict=True):
        for record, its in zip(own.history, other.history, strict=True):
            assert its == record | {"loss": pytest.approx(record["loss"], rel=1e-4)}
        for p, q in zip(own.net.parameters(), other.net.parameters(), strict=True):
            torch.testing.assert_close(q, p, rtol=0, atol=1e-4)
