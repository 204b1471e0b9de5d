"""Records of a sweep as curves and phases: what is kept, what is fitted, where seeds binarise."""

import math
from typing import Any

import numpy as np
import pytest

from build.sweep import record, sweep
from relubloom.errors import FileError
from width_law.curves import Curve, curves
from width_law.phases import Transition, phases, transition
from width_law.records import (
    OTHER_RECIPE,
    OTHER_STEPS,
    OTHER_TASK,
    Cell,
    measurements,
)


def one_curve(records: list[dict[str, Any]]) -> Curve:
    (curve,) = curves(measurements(records).networks)
    return curve


def test_what_is_no_finished_run_of_the_task_is_set_aside_and_counted() -> None:
    found = measurements(
        [
            record(),
            record(status="failed", reason="no memory", mse=None),
            record(status="impossible", reason="set_size above vocab_size", mse=None),
            record(seed=1, source="zipf"),
            record(seed=2, set_size=[2, 4]),
        ]
    )
    assert [network.seed for network in found.networks] == [0]
    assert found.set_aside == {"failed": 1, "impossible": 1, OTHER_TASK: 2}


def test_one_recipe_a_width_chosen_without_a_look_at_its_results() -> None:
    # At width 48 one recipe has three seeds and another, with less error, two: the three are kept.
    # At width 64 both have one seed, and the one that saw more sets is kept, with more error.
    found = measurements(
        [
            *(record(seed=seed, mse=0.004) for seed in range(3)),
            *(record(seed=seed, mse=0.001, learning_rate=0.03) for seed in range(2)),
            record(width=64, steps=1000, mse=0.001),
            record(width=64, steps=2000, mse=0.002),
        ]
    )
    assert [(n.width, n.mse) for n in found.networks] == [(48, 0.004)] * 3 + [(64, 0.002)]
    assert found.set_aside == {OTHER_STEPS: 1, OTHER_RECIPE: 2}
    assert [(n.width, n.mse) for n in found.other_recipes] == [(48, 0.001), (48, 0.001)]
    assert [(n.width, n.mse) for n in found.other_steps] == [(64, 0.001)]


def test_a_curve_keeps_to_the_recipe_of_most_widths() -> None:
    # At width 48 another recipe has more seeds and saw more sets; the curve has it nowhere else.
    found = measurements(
        [
            *(record(width=width, mse=0.004) for width in (40, 48, 56)),
            *(record(seed=seed, mse=0.001, steps=10_000) for seed in range(2)),
        ]
    )
    assert {(n.width, n.mse) for n in found.networks} == {(40, 0.004), (48, 0.004), (56, 0.004)}
    assert found.set_aside == {OTHER_STEPS: 2}


def test_a_record_without_a_field_is_refused() -> None:
    broken = record()
    del broken["unit_agreement"]
    with pytest.raises(FileError, match=r"no usable 'unit_agreement'.*relubloom sweep"):
        measurements([broken])


def test_cells_are_kept_apart() -> None:
    found = curves(
        measurements(
            [
                record(),
                record(set_size=2),
                record(activation="none"),
                record(training_pool=100),
                record(objective="kl"),
                record(seed=1),
            ]
        ).networks
    )
    assert [curve.cell for curve in found] == [
        Cell(256, 2, "mse", "relu"),
        Cell(256, 3, "mse", "relu", 100),
        Cell(256, 3, "mse", "relu"),
        Cell(256, 3, "mse", "none"),
        Cell(256, 3, "kl", "relu"),
    ]
    assert [len(point.networks) for curve in found for point in curve.points] == [1, 1, 2, 1, 1]


def test_the_range_leaves_out_saturated_and_unresolved_widths() -> None:
    # The uniform answer errs by 1/3 - 1/256 = .329427: half of it is .1647.
    rows = [
        record(width=8, mse=0.17),
        record(width=16, mse=0.16),
        record(width=32, mse=0.01),
        record(width=64, mse=1e-6, mse_se=4e-7, sampled=True),
        record(width=128, mse=0.0),
    ]
    curve = one_curve(rows)
    assert curve.uniform_error == pytest.approx(1 / 3 - 1 / 256)
    assert [point.width for point in curve.range] == [16, 32]
    assert curve.fit() is None


