"""Families of graded codes: their weights, that they repeat, and that search descends."""

import numpy as np
import pytest

from relubloom.code import count_false_positives, make_graded, random_graded, search_cyclic
from relubloom.code.graded_families import _largest_overlaps
from relubloom.errors import UsageError
from relubloom.theory import best_graded_weights, graded_constant_weight


@pytest.mark.parametrize("family", ["graded", "graded-greedy", "graded-search"])
def test_a_family_has_the_weights_asked_for(family: str) -> None:
    code = make_graded(family, 40, 16, 2, half=3, full=2, seed=1, seconds=0.2)
    assert (code.vocab_size, code.width, code.levels) == (40, 16, 2)
    assert (code.of_strength(1) == 3).all()
    assert (code.of_strength(2) == 2).all()


def test_the_default_is_the_best_of_the_law() -> None:
    best = best_graded_weights(60, 20, 3)
    code = make_graded("graded", 60, 20, 3)
    assert (code.of_strength(1) == best.half).all()
    assert (code.of_strength(2) == best.full).all()


def test_random_codes_follow_the_law() -> None:
    # E[F] over 30 codes of 60 tokens; their spread gives the error of the mean.
    found = [count_false_positives(random_graded(60, 20, 3, 3, seed), 2) for seed in range(30)]
    mean = np.mean(found) / (60 * 59 / 2)
    error = np.std(found, ddof=1) / (60 * 59 / 2) / 30**0.5
    law = graded_constant_weight(60, 20, 2, 3, 3).false_positives
    assert abs(mean - law) < 5 * error


def test_a_search_descends_and_repeats() -> None:
    start = search_cyclic(60, 20, 3, 3, 2, steps=0, seed=2)
    found = search_cyclic(60, 20, 3, 3, 2, steps=150, seed=2)
    assert found.total < 0.7 * start.total
    assert found.total == count_false_positives(found.code, 3)
    assert found.code.vocab_size == 60
    assert search_cyclic(60, 20, 3, 3, 2, steps=150, seed=2).code == found.code


def test_a_cyclic_code_is_its_own_shift() -> None:
    code = search_cyclic(40, 20, 2, 2, 2, steps=20).code
    turned = np.roll(code.strengths, 1, axis=1)
    assert {row.tobytes() for row in turned} == {row.tobytes() for row in code.strengths}


def test_overlaps_by_hand() -> None:
    # 2 1 0 and 1 1 2: two shared units. The full bit is half covered by the other's half bit, so
    # of the first 1 1/2 are covered (doubled: 3); of the second both (doubled: 4, the larger).
    first, second = np.array([[2, 1, 0]], np.uint8), np.array([[1, 1, 2]], np.uint8)
    assert _largest_overlaps(first, second).tolist() == [[4.0]]
    both = np.array([[1, 2, 0]], np.uint8)
    assert _largest_overlaps(first, both).tolist() == [[3.0]]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"half": 2}, "half is 2 and full is None: .* given together"),
        ({"half": 20, "full": 5}, "half is 20 and full is 5: .* at most width = 16"),
        ({"half": -1, "full": 5}, "half is -1"),
    ],
)
def test_impossible_weights_are_refused(given: dict, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        make_graded("graded", 40, 16, 2, **given)
    with pytest.raises(UsageError, match="a search needs units with and without a bit"):
        search_cyclic(40, 16, 2, 10, 6, steps=1)
