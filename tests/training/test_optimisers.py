"""Optimisers, weight decay and initialisations, against torch's own."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training import Recipe, initialise, optimisers, train_stack
from relubloom.training.optimisers import optimiser_of
from relubloom.training.run import TrainingRun

RATES = (0.5, 0.25, 0.125)


def small_stack(instances: int = 1) -> NetStack:
    return initialise(5, 3, Recipe(), tuple(range(instances)))


def copies(stack: NetStack) -> list[nn.Parameter]:
    return [nn.Parameter(value[0].clone()) for value in stack.parameters().values()]


@pytest.fixture(params=["here", "as on CUDA"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """There tensors are cut into pieces."""
    if request.param == "as on CUDA":
        monkeypatch.setattr(optimisers, "_piece_of", lambda _: 4)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("recipe", "rival"),
    [
        (Recipe(), lambda values: torch.optim.Adam(values)),
        (Recipe(adam_beta2=0.9), lambda values: torch.optim.Adam(values, betas=(0.9, 0.9))),
        (Recipe(weight_decay=0.1), lambda values: torch.optim.AdamW(values, weight_decay=0.1)),
        (Recipe(optimiser="sgd"), lambda values: torch.optim.SGD(values, lr=1.0, momentum=0.9)),
    ],
)
def test_steps_equal_those_of_torch(recipe: Recipe, rival) -> None:
    stack = small_stack()
    values = copies(stack)
    ours, theirs = optimiser_of(recipe, stack), rival(values)
    generator = torch.Generator().manual_seed(0)
    for rate in RATES:
        gradients = {
            name: torch.randn(value.shape, generator=generator)
            for name, value in stack.parameters().items()
        }
        ours.step(gradients, rate)
        for value, gradient in zip(values, gradients.values(), strict=True):
            value.grad = gradient[0].clone()
        theirs.param_groups[0]["lr"] = rate
        theirs.step()
    for found, expected in zip(stack.parameters().values(), values, strict=True):
        torch.testing.assert_close(found[0], expected.detach())


def test_two_steps_with_momentum_by_hand() -> None:
    # From 1 with gradient 2 and rate 1/4: velocities 2 and 3.8, so 1 - 0.5 - 0.95.
    stack = NetStack(*(torch.ones(shape) for shape in ((1, 1, 1), (1, 1), (1, 1, 1), (1, 1))))
    optimiser = optimiser_of(Recipe(optimiser="sgd"), stack)
    gradients = {name: torch.full_like(value, 2.0) for name, value in stack.parameters().items()}
    for _ in range(2):
        optimiser.step(gradients, 0.25)
    for value in stack.parameters().values():
        assert float(value) == pytest.approx(-0.45)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(steps=9, optimiser="sgd", learning_rate=0.1),
        Recipe(steps=9, initialisation="pytorch", weight_decay=0.1),
    ],
)
def test_training_goes_on_as_if_it_had_never_stopped(tmp_path: Path, recipe: Recipe) -> None:
    task, path = KSparseTask(vocab_size=7, set_size=2), tmp_path / "checkpoint"
    whole = TrainingRun(task, 3, recipe, (0, 4), "cpu", None)
    for _ in range(9):
        whole.advance()
    stopped = TrainingRun(task, 3, recipe, (0, 4), "cpu", None)
    for _ in range(4):
        stopped.advance()
    stopped.save(path)
    went_on = train_stack(task, 3, recipe, (0, 4), checkpoint=path, resume=True)
    for found, expected in zip(went_on, whole.results(), strict=True):
        assert all(map(torch.equal, found.net.parameters(), expected.net.parameters()))


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(initialisation="pytorch")])
def test_a_seed_starts_alike_in_every_stack(recipe: Recipe) -> None:
    alone, among = initialise(6, 4, recipe, (2,)), initialise(6, 4, recipe, (0, 1, 2))
    for one, many in zip(alone.parameters().values(), among.parameters().values(), strict=True):
        assert torch.equal(one[0], many[2])
        assert not torch.equal(many[0], many[2]) or not many.any()


def test_the_start_of_pytorch_fills_the_ranges_of_linear_layers() -> None:
    stack = initialise(400, 100, Recipe(initialisation="pytorch"), (0,))
    bounds = {"W_in": 1 / 20, "b_in": 1 / 20, "W_out": 1 / 10, "b_out": 1 / 10}
    layers = nn.Linear(400, 100), nn.Linear(100, 400)
    theirs: list[Tensor] = [layers[0].weight.T, layers[0].bias, layers[1].weight.T, layers[1].bias]
    for (name, found), expected in zip(stack.parameters().items(), theirs, strict=True):
        assert found[0].shape == expected.shape
        for values in (found[0], expected.detach()):
            assert 0.9 * bounds[name] < float(values.abs().max()) <= bounds[name]
            assert float(values.std()) == pytest.approx(bounds[name] / math.sqrt(3), rel=0.15)
