"""Disjunct codes: proved free of false positives or not, and designs that are."""

import itertools
import re
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from build.codes import false_positives_by_token, largest_overlap
from relubloom.code import (
    Code,
    count_false_positives,
    disjunct,
    disjunct_code,
    is_disjunct,
    kautz_singleton,
    random_constant_weight,
    shorten,
)
from relubloom.code.counting import CountingLimits, TokenCounter
from relubloom.code.disjunct import field_tables
from relubloom.errors import UsageError
from relubloom.theory import KautzSingleton, is_prime_power
from relubloom.theory.kautz_singleton import is_prime


def test_overlaps_certify_a_kautz_singleton_code():
    """Weight 5, overlaps at most 2: two others cover at most 4 of 5 bits."""
    code = kautz_singleton(KautzSingleton(5, 3, 5))
    assert is_disjunct(code, 2)
    assert sum(false_positives_by_token(code, 2)) == 0


def test_counting_certifies_where_overlaps_cannot():
    """Tokens 11100, 01110, 01101 share units 1 and 2, and each has one unit of its own.

    For k = 2 the overlaps of each sum to 2 + 2 = 4, not below its weight 3: the overlap test is
    silent. Its own unit can be covered by no other token, so nobody is a false positive.
    """
    code = Code(np.array([[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 0, 1]]))
    assert is_disjunct(code, 2)


def test_it_is_proved_just_where_no_set_has_a_false_positive():
    generator = np.random.default_rng(2)
    answers = set()
    for _ in range(150):
        vocab_size = int(generator.integers(2, 9))
        code = Code(generator.random((vocab_size, 7)) < 0.4)
        set_size = int(generator.integers(1, vocab_size + 1))
        found = is_disjunct(code, set_size)
        assert found == (sum(false_positives_by_token(code, set_size)) == 0)
        sets = np.array(list(itertools.combinations(range(vocab_size), set_size)))
        assert found == (code.false_positives(sets).sum() == 0)
        answers.add(found)
    assert answers == {True, False}


def test_a_proof_holds_for_smaller_sets():
    code = kautz_singleton(KautzSingleton(7, 3, 7))
    assert [is_disjunct(code, k) for k in (1, 2, 3, 4)] == [True, True, True, False]


def test_equal_hashes_break_each_other():
    assert not is_disjunct(Code(np.array([[1, 0], [1, 0], [0, 1]])), 1)


def test_a_token_too_heavy_to_count_leaves_it_unproved(monkeypatch):
    """A heavy token that greed does not cover is proved with a budget, and not without."""
    bits = random_constant_weight(30, 30, 12, seed=1).bits.copy()
    bits[0] = True
    code = Code(np.concatenate([bits, np.eye(30, dtype=bool)], axis=1))  # every token: its own unit
    assert is_disjunct(code, 4)
    limits = CountingLimits(small_weight=24, branching=1)
    monkeypatch.setattr(disjunct, "TokenCounter", partial(TokenCounter, limits=limits))
    assert not is_disjunct(code, 4)


def test_set_size_out_of_range():
    with pytest.raises(UsageError, match="set_size is 3"):
        is_disjunct(Code(np.eye(2, dtype=bool)), 3)


def test_lines_over_three_elements_by_hand():
    """q = 3, dimension 2, two points: p = a + b x takes a at 0 and a + b at 1.

    Tokens in the order a + 3 b: p = 0, 1, 2, x, 1 + x, 2 + x, 2x, ...; token 4 (1 + x) has value 1
    at 0 and 2 at 1: units 0 * 3 + 1 and 1 * 3 + 2.
    """
    code = kautz_singleton(KautzSingleton(3, 2, 2))
    assert code.bits.shape == (9, 6)
    assert np.flatnonzero(code.bits[4]).tolist() == [1, 5]
    assert np.flatnonzero(code.bits[3]).tolist() == [0, 4]


@pytest.mark.parametrize(("field", "dimension", "points"), [(5, 2, 6), (5, 3, 6), (7, 2, 8)])
def test_the_point_at_infinity_keeps_overlaps_low(field, dimension, points):
    code = kautz_singleton(KautzSingleton(field, dimension, points))
    assert (code.weights == points).all()
    assert largest_overlap(code) == dimension - 1


@pytest.mark.parametrize(("field", "points"), [(4, 5), (8, 9), (9, 5)])
def test_prime_powers_with_galois(field, points):
    pytest.importorskip("galois", reason="the extra `fields` is not installed")
    code = kautz_singleton(KautzSingleton(field, 2, points))
    assert largest_overlap(code) == 1
    assert torch.get_num_threads() == 1  # what conftest.py set


