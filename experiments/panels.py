"""Several charts of one size on one figure, and one legend for all of them."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relubloom.report.charts.chart import Chart, Look


def grid(
    width: float,
    count: int,
    columns: int,
    *,
    tall: float,
    top: float,
    under: float,
    bottom: float,
    left: float,
    gap: float,
    right: float = 10.0,
    clip: bool = True,
) -> list[Chart]:
    """`count` charts of one size on one figure, row by row.

    Args:
        width: of the figure; its height is what the charts need.
        tall: height of each chart.
        top, bottom, left, right: margins around all charts.
        under, gap: room between rows and between columns.
        clip: marks end where their axes do.
    """
    rows = -(-count // columns)
    height = top + rows * (tall + under) - under + bottom
    across = (width - left - right - gap * (columns - 1)) / columns
    figure = Figure(figsize=(width / 72, height / 72))
    charts: list[Chart] = []
    for index in range(count):
        down, place = divmod(index, columns)
        x, y = left + place * (across + gap), top + down * (tall + under)
        charts.append(
            Chart(
                width,
                height,
                left=x,
                right=width - x - across,
                top=y,
                bottom=height - y - tall,
                figure=figure,
                clip=clip,
            )
        )
    return charts


def key(figure: Figure, entries: Sequence[tuple[str, Look]], columns: int, **spacing: Any) -> None:
    """What the looks of several charts mean, at the top left of their figure.

    `spacing` are keywords of matplotlib's `legend`.
    """
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    handles = [
        Patch(lw=0, **look) if "facecolor" in look else Line2D([], [], **look)
        for _, look in entries
    ]
    look: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 1.0), "frameon": False}
    look |= {"borderaxespad": 0.6, "borderpad": 0.2, "fontsize": 9.2, "labelspacing": 0.35}
    axes.legend(handles, [name for name, _ in entries], ncol=columns, **(look | spacing))
