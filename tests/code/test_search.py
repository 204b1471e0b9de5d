"""The search: every one-bit change counted exactly, its budget, its seed, and how far it gets."""

import numpy as np
import pytest

from relubloom.code import (
    Code,
    SearchResult,
    count_false_positives,
    disjunct_code,
    improve,
    random_constant_weight,
    search,
)
from relubloom.code.neighbourhood import Neighbourhood
from relubloom.errors import UsageError


def changed(bits, token, drop, add):
    copy = bits.copy()
    if drop is not None:
        copy[token, drop] = False
    if add is not None:
        copy[token, add] = True
    return Code(copy)


def test_every_change_is_counted_exactly():
    """40 awkward codes, 4 moves each: each entry of the matrix against a fresh exact count."""
    generator = np.random.default_rng(0)
    compared = 0
    for _ in range(40):
        vocab_size = int(generator.integers(2, 8))
        width = int(generator.choice([1, 2, 5, 7]))
        set_size = int(generator.integers(1, min(5, vocab_size) + 1))
        code = Code(generator.random((vocab_size, width)) < generator.random())
        state = Neighbourhood(code, set_size, int(code.weights.max()) + 1)
        for _ in range(4):
            total = count_false_positives(Code(state.bits), set_size)
            assert state.total == total
            token = int(generator.integers(vocab_size))
            changes, held = state.changes(token), state.units(token)
            allowed = np.argwhere(np.isfinite(changes))
            moves = [
                (int(held[i]) if i < len(held) else None, int(j) if j < width else None)
                for i, j in allowed
            ]
            for (i, j), (drop, add) in zip(allowed, moves, strict=True):
                after = count_false_positives(changed(state.bits, token, drop, add), set_size)
                assert changes[i, j] == after - total
                compared += 1
            if moves:
                pick = int(generator.integers(len(moves)))
                state.apply(token, *moves[pick], float(changes[tuple(allowed[pick])]))
    assert compared > 500


def test_changes_cover_all_neighbours_of_a_hash():
    """Weight 2 of width 4, maximum 3: drop 2, add 2, exchange 4: 8 finite entries of 3 x 5."""
    code = random_constant_weight(6, 4, 2, seed=0)
    assert np.isfinite(Neighbourhood(code, 2, 3).changes(0)).sum() == 8
    assert np.isfinite(Neighbourhood(code, 2, 2).changes(0)).sum() == 6  # no unit may be added


def test_a_seed_and_steps_fix_the_result():
    code = random_constant_weight(60, 16, 4, seed=1)
    one, two = (improve(code, 2, steps=150, seed=5) for _ in range(2))
    assert one.code == two.code
    assert one.total == two.total
    assert one.steps == 150
    assert improve(code, 2, steps=150, seed=6).code != one.code


@pytest.mark.parametrize("warmth", [0.0, 0.25, 50.0])
def test_the_result_is_counted_and_never_worse(warmth, monkeypatch):
    monkeypatch.setattr(search, "WARMTH", warmth)
    code = random_constant_weight(40, 12, 4, seed=2)
    found = improve(code, 3, steps=100)
    assert found.total == count_false_positives(found.code, 3)
    assert found.total <= count_false_positives(code, 3)
    assert found.mean == found.total / 9880  # C(40, 3)
    assert improve(found.code, 3, steps=50).total <= found.total  # goes on


def test_it_beats_a_random_code_by_far(monkeypatch):
    """E[F] of the best random code at (256, 48, 3) is .1098; 800 steps reach a third."""
    monkeypatch.setattr(search, "WARMTH", 0)
    found = improve(random_constant_weight(256, 48, 8, seed=0), 3, steps=800)
    assert found.mean < 0.1098 / 3


def test_no_steps_give_the_start_back():
    code = random_constant_weight(20, 8, 3)
    for budget in ({"steps": 0}, {"seconds": 0.0}):
        found = improve(code, 2, **budget)
        assert (found.code, found.steps, found.stopped) == (code, 0, False)


def test_a_perfect_code_ends_the_search():
    assert improve(disjunct_code(30, 25, 2), 2, seconds=600).steps == 0


def test_interruption_returns_the_best_so_far(monkeypatch):
    code = random_constant_weight(60, 16, 4, seed=1)
    step = search._Walk.step

    def interrupted(walk, spent):
        if walk.steps == 90:
            raise KeyboardInterrupt
        step(walk, spent)

    monkeypatch.setattr(search._Walk, "step", interrupted)
    found = improve(code, 2, steps=1000)
    assert isinstance(found, SearchResult)
    assert (found.stopped, found.steps) == (True, 90)
    assert found.total < count_false_positives(code, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one budget"),
        ({"seconds": 1.0, "steps": 1}, "exactly one budget"),
        ({"steps": -1}, "steps is -1"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_bad_arguments(arguments, message):
    with pytest.raises(UsageError, match=message):
        improve(random_constant_weight(10, 50, 3), 2, **arguments)


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(
        UsageError, match=r"hashes of weight up to 40 need .* GiB of covering tables"
    ):
        improve(random_constant_weight(10, 50, 40), 2, steps=1)


def test_bad_set_size():
    with pytest.raises(UsageError, match="set_size is 11"):
        improve(random_constant_weight(10, 5, 3), 11, steps=1)
