"""Families of codes: weights, overlaps, widths and the errors of impossible requests."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from relubloom.code import (
    Code,
    bernoulli,
    count_false_positives,
    disjunct_code,
    greedy_low_overlap,
    is_disjunct,
    kautz_singleton,
    mean_false_positives,
    partitioned,
    shorten,
)
from relubloom.code.disjunct import field_tables, is_prime
from relubloom.errors import UsageError
from relubloom.theory import KautzSingleton, is_prime_power


def largest_overlap(code):
    counts = code.bits.astype(int)
    overlaps = counts @ counts.T
    np.fill_diagonal(overlaps, 0)
    return overlaps.max()


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
    assert is_disjunct(code, 3).verdict == "certified"


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


@pytest.mark.parametrize("vocab_size", [1, 2, 3])
def test_tiny_vocabularies_have_disjunct_codes(vocab_size):
    code = disjunct_code(vocab_size, 7, 1)
    assert code.vocab_size == vocab_size
    assert count_false_positives(code, 1) == 0


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
        (lambda: partitioned(3, 3, 4), "weight is 4"),
        (lambda: partitioned(3, 3, 0), "weight is 0"),
        (lambda: greedy_low_overlap(3, 3, 4, 1), "weight is 4"),
        (lambda: greedy_low_overlap(3, 3, 2, -1), "max_overlap is -1"),
        (lambda: KautzSingleton(6, 2, 2), "field_size is 6: it must be a prime power"),
        (lambda: KautzSingleton(5, 2, 7), "points is 7: .* 1 to 6 points"),
        (lambda: kautz_singleton(KautzSingleton(3, 2, 2), 10), "vocab_size is 10: .* 9 polynom"),
        (lambda: disjunct_code(0, 4, 2), "vocab_size is 0"),
        (lambda: shorten(Code(np.eye(2, dtype=bool)), [0, 1]), "at least one token"),
    ],
)
def test_impossible_requests(make, message):
    with pytest.raises(UsageError, match=message):
        make()
