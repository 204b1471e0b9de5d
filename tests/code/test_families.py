"""Families of codes: weights, overlaps, widths and the errors of impossible requests."""

import pytest

from build.codes import largest_overlap
from relubloom import theory
from relubloom.code import (
    bernoulli,
    greedy_low_overlap,
    make_code,
    mean_false_positives,
    partitioned,
    with_replacement,
)
from relubloom.errors import UsageError


@pytest.mark.parametrize("seed", [0, 1])
def test_greedy_low_overlap(seed):
    code = greedy_low_overlap(1000, 64, 10, 4, seed=seed)
    assert (code.weights == 10).all()
    assert largest_overlap(code) <= 4
    assert mean_false_positives(code, 3) == pytest.approx(0.0124, rel=0.05)
    assert code == greedy_low_overlap(1000, 64, 10, 4, seed=seed)


def test_greedy_says_when_it_finds_too_few():
    with pytest.raises(UsageError, match=r"max_overlap is 1: 5000 draws .* of 100 hashes"):
        greedy_low_overlap(100, 12, 4, 1, attempts=5000)


def test_partitioned_has_one_bit_per_block():
    code = partitioned(200, 11, 3, seed=1)  # blocks of 3, 4 and 4 units
    assert all((code.bits[:, a:b].sum(1) == 1).all() for a, b in ((0, 3), (3, 7), (7, 11)))
    assert code.bits.any(0).all()


def test_hashes_drawn_with_replacement():
    """Of 4 hashes on 10 units 3.439 are distinct on average, with standard deviation 0.62."""
    code = with_replacement(20_000, 10, 4, seed=3)
    assert abs(code.weights.mean() - 10 * (1 - 0.9**4)) < 5 * 0.62 / 20_000**0.5
    assert set(code.weights.tolist()) == {1, 2, 3, 4}
    mean = mean_false_positives(with_replacement(3000, 16, 4, seed=1), 2)
    assert mean == pytest.approx(theory.with_replacement(3000, 16, 4, 2).false_positives, rel=0.05)
    best = theory.best_with_replacement(64, 32, 3).weight
    assert make_code("with-replacement", 64, 32, 3) == with_replacement(64, 32, best)


def test_bernoulli_density():
    """20,000 bits at .3: the share has standard deviation .0032; five of them is .016."""
    code = bernoulli(200, 100, 0.3, seed=2)
    assert abs(code.bits.mean() - 0.3) < 0.016
    assert not bernoulli(5, 5, 0.0).bits.any()
    assert bernoulli(5, 5, 1.0).bits.all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bernoulli(3, 3, 1.5), "density is 1.5"),
        (lambda: with_replacement(3, 3, -1), "weight is -1"),
        (lambda: partitioned(3, 3, 4), "weight is 4"),
        (lambda: partitioned(3, 3, 0), "weight is 0"),
        (lambda: greedy_low_overlap(3, 3, 4, 1), "weight is 4"),
        (lambda: greedy_low_overlap(3, 3, 2, -1), "max_overlap is -1"),
    ],
)
def test_impossible_requests(make, message):
    with pytest.raises(UsageError, match=message):
        make()
