"""Training without the ReLU, and the network that stands for what came of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from build.linear import Linear
from build.process import Outcome
from build.steps import OBJECTIVES, random_stack, reference
from relubloom.network.construct import always_on
from relubloom.network.relu_net import NetStack, ReluNet
from relubloom.task import AllSets, KSparseTask
from relubloom.training import Recipe, train, train_stack
from relubloom.training.step import STEPS, dense_step, linear_step


def all_sets(vocab: int, size: int) -> Tensor:
    sets = AllSets(vocab, size)
    return sets.chunk(0, len(sets))


@given(
    objective=st.sampled_from(OBJECTIVES),
    vocab=st.integers(1, 9),
    width=st.integers(1, 5),
    batch=st.integers(1, 6),
    seed=st.integers(0, 100),
    data=st.data(),
)
def test_loss_and_gradients_equal_autograd(
    objective: str, vocab: int, width: int, batch: int, seed: int, data: st.DataObject
) -> None:
    high = data.draw(st.integers(1, vocab))
    task = KSparseTask(vocab, (data.draw(st.integers(1, high)), high))
    stack = random_stack(2, vocab, width, seed)
    sets = torch.stack([task.training_sets(seed, i, batch) for i in range(2)])
    result = linear_step(stack, sets, objective)
    for i in range(2):
        net = stack[i]
        loss = reference(Linear(net), sets[i], objective)
        loss.backward()
        torch.testing.assert_close(result.loss[i], loss.detach(), rtol=1e-10, atol=1e-10)
        for name, value in net.named_parameters():
            torch.testing.assert_close(
                result.gradients[name][i], value.grad, rtol=1e-10, atol=1e-10
            )


def test_the_steps_differ_where_a_unit_is_below_0() -> None:
    # Token 0 puts the one unit at -1: with a ReLU logits (0, 0), without (-1, 1).
    # mse on the set {0}: (1/2)^2 + (1/2)^2 = 1/2; without, p_1 = 1/(1 + e^-2) twice squared.
    W_in, b_in = torch.tensor([[[-1.0], [0.0]]]), torch.zeros(1, 1)
    W_out, b_out = torch.tensor([[[1.0, -1.0]]]), torch.zeros(1, 2)
    stack = NetStack(W_in, b_in, W_out, b_out)
    sets = torch.tensor([[[0]]])
    assert float(dense_step(stack, sets, "mse").loss) == pytest.approx(0.5)
    wrong = 1 / (1 + torch.tensor(-2.0).exp())
    assert float(linear_step(stack, sets, "mse").loss) == pytest.approx(float(2 * wrong**2))
    assert STEPS["relu"] is dense_step
    assert STEPS["none"] is linear_step


def test_a_shift_by_hand() -> None:
    # Column (1, -2, -3), b_in .5. The lowest pair is {1, 2} at .5 - 5: b_in must rise to 5, that
    # is by 4.5, which adds 4.5 W_out = (9, 0, -4.5) to all logits.
    net = ReluNet(
        torch.tensor([[1.0], [-2.0], [-3.0]]),
        torch.tensor([0.5]),
        torch.tensor([[2.0, 0.0, -1.0]]),
        torch.tensor([0.0, 7.0, 0.0]),
    )
    shifted = always_on(net, 2)
    assert shifted.b_in.item() == pytest.approx(5.0, rel=1e-5)
    assert shifted.b_in.item() > 5.0
    assert shifted.b_out.tolist() == pytest.approx([-9.0, 7.0, 4.5], rel=1e-5)
    assert torch.equal(shifted.W_in, net.W_in)
    assert torch.equal(shifted.W_out, net.W_out)
    # Of one token the lowest is {2} at .5 - 3: up to 3, by 2.5.
    assert always_on(net, 1).b_in.item() == pytest.approx(3.0, rel=1e-5)
    # On {1, 2} the linear map gives -4.5 (2, 0, -1) + (0, 7, 0).
    assert shifted(torch.tensor([[1, 2]]))[0].tolist() == pytest.approx([-9, 7, 4.5], abs=1e-4)


def test_a_unit_that_is_high_enough_stays_where_it_is() -> None:
    net = ReluNet(
        torch.tensor([[1.0, -1.0], [-1.0, 0.0]]),
        torch.tensor([1.5, 2.0]),
        torch.ones(2, 2),
        torch.zeros(2),
    )
    shifted = always_on(net, 2)
    assert torch.equal(shifted.b_in, net.b_in)
    assert torch.equal(shifted.b_out, net.b_out)


@given(
    vocab=st.integers(1, 9),
    width=st.integers(1, 4),
    scale=st.sampled_from([1e-6, 1.0, 1e4]),
    seed=st.integers(0, 200),
    data=st.data(),
)
def test_no_unit_is_clipped_on_any_set_and_none_is_raised_in_vain(
    vocab: int, width: int, scale: float, seed: int, data: st.DataObject
) -> None:
    largest = data.draw(st.integers(1, vocab))
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    weights = [torch.randn(*shape, generator=draw) for shape in shapes]
    net = ReluNet(weights[0] * scale, weights[1] * scale, weights[2], weights[3])
    shifted = always_on(net, largest)
    exact = ReluNet(*(value.detach().double() for value in shifted.parameters()))
    every = [all_sets(vocab, k) for k in range(1, largest + 1)]
    every.append(torch.full((1, 1), vocab))  # the empty set
    for evaluated in (shifted, exact):
        lowest = torch.stack(
            [evaluated.run_with_cache(s)[1]["hook_pre"].amin(0) for s in every]
        ).amin(0)
        assert (lowest > 0).all()
    # A unit is raised only where it has to be, and then ends just above 0.
    raised = shifted.b_in != net.b_in
    size = net.W_in.abs().sum(0) + net.b_in.abs()
    assert (lowest <= 1e-5 * size)[raised].all()
    for sets in every:
        found = exact(sets)
        wanted = Linear(ReluNet(*(value.detach().double() for value in net.parameters())))(sets)
        rounding = 2**-24 * shifted.b_out.detach().double().abs() + 1e-12
        assert ((found - wanted).abs() <= 1.01 * rounding * max(1.0, scale)).all()


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_unit_without_weights_is_on_too(value: float) -> None:
    net = ReluNet(torch.zeros(3, 1), torch.tensor([value]), torch.ones(1, 3), torch.zeros(3))
    shifted = always_on(net, 2)
    assert shifted.b_in.item() > 0
    assert shifted.b_out.tolist() == pytest.approx([value] * 3, abs=1e-5)


def test_what_is_trained_without_activation_is_linear_on_the_sets_of_the_task() -> None:
    task = KSparseTask(20, (2, 3))
    recipe = Recipe(steps=60, batch_size=32, activation="none")
    net, history = train(task, 6, recipe)
    assert history[-1]["loss"] < history[0]["loss"]
    for size in (1, 2, 3):
        _, cache = net.run_with_cache(all_sets(20, size))
        assert (cache["hook_post"] > 0).all()
    alone = train_stack(task, 6, recipe, (4,))[0]
    stacked = train_stack(task, 6, recipe, (3, 4))[1]
    assert not torch.equal(alone.net.W_in, net.W_in)
    torch.testing.assert_close(stacked.net.W_in, alone.net.W_in, rtol=1e-4, atol=1e-5)
    assert torch.equal(alone.film[-1], alone.net.W_in)


def test_going_on_after_a_stop_gives_the_same_linear_network(tmp_path: Path) -> None:
    recipe = Recipe(steps=8, batch_size=16, activation="none")
    task, at = KSparseTask(12, 2), tmp_path / "checkpoint.safetensors"
    train_stack(task, 4, recipe, (0,), checkpoint=at)
    resumed = train_stack(task, 4, recipe, (0,), checkpoint=at, resume=True)[0].net
    straight = train_stack(task, 4, recipe, (0,))[0].net
    for p, q in zip(resumed.parameters(), straight.parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_recipe_without_the_key_means_relu() -> None:
    # What configs, studies and checkpoints held before there was a choice.
    assert Recipe().describe().keys() == {
        *("objective", "steps", "batch_size", "learning_rate", "polish_share"),
        *("polish_learning_rate", "warmup", "init_scale_in", "init_scale_out"),
    }
    assert Recipe.from_description(Recipe().describe()).activation == "relu"
    linear = replace(Recipe(), activation="none")
    assert linear.describe() == Recipe().describe() | {"activation": "none"}
    assert Recipe.from_description(linear.describe()) == linear


SIZES = ("-N", 12, "-d", 6, "-k", 2, "--steps", 4, "--batch-size", 8, "--quiet", "--threads", 1)


def test_the_command_line_trains_and_examines_it(
    relubloom: Callable[..., Outcome], tmp_path: Path
) -> None:
    out = tmp_path / "s"
    done = relubloom("study", *SIZES, "--activation", "none", "--out", out, "--json")
    assert done.status == 0, done.err
    assert done.json["verdict"] == "not-bloom"
    config = json.loads((out / "seed-0" / "config.json").read_text())
    assert config["recipe"]["activation"] == "none"
    assert "was trained, without its ReLU, by Adam" in (out / "report.html").read_text()
    other = relubloom("study", *SIZES, "--out", out, "--resume")
    assert other.status == 2
    assert "holds a study of other settings" in other.error


@pytest.mark.usefixtures("no_page")
def test_default_folders_of_both_kinds_are_apart(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = relubloom("study", *SIZES, "--activation", "none", "--json")
    assert done.json["report"] == "runs/N12-d6-k2-mse-seed0-linear/report.html"


def test_an_odd_activation_is_refused(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    done = relubloom("train", *SIZES, "--activation", "gelu", "--out", tmp_path / "r")
    assert done.status == 2
    assert "gelu" in done.error
