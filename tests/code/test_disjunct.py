"""Certificates: proved free of false positives, proved not to be, or said to be open."""

import itertools

import numpy as np
import pytest

from relubloom.code import (
    Code,
    false_positives_by_token,
    is_disjunct,
    kautz_singleton,
    random_constant_weight,
)
from relubloom.code.counting import CountingLimits
from relubloom.errors import UsageError
from relubloom.theory import KautzSingleton


def test_overlaps_certify_a_kautz_singleton_code():
    """Weight 5, overlaps at most 2: two others cover at most 4 of 5 bits."""
    code = kautz_singleton(KautzSingleton(5, 3, 5))
    found = is_disjunct(code, 2)
    assert (found.verdict, found.proof, found.breaking) == ("certified", "overlaps", ())
    assert sum(false_positives_by_token(code, 2)) == 0


def test_counting_certifies_where_overlaps_cannot():
    """Tokens 11100, 01110, 01101 share units 1 and 2, and each has one unit of its own.

    For k = 2 the overlaps of each sum to 2 + 2 = 4, not below its weight 3: the overlap test is
    silent. Its own unit can be covered by no other token, so nobody is a false positive.
    """
    code = Code(np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 0, 1]]))
    found = is_disjunct(code, 2)
    assert (found.verdict, found.proof) == ("certified", "counting")


def test_breaking_tokens_are_those_with_false_positives():
    generator = np.random.default_rng(2)
    verdicts = set()
    for _ in range(150):
        vocab_size = int(generator.integers(2, 9))
        code = Code(generator.random((vocab_size, 7)) < 0.4)
        set_size = int(generator.integers(1, vocab_size + 1))
        found = is_disjunct(code, set_size)
        truth = [t for t, n in enumerate(false_positives_by_token(code, set_size)) if n]
        sets = np.array(list(itertools.combinations(range(vocab_size), set_size)))
        assert list(found.breaking) == truth
        assert (code.false_positives(sets).sum() == 0) == (found.verdict == "certified")
        assert found.open == ()
        verdicts.add((found.verdict, found.proof))
    assert verdicts >= {("certified", "overlaps"), ("refuted", "counting")}


def test_certified_holds_for_smaller_sets():
    code = kautz_singleton(KautzSingleton(7, 3, 7))
    assert [is_disjunct(code, k).verdict for k in (1, 2, 3)] == ["certified"] * 3
    assert is_disjunct(code, 4).verdict == "refuted"


def test_equal_hashes_break_each_other():
    found = is_disjunct(Code(np.array([[1, 0], [1, 0], [0, 1]])), 1)
    assert (found.verdict, found.breaking) == ("refuted", (0, 1))


def test_a_heavy_token_may_stay_open():
    """With no budget a heavy token that greed does not cover is undecided, not certified."""
    limits = CountingLimits(small_weight=24, branching=1)
    bits = random_constant_weight(30, 30, 12, seed=1).bits.copy()
    bits[0] = True
    code = Code(np.concatenate([bits, np.eye(30, dtype=bool)], axis=1))  # every token: its own unit
    found = is_disjunct(code, 4, limits)
    assert (found.verdict, found.breaking, found.open) == ("undecided", (), (0,))


def test_set_size_out_of_range():
    with pytest.raises(UsageError, match="set_size is 3"):
        is_disjunct(Code(np.eye(2, dtype=bool)), 3)
