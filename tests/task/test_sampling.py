"""Drawn sets: exactly uniform, or Zipf without replacement; pure functions of their address."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2
from torch import Tensor

from relubloom.task import KSparseTask
from relubloom.task.sampling import draw_sets, seeded_generator, zipf_masses

DRAWS = 20_000


def chi_square(counts: Counter[tuple[int, ...]], shares: dict[tuple[int, ...], float]) -> float:
    """The chance of a deviation this large when `shares` is the truth."""
    assert counts.keys() <= shares.keys()
    total = counts.total()
    statistic = sum((counts[s] - total * p) ** 2 / (total * p) for s, p in shares.items())
    return float(chi2.sf(statistic, len(shares) - 1))


def as_sets(sets: Tensor) -> Counter[tuple[int, ...]]:
    return Counter(tuple(sorted(row)) for row in sets.tolist())


def test_every_set_is_equally_likely() -> None:
    sets = draw_sets(seeded_generator(0, "uniform", 0), DRAWS, 6, (3, 3))
    shares = dict.fromkeys(itertools.combinations(range(6), 3), 1 / 20)
    assert chi_square(as_sets(sets), shares) > 1e-3


def test_every_order_of_a_set_is_equally_likely() -> None:
    sets = draw_sets(seeded_generator(1, "uniform", 0), DRAWS, 4, (3, 3))
    shares = dict.fromkeys(itertools.permutations(range(4), 3), 1 / 24)
    assert chi_square(Counter(map(tuple, sets.tolist())), shares) > 1e-3


def test_zipf_draws_one_by_one_without_replacement() -> None:
    # Masses 1, 1/2, 1/3, 1/4: p = 12/25, 6/25, 4/25, 3/25. The set {a, b} comes as a then b or as
    # b then a: p_a p_b / (1 - p_a) + p_b p_a / (1 - p_b).
    p = [Fraction(n, 25) for n in (12, 6, 4, 3)]
    shares = {
        (a, b): p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b])
        for a, b in itertools.combinations(range(4), 2)
    }
    assert shares[0, 1] == Fraction(12, 25) * Fraction(6, 13) + Fraction(6, 25) * Fraction(12, 19)
    assert sum(shares.values()) == 1
    sets = draw_sets(seeded_generator(0, "zipf", 0), DRAWS, 4, (2, 2), zipf_masses(4, 1.0))
    counts = as_sets(sets)
    assert chi_square(counts, {s: float(share) for s, share in shares.items()}) > 1e-3
    assert chi_square(counts, dict.fromkeys(shares, 1 / 6)) < 1e-9  # the test can fail


def test_zipf_task_follows_the_law_by_token() -> None:
    # k = 1: token t comes with chance 1 / ((t + 1) H_5), H_5 = 137/60.
    task = KSparseTask(5, 1, "zipf")
    sets = task.training_sets(seed=3, step=0, batch_size=DRAWS)
    shares = {(t,): 60 / 137 / (t + 1) for t in range(5)}
    assert chi_square(as_sets(sets), shares) > 1e-3


def test_zipf_masses_keep_the_law_and_leave_no_token_out() -> None:
    cumulative = zipf_masses(50_257, 1.0)
    masses = cumulative.diff(prepend=torch.zeros(1, dtype=torch.int64))
    assert int(masses.min()) >= 1
    assert int(cumulative[-1]) < 2**52
    assert float(masses[0] / masses[999]) == pytest.approx(1000, rel=1e-9)


def test_sizes_are_uniform_and_sets_of_a_size_too() -> None:
    sets = draw_sets(seeded_generator(0, "sizes", 0), DRAWS, 4, (1, 3))
    counts = Counter(tuple(sorted(t for t in row if t < 4)) for row in sets.tolist())
    shares = {
        tokens: 1 / 3 / math.comb(4, size)
        for size in (1, 2, 3)
        for tokens in itertools.combinations(range(4), size)
    }
    assert chi_square(counts, shares) > 1e-3


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
