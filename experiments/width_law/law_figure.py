"""Error against width: every seed, both fitted laws, and everything that is not trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from panels import grid, key
from relubloom import theory
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import Place, dots
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    RULE,
    WIDE,
    styled,
)
from width_law.curves import Curve
from width_law.fits import LawFit
from width_law.rivals import Rivals, counting_mse

BELOW = 12.0  # the axis ends this much below the least error that was measured
SPREAD = 0.016  # of the axis: seeds of a width stand side by side over so much to either side
PLOT, OVER, UNDER = 215.0, 24.0, 40.0  # SVG units: of a panel, over it and under it
LINE = 15.0  # of the legend
DOTS = 3.6  # across
RELU: Look = {"color": BIT, "capstyle": "round"}
LINEAR: Look = {"color": OTHER, "capstyle": "projecting"}
EXPONENTIAL: Look = {"color": BIT, "lw": 1.5}
POWER: Look = {"color": BIT, "lw": 1.3, "ls": (0, (1, 1.4))}
RANDOM: Look = {"color": INK, "marker": "^", "ms": 4, "lw": 1.1}
DESIGNED: Look = {"color": ACCENT, "marker": "D", "ms": 3.6, "lw": 1.1, "ls": (0, (4, 2))}
SUPERPOSITION: Look = {"color": MUTED, "lw": 1.2, "ls": (0, (6, 2, 1, 2))}


@dataclass(frozen=True)
class LawPanel:
    """One panel: the trained networks of one cell, and their rivals at the same sizes."""

    title: str
    curve: Curve
    linear: Curve | None
    rivals: tuple[Rivals, ...]
    fit: LawFit | None

    @property
    def measured(self) -> list[float]:
        """All errors above 0 of trained networks."""
        curves = [self.curve, *([] if self.linear is None else [self.linear])]
        errors = [error for curve in curves for point in curve.points for error in point.errors]
        return [error for error in errors if error > 0]


@styled
def draw_law(name: str, panels: list[list[LawPanel]], description: str) -> Drawing:
    """A grid of panels, row by row, that share their error axis; wide, and one by one for a phone.

    A single panel is drawn as wide as the text.
    """
    columns = max(len(row) for row in panels)
    everything = [panel for row in panels for panel in row]
    wide = _draw(everything, WIDE if columns == 1 else max(WIDE, 40 + 285.0 * columns), columns)
    return Drawing(name, description, wide, _draw(everything, PANEL, 1))


def _draw(panels: list[LawPanel], width: float, columns: int) -> Figure:
    entries = _entries(panels)
    across_legend = 2 if width < WIDE else 4
    over = OVER if any(panel.title for panel in panels) else 8.0
    top = LINE * -(-len(entries) // across_legend) + 8 + over
    margins: dict[str, Any] = {"under": over + UNDER, "bottom": UNDER, "left": 54.0, "gap": 16.0}
    charts = grid(width, len(panels), columns, tall=PLOT, top=top, **margins)
    for index, (chart, panel) in enumerate(zip(charts, panels, strict=True)):
        _paint(chart, panel, _span(panels), first=index % columns == 0)
    key(charts[0].figure, entries, across_legend, handlelength=2.3, columnspacing=1.4)
    return charts[0].figure


def _span(panels: list[LawPanel]) -> tuple[float, float]:
    """Ends of the error axis."""
    measured = [error for panel in panels for error in panel.measured] or [1e-3]
    return min(measured) / BELOW, 2 * max(measured)


def _paint(chart: Chart, panel: LawPanel, span: tuple[float, float], *, first: bool) -> None:
    widths = [point.width for point in panel.curve.points]
    widths += [point.width for point in panel.linear.points] if panel.linear else []
    low, high = min(widths), max(widths)
    room = 0.05 * (high - low) or 1.0
    chart.y("mse (log scale)" if first else "", span, log=True)
    chart.x("width d", (low - room, high + room), ticks=7, whole=True)
    chart.title(panel.title)
    if not first:
        chart.axes.set_yticklabels([])
    _paint_rivals(chart, panel, span)
    if panel.linear is not None:
        _paint_seeds(chart, panel.linear, LINEAR, high - low)
    _paint_seeds(chart, panel.curve, RELU, high - low)
    if panel.fit is not None:
        inside = np.linspace(panel.fit.widths[0], panel.fit.widths[-1], 60)
        chart.plot(inside, panel.fit.power.at(inside), **POWER)
        chart.plot(inside, panel.fit.exponential.at(inside), **EXPONENTIAL)


def _paint_seeds(chart: Chart, curve: Curve, look: Look, reach: float) -> None:
    """All seeds, side by side in the order of their seeds: dots, all of them in one path."""
    places: list[Place] = []
    for point in curve.points:
        count = len(point.networks)
        for place, error in enumerate(point.errors):
            across = (2 * place / (count - 1) - 1) if count > 1 else 0.0
            places.append((point.width + SPREAD * reach * across, error))
    chart.add(dots(places, DOTS, **look))


def _paint_rivals(chart: Chart, panel: LawPanel, span: tuple[float, float]) -> None:
    rivals = sorted(panel.rivals, key=lambda each: each.width)
    if not rivals:
        return
    _paint_bound(chart, rivals[0], span)
    resolved = [each for each in rivals if each.superposition_mse is not None]
    superposed = [each.superposition_mse or 0.0 for each in resolved]
    chart.plot([each.width for each in resolved], superposed, **SUPERPOSITION)
    errors = [(each.width, each.random_mse) for each in rivals]
    _paint_codes(chart, errors, span, RANDOM)
    designed = [(each.width, each.designed.mse) for each in rivals if each.designed is not None]
    _paint_codes(chart, designed, span, DESIGNED)
    free = [each.width for each in rivals if each.disjunct]
    if free:
        _mark_disjunct(chart, free[0], span[0])


def _paint_bound(chart: Chart, narrowest: Rivals, span: tuple[float, float]) -> None:
    """What lies below the counting bound, to where the bound is 0."""
    vocab, size = narrowest.vocab_size, narrowest.set_size
    first, last = narrowest.width, math.ceil(theory.counting_width(vocab, size))
    widths = range(first, last + 1)
    bounds = [counting_mse(vocab, width, size) for width in widths]
    if len(bounds) > 1:
        low = np.full(len(bounds), span[0])
        chart.band(list(widths), low, np.maximum(bounds, low), RULE)


def _mark_disjunct(chart: Chart, width: int, foot: float) -> None:
    """The narrowest of the widths at which a code without any error exists."""
    low, high = chart.axes.get_xlim()
    chart.plot([width], [foot], marker="v", ms=6, color=MUTED, clip_on=False, zorder=5)
    align, away = ("right", -7) if width > (low + high) / 2 else ("left", 7)
    chart.axes.annotate(
        f"error 0 exists at {width}",
        (width, foot),
        xytext=(away, 4),
        textcoords="offset points",
        ha=align,
        fontsize=8.5,
        color=MUTED,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
        zorder=4,
    )


def _paint_codes(
    chart: Chart, errors: list[tuple[int, float]], span: tuple[float, float], look: Look
) -> None:
    """A line that leaves the axes at their foot, where the error falls below them."""
    below = [place for place, (_, error) in enumerate(errors) if error < span[0]]
    shown = errors[: below[0] + 1] if below else errors
    heights = [max(error, span[0] / 100) for _, error in shown]
    chart.plot([width for width, _ in shown], heights, **look)


def _entries(panels: list[LawPanel]) -> list[tuple[str, Look]]:
    """What the legend names: only what is drawn."""
    rivals = [each for panel in panels for each in panel.rivals]
    dot = {"lw": 0, "mew": 0, "ms": DOTS + 1}
    entries: list[tuple[str, Look]] = [
        ("trained, a dot a seed", {**dot, "color": BIT, "marker": "o"})
    ]
    if any(panel.fit is not None for panel in panels):
        entries += [("exponential fit", EXPONENTIAL), ("power-law fit", POWER)]
    if any(panel.linear is not None for panel in panels):
        entries.append(("trained without ReLU", {**dot, "color": OTHER, "marker": "s"}))
    if rivals:
        entries.append(("best random code", RANDOM))
    if any(each.designed is not None for each in rivals):
        entries.append(("designed code", DESIGNED))
    if any(each.superposition_mse is not None for each in rivals):
        entries.append(("random directions (JL)", SUPERPOSITION))
    if any(each.counting_mse > 0 for each in rivals):
        shade = {"color": RULE, "marker": "s", "ms": 9, "mew": 0, "lw": 0}
        entries.append(("below the counting bound", shade))
    return entries
