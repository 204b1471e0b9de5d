"""What leaving out improbable tokens changes in a set's gradient: the bounds of docs/theory.md."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from build.steps import OBJECTIVES
from relubloom import KSparseTask
from relubloom.training.recipe import Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Targets, softmax_loss_

BOUND = {"kl": 2, "mse": 16}  # on the sum of a set's errors, times the skipped probability


def loss_and_gradient(logits: Tensor, sets: Tensor, objective: Objective) -> tuple[Tensor, Tensor]:
    targets = Targets.of(sets[None], logits.shape[1], logits.dtype)
    loss, half = softmax_loss_(
        logits[None].clone(), targets, objective, torch.empty_like(logits[None])
    )
    return loss.sum(), GRADIENT_FACTOR[objective] * half[0]


def without(logits: Tensor, sets: Tensor, skip_below: float) -> tuple[Tensor, Tensor]:
    """The logits without improbable tokens, and the probability that each set skips."""
    top = logits.gather(1, sets).amax(1, keepdim=True)
    skipped = logits <= top + math.log(skip_below)
    skipped.scatter_(1, sets, value=False)
    p = logits.softmax(1)
    assert (p[skipped] < skip_below).all()
    return logits.masked_fill(skipped, -1e9), p.where(skipped, 0).sum(1)


@given(
    objective=st.sampled_from(OBJECTIVES),
    vocab=st.integers(2, 30),
    batch=st.integers(1, 6),
    scale=st.floats(0.0, 12.0),
    skip_below=st.sampled_from([1e-2, 1e-3, 1e-5, 1e-300]),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_the_gradient_errs_by_no_more_than_its_bound(
    objective: Objective,
    vocab: int,
    batch: int,
    scale: float,
    skip_below: float,
    seed: int,
    data: st.DataObject,
) -> None:
    size = data.draw(st.integers(1, vocab))
    draw = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(batch, vocab, generator=draw, dtype=torch.float64)
    sets = KSparseTask(vocab, size).training_sets(seed, 0, batch)
    kept, skipped = without(logits, sets, skip_below)
    loss, whole = loss_and_gradient(logits, sets, objective)
    few_loss, few = loss_and_gradient(kept, sets, objective)

    error = (few - whole).abs().sum(1)
    assert (error <= BOUND[objective] * skipped + 1e-12).all()
    if objective == "kl":  # the bound is the error itself
        torch.testing.assert_close(error, 2 * skipped, rtol=1e-9, atol=1e-12)
        missing = -skipped.neg().log1p().sum()
        assert float(loss - few_loss) == pytest.approx(float(missing), rel=1e-9, abs=1e-9)


def test_worked_by_hand() -> None:
    # Tokens 0 and 1 are the set, of p 2/5 each; token 2 has 1/5 and is kept at 0.4, skipped at 0.6,
    # since e^logit is half of the members'. Skipped, the members have 1/2 each: no error is left.
    logits = torch.tensor([[2.0, 2.0, 1.0]], dtype=torch.float64).log()
    sets = torch.tensor([[0, 1]])
    kept, none = without(logits, sets, 0.4)
    loss, gradient = loss_and_gradient(kept, sets, "kl")
    assert gradient.tolist() == [pytest.approx([-0.1, -0.1, 0.2])] and none.tolist() == [0]
    assert float(loss) == pytest.approx(math.log(5 / 4))
    fewer, skipped = without(logits, sets, 0.6)
    assert skipped.tolist() == pytest.approx([0.2])
    assert loss_and_gradient(fewer, sets, "kl")[1].tolist() == [pytest.approx([0, 0, 0])]
