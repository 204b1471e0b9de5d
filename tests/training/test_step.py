"""The inner step: losses worked by hand, gradients against autograd in float64."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.steps import OBJECTIVES, random_stack, reference
from relubloom.code import Code
from relubloom.network.construct import construct
from relubloom.network.relu_net import NetStack
from relubloom.task import KSparseTask
from relubloom.training.recipe import Objective
from relubloom.training.step import dense_step


@given(
    objective=st.sampled_from(OBJECTIVES),
    instances=st.integers(1, 3),
    vocab=st.integers(1, 9),
    width=st.integers(1, 5),
    batch=st.integers(1, 6),
    seed=st.integers(0, 100),
    data=st.data(),
)
def test_loss_and_gradients_equal_autograd(
    objective: Objective,
    instances: int,
    vocab: int,
    width: int,
    batch: int,
    seed: int,
    data: st.DataObject,
) -> None:
    high = data.draw(st.integers(1, vocab))
    task = KSparseTask(vocab, (data.draw(st.integers(1, high)), high))
    stack = random_stack(instances, vocab, width, seed)
    sets = torch.stack([task.training_sets(seed, i, batch) for i in range(instances)])
    result = dense_step(stack, sets, objective)
    for i in range(instances):
        net = stack[i]
        loss = reference(net, sets[i], objective)
        loss.backward()
        torch.testing.assert_close(result.loss[i], loss.detach(), rtol=1e-10, atol=1e-10)
        for name, value in net.named_parameters():
            torch.testing.assert_close(
                result.gradients[name][i], value.grad, rtol=1e-10, atol=1e-10
            )


def on_one_set(
    logits: list[float],
    tokens: list[int],
    objective: Objective,
    dtype: torch.dtype = torch.float64,
) -> tuple[float, list[float]]:
    """Loss and gradient in the logits: those of b_out, where all other weights are 0."""
    vocab = len(logits)
    stack = NetStack(
        W_in=torch.zeros(1, vocab, 1, dtype=dtype),
        b_in=torch.zeros(1, 1, dtype=dtype),
        W_out=torch.zeros(1, 1, vocab, dtype=dtype),
        b_out=torch.tensor([logits], dtype=dtype),
    )
    result = dense_step(stack, torch.tensor([[tokens]]), objective)
    return float(result.loss[0]), result.gradients["b_out"][0].tolist()


def test_two_tokens_by_hand() -> None:
    # Logits (ln 3, 0) on the set {0}: p = (3/4, 1/4), e = p - target = (-1/4, 1/4).
    # mse = 1/16 + 1/16; its gradient 2 p (e - sum p e), sum p e = -3/16 + 1/16 = -1/8:
    # 2 * 3/4 * (-1/4 + 1/8) = -3/16, and 2 * 1/4 * (1/4 + 1/8) = 3/16.
    loss, gradient = on_one_set([math.log(3), 0.0], [0], "mse")
    assert loss == pytest.approx(1 / 8, rel=1e-14)
    assert gradient == pytest.approx([-3 / 16, 3 / 16], rel=1e-14)
    # kl = -ln(3/4) - ln 1, its gradient e.
    loss, gradient = on_one_set([math.log(3), 0.0], [0], "kl")
    assert loss == pytest.approx(math.log(4 / 3), rel=1e-14)
    assert gradient == pytest.approx([-1 / 4, 1 / 4], rel=1e-14)


def test_a_padded_set_by_hand() -> None:
    # Equal logits on 4 tokens, the set {2} padded: p = 1/4; mse = 3/16 + 9/16, kl = ln 4.
    assert on_one_set([1.0] * 4, [2, 4, 4], "mse")[0] == pytest.approx(3 / 4, rel=1e-14)
    assert on_one_set([1.0] * 4, [2, 4, 4], "kl")[0] == pytest.approx(math.log(4), rel=1e-14)


@pytest.mark.parametrize(("k", "F"), [(1, 0), (1, 1), (2, 1), (3, 2), (3, 7)])
def test_a_hard_filter_costs_what_the_closed_form_says(k: int, F: int) -> None:
    # k members and F false positives share the mass: 1/(k+F) each. mse = k (1/k - 1/(k+F))^2 +
    # F/(k+F)^2 = F/(k(k+F)); kl = ln((k+F)/k).
    logits = [0.0] * (k + F) + [-200.0] * 3
    assert on_one_set(logits, list(range(k)), "mse")[0] == pytest.approx(F / (k * (k + F)))
    assert on_one_set(logits, list(range(k)), "kl")[0] == pytest.approx(math.log1p(F / k))


def test_a_constructed_network_costs_what_its_false_positives_cost() -> None:
    # Token 2 has both bits: {0, 2} covers every token, so 1 and 3 are false positives, F = 2.
    bits = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 1]]).bool()
    net = construct(Code(bits.numpy()), sharpness=200.0)
    stack = NetStack(*(value.detach()[None] for value in net.parameters()))
    sets = torch.tensor([[[0, 2]]])
    assert dense_step(stack, sets, "mse").loss.item() == pytest.approx(2 / (2 * 4), rel=1e-6)
    assert dense_step(stack, sets, "kl").loss.item() == pytest.approx(math.log(2), rel=1e-6)


def test_a_member_without_any_mass_keeps_the_loss_finite() -> None:
    loss, gradient = on_one_set([0.0, -500.0], [1], "kl", torch.float32)
    assert 80 < loss < 110  # -ln of the least normal float32
    assert gradient == [1.0, -1.0]


@pytest.mark.parametrize("logits", [[1e4, 0.0, -1e4], [-1e4] * 3, [3e4, 3e4, 3e4]])
def test_large_logits_do_not_overflow(logits: list[float]) -> None:
    # exp(1e4) is no float32. Softmax sees differences only: (1, 0, 0), or thirds.
    p = [1.0, 0.0, 0.0] if logits[0] != logits[1] else [1 / 3] * 3
    loss, gradient = on_one_set(logits, [0], "mse", torch.float32)
    assert loss == pytest.approx((p[0] - 1) ** 2 + p[1] ** 2 + p[2] ** 2, rel=1e-6)
    assert all(math.isfinite(entry) for entry in gradient)


@given(st.integers(0, 1000), st.sampled_from(OBJECTIVES))
def test_the_gradient_does_not_see_a_shift_of_all_logits(seed: int, objective: Objective) -> None:
    # Softmax ignores a common shift, so the gradient in the logits sums to 0.
    stack = random_stack(2, 7, 3, seed)
    sets = torch.stack([KSparseTask(7, 3).training_sets(seed, i, 3) for i in range(2)])
    assert dense_step(stack, sets, objective).gradients["b_out"].sum(-1).abs().max() < 1e-15


def test_a_good_float32_network_has_an_accurate_loss() -> None:
    # Members at 8.0 and 8.1 over 20 tokens at 0: mse is 2e-3, the difference of terms near 1/2.
    logits, tokens = [8.0, 8.1] + [0.0] * 20, [0, 1]
    exact, _ = on_one_set(logits, tokens, "mse")
    found, _ = on_one_set(logits, tokens, "mse", torch.float32)
    assert exact < 2e-3
    assert found == pytest.approx(exact, rel=1e-4)
