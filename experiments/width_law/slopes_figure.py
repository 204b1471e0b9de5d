"""Local slopes: how fast error falls between neighbouring widths, beside what the laws expect."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from panels import grid, key
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import BIT, INK, PANEL, RULE, WIDE, styled
from width_law.curves import Curve
from width_law.fits import LawFit

TALL, TOP, UNDER = 170.0, 42.0, 66.0
EXPONENTIAL: Look = {"color": BIT, "lw": 1.5}
POWER: Look = {"color": BIT, "lw": 1.3, "ls": (0, (1, 1.4))}
RANDOM: Look = {"color": INK, "marker": "^", "ms": 4, "lw": 1.0}
TRAINED: Look = {"color": BIT, "marker": "o", "ms": 4.5, "lw": 0}


@dataclass(frozen=True)
class SlopePanel:
    """Trained networks of one cell, their fits, and ln of the random codes' exact error by width.

    Slopes are shown times the set size, so that those of all set sizes compare.
    """

    title: str
    curve: Curve
    fit: LawFit | None
    random_logs: tuple[tuple[int, float], ...]


@styled
def draw_slopes(name: str, panels: list[SlopePanel], description: str) -> Drawing:
    """A panel for each; wide in rows of three, and one by one for a phone."""
    columns = min(3, len(panels))
    wide = _draw(panels, WIDE if columns == 1 else 880.0, columns)
    return Drawing(name, description, wide, _draw(panels, PANEL, 1))


def _draw(panels: list[SlopePanel], width: float, columns: int) -> Figure:
    narrow = width == PANEL
    top = (TOP + 44 if narrow else TOP) - (0 if any(panel.title for panel in panels) else 16)
    margins: dict[str, Any] = {"left": 50, "gap": 18, "bottom": UNDER - 18, "under": UNDER}
    charts = grid(width, len(panels), columns, tall=TALL, top=top, **margins)
    limits = _limits(panels)
    for index, (chart, panel) in enumerate(zip(charts, panels, strict=True)):
        _paint(chart, panel)
        chart.x("width d", ticks=7, whole=True)
        chart.y("" if index % columns else "k × fall of ln mse per unit", limits)
        if index % columns:
            chart.axes.set_yticklabels([])
        chart.title(panel.title)
    entries: list[tuple[str, Look]] = [
        ("trained (bars: 2 standard errors, over seeds)", TRAINED),
        ("exponential fit", EXPONENTIAL),
        ("power-law fit", POWER),
        ("best random code, exact", RANDOM),
    ]
    key(charts[0].figure, entries, 1 if narrow else 4, columnspacing=1.4, labelspacing=0.25)
    return charts[0].figure


def _limits(panels: list[SlopePanel]) -> tuple[float, float]:
    values = [0.0, 0.6]
    for panel in panels:
        values += [panel.curve.cell.set_size * each.slope for each in panel.curve.local_slopes()]
    return min(values) * 1.1 - 0.02, max(values) * 1.15


def _paint(chart: Chart, panel: SlopePanel) -> None:
    size, slopes = panel.curve.cell.set_size, panel.curve.local_slopes()
    chart.axes.axhline(0, color=RULE, lw=0.8, zorder=0)
    pairs = list(pairwise(panel.random_logs))
    chart.plot(
        [(low[0] + high[0]) / 2 for low, high in pairs],
        [size * (low[1] - high[1]) / (high[0] - low[0]) for low, high in pairs],
        **RANDOM,
    )
    if panel.fit is not None:
        inside = np.linspace(panel.fit.widths[0], panel.fit.widths[-1], 60)
        rate = size * panel.fit.exponential.rate
        chart.plot(inside[[0, -1]], [rate, rate], **EXPONENTIAL)
        chart.plot(inside, size * panel.fit.power.rate / inside, **POWER)
    middles = [(each.low + each.high) / 2 for each in slopes]
    found = [size * each.slope for each in slopes]
    errors = [0.0 if each.error is None else 2 * size * each.error for each in slopes]
    chart.errors(middles, found, errors, BIT)
    chart.plot(middles, found, **TRAINED)
