"""The chart: its ticks, its ends, its legend."""

import numpy as np
import pytest

from build.svg import words
from relubloom.report.charts.chart import Chart
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import BIT, INK, plain_number, power, shortened, styled


def said(chart: Chart) -> list[str]:
    return words(Drawing("chart", "", chart.figure).svg)


def along(low: float, high: float) -> Chart:
    """A chart of a line from low to high, its x axis without ticks."""
    chart = Chart(340, 230)
    chart.plot([0, 1], [low, high], color=INK)
    chart.x("across", ticks=())
    return chart


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [
        ((0.02, 0.5), ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        ((0.01, 1), ["0.01", "0.03", "0.1", "0.3", "1"]),
        ((1e-5, 1), ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]),
    ],
)
def test_a_log_axis_labels_more_where_its_ends_are_near(
    ends: tuple[float, float], ticks: list[str]
) -> None:
    chart = along(*ends)
    chart.y("up", ends, log=True)
    assert said(chart) == ["across", *ticks, "up"]


def test_a_narrow_log_axis_is_widened_about_its_middle() -> None:
    """1.2 decades about the geometric mean of what is shown."""
    chart = along(4, 25)
    chart.y(log=True)
    low, high = chart.axes.get_ylim()
    assert (low * high, high / low) == pytest.approx((100, 10**1.2))


def test_ticks_are_few_or_whole_or_named() -> None:
    chart = along(-2, 2)
    chart.y(ticks=5)
    assert said(chart)[1:] == ["−2", "−1", "0", "1", "2"]
    chart = along(1, 4)
    chart.y(whole=True)
    assert said(chart)[1:] == ["1", "2", "3", "4"]


@styled
def test_no_label_is_read_as_mathematics() -> None:
    chart = along(0, 1)
    chart.y("$up$", ticks={0.0: "low", 1.0: "$high$"})
    assert said(chart)[1:] == ["low", "$high$", "$up$"]


def test_an_end_may_be_left_to_the_marks() -> None:
    chart = along(3, 7)
    chart.y(span=(0, None))
    low, high = chart.axes.get_ylim()
    assert low == 0 and high >= 7


def test_a_legend_names_only_what_is_drawn() -> None:
    chart = along(0, 1)
    chart.y(ticks=())
    chart.legend(2)
    assert said(chart) == ["across"]
    chart.bars([0, 1], [1, 2], 0.5, BIT, "bars")
    chart.legend(2)
    assert said(chart) == ["across", "bars"]


def test_a_histogram_is_cut_at_the_threshold() -> None:
    chart = Chart(100, 100)
    chart.histogram(np.array([1.0, 2, 0, 3]), np.array([0.0, 1, 2, 3, 4]), 2.0, INK)
    bits, others = (patch.get_data() for patch in chart.axes.patches)  # pyright: ignore
    assert (bits.values.tolist(), bits.edges.tolist()) == ([1, 2], [0, 1, 2])
    assert (others.values.tolist(), others.edges.tolist()) == ([3], [3, 4])


def test_numbers_and_labels_in_plain_characters() -> None:
    assert [plain_number(value) for value in (-0.5, 1e-05, 3.0)] == ["−0.5", "1e−05", "3"]
    assert [power(value) for value in (0.01, 1e-5, 3e-5, 1e5, 300)] == [
        *("0.01", "10⁻⁵", "3·10⁻⁵", "10⁵", "300"),
    ]
    assert (shortened("x" * 13), shortened("x" * 14)) == ("x" * 13, "x" * 12 + "…")
