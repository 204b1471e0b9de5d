"""Skipping tokens of no probability: exact where nothing is skipped, within a bound elsewhere."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from build.steps import OBJECTIVES, random_stack
from relubloom import KSparseTask, Recipe
from relubloom.code import make_code
from relubloom.errors import UsageError
from relubloom.network.construct import construct
from relubloom.network.relu_net import NetStack
from relubloom.training import few_tokens, train_stack
from relubloom.training.recipe import Objective
from relubloom.training.softmax_loss import GRADIENT_FACTOR, Targets, softmax_loss_
from relubloom.training.step import ChunkedStep, StepResult, dense_step

BOUND = {"kl": 2.0, "mse": 16.0}  # times the skipped probability: docs/theory.md


@pytest.fixture
def any_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sparse way is taken however many tokens are kept."""
    monkeypatch.setattr(few_tokens, "MOST_KEPT", 1.0)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[few_tokens.KeptLogits]:
    """What steps keep from now on, where they skip."""
    found: list[few_tokens.KeptLogits] = []
    loss = few_tokens.few_tokens_loss

    def watched(logits: few_tokens.KeptLogits, objective: Objective, scale: float) -> Any:
        found.append(logits)
        return loss(logits, objective, scale)

    monkeypatch.setattr("relubloom.training.step.few_tokens_loss", watched)
    return found


def drawn_sets(vocab: int, size: int, batch: int) -> Tensor:
    return KSparseTask(vocab, size).training_sets(0, 0, batch)


