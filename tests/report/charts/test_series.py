"""Curves, and the runs of a sweep: golden facts of what is drawn."""

import pytest

from build.svg import roles, words
from relubloom.report.charts.series import Axis, Series, draw_records, draw_series


def curve(look: str, *y: float, spread: list[float] | None = None) -> Series:
    return Series(look, look, [float(x) for x in range(1, len(y) + 1)], list(y), spread)


def test_a_log_scale_leaves_out_zeros_and_theory_far_below() -> None:
    series = [curve("network", 0.1, 0.01, 0), curve("theory", 0.1, 0.005, 1e-6)]
    drawn = draw_series("mse", "falling", series, Axis("set size", "mse", log=True))
    assert words(drawn.svg) == [
        *("1", "2", "set size", "0.005", "0.01", "0.02", "0.05", "0.1", "mse"),
        *("network", "theory"),
    ]
    assert [len(line.get_xdata()) for line in drawn.figure.axes[0].lines] == [2, 2]


def test_marks_of_an_axis_and_where_it_ends() -> None:
    axis = Axis("step", "share (%)", top=1.0, marks={1.0: "first", 3.0: "last"})
    drawn = draw_series("share", "", [curve("network", 0.1, 0.9, 0.3)], axis)
    assert words(drawn.svg)[:3] == ["first", "last", "step"]
    assert drawn.figure.axes[0].get_ylim()[1] == pytest.approx(1.01)


def test_spread_is_drawn_as_bars_of_the_curve_s_colour() -> None:
    plain = draw_series("s", "", [curve("code", 1, 2)], Axis("x", "y"))
    spread = draw_series("s", "", [curve("code", 1, 2, spread=[0.5, 0.5])], Axis("x", "y"))
    low, high = spread.figure.axes[0].get_ylim()
    assert low < 0.5 and high > 2.5
    assert roles(spread.svg)["other"] > roles(plain.svg)["other"]
    assert roles(spread.svg).keys() == roles(plain.svg).keys()


def test_a_curve_without_points_is_not_named() -> None:
    drawn = draw_series("s", "", [curve("network", 0, 0)], Axis("x", "y", log=True))
    assert "network" not in words(drawn.svg)


RUNS = [
    {"width": width, "mse": 10.0**-width / seed, "seed": seed}
    for width in (1, 2, 3)
    for seed in (1, 2)
]


def test_runs_are_told_apart_and_those_without_a_number_left_out() -> None:
    drawn = draw_records([*RUNS, {"width": 4, "mse": None, "seed": 1}], "width", "mse", "seed")
    assert drawn.description == "mse against width of 6 runs, by seed"
    assert words(drawn.svg)[-6:] == ["0.001", "0.01", "0.1", "mse", "seed 1", "seed 2"]
    medians, dots, *_ = drawn.figure.axes[0].lines
    assert list(dots.get_xdata()) == list(medians.get_xdata()) == [1, 2, 3]


def test_runs_of_one_kind_have_no_legend() -> None:
    drawn = draw_records(RUNS, "seed", "width", None)
    assert drawn.description == "width against seed of 6 runs"
    assert words(drawn.svg)[-1] == "width"
    line = drawn.figure.axes[0].lines[0]
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([1, 2], [2, 2])  # medians
