"""Bounds, rules of thumb and rivals, against brute force and the tables of the literature."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relubloom.errors import UsageError
from relubloom.theory import (
    best_constant_weight,
    counting_bound,
    counting_width,
    disjunct_bound,
    is_prime_power,
    kautz_singleton,
    linear_superposition,
    log2_sets,
    random_readout_capacity,
    readout_capacity,
    superposition_noise,
    width_rule,
)


@pytest.mark.parametrize(
    ("vocab_size", "set_size"), [(256, 3), (1000, 500), (5, 5), (1, 1), (10**7, 8), (20000, 5000)]
)
def test_number_of_sets(vocab_size: int, set_size: int) -> None:
    exact = math.log2(math.comb(vocab_size, set_size))
    assert log2_sets(vocab_size, set_size) == pytest.approx(exact, rel=1e-10, abs=1e-12)


def test_counting_worked_by_hand() -> None:
    # C(6, 2) = 15 sets; 3 units have 8 states, so at most 8 of the 15 are answered exactly.
    assert counting_bound(6, 3, 2) == pytest.approx(8 / 15)
    assert counting_bound(6, 4, 2) == 1.0
    assert counting_width(6, 2) == pytest.approx(math.log2(15))
    assert counting_width(6, 2, 8 / 15) == pytest.approx(3.0)
    assert counting_width(6, 2, 0.0) == 0.0


@settings(deadline=None, max_examples=60)
@given(others=st.integers(1, 1000), width=st.integers(1, 24), k=st.integers(1, 8))
def test_no_random_code_beats_the_counting_bound(others: int, width: int, k: int) -> None:
    best = best_constant_weight(others + k, width, k, by="p_exact")
    assert best.p_exact <= counting_bound(others + k, width, k) * (1 + 1e-9)
    assert counting_width(others + k, k, best.p_exact) <= width + 1e-9


def is_disjunct(code: list[frozenset[int]], set_size: int) -> bool:
    return not any(
        code[t] <= frozenset().union(*(code[s] for s in others))
        for t in range(len(code))
        for others in itertools.combinations([s for s in range(len(code)) if s != t], set_size)
    )


def test_no_disjunct_code_is_narrower_than_the_bound() -> None:
    # All codes of 5 tokens on 4 units: none is 2-disjunct (bound min(5, C(4, 2)) = 5), and the
    # identity on 5 units is.
    hashes = [frozenset(u) for r in range(5) for u in itertools.combinations(range(4), r)]
    assert not any(is_disjunct(list(code), 2) for code in itertools.combinations(hashes, 5))
    assert disjunct_bound(5, 2) == 5
    assert is_disjunct([frozenset({t}) for t in range(5)], 2)
    assert disjunct_bound(1000, 3) == 10
    assert disjunct_bound(7, 7) == 0


@pytest.mark.parametrize(
    ("vocab_size", "set_size", "width"),
    [
        (100, 2, 25),
        (1000, 2, 49),
        (1000, 3, 77),
        (1000, 4, 99),
        (1000, 8, 272),
        (10**4, 3, 110),
        (10**6, 4, 272),
    ],
)
def test_smallest_kautz_singleton_widths(vocab_size: int, set_size: int, width: int) -> None:
    code = kautz_singleton(vocab_size, set_size)
    assert code.width == width == code.field_size * code.weight
    assert code.field_size**code.dimension >= vocab_size
    assert code.weight <= code.field_size + 1
    assert code.weight == set_size * (code.dimension - 1) + 1


@settings(deadline=None, max_examples=60)
@given(vocab_size=st.integers(2, 3000), k=st.integers(1, 12))
def test_no_kautz_singleton_code_is_narrower(vocab_size: int, k: int) -> None:
    k = min(k, vocab_size)
    fields = [q for q in range(2, 2 * vocab_size + 2) if is_prime_power(q)]
    widths = [
        q * (k * (dimension - 1) + 1)
        for q in fields
        for dimension in range(1, 13)
        if q**dimension >= vocab_size and k * (dimension - 1) + 1 <= q + 1
    ]
    assert kautz_singleton(vocab_size, k).width == min(widths)


def test_the_narrowest_code_for_25_tokens_is_disjunct() -> None:
    design = kautz_singleton(25, 2)
    q = design.field_size
    assert (q, design.dimension, design.weight) == (5, 2, 3)
    lines = itertools.islice(itertools.product(range(q), repeat=2), 25)
    code = [frozenset(x * q + (a + b * x) % q for x in range(design.weight)) for a, b in lines]
    assert is_disjunct(code, 2)


def test_prime_powers() -> None:
    small = [n for n in range(1, 33) if is_prime_power(n)]
    assert small == [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 32]


def test_readout_capacity_reaches_every_set_on_the_moment_curve() -> None:
    # Width 4 = 2k for k = 2: with rows (cos jθ, sin jθ), the state that makes {s, t} the top two
    # is minus the coefficients of |(z - z_s)(z - z_t)|², which vanishes on s and t only.
    vocab_size, k = 9, readout_capacity(9, 4)
    assert k == 2
    angles = 2 * np.pi * np.arange(vocab_size) / vocab_size
    for s, t in itertools.combinations(range(vocab_size), k):
        values = -(np.abs(np.exp(1j * angles) - np.exp(1j * angles[s])) ** 2)
        values = values * np.abs(np.exp(1j * angles) - np.exp(1j * angles[t])) ** 2
        waves = [f(j * angles) for j in (1, 2) for f in (np.cos, np.sin)]
        basis = np.stack([*waves, np.ones(vocab_size)], axis=1)  # the constant moves no ranking
        state = np.linalg.lstsq(basis, values, rcond=None)[0]
        logits = basis[:, :4] @ state[:4]
        assert set(np.argsort(logits)[-k:]) == {s, t}


def test_readout_figures() -> None:
    assert readout_capacity(1000, 64) == 32
    assert readout_capacity(3, 64) == 3
    assert random_readout_capacity(1000, 64) == pytest.approx(64 / (2 * math.log(1000 / 64)))
    assert random_readout_capacity(64, 64) == math.inf


@pytest.mark.parametrize(
    ("vocab_size", "width", "set_size"), [(1000, 64, 3), (50257, 256, 8), (10**4, 256, 8)]
)
def test_the_width_rule_is_within_three_per_cent(
    vocab_size: int, width: int, set_size: int
) -> None:
    best = best_constant_weight(vocab_size, width, set_size)
    assert best.p_exact >= 0.9
    assert width_rule(vocab_size, set_size, mse=best.mse) == pytest.approx(width, rel=0.03)
    assert width_rule(vocab_size, set_size, p_exact=best.p_exact) == pytest.approx(width, rel=0.03)
    assert width_rule(4, 3, mse=0.9) == 1.0


@pytest.mark.parametrize(("width", "mse"), [(32, 0.192), (64, 0.119), (128, 0.075), (256, 0.046)])
def test_linear_superposition_is_where_one_draw_put_it(width: int, mse: float) -> None:
    # The table's figures are one Monte Carlo draw of unknown spread: 15 % is asked for.
    drawn = linear_superposition(1000, width, 3, sets=256)
    assert drawn.mse == pytest.approx(mse, rel=0.15)
    assert drawn.standard_error < 0.05 * drawn.mse
    assert "Monte Carlo" in drawn.method


def test_linear_superposition_repeats_itself_and_differs_between_seeds() -> None:
    first = linear_superposition(200, 16, 3, seed=1)
    assert first == linear_superposition(200, 16, 3, seed=1)
    assert first.mse != linear_superposition(200, 16, 3, seed=2).mse


def test_score_noise_is_what_random_directions_have() -> None:
    generator = np.random.default_rng(5)
    directions = generator.standard_normal((4000, 4, 24))  # four tokens, drawn 4,000 times
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    sums = directions[:, :3].sum(1)
    outsider = (directions[:, 3] * sums).sum(1)
    member = (directions[:, 0] * sums).sum(1) - 1
    other, own = superposition_noise(24, 3)
    assert (other, own) == (3 / 24, 2 / 24)
    assert np.mean(outsider**2) == pytest.approx(other, rel=0.07)  # 3 standard errors: 6.7 %
    assert np.mean(member**2) == pytest.approx(own, rel=0.07)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: log2_sets(3, 4), "set_size is 4 and vocab_size is 3"),
        (lambda: counting_width(10, 2, 1.5), "p_exact is 1.5: it is a share of the sets"),
        (lambda: width_rule(10, 2), "the width rule takes mse or p_exact"),
        (lambda: width_rule(10, 2, mse=0.1, p_exact=0.5), "the width rule takes mse or p_exact"),
        (lambda: width_rule(10, 2, mse=0.0), "mse is 0.0: the width rule needs a value between"),
        (lambda: linear_superposition(10**7, 64, 3), "vocab_size x width is 640000000"),
        (lambda: linear_superposition(10, 4, 3, sets=1), "sets is 1: a standard error needs 2"),
        (lambda: kautz_singleton(3, 0), "set_size is 0"),
    ],
)
def test_bad_values_are_refused_in_one_line(call: Callable[[], object], text: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)