def assert_same(found: StepResult, wanted: StepResult, tolerance: float) -> None:
    torch.testing.assert_close(found.loss, wanted.loss, rtol=tolerance, atol=tolerance)
    for name, value in wanted.gradients.items():
        torch.testing.assert_close(found.gradients[name], value, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("any_share")
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("activation", ["relu", "none"])
@pytest.mark.parametrize(
    ("vocab", "width", "size", "batch", "rows"),
    [(2, 1, 1, 1, 1), (7, 3, 7, 6, 6), (33, 5, 3, 13, 4), (129, 17, 8, 31, 16), (40, 6, 1, 9, 2)],
)
def test_where_nothing_is_skipped_the_step_is_the_dense_one(
    objective: Objective, activation: str, vocab: int, width: int, size: int, batch: int, rows: int
) -> None:
    stack = random_stack(2, vocab, width, seed=1)
    sets = torch.stack([drawn_sets(vocab, size, batch)] * 2)
    dense = ChunkedStep(activation, rows)(stack, sets, objective)
    all_kept = ChunkedStep(activation, rows, skip_below=1e-300)(stack, sets, objective)
    assert_same(all_kept, dense, 1e-12)


@given(
    objective=st.sampled_from(OBJECTIVES),
    vocab=st.integers(2, 30),
    batch=st.integers(1, 6),
    scale=st.floats(0.0, 12.0),
    skip_below=st.sampled_from([1e-2, 1e-3, 1e-5]),
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_tokens, "MOST_KEPT", 1.0)
        kept = few_tokens.kept_logits(
            logits.clone(), sets, skip_below, torch.empty_like(logits, dtype=torch.bool)
        )
    assert kept is not None
    loss, tokens, matrix = few_tokens.few_tokens_loss(kept, objective, GRADIENT_FACTOR[objective])
    sparse = torch.zeros_like(logits)
    sparse[:, tokens] = torch.from_numpy(matrix.toarray())
    targets = Targets.of(sets[None], vocab, logits.dtype)
    room = torch.empty(1, batch, vocab, dtype=torch.float64)
    whole_loss, half = softmax_loss_(logits[None].clone(), targets, objective, room)
    dense = GRADIENT_FACTOR[objective] * half[0]

    p = logits.softmax(1)
    shown = torch.zeros(batch, vocab, dtype=torch.bool).scatter(1, sets, True)
    shown[torch.from_numpy(kept.rows), torch.from_numpy(kept.others)] = True
    assert (p[~shown] < skip_below).all()
    skipped = p.masked_fill(shown, 0.0).sum(1)
    error = (sparse - dense).abs().sum(1)
    assert (error <= BOUND[objective] * skipped + 1e-12).all()
    if objective == "kl":  # the bound is the error itself
        torch.testing.assert_close(error, 2 * skipped, rtol=1e-9, atol=1e-12)
        missing = -torch.log1p(-skipped).sum()
        assert float(whole_loss) - loss == pytest.approx(float(missing), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_of_a_bloom_network_next_to_nothing_is_computed_and_all_of_it_right(
    objective: Objective, kept: list[few_tokens.KeptLogits]
) -> None:
    net = construct(make_code("constant-weight", 200, 60, 3, seed=0), sharpness=20.0)
    stack = NetStack(*(value.detach().double()[None] for value in net.parameters()))
    sets = drawn_sets(200, 3, 50)[None]
    skipping = ChunkedStep("relu", 20, skip_below=1e-4)(stack, sets, objective)
    assert [len(each.members) for each in kept] == [50]  # every chunk, joined
    assert len(kept[0].rows) < 50  # false positives only: less than one a set
    assert_same(skipping, dense_step(stack, sets, objective), 1e-6)


@pytest.mark.usefixtures("any_share")
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_chunks_of_few_tokens_and_others_add_up(
    objective: Objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, sets = random_stack(1, 33, 5, seed=2), drawn_sets(33, 3, 13)[None]
    taken: list[bool] = []

    def first_two_chunks(*given: object) -> few_tokens.KeptLogits | None:
        taken.append(len(taken) < 2)
        return few_tokens.kept_logits(*given) if taken[-1] else None

    monkeypatch.setattr("relubloom.training.step.kept_logits", first_two_chunks)
    mixed = ChunkedStep("relu", rows=4, skip_below=1e-300)(stack, sets, objective)
    assert taken == [True, True, False]  # after a chunk of many tokens the rest are not tried
    assert_same(mixed, ChunkedStep("relu", rows=4)(stack, sets, objective), 1e-12)


def test_many_probable_tokens_leave_the_logits_as_they_were() -> None:
    logits = torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    before = logits.clone()
    sets = drawn_sets(40, 3, 6)
    assert (
        few_tokens.kept_logits(logits, sets, 1e-6, torch.empty_like(logits, dtype=torch.bool))
        is None
    )
    assert torch.equal(logits, before)


@pytest.mark.usefixtures("any_share")
def test_sets_of_several_sizes_are_worked_out_whole() -> None:
    stack = random_stack(1, 20, 6, seed=4)
    sets = KSparseTask(20, (1, 4)).training_sets(0, 0, 8)[None]
    assert_same(
        ChunkedStep("relu", skip_below=1e-2)(stack, sets, "kl"), dense_step(stack, sets, "kl"), 0.0
    )


def test_training_with_it_reaches_what_training_without_it_reaches(
    kept: list[few_tokens.KeptLogits],
) -> None:
    task, sets = KSparseTask(200, 2), drawn_sets(200, 2, 2000)[None]
    losses: list[float] = []
    for skip_below in (0.0, 1e-3):
        recipe = Recipe("kl", steps=500, batch_size=128, skip_below=skip_below)
        net = train_stack(task, 40, recipe, (0,))[0].net
        stack = NetStack(*(value.detach()[None] for value in net.parameters()))
        losses.append(float(dense_step(stack, sets, "kl").loss))
    assert len(kept) > 100
    assert losses[1] == pytest.approx(losses[0], rel=0.2)


@pytest.mark.usefixtures("any_share")
def test_a_seed_is_the_same_alone_and_in_a_stack() -> None:
    task, recipe = KSparseTask(64, 2), Recipe("mse", steps=300, batch_size=64, skip_below=1e-3)
    alone, together = (
        train_stack(task, 16, recipe, (5,))[0],
        train_stack(task, 16, recipe, (4, 5))[1],
    )
    for one, other in zip(alone.net.parameters(), together.net.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_recipe_says_it_only_where_it_is_asked_for() -> None:
    assert "skip_below" not in Recipe().describe()
    asked = Recipe(skip_below=1e-4)
    assert asked.describe()["skip_below"] == 1e-4
    assert Recipe.from_description(asked.describe()) == asked


@pytest.mark.parametrize("value", [-1e-9, 0.5, math.nan])
def test_a_recipe_that_skips_what_matters_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"skip_below is .*: a probability from 0"):
        Recipe(skip_below=value)
