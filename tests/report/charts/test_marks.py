"""Shapes and colours that figures share."""

import numpy as np

from build.svg import strokes
from relubloom.report.charts.chart import Chart
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import diverging, dots, picture, segments, tiles
from relubloom.report.charts.style import BIT, INK


def test_shapes_of_nothing_can_be_drawn() -> None:
    chart = Chart.canvas(10, 10)
    for shape in (segments([], edgecolor=INK), tiles([], INK), dots([], 2, edgecolor=INK)):
        chart.add(shape)
    assert "<svg" in Drawing("empty", "nothing", chart.figure).svg


def test_shapes_of_a_kind_are_one_path() -> None:
    chart = Chart.canvas(10, 10)
    chart.add(dots([(1, 1), (2, 2), (3, 3)], 2, edgecolor=INK))
    chart.add(tiles([(0, 0, 1, 1), (5, 5, 1, 1)], BIT))
    svg = Drawing("shapes", "three dots, two tiles", chart.figure).svg
    assert (strokes(svg, "ink"), strokes(svg, "bit")) == (3, 2)


def test_diverging_colours_by_hand() -> None:
    """Blue below 0, orange above; opacity is the size, up to the limit."""
    rgba = diverging(np.array([-4.0, -1.0, 0.0, 2.0]), 2.0)
    assert rgba[:, 3].tolist() == [255, 128, 0, 255]
    assert rgba[0, 2] > rgba[0, 0] and rgba[3, 0] > rgba[3, 2]


def test_a_picture_has_few_opacities() -> None:
    """24 levels lie 255 / 23 = 11.09 apart: 5 rounds to 0 and clears the pixel, 6 to 11."""
    found = picture(np.array([[5.0, 6.0, 255.0]]), 255)
    orange = [224, 116, 22]
    assert found.tolist() == [[[0, 0, 0, 0], [*orange, 11], [*orange, 255]]]
