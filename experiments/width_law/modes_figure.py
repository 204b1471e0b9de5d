"""How far networks binarise: modes, agreement with the union and bits, over units per token."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import cycle
from typing import Any

from matplotlib.figure import Figure

from panels import grid, key
from relubloom import theory
from relubloom.records.verdict import AGREEMENT_BLOOM
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, OTHER, PANEL, PAPER, RULE, styled
from width_law.curves import Curve
from width_law.phase_figure import band, units_axis
from width_law.phases import BAND
from width_law.records import Measured

WIDE = 880.0
TALL = 210.0
MARGINS: dict[str, Any] = {"top": 44, "under": 66, "bottom": 44, "left": 44, "gap": 50}
LOOKS: tuple[Look, ...] = (
    {"color": BIT, "marker": "o"},
    {"color": ACCENT, "marker": "s", "mfc": PAPER},
    {"color": INK, "marker": "^"},
    {"color": OTHER, "marker": "D"},
    {"color": MUTED, "marker": "v", "mfc": PAPER},
    {"color": ACCENT, "marker": "X"},
)
DOT: Look = {"ms": 3.6, "mew": 0.9, "lw": 0}


@styled
def draw_modes(name: str, curves: list[Curve], description: str) -> Drawing:
    """Every seed of the curves (one set size each): gap of the modes, unit agreement, bits."""
    wide, narrow = _draw(curves, WIDE, 3), _draw(curves, PANEL, 1)
    return Drawing(name, description, wide, narrow)


def _draw(curves: list[Curve], width: float, columns: int) -> Figure:
    charts = grid(width, 3, columns, tall=TALL, clip=False, **MARGINS)
    places = [point.width / curve.cell.set_size for curve in curves for point in curve.points]
    reach = (min([*places, BAND[0]]) / 1.1, max([*places, BAND[1]]) * 1.1)
    gap, agreement, bits = charts
    for chart in charts:
        band(chart)
    agreement.axes.axhline(AGREEMENT_BLOOM, color=MUTED, lw=0.9, ls=(0, (4, 3)))
    _dots(gap, curves, lambda network: math.nan if network.mode_gap is None else network.mode_gap)
    _dots(agreement, curves, lambda network: network.unit_agreement)
    _dots(bits, curves, lambda network: network.bits_mean)
    _random_codes(bits, curves)
    for chart, words in (
        (gap, "gap between the modes, in standard deviations"),
        (agreement, f"unit agrees with the union (line: {AGREEMENT_BLOOM:g})"),
        (bits, "bits per token (lines: best random code)"),
    ):
        chart.title(words, 10)
        units_axis(chart, reach)
        chart.y(span=(0, None) if chart is gap else None)
    entries = [
        (f"k = {curve.cell.set_size}", look | DOT)
        for curve, look in zip(curves, cycle(LOOKS), strict=False)
    ]
    entries.append(("predicted onset", {"facecolor": RULE, "alpha": 0.6}))
    key(gap.figure, entries, len(entries), handlelength=1.2, handletextpad=0.4, columnspacing=1.1)
    return gap.figure


def _random_codes(chart: Chart, curves: list[Curve]) -> None:
    """The weight of the best random code at each width."""
    for curve, look in zip(curves, cycle(LOOKS), strict=False):
        cell = curve.cell
        widths = [point.width for point in curve.points]
        weights = [
            theory.best_constant_weight(cell.vocab_size, width, cell.set_size).weight
            for width in widths
        ]
        chart.plot([width / cell.set_size for width in widths], weights, color=look["color"], lw=1)


def _dots(chart: Chart, curves: list[Curve], figure: Callable[[Measured], float]) -> None:
    for curve, look in zip(curves, cycle(LOOKS), strict=False):
        networks = [network for point in curve.points for network in point.networks]
        x = [network.width / curve.cell.set_size for network in networks]
        chart.plot(x, [figure(network) for network in networks], **look, **DOT)
