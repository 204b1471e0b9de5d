"""Exact counts of graded codes: by hand, against brute force, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.graded import all_sets, graded_codes
from relubloom.code import (
    Code,
    GradedCode,
    count_false_positives,
    mean_false_positives,
    random_graded,
)
from relubloom.code.graded_counting import graded_false_positives_by_token
from relubloom.errors import UsageError


@given(graded_codes(wide=False), st.data())
@settings(max_examples=150, deadline=None)
def test_brute_force_on_awkward_codes(code: GradedCode, data: st.DataObject) -> None:
    set_size = data.draw(st.integers(1, code.vocab_size))
    sets = all_sets(code.vocab_size, set_size)
    came_out = code.decode(sets)
    truth = came_out.sum(0) - np.bincount(sets.reshape(-1), minlength=code.vocab_size)
    assert graded_false_positives_by_token(code, set_size) == truth.tolist()
    assert count_false_positives(code, set_size) == truth.sum()


@pytest.mark.parametrize("set_size", [2, 3, 4, 5])
def test_brute_force_where_weak_bits_meet(set_size: int) -> None:
    code = random_graded(14, 7, 2, 3, seed=set_size)
    truth = int(code.false_positives(all_sets(14, set_size)).sum())
    assert truth > 0
    assert count_false_positives(code, set_size) == truth
    mean = mean_false_positives(code, set_size)
    assert mean == pytest.approx(truth / math.comb(14, set_size), rel=1e-15)


def test_two_half_bits_cover_a_full_one_by_hand() -> None:
    # Tokens 2, 1, 1, 1 on one unit. Alone a half bit does not cover token 0; any two do: 3 pairs.
    # A pair with token 0 covers the other two half tokens (3 pairs, 2 each), a pair of half
    # tokens covers the third and token 0 (3 pairs, 2 each): 12 in all.
    code = GradedCode([[2], [1], [1], [1]])
    assert graded_false_positives_by_token(code, 1) == [0, 3, 3, 3]
    assert graded_false_positives_by_token(code, 2) == [3, 3, 3, 3]
    assert count_false_positives(code, 2) == 12


@given(graded_codes(most_levels=1, wide=False))
@settings(max_examples=40, deadline=None)
def test_one_strength_counts_as_a_code_does(code: GradedCode) -> None:
    for set_size in range(1, code.vocab_size + 1):
        assert count_false_positives(code, set_size) == count_false_positives(
            Code(code.bits), set_size
        )


def test_what_would_not_fit_is_refused() -> None:
    strengths = np.full((40, 20), 2)
    strengths[0] = 1
    heavy = GradedCode(strengths, 2)
    with pytest.raises(
        UsageError, match=r"20 bits that others have weaker, and 0 more: .* too large"
    ):
        count_false_positives(heavy, 4)
    many = random_graded(5000, 12, 1, 9)
    with pytest.raises(UsageError, match="counts of sets of 7 overflow 64-bit integers"):
        count_false_positives(many, 7)
    with pytest.raises(UsageError, match="set_size is 41"):
        count_false_positives(heavy, 41)
