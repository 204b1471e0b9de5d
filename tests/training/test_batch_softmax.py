"""The step over the tokens of a batch: beside the whole vocabulary, by hand, what it refuses."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import grad

from build.steps import random_stack
from relubloom.errors import UsageError
from relubloom.study.settings import Study
from relubloom.task import KSparseTask
from relubloom.training import Recipe, train, train_stack
from relubloom.training.batch_softmax import BatchSoftmaxStep
from relubloom.training.recipe import Activation
from relubloom.training.step import STEPS

SIZES = st.integers(1, 4)


@given(
    activation=st.sampled_from(("relu", "none")), seed=st.integers(0, 100), low=SIZES, more=SIZES
)
def test_a_batch_that_holds_all_tokens_gives_the_whole_vocabularys_step(
    activation: Activation, seed: int, low: int, more: int
) -> None:
    vocab, high = low + more, low + more - 1
    stack = random_stack(2, vocab, 3, seed)
    drawn = KSparseTask(vocab, (low, high)).training_batches([(seed, 0), (seed, 1)], 5)
    every = torch.full((2, vocab, high), vocab)
    every[:, :, 0] = torch.arange(vocab)
    sets = torch.cat([drawn, every], 1)
    found = BatchSoftmaxStep(activation)(stack, sets, "kl")
    expected = STEPS[activation](stack, sets, "kl")
    torch.testing.assert_close(found.loss, expected.loss)
    for name, value in expected.gradients.items():
        torch.testing.assert_close(found.gradients[name], value)


@given(seed=st.integers(0, 100), low=st.integers(1, 3), high=st.integers(3, 5))
def test_tokens_outside_a_set_count_as_often_as_they_stand_for(
    seed: int, low: int, high: int
) -> None:
    vocab = 40
    stack = random_stack(2, vocab, 3, seed)
    sets = KSparseTask(vocab, (low, high)).training_batches([(seed, 0), (seed, 1)], 4)
    found = BatchSoftmaxStep("relu")(stack, sets, "kl")
    for i in range(2):
        net, held = stack[i], sets[i][sets[i] < vocab].unique()
        losses: list[torch.Tensor] = []
        for row in sets[i]:
            own = row[row < vocab]
            others = held[~torch.isin(held, own)]
            logits = net(own[None])[0]
            each = (vocab - len(own)) / len(others)
            total = logits[own].exp().sum() + each * logits[others].exp().sum()
            losses.append((total.log() - logits[own]).mean() - math.log(len(own)))
        loss = torch.stack(losses).mean()
        torch.testing.assert_close(found.loss[i], loss.detach())
        named = dict(net.named_parameters())
        for name, value in zip(named, grad(loss, list(named.values())), strict=True):
            torch.testing.assert_close(found.gradients[name][i], value)


def test_a_batch_of_one_set_has_no_other_tokens() -> None:
    stack = random_stack(1, 9, 3, 0)
    found = BatchSoftmaxStep("relu")(stack, torch.tensor([[[2, 4, 7]]]), "kl")
    assert found.loss.isfinite().all()
    outside = [0, 1, 3, 5, 6, 8]
    assert not found.gradients["W_in"][0, outside].any()
    assert not found.gradients["b_out"][0, outside].any()


def test_a_set_of_all_tokens_has_no_others() -> None:
    task, recipe = KSparseTask(3, 3), Recipe("kl", 3, 2, softmax="batch")
    _, history = train(task, 2, recipe)
    assert all(math.isfinite(row["loss"]) for row in history)


def test_a_network_is_the_same_alone_as_in_a_stack() -> None:
    task, recipe = KSparseTask(50, 2), Recipe("kl", 20, 8, softmax="batch", weight_decay=0.02)
    together = train_stack(task, 6, recipe, (0, 1), threads=1)
    alone = train_stack(task, 6, recipe, (1,), threads=1)[0]
    for one, other in zip(together[1].net.parameters(), alone.net.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (KSparseTask(50, 2, source="zipf"), "source is 'zipf'"),
        (KSparseTask(50, 2, training_pool=30), "training_pool is 30"),
    ],
)
def test_sets_that_are_not_drawn_uniformly_are_refused(task: KSparseTask, said: str) -> None:
    recipe = Recipe("kl", 2, 4, softmax="batch")
    with pytest.raises(UsageError, match=f"softmax is 'batch' and {said}"):
        train_stack(task, 6, recipe, (0,))
    with pytest.raises(UsageError, match=f"softmax is 'batch' and {said}"):
        Study(task, 6, recipe)
