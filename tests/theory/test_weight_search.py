"""Laws of the best weight: it is best over all, bounds never beat the truth, wider is better."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relubloom.theory import (
    best_constant_weight,
    best_with_replacement,
    constant_weight,
    with_replacement,
)
from relubloom.theory.arguments import Criterion
from relubloom.theory.constant_weight import ConstantWeights, NumbersOfHashes
from relubloom.theory.weight_search import WeightSearch

CRITERIA: list[Criterion] = ["mse", "false_positives", "p_exact"]
SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 40), st.integers(1, 30)).map(
    lambda sizes: (sizes[0] + sizes[2], sizes[1], sizes[2])  # at least one non-member
)


FAMILIES = st.sampled_from([ConstantWeights, NumbersOfHashes])
Family = Callable[[int, int, int, Criterion], WeightSearch]


@settings(deadline=None, max_examples=120)
@given(family=FAMILIES, sizes=SIZES, by=st.sampled_from(CRITERIA))
def test_no_weight_beats_the_best_and_no_bound_beats_the_truth(
    family: Family, sizes: tuple[int, int, int], by: Criterion
) -> None:
    search = family(*sizes, by)
    errors = [search.error(weight) for weight in range(sizes[1] + 1)]
    assert all(bound <= error for bound, error in zip(search.bounds(), errors, strict=True))
    assert errors[search.best()] == min(errors)


@settings(deadline=None, max_examples=120)
@given(family=FAMILIES, sizes=SIZES, by=st.sampled_from(CRITERIA), share=st.floats(0.3, 3))
def test_whether_some_weight_reaches_a_target(
    family: Family, sizes: tuple[int, int, int], by: Criterion, share: float
) -> None:
    search = family(*sizes, by)
    least = min(search.error(weight) for weight in range(sizes[1] + 1))
    assert search.reaches(least * share) == (least <= least * share)


def test_the_best_weights_by_error_and_by_false_positives_differ() -> None:
    # At N = 1000, d = 64, k = 4 it is 10 by mse and 9 by E[F].
    assert best_constant_weight(1000, 64, 4).weight == 10
    assert best_constant_weight(1000, 64, 4, by="false_positives").weight == 9


@pytest.mark.parametrize(("set_size", "share"), [(2, 0.263), (3, 0.188), (4, 0.147), (8, 0.080)])
def test_the_best_weight_is_the_expected_share_of_the_width(set_size: int, share: float) -> None:
    # The shares are rounded; at this width a weight is .2 % of it.
    assert best_constant_weight(1000, 512, set_size).weight / 512 == pytest.approx(share, abs=0.006)


@settings(deadline=None, max_examples=40)
@given(sizes=SIZES)
def test_a_wider_code_is_no_worse(sizes: tuple[int, int, int]) -> None:
    vocab_size, width, k = sizes
    for best in (best_constant_weight, best_with_replacement):
        narrow, wide = best(vocab_size, width, k), best(vocab_size, width + 1, k)
        assert wide.mse <= narrow.mse * (1 + 1e-12)


@settings(deadline=None, max_examples=40)
@given(sizes=SIZES, data=st.data())
def test_laws_at_a_fixed_weight(sizes: tuple[int, int, int], data: st.DataObject) -> None:
    vocab_size, width, k = sizes
    weight = data.draw(st.integers(1, width))
    slack = 1 + 1e-11
    distinct = constant_weight(vocab_size, width, weight, k)
    assert constant_weight(vocab_size, width + 1, weight, k).fpr <= distinct.fpr * slack
    assert constant_weight(vocab_size + 1, width, weight, k).mse >= distinct.mse / slack
    assert constant_weight(vocab_size + 1, width, weight, k + 1).fpr >= distinct.fpr / slack
    replaced = with_replacement(vocab_size, width, weight, k)
    assert with_replacement(vocab_size, width + 1, weight, k).fpr <= replaced.fpr * slack


def test_errors_far_below_one_keep_their_digits() -> None:
    # k = 1: c = 1 / C(d, h) exactly, since u = h always. d = 240, h = 120: c near 1e-71.
    import math

    errors = constant_weight(2, 240, 120, 1)
    assert errors.fpr == pytest.approx(1 / math.comb(240, 120), rel=1e-11)
    assert errors.mse == pytest.approx(1 / math.comb(240, 120) / 2, rel=1e-11)
    assert errors.p_failure == pytest.approx(1 / math.comb(240, 120), rel=1e-11)
