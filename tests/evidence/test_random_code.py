"""The rival: the best random constant-weight code of a task."""

import numpy as np
import pytest

from build.process import DATA
from relubloom.code import random_constant_weight
from relubloom.evidence.random_code import best_random_code
from relubloom.task import KSparseTask
from relubloom.theory import best_constant_weight, constant_weight


def test_uniform_sets_have_the_closed_form() -> None:
    # numbers.md's first row: N = 256, d = 48, k = 3.
    best, seed = best_random_code(KSparseTask(256, 3), 48)
    assert seed is None
    assert best.weight == 9
    assert best.mse == pytest.approx(0.00883707, rel=1e-5)
    assert best.kl == pytest.approx(0.0309691, rel=1e-5)
    assert best.p_exact == pytest.approx(0.899155, rel=1e-5)


def test_sizes_are_mixed_with_equal_shares() -> None:
    best, _ = best_random_code(KSparseTask(40, (2, 4)), 20)
    means = {
        weight: np.mean([constant_weight(40, 20, weight, k).mse for k in (2, 3, 4)])
        for weight in range(1, 12)
    }
    assert best.weight == min(means, key=means.get)
    assert best.mse == pytest.approx(means[best.weight], rel=1e-12)


def test_a_file_has_the_median_of_16_codes_on_the_held_out_sets() -> None:
    task = KSparseTask.from_file(DATA / "debtags.sets", (3, 8))
    best, median = best_random_code(task, 40)
    assert median is not None
    held_out = task.evaluation_sets()
    sets, copies = held_out.chunk(0, len(held_out)).numpy(), held_out.weights(0, len(held_out))
    size = (sets < task.vocab_size).sum(1)
    errors = []
    for seed in range(16):
        F = random_constant_weight(task.vocab_size, 40, best.weight, seed).false_positives(sets)
        errors.append(float(np.average(F / (size * (size + F)), weights=copies.numpy())))
    assert best.mse == pytest.approx(float(np.median(errors)), rel=1e-12)
    assert errors[median] == sorted(errors)[8]
    assert best_random_code(task, 40) == (best, median)


def test_zipf_sets_have_a_sample_of_their_own() -> None:
    # The law of a random code's errors depends on sizes alone: the median lies near the mean.
    best, seed = best_random_code(KSparseTask(30, 2, "zipf"), 16)
    expected = best_constant_weight(30, 16, 2)
    assert seed is not None
    assert abs(best.weight - expected.weight) <= 1
    assert best.mse == pytest.approx(expected.mse, rel=0.6)
