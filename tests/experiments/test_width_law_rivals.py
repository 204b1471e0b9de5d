"""Rivals of the trained networks, against brute force; and their file."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from relubloom.code import Code, mean_false_positives, random_constant_weight
from relubloom.errors import FileError
from relubloom.theory import best_constant_weight
from width_law.designed import COMMON, bloom_mse, designed_code
from width_law.rivals import complete_rivals, counting_mse, read_rivals, rivals_at, with_design


def mse_by_hand(code: Code, set_size: int) -> float:
    sets = np.array(list(itertools.combinations(range(code.vocab_size), set_size)))
    F = code.false_positives(sets)
    return float(np.mean(F / (set_size * (set_size + F))))


@pytest.mark.parametrize(("vocab", "width", "size"), [(9, 5, 1), (12, 6, 2), (20, 9, 3), (7, 3, 7)])
def test_mse_of_a_code_over_all_sets(vocab: int, width: int, size: int) -> None:
    code = random_constant_weight(vocab, width, 2, seed=3)
    found, method = bloom_mse(code, size, mean_false_positives(code, size))
    assert found == pytest.approx(mse_by_hand(code, size), rel=1e-12)
    assert method == "all"


def test_mse_of_many_sets_is_bounded_or_drawn() -> None:
    sparse = random_constant_weight(24, 40, 8, seed=0)
    mean = mean_false_positives(sparse, 3)
    assert 0 < mean < COMMON
    bound, method = bloom_mse(sparse, 3, mean, enumerated=10)
    assert method == "bound"
    assert mse_by_hand(sparse, 3) <= bound == pytest.approx(mean / 12)
    crowded = random_constant_weight(24, 9, 3, seed=0)
    drawn, method = bloom_mse(crowded, 3, mean_false_positives(crowded, 3), enumerated=10)
    assert method == "drawn"
    # A mean over 200,000 draws of values in 0..1/3: its standard error is below .0004.
    assert drawn == pytest.approx(mse_by_hand(crowded, 3), abs=4 * 0.0004)


@pytest.mark.parametrize(("vocab", "width", "size"), [(64, 24, 3), (64, 20, 2), (40, 16, 4)])
def test_a_designed_code_beats_the_best_random_one(vocab: int, width: int, size: int) -> None:
    best = best_constant_weight(vocab, width, size)
    made = designed_code(vocab, width, size, best.weight)
    assert made.false_positives < best.false_positives
    assert counting_mse(vocab, width, size) <= made.mse < best.mse


def test_a_code_without_false_positives_has_no_error() -> None:
    made = designed_code(32, 40, 2, best_constant_weight(32, 40, 2).weight)
    assert (made.false_positives, made.mse, made.method) == (0.0, 0.0, "all")


def test_counting_worked_by_hand() -> None:
    # C(6, 2) = 15 sets, 3 units: at most 8 are exact, and the other 7 err by 1/8 or more.
    assert counting_mse(6, 3, 2) == pytest.approx(7 / 15 / 8)
    assert counting_mse(6, 4, 2) == 0.0


def test_no_binary_layer_of_two_units_beats_the_counting_bound() -> None:
    # All 4^4 binary layers of 4 tokens: for each hidden state the best answer is the mean target.
    sets = list(itertools.combinations(range(4), 2))
    targets = np.zeros((len(sets), 4))
    for row, members in enumerate(sets):
        targets[row, list(members)] = 0.5
    least = math.inf
    for layer in itertools.product(range(4), repeat=len(sets)):
        states = np.array(layer)
        error = 0.0
        for state in set(layer):
            own = targets[states == state]
            error += float(((own - own.mean(0)) ** 2).sum())
        least = min(least, error / len(sets))
    assert least >= counting_mse(4, 2, 2) > 0


def test_rivals_of_a_size() -> None:
    found = rivals_at(64, 24, 3)
    best = best_constant_weight(64, 24, 3)
    assert (found.random_weight, found.random_mse) == (best.weight, best.mse)
    assert found.superposition_mse is not None
    assert found.random_mse < found.superposition_mse < 1 / 3
    assert found.designed is None
    assert not found.disjunct
    assert rivals_at(64, 64, 3).disjunct


def test_superposition_of_pairs_is_told_only_where_it_is_resolved() -> None:
    # At k = 2 both members score alike, so wide enough directions never rank a drawn pair wrongly.
    assert rivals_at(32, 8, 2).superposition_mse is not None
    assert rivals_at(32, 128, 2).superposition_mse is None


def test_the_file_is_completed_once_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rivals.json"
    assert read_rivals(path) == {}
    made: list[tuple[int, int, int]] = []
    first = complete_rivals(path, [(24, 10, 2)], made.append)
    both = complete_rivals(path, [(24, 12, 2), (24, 10, 2)], made.append)
    assert made == [(24, 10, 2), (24, 12, 2)]
    assert both[24, 10, 2] == first[24, 10, 2] == with_design(rivals_at(24, 10, 2))
    assert read_rivals(path) == both


def test_what_an_interrupted_run_made_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "rivals.json"

    def stop_at_second(size: tuple[int, int, int]) -> None:
        if size[1] == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete_rivals(path, [(24, 10, 2), (24, 12, 2)], stop_at_second)
    assert list(read_rivals(path)) == [(24, 10, 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "holds no rivals"),
        ('{"schema_version": 1, "rivals": [{"width": 3}]}', "holds no rivals"),
        ('{"schema_version": 99, "rivals": []}', "newer relubloom"),
        ("{", "not readable JSON"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rivals.json"
    path.write_text(text)
    with pytest.raises(FileError, match=said):
        read_rivals(path)
