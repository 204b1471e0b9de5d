"""Codes made from sets: the law of the frequency-aware ones, exact changes, what is learned."""

import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest

import relubloom as rb
from relubloom.code import (
    Code,
    FrequencyLaw,
    best_frequency_law,
    frequency_law,
    learn_code,
    worth_on,
)
from relubloom.code.descent import Descent
from relubloom.code.learned import learn
from relubloom.errors import UsageError

GENERATOR = np.random.default_rng(5)
NEAR = 0.07


def drawn_sets(count: int, vocab_size: int, size: int) -> np.ndarray:
    """Sets of tokens of falling frequency, some shorter, padded."""
    chances = 1 / np.arange(1, vocab_size + 1)
    rows = [
        GENERATOR.choice(vocab_size, size, replace=False, p=chances / chances.sum())
        for _ in range(count)
    ]
    sets = np.sort(np.array(rows), axis=1)
    sets[: count // 3, -1] = vocab_size
    return sets


def test_the_expected_false_positives_of_two_tokens_worked_by_hand():
    """Width 2, one bit each, in a set with chance 1/2 each, independently.

    Each is a stranger with chance 1/2; the other is then present with chance 1/2 and has its bit
    in the same unit with chance 1/2: 1/8 for each token.
    """
    law = FrequencyLaw(np.array([0.5, 0.5]), np.array([1.0, 1.0]), 2, 0.5)
    assert law.expected_false_positives() == pytest.approx(0.25)


def test_the_law_agrees_with_drawn_codes_and_sets():
    shares = 1 / (np.arange(25) + 3.0)
    law = frequency_law(shares, 14, 0.3)
    assert (np.diff(law.weights) >= 0).all()  # rarer tokens have more bits
    assert shares @ law.weights == pytest.approx(-14 * np.log(0.7))
    present = GENERATOR.random((200, 50, 25)) < shares
    draws = np.where(present, np.arange(25), 25)
    found = [law.draw(seed).false_positives(sets).mean() for seed, sets in enumerate(draws)]
    error = np.std(found) / len(found) ** 0.5
    assert np.mean(found) == pytest.approx(law.expected_false_positives(), abs=4 * error)


def test_hashes_have_at_least_a_bit_and_at_most_all():
    shares = np.array([0.7, 0.5])
    assert frequency_law(shares, 3, 0.1).weights.tolist() == [1, 1]
    full = frequency_law(shares, 3, 0.9)
    assert full.weights.tolist() == [3, 3]
    assert full.fill == pytest.approx(1 - np.exp(-1.2))


def test_no_other_weights_of_the_same_fill_are_better():
    """Moving expected fill from one token to another raises sum (1 - p) f^h."""
    shares = np.array([0.4, 0.2, 0.1, 0.05, 0.02])
    law = frequency_law(shares, 8, 0.35)
    inner = np.flatnonzero((law.weights > 1.1) & (law.weights < 7.9))
    assert len(inner) >= 2

    def cost(weights: np.ndarray) -> float:
        return float(((1 - shares) * law.fill**weights).sum())

    for one, other in itertools.permutations(inner.tolist(), 2):
        moved = law.weights.copy()
        moved[one] += 0.01 / shares[one]
        moved[other] -= 0.01 / shares[other]
        assert cost(moved) > cost(law.weights)


@pytest.mark.parametrize("width", [9, 70])
def test_changes_are_exact(width: int):
    """The changes are those between two descents that are made anew."""
    sets = drawn_sets(30, 14, 4)
    weights = GENERATOR.random(30) + 0.5
    bits = GENERATOR.random((14, width)) < 0.3
    moved = descent_from(bits, sets, weights)
    for _ in range(40):
        token, unit = int(GENERATOR.integers(14)), int(GENERATOR.integers(width))
        lacking = moved.lacking(token)
        change = moved.changes(token, lacking)[unit]
        before = falls(moved.bits, sets, weights)
        anew = descent_from(moved.bits, sets, weights)
        assert anew.changes(token, lacking) == pytest.approx(
            moved.changes(token, lacking), abs=1e-9
        )
        moved.enter(token, lacking, -1)
        moved.flip(token, unit, lacking)
        moved.enter(token, lacking, 1)
        assert (lacking == moved.lacking(token)).all()
        assert falls(moved.bits, sets, weights) - before == pytest.approx(change, abs=1e-9)


def descent_from(bits: np.ndarray, sets: np.ndarray, weights: np.ndarray) -> Descent:
    return Descent(Code(bits), sets, weights, NEAR, lambda: True)


def falls(bits: np.ndarray, sets: np.ndarray, weights: np.ndarray) -> float:
    """What a descent lowers: each stranger that lacks no bit counts 1, one that lacks one NEAR."""
    missing, total = Code(bits).missing_bits(sets), 0.0
    for row, held in enumerate(sets.tolist()):
        strangers = np.delete(missing[row], [token for token in held if token < len(bits)])
        total += weights[row] * ((strangers == 0).sum() + NEAR * (strangers == 1).sum())
    return total


def test_a_descent_ends_far_below_its_start():
    sets, weights = drawn_sets(60, 14, 4), GENERATOR.random(60) + 0.5
    bits = GENERATOR.random((14, 12)) < 0.3
    descent = descent_from(bits, sets, weights)
    assert descent.run(np.random.default_rng(0))
    assert falls(descent.bits, sets, weights) < 0.7 * falls(bits, sets, weights)


def test_a_learned_code_beats_random_ones_on_sets_not_seen():
    sets = drawn_sets(500, 40, 4)
    training, held_out = sets[:400], sets[400:]
    made = learn(training, np.ones(400), 40, 16)
    law = best_frequency_law(training, np.ones(400), 40, 16)
    learned = made.code.false_positives(held_out).mean()
    random = np.median([law.draw(seed).false_positives(held_out).mean() for seed in range(9)])
    assert learned < 0.7 * random
    assert made.code.decode(held_out).any(1).all()
    assert made.finished and not made.stopped


def test_learning_from_ids_and_from_one_set_repeated():
    code = learn_code([[0, 1, 5], [1, 2], [1, 5]], 8, seconds=0.2)
    assert (code.vocab_size, code.width) == (6, 8)
    assert rb.learn_code([[0, 1]] * 5, 4, vocab_size=3, seconds=0.2).vocab_size == 3


def test_a_collection_says_how_many_tokens_it_has():
    listed = rb.ListedSets.of([[0, 1, 5], [1, 2], [1, 5]], 7)
    for sets in (listed, rb.AllSets(7, 2)):
        assert learn_code(sets, 8, seconds=0.2).vocab_size == 7


def test_tokens_that_no_set_holds_have_hashes():
    sets = drawn_sets(60, 12, 3)
    made = learn(np.where(sets == 12, 15, sets), np.ones(60), 15, 20, seconds=0.3)
    assert (made.code.weights > 0).all()


def test_of_more_sets_than_there_is_time_for_a_sample_is_taken():
    sets = drawn_sets(500, 40, 4)
    made = learn(sets, np.ones(500), 40, 16, seconds=1e-4)  # 8 million pairs a second: 21 sets
    assert not made.finished
    assert made.code.weights.min() > 0


def test_what_a_code_is_worth_on_many_sets():
    code, sets = Code(GENERATOR.random((40, 16)) < 0.3), drawn_sets(600, 40, 4)
    found = code.false_positives(sets)
    assert worth_on(code, sets).false_positives == pytest.approx(found.mean())
    assert worth_on(code, sets, np.arange(600)).p_exact == pytest.approx(
        np.average(found == 0, weights=np.arange(600))
    )


def test_ctrl_c_keeps_the_code_so_far():
    calls: Iterator[int] = itertools.count()

    started = time.perf_counter()

    def stop(_stage: str, seconds: int, total: int, _detail: str) -> None:
        assert seconds <= time.perf_counter() - started < total
        if next(calls) == 60:
            raise KeyboardInterrupt

    sets = drawn_sets(200, 40, 4)
    made = learn(sets, np.ones(200), 40, 16, watch=stop)
    assert made.stopped
    start = best_frequency_law(sets, np.ones(200), 40, 16).draw(0)
    assert made.code.false_positives(sets).mean() < start.false_positives(sets).mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 3}, "width is 3 and the largest set has 3 tokens"),
        ({"seconds": 0}, "seconds is 0: learning needs some time"),
        ({"sets": [["a"]]}, "sets are"),
        ({"sets": rb.KSparseTask(9, 2)}, "only a file of sets has training lines"),
    ],
)
def test_bad_learning(arguments: dict[str, object], message: str):
    given: dict[str, object] = {"sets": [[0, 1, 2], [1, 2]], "width": 9} | arguments
    with pytest.raises(UsageError, match=message):
        learn_code(**given)  # pyright: ignore[reportArgumentType]
