"""The inner step: losses worked by hand, gradients against autograd in float64."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relubloom.code import Code
from relubloom.construction import construct
from relubloom.network import NetStack, ReluNet
from relubloom.task import KSparseTask
from relubloom.training.step import dense_step, loss_and_gradient

OBJECTIVES = ("mse", "kl")


def reference(net: ReluNet, sets: Tensor, objective: str) -> Tensor:
    """The objective by its definition, for autograd."""
    target = torch.zeros(len(sets), net.vocab_size + 1, dtype=torch.float64)
    target = target.scatter(1, sets, 1.0)[:, :-1]
    size = target.sum(1, keepdim=True)
    target = target / size
    log_p = net(sets).log_softmax(1)
    if objective == "mse":
        return (log_p.exp() - target).square().sum(1).mean()
    return (-(target * log_p).sum(1) - size[:, 0].log()).mean()


def random_stack(instances: int, vocab: int, width: int, seed: int) -> NetStack:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((vocab, width), (width,), (width, vocab), (vocab,))
    return NetStack(
        *(torch.randn(instances, *s, generator=draw, dtype=torch.float64) for s in shapes)
    )


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
    objective: str,
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


def on_one_set(logits: list[float], tokens: list[int], objective: str) -> tuple[float, list]:
    vocab = len(logits)
    ids = torch.tensor([[tokens]])
    loss, gradient = loss_and_gradient(
        torch.tensor([[logits]], dtype=torch.float64),
        ids.clamp(max=vocab - 1),
        ids < vocab,
        objective,
    )
    return float(loss[0]), gradient[0, 0].tolist()


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
    ids, real = torch.tensor([[[1]]]), torch.tensor([[[True]]])
    loss, gradient = loss_and_gradient(torch.tensor([[[0.0, -500.0]]]), ids, real, "kl")
    assert 80 < loss.item() < 110  # -ln of the least normal float32
    assert gradient.tolist() == [[[1.0, -1.0]]]


@given(st.integers(0, 1000), st.sampled_from(OBJECTIVES))
def test_the_gradient_does_not_see_a_shift_of_all_logits(seed: int, objective: str) -> None:
    # Softmax ignores a common shift, so the gradient in the logits sums to 0.
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 3, 7, generator=draw, dtype=torch.float64)
    ids = torch.stack([KSparseTask(7, 3).training_sets(seed, i, 3) for i in range(2)])
    _, gradient = loss_and_gradient(logits, ids, ids < 7, objective)
    assert gradient.sum(-1).abs().max() < 1e-15