class Quaternary(np.ndarray):
    """GF(4) in the interface of galois: elements 0, 1, a, a + 1 as 0 to 3, a * a = a + 1."""

    PRODUCTS = np.array([[0, 0, 0, 0], [0, 1, 2, 3], [0, 2, 3, 1], [0, 3, 1, 2]])

    def __add__(self, other):
        return np.asarray(self) ^ np.asarray(other)

    def __mul__(self, other):
        return self.PRODUCTS[np.asarray(self), np.asarray(other)]


def test_prime_powers_ask_galois(monkeypatch):
    """A stand-in for the extra's GF(4) gives overlaps of one bit at five points."""

    def field(field_size, **_):
        assert field_size == 4
        return lambda elements: elements.view(Quaternary)

    monkeypatch.setitem(sys.modules, "galois", SimpleNamespace(GF=field))
    field_tables.cache_clear()
    code = kautz_singleton(KautzSingleton(4, 2, 5))
    field_tables.cache_clear()
    assert (code.weights == 5).all()
    assert largest_overlap(code) == 1


def test_prime_powers_without_galois(monkeypatch):
    monkeypatch.setitem(sys.modules, "galois", None)
    field_tables.cache_clear()
    with pytest.raises(UsageError, match=r"field_size is 8: .* extra `fields`; run pip install"):
        kautz_singleton(KautzSingleton(8, 2, 3))


def test_prime_powers_below_thirty():
    primes = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29}
    assert {n for n in range(30) if is_prime(n)} == primes
    powers = {n for n in range(30) if is_prime_power(n)}
    assert powers == primes | {4, 8, 9, 16, 25, 27}


def test_shortening_reaches_256_tokens_on_48_units():
    """343 polynomials on 49 units; one unit is used by 49 of them: 294 remain on 48."""
    whole = kautz_singleton(KautzSingleton(7, 3, 7))
    assert shorten(whole, [0]).bits.shape == (294, 48)
    code = disjunct_code(256, 48, 3)
    assert code.bits.shape == (256, 48)
    assert (code.weights == 7).all()
    assert count_false_positives(code, 3) == 0
    assert is_disjunct(code, 3)


def test_disjunct_code_with_units_to_spare():
    code = disjunct_code(100, 60, 2)
    assert code.bits.shape == (100, 60)
    assert count_false_positives(code, 2) == 0


def test_1000_tokens_without_false_positives_on_74_units():
    """1331 polynomials over 11 elements at 7 points; a value less at 3 points: 10**3 remain."""
    code = disjunct_code(1000, 74, 3)
    assert count_false_positives(code, 3) == 0
    with pytest.raises(UsageError, match=r"width is 73: no shortened .* 77 units are enough"):
        disjunct_code(1000, 73, 3)


@pytest.mark.parametrize(
    ("vocab_size", "width", "set_size"), [(50, 19, 2), (9, 8, 3), (20_000, 60, 3)]
)
def test_a_refusal_names_a_width_that_is_enough(vocab_size, width, set_size):
    with pytest.raises(UsageError, match=r"; \d+ units are enough") as refused:
        disjunct_code(vocab_size, width, set_size)
    enough = int(re.findall(r"\d+", str(refused.value))[-1])
    assert enough > width
    assert disjunct_code(vocab_size, enough, set_size).width == enough


def test_more_tokens_than_are_listed_are_refused_at_once():
    line = "^vocab_size is 1000000000000: designs of up to 4,194,304 tokens are made; lower it$"
    with pytest.raises(UsageError, match=line):
        disjunct_code(10**12, 500, 3)


@pytest.mark.parametrize("vocab_size", [1, 2, 3])
def test_tiny_vocabularies_have_disjunct_codes(vocab_size):
    code = disjunct_code(vocab_size, 7, 1)
    assert code.vocab_size == vocab_size
    assert count_false_positives(code, 1) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: KautzSingleton(6, 2, 2), "field_size is 6: it must be a prime power"),
        (lambda: KautzSingleton(5, 2, 7), "points is 7: .* 1 to 6 points"),
        (lambda: kautz_singleton(KautzSingleton(3, 2, 2), 10), "vocab_size is 10: .* 9 polynom"),
        (lambda: disjunct_code(0, 4, 2), "vocab_size is 0"),
        (lambda: shorten(Code(np.eye(2, dtype=bool)), [0, 1]), "at least one token"),
    ],
)
def test_impossible_designs(make, message):
    with pytest.raises(UsageError, match=message):
        make()
