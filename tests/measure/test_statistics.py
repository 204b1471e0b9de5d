"""Spreads and lines that are added up part by part."""

import numpy as np
import pytest

from relubloom.measure.statistics import Groups, Pairs, counted, spread, weighted_mean


def test_a_spread_from_sums() -> None:
    found = spread(4, 8, 24)  # 0 0 4 4: mean 2, mean square 8 with squares 32; here 24: variance 2
    assert found is not None
    assert (found.mean, found.sd) == (2, pytest.approx(np.sqrt(2)))
    assert spread(0, 0, 0) is None
    equal = spread(1000, sum([0.1] * 1000), sum([0.1**2] * 1000))  # their variance comes out 1e-16
    assert equal is not None
    assert (equal.mean, equal.sd) == (pytest.approx(0.1), 0)


def test_a_line_through_three_points() -> None:
    # (0, 1), (1, 2), (2, 6), the last twice: x mean 5/4, y mean 15/4; sums of squares 11/4 and
    # 83/4, of products 29/4.
    pairs = Pairs.of(np.array([0.0, 1, 2]), np.array([1.0, 2, 6]), np.array([1.0, 1, 2]))
    assert (pairs.weight, pairs.x, pairs.y) == (4, 1.25, 3.75)
    assert (pairs.xx, pairs.xy, pairs.yy) == pytest.approx((2.75, 7.25, 20.75))
    assert pairs.slope == pytest.approx(29 / 11)
    assert pairs.intercept == pytest.approx(3.75 - 1.25 * 29 / 11)
    assert pairs.r2 == pytest.approx(29**2 / (11 * 83))
    assert pairs.correlation == pytest.approx(29 / np.sqrt(11 * 83))


def test_what_does_not_vary_has_no_line() -> None:
    same, other = np.full(7, 0.1), np.arange(7.0)
    assert Pairs.of(same, other).slope is None
    assert Pairs.of(same, other).intercept is None
    assert Pairs.of(same, other).correlation is None
    assert Pairs.of(other, same).r2 is None
    assert Pairs.of(other, same).slope == pytest.approx(0, abs=1e-12)


def test_parts_add_up_to_the_whole() -> None:
    random = np.random.default_rng(0)
    group = random.integers(0, 4, 60)
    group[group == 2] = 1  # an empty group
    values, weights = random.normal(1e6, 1, 60), random.random(60)
    cuts = [slice(0, 10), slice(10, 11), slice(11, 60)]
    pairs = [Pairs.of(group[cut] + 0.0, values[cut], weights[cut]) for cut in cuts]
    groups = [Groups.of(group[cut], values[cut], weights[cut], 4) for cut in cuts]
    whole = Groups.of(group, values, weights, 4)
    merged = groups[0] + groups[1] + groups[2]
    for one, other in (
        (merged.weight, whole.weight),
        (merged.mean, whole.mean),
        (merged.squares, whole.squares),
    ):
        assert one == pytest.approx(other, rel=1e-9)
    for index in (0, 1, 3):
        here = group == index
        mean = np.average(values[here], weights=weights[here])
        assert whole.mean[index] == pytest.approx(mean, rel=1e-12)
        squares = weights[here] @ (values[here] - mean) ** 2
        assert whole.squares[index] == pytest.approx(squares, rel=1e-6)
    by_groups, summed = merged.against_number(), pairs[0] + pairs[1] + pairs[2]
    slope, intercept = np.polyfit(group, values, 1, w=np.sqrt(weights))
    for line in (by_groups, summed):
        assert line.slope == pytest.approx(slope, rel=1e-6)
        assert line.intercept == pytest.approx(intercept, rel=1e-9)
        assert line.yy == pytest.approx(weights @ (values - line.y) ** 2, rel=1e-6)


@pytest.mark.parametrize("rows", [1, 254, 255, 256, 1023])
def test_flags_are_counted_with_and_without_copies(rows: int) -> None:
    flags = np.random.default_rng(rows).random((rows, 3)) < 0.9
    assert counted(flags, np.ones(rows)).tolist() == flags.sum(0).tolist()
    assert counted(np.ones((rows, 2), np.bool_), np.ones(rows)).tolist() == [rows, rows]
    copies = np.arange(rows, dtype=np.float64)
    assert counted(flags, copies).tolist() == [(copies[each]).sum() for each in flags.T]


def test_a_mean_by_weights() -> None:
    assert weighted_mean(np.array([True, False, True]), np.array([1.0, 2, 5])) == 0.75
    assert weighted_mean(np.array([1, 2, 6], np.int32), np.ones(3)) == 3