def test_noise_of_sampling_reaches_the_fit() -> None:
    sample = one_curve([record(mse=1e-4, mse_se=1e-5), record(seed=1, mse=2e-4)]).points[0].sample()
    assert sample.noise == pytest.approx((0.1**2 + 0) / 2)
    assert sample.logs == pytest.approx(np.log([1e-4, 2e-4]))


def test_local_slopes_worked_by_hand() -> None:
    # ln errors -2, -4 at width 10 and -5, -7 at width 16: means -3 and -6, so 3 / 6 = .5 a unit.
    # Each has variance 2 over 2 seeds, so the error is sqrt(1 + 1) / 6.
    rows = [
        record(width=width, seed=seed, mse=math.exp(log))
        for width, logs in ((10, (-2, -4)), (16, (-5, -7)))
        for seed, log in enumerate(logs)
    ]
    (slope,) = one_curve(rows).local_slopes()
    assert (slope.low, slope.high) == (10, 16)
    assert slope.slope == pytest.approx(0.5)
    assert slope.error == pytest.approx(math.sqrt(2) / 6)


def test_one_seed_has_no_error_of_its_slope() -> None:
    (slope,) = one_curve([record(width=10, mse=0.1), record(width=12, mse=0.05)]).local_slopes()
    assert slope.slope == pytest.approx(math.log(2) / 2)
    assert slope.error is None


def test_an_error_of_0_has_no_slope() -> None:
    curve = one_curve([record(width=10, mse=0.1), record(width=12, mse=0.0)])
    assert curve.local_slopes() == []


def test_the_share_of_failing_sets_worked_by_hand() -> None:
    # One set in a thousand fails, at a cost of at most 1 + 1/3: 1.3333e-3 of an error of 4e-3.
    (point,) = one_curve([record(p_exact=0.999, mse=4e-3)]).points
    assert point.failing_share == pytest.approx(1 / 3)
    (point,) = one_curve([record(p_exact=0.5, mse=4e-3)]).points
    assert point.failing_share == 1.0
    (point,) = one_curve([record(p_exact=1.0, mse=0.0)]).points
    assert point.failing_share == 0.0


@pytest.mark.parametrize(
    ("two_modes", "near", "gap", "binarised"),
    [
        (True, 0.03, 2.1, True),
        (True, 0.031, 9.0, False),
        (False, 0.0, 9.0, False),
        (True, 0.0, 2.0, False),
        (True, 0.0, None, True),
    ],
)
def test_what_counts_as_binarised(
    two_modes: bool, near: float, gap: float | None, binarised: bool
) -> None:
    changes = {"two_modes": two_modes, "near_threshold": near, "mode_gap": gap}
    (network,) = measurements([record(**changes)]).networks
    assert network.binarised is binarised


def test_a_phase_counts_its_seeds() -> None:
    curve = one_curve(
        [
            record(seed=0, mode_gap=10.0, unit_agreement=0.9, bits_mean=8.0),
            record(seed=1, mode_gap=None, unit_agreement=0.8, bits_mean=9.0, verdict="partly"),
            record(seed=2, mode_gap=4.0, unit_agreement=0.7, bits_mean=10.0, near_threshold=0.5),
            record(seed=3, mode_gap=6.0, two_modes=False, verdict="not-bloom", bits_mean=9.0),
        ]
    )
    (phase,) = phases(curve)
    assert (phase.seeds, phase.verdicts) == (4, (2, 1, 1))
    assert phase.binarised == 0.5
    assert phase.gap == 6.0
    assert phase.agreement == pytest.approx(0.85)
    assert phase.bits == 9.0


def test_two_values_have_no_gap() -> None:
    (phase,) = phases(one_curve([record(mode_gap=None), record(seed=1, mode_gap=9.0)]))
    assert phase.gap is None


