"""The ladder, interventions and tokens: golden facts of what is drawn."""

import numpy as np
import pytest

from build.svg import marks, strokes, words
from relubloom.report.charts.evidence import (
    Point,
    Result,
    draw_interventions,
    draw_ladder,
    draw_tokens,
)

RUNGS = [
    Point(0, 0.1, "baseline", "no bits"),
    Point(1000, 0.5, "explanation", "1"),
    Point(1010, 0.51, "explanation", "2"),
    Point(20000, 0.7, "quantisation", "", "matrix"),
    Point(40000, 0.8, "quantisation", "", "matrix"),
    Point(300000, 1, "network", ""),
]


def test_rungs_stand_at_their_length_and_those_in_one_place_share_a_label() -> None:
    drawn = draw_ladder("ladder", "six rungs", RUNGS, "F1 on loss failures")
    assert words(drawn.svg) == [
        *("1000", "10000", "10⁵", "description length (bits, log scale)"),
        *("0", "0.25", "0.5", "0.75", "1", "F1 on loss failures"),
        *("no bits", "1, 2"),
    ]
    (axes,) = drawn.figure.axes
    low, high = axes.get_xlim()
    assert (low, high) == pytest.approx((1000 / 2.2, 300000 * 1.6))
    baseline = axes.lines[5]
    assert baseline.get_xdata()[0] == pytest.approx(1.15 * low)  # it has no bits at all
    assert (strokes(drawn.svg, "rule"), marks(drawn.svg, "accent")) == (4, 2)


def test_a_ladder_of_baselines_only_can_be_drawn() -> None:
    assert "alone" in words(draw_ladder("ladder", "", [Point(0, 0, "baseline", "alone")], "F1").svg)


def test_interventions_are_lines_from_the_control_to_the_prediction() -> None:
    results = [
        Result("cover", 0.9, 0.2, 0.8),
        Result("swap", None, None),
        Result("patch", 0.5, None),
    ]
    drawn = draw_interventions(results, "three")
    said = words(drawn.svg)
    assert said[:6] == ["0", "0.25", "0.5", "0.75", "1", "F1: predicted against actual"]
    assert said[6:10] == ["cover", "swap", "nothing to compare", "patch"]
    assert said[10:] == ["made wrongly", "predicted by the code", "by the best explanation"]
    assert (strokes(drawn.svg, "rule"), strokes(drawn.svg, "other")) == (3, 1)
    points = {line.get_label(): line for line in drawn.figure.axes[0].lines}
    assert list(points["predicted by the code"].get_xdata()) == [0.9, 0.5]
    assert list(points["predicted by the code"].get_ydata()) == [0, 2]
    assert drawn.narrow is not None
    assert drawn.figure.axes[0].get_ylim() == (2.5, -0.5)


def test_the_legend_leaves_out_what_was_not_predicted() -> None:
    said = words(draw_interventions([Result("cover", 0.9, 0.2)], "").svg)
    assert said[-2:] == ["made wrongly", "predicted by the code"]


def test_tokens_are_dots_on_two_equal_axes() -> None:
    predicted, measured = np.array([0, 0.1, 0.2]), np.array([0.05, 0.1, 0.4])
    drawn = draw_tokens("tokens", "three", predicted, measured, ("covered", "called"))
    assert words(drawn.svg) == [
        *("0", "10", "20", "30", "40", "covered"),
        *("0", "10", "20", "30", "40", "called"),
    ]
    assert (marks(drawn.svg, "bit"), strokes(drawn.svg, "bit")) == (1, 3)
    (axes,) = drawn.figure.axes
    assert axes.get_xlim() == axes.get_ylim() == pytest.approx((0, 40 * 1.06))


def test_more_tokens_than_dots_are_thinned_out() -> None:
    shares = np.linspace(0, 1, 4001)
    drawn = draw_tokens("tokens", "many", shares, shares, ("covered", "called"))
    assert strokes(drawn.svg, "bit") == 1334  # every third


def test_tokens_without_any_false_positive_can_be_drawn() -> None:
    none = np.zeros(2)
    drawn = draw_tokens("tokens", "none", none, none, ("covered", "called"))
    assert drawn.figure.axes[0].get_xlim() == (0, 1)
