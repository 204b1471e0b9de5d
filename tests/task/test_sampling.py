"""Drawn sets: distinct tokens, padding last; pure functions of their address."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relubloom.task import KSparseTask


@st.composite
def tasks(draw: st.DrawFn) -> KSparseTask:
    vocab_size = draw(st.integers(1, 40))
    high = draw(st.integers(1, min(vocab_size, 9)))
    low = draw(st.integers(1, high))
    source = draw(st.sampled_from(["uniform", "zipf"]))
    return KSparseTask(vocab_size, (low, high), source)


@given(tasks(), st.integers(0, 2**40), st.integers(0, 10**6))
def test_tokens_are_distinct_and_padding_comes_last(
    task: KSparseTask, seed: int, step: int
) -> None:
    low, high = task.sizes
    sets = task.training_sets(seed, step, 64)
    assert sets.shape == (64, high)
    assert sets.dtype == torch.int64
    for row in sets.tolist():
        tokens = [token for token in row if token < task.vocab_size]
        assert low <= len(tokens) <= high
        assert len(set(tokens)) == len(tokens)
        assert min(tokens) >= 0
        assert row == tokens + [task.vocab_size] * (high - len(tokens))


@pytest.mark.parametrize("source", ["uniform", "zipf"])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_set_of_the_whole_vocabulary_holds_every_token(source: str, size: int) -> None:
    sets = KSparseTask(size, size, source).training_sets(0, 0, 100)
    assert (sets.sort(1).values == torch.arange(size)).all()


def test_a_batch_is_a_pure_function_of_seed_and_step() -> None:
    task = KSparseTask(100, 4)
    batches = {
        (seed, step): task.training_sets(seed, step, 50) for seed in (0, 1) for step in (0, 1, 2)
    }
    again = KSparseTask(100, 4)
    for (seed, step), batch in reversed(batches.items()):
        assert torch.equal(again.training_sets(seed, step, 50), batch)
    for one, other in itertools.combinations(batches.values(), 2):
        assert not torch.equal(one, other)


def test_drawing_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    KSparseTask(100, 4).training_sets(0, 0, 50)
    assert torch.equal(torch.rand(3), expected)


@given(st.lists(st.integers(0, 10_000), max_size=6), st.sampled_from(["uniform", "zipf"]))
def test_drawn_sets_do_not_depend_on_the_chunks_they_are_read_in(
    cuts: list[int], source: str
) -> None:
    sets = KSparseTask(30, (1, 3), source).evaluation_sets(draw=10_000)
    edges = sorted({0, len(sets), *cuts})
    pieces = [sets.chunk(start, stop) for start, stop in itertools.pairwise(edges)]
    assert torch.equal(torch.cat(pieces), sets.chunk(0, len(sets)))


def test_evaluation_and_training_draw_from_streams_of_their_own() -> None:
    task = KSparseTask(1000, 4)
    held_out = task.evaluation_sets(draw=4096).chunk(0, 4096)
    assert not torch.equal(held_out, task.training_sets(0, 0, 4096))
    assert not torch.equal(held_out, task.drawn_sets("other", 4096).chunk(0, 4096))
    assert not torch.equal(held_out[:2048], held_out[2048:])
