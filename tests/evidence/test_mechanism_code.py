"""What the hashes say alone: weights, overlaps, duplicates."""

import itertools

import numpy as np
import pytest

from relubloom.code import Code
from relubloom.evidence.mechanism.hashes import (
    duplicate_hashes,
    measure_hash_weight,
    measure_overlaps,
    random_overlap,
)


def test_hash_weight_and_overlaps_by_hand() -> None:
    code = Code(np.array([[1, 0], [0, 1], [1, 1]]))
    weight = measure_hash_weight(code)
    # Weights 1 1 2 of 2 bits: variance 2/9; binomial 4/3 (1 - 2/3) = 4/9.
    assert weight.counts == [0, 2, 1]
    assert weight.mean == pytest.approx(4 / 3)
    assert weight.variance == pytest.approx(2 / 9)
    assert weight.binomial_variance == pytest.approx(4 / 9)
    assert weight.variance_ratio == pytest.approx(1 / 2)
    found = measure_overlaps(code)
    assert found is not None
    # 10 & 01: 0; the two others 1. Random hashes of weights 1 1: 0 or 1 evenly; 1 2: always 1.
    # So means 1/2 1 1, mean square (1/2 + 1 + 1) / 3, variance 5/6 - 25/36 = 5/36.
    assert (found.counts, found.largest, found.pairs, found.method) == ([1, 2], 1, 3, "all")
    assert found.mean == pytest.approx(2 / 3)
    assert found.sd == pytest.approx(np.sqrt(2 / 9))
    assert found.random.mean == pytest.approx(5 / 6)
    assert found.random.sd == pytest.approx(np.sqrt(5) / 6)
    assert found.sd_ratio == pytest.approx(np.sqrt(8 / 5))


def test_random_overlaps_are_those_of_all_codes_of_the_weights() -> None:
    weights, width = (0, 1, 2, 3), 4
    hashes = [list(itertools.combinations(range(width), weight)) for weight in weights]
    found = [
        len(set(one) & set(other))
        for code in itertools.product(*hashes)
        for one, other in itertools.combinations(code, 2)
    ]
    random = random_overlap(np.array(weights), width)
    assert random.mean == pytest.approx(np.mean(found))
    assert random.sd == pytest.approx(np.std(found))


def test_overlaps_counted_and_drawn() -> None:
    code = Code(np.random.default_rng(0).random((40, 70)) < 0.3)
    every = measure_overlaps(code)
    assert every is not None
    pairs = [int((a & b).sum()) for a, b in itertools.combinations(code.bits, 2)]
    assert every.counts == np.bincount(pairs).tolist()
    drawn = measure_overlaps(code, counted_up_to=39)
    assert drawn is not None
    assert (drawn.method, drawn.pairs, drawn.random) == ("drawn", 1 << 20, every.random)
    assert drawn.mean == pytest.approx(every.mean, abs=6 * every.sd / 1024)
    # No token is paired with itself: hashes of one bit each never overlap.
    alone = measure_overlaps(Code(np.eye(40, dtype=bool)), counted_up_to=39)
    assert alone is not None
    assert (alone.method, alone.counts) == ("drawn", [1 << 20])


def test_duplicate_hashes() -> None:
    bits = np.zeros((7, 70), dtype=bool)
    bits[[1, 5], 65] = True  # in the second word
    bits[[0, 3, 4], 2] = True
    bits[2, [2, 65]] = True
    assert duplicate_hashes(Code(bits)) == [[0, 3, 4], [1, 5]]  # 6 alone is without a bit
    assert duplicate_hashes(Code(np.eye(3, dtype=bool))) == []
    assert duplicate_hashes(Code(np.zeros((3, 2), dtype=bool))) == [[0, 1, 2]]
