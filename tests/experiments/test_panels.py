"""Charts row by row on one figure, and their legend."""

import pytest

from build.svg import words
from panels import grid, key
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import BIT, INK


def test_a_grid_lays_charts_out_row_by_row() -> None:
    charts = grid(200, 3, 2, tall=50, top=10, under=20, bottom=30, left=15, gap=25, right=10)
    figure = charts[0].figure
    assert (72 * figure.get_size_inches()).tolist() == pytest.approx([200, 10 + 50 + 20 + 50 + 30])
    boxes = [chart.axes.get_position().bounds for chart in charts]
    assert [(round(200 * x), round(160 * y)) for x, y, *_ in boxes] == [
        (15, 100),
        (115, 100),
        (15, 30),
    ]
    assert {round(200 * width) for _, _, width, _ in boxes} == {75}
    key(figure, [("line", {"color": INK}), ("shade", {"facecolor": BIT})], 2)
    assert words(Drawing("grid", "", figure).svg)[-2:] == ["line", "shade"]