def test_the_transition_is_where_seeds_binarise_for_good() -> None:
    # 6 to 9 units per token: none, all, none, all, all. The onset lies between the last two kinds.
    rows = [
        row
        for width, onset in ((18, 99.0), (21, 1.0), (24, 99.0), (27, 1.0), (30, 1.0))
        for row in sweep((width,), lambda d: 0.1, onset=onset)
    ]
    found = transition(one_curve(rows))
    assert found is not None
    assert (found.below, found.above) == (24, 27)
    assert found.units_per_token == (8.0, 9.0)
    assert found.place == "in"


def test_the_transition_of_verdicts_may_lie_elsewhere() -> None:
    rows = [
        record(width=18, verdict="not-bloom", near_threshold=0.3),
        record(width=24, verdict="partly"),
        record(width=30),
    ]
    curve = one_curve(rows)
    assert transition(curve) == Transition(3, 18, 24)
    assert transition(curve, "bloom") == Transition(3, 24, 30)


def test_saturated_widths_count_for_no_onset() -> None:
    rows = [
        record(width=8, mse=0.25),
        record(width=16, mse=0.1, near_threshold=0.3),
        record(width=24, mse=0.05),
    ]
    curve = one_curve(rows)
    assert [phase.saturated for phase in phases(curve)] == [True, False, False]
    assert transition(curve) == Transition(3, 16, 24)
    assert transition(one_curve(rows[:1])) is None
    assert transition(one_curve([rows[0], rows[2]])) == Transition(3, None, 24)


@pytest.mark.parametrize(
    ("below", "above", "place"),
    [
        (None, 12, "below"),  # all binarise, from 4 units per token on
        (None, 18, "below"),
        (None, 24, "unknown"),  # nothing narrower than 8 was studied
        (9, 12, "below"),
        (12, 24, "in"),
        (24, 48, "in"),
        (30, 36, "above"),
        (24, None, "unknown"),  # nothing wider than 8 was studied
        (30, None, "above"),
    ],
)
def test_the_place_of_an_onset(below: int | None, above: int | None, place: str) -> None:
    assert Transition(3, below, above).place == place


def test_sets_of_one_token_have_no_law() -> None:
    curve = one_curve(sweep((8, 16, 24, 32, 40), lambda d: 0.5**d, set_size=1))
    assert curve.trivial and len(curve.range) == 5 and curve.fit() is None
    pairs = one_curve(sweep((8, 16, 24, 32, 40), lambda d: 0.5**d, set_size=2))
    assert not pairs.trivial and pairs.fit() is not None


def test_a_seed_astray_errs_over_three_times_the_median() -> None:
    # Medians of four: .0015 and .002, so .005 is 3.3 times and .006 exactly 3 times, not over it.
    rows = [
        *(record(seed=s, mse=mse) for s, mse in enumerate((0.001, 0.001, 0.002, 0.005))),
        *(record(width=56, seed=s, mse=mse) for s, mse in enumerate((0.001, 0.002, 0.002, 0.006))),
        *(record(width=64, seed=s, mse=mse) for s, mse in enumerate((0.001, 1.0))),
    ]
    found = [point.astray for point in one_curve(rows).points]
    assert found[0] == pytest.approx([10 / 3]) and found[1:] == [[], []]


def test_where_the_error_falls_slowly_or_is_soft() -> None:
    # ln errors -2, -4, -5, -5.2 at 10, 20, 30, 40: slopes .2, .1, .02; half of .15 is .075.
    rows = [
        record(width=10 * (place + 1), mse=math.exp(log), p_exact=exact)
        for place, (log, exact) in enumerate(((-2, 0.5), (-4, 0.9), (-5, 0.99), (-5.2, 1.0)))
    ]
    curve = one_curve(rows)
    assert [(each.low, each.high) for each in curve.slowing(0.15, 10)] == [(30, 40)]
    assert [(each.low, each.high) for each in curve.slowing(0.3, 20)] == [(20, 30), (30, 40)]
    # Sets ranked wrongly can make (1 - p)(1 + 1/3) of the error: at 30 all of .0067, at 40 nothing.
    assert [point.width for point in curve.soft] == [40]
