"""Gradients from the few tokens that have a probability err by no more than their bound."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from build.steps import OBJECTIVES
from relubloom import KSparseTask
from relubloom.errors import UsageError
from relubloom.theory.few_tokens import few_tokens
from relubloom.training.recipe import Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Targets, softmax_loss_


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
    found = few_tokens(logits.numpy(), sets.numpy(), objective, skip_below)
    targets = Targets.of(sets[None], vocab, logits.dtype)
    room = torch.empty(1, batch, vocab, dtype=torch.float64)
    p = logits.softmax(1).numpy()
    whole_loss, half = softmax_loss_(logits[None].clone(), targets, objective, room)
    dense = GRADIENT_FACTOR[objective] * half[0].numpy()

    assert (p[~found.kept] < skip_below).all()
    np.testing.assert_allclose(found.skipped, np.where(found.kept, 0, p).sum(1), atol=1e-15)
    error = np.abs(found.gradients - dense).sum(1)
    assert (error <= found.bound + 1e-12).all()
    if objective == "kl":  # the bound is the error itself
        np.testing.assert_allclose(error, found.bound, rtol=1e-9, atol=1e-12)
        missing = -np.log1p(-found.skipped).sum()
        assert float(whole_loss) - found.losses.sum() == pytest.approx(missing, rel=1e-9, abs=1e-9)
    if found.kept.all():
        assert found.losses.sum() == pytest.approx(float(whole_loss), rel=1e-9, abs=1e-9)


def test_worked_by_hand() -> None:
    # Tokens 0 and 1 are the set, of p 2/5 each; token 2 has 1/5 and is kept at .4, skipped at .6,
    # since e^logit is half of the members'. Skipped, the members have 1/2 each: no error is left.
    logits = np.log([[2.0, 2.0, 1.0]])
    sets = np.array([[0, 1]])
    kept = few_tokens(logits, sets, "kl", 0.4)
    assert kept.gradients == pytest.approx(np.array([[-0.1, -0.1, 0.2]]))
    assert kept.losses == pytest.approx([math.log(5 / 4)])
    skipped = few_tokens(logits, sets, "kl", 0.6)
    assert skipped.skipped == pytest.approx([0.2]) and skipped.bound == pytest.approx([0.4])
    assert skipped.gradients == pytest.approx(np.zeros((1, 3)))
    assert few_tokens(logits, sets, "mse", 0.6).bound == pytest.approx([3.2])


@pytest.mark.parametrize("value", [-1e-9, 0.0, 1.5, math.nan])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"skip_below is .*: a probability above 0"):
        few_tokens(np.zeros((1, 3)), np.array([[0]]), "kl", value)
