"""What was found of the code: the ladder of explanations, interventions, tokens."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import dots
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

QUARTERS = (0, 0.25, 0.5, 0.75, 1)
RUNGS: dict[str, Look] = {
    "baseline": {"marker": "X", "ms": 7, "color": INK},
    "explanation": {"marker": "D", "ms": 7, "color": BIT},
    "quantisation": {"marker": "s", "ms": 5, "color": MUTED, "mfc": PAPER},
    "network": {"marker": "*", "ms": 12, "color": ACCENT},
}
TOGETHER = 11.0  # SVG units: rungs closer than this share one label
ROW = 27.0  # SVG units of an intervention
PREDICTIONS: dict[str, Look] = {
    "control": {"marker": "s", "mfc": PAPER, "color": OTHER, "label": "made wrongly"},
    "f1": {"marker": "o", "color": BIT, "label": "predicted by the code"},
    "explained": {
        "marker": "D",
        "mfc": PAPER,
        "color": ACCENT,
        "label": "by the best explanation",
    },
}
DOTS = 2000  # more tokens than this are thinned out evenly


@dataclass(frozen=True)
class Point:
    """A rung: its length in bits, its F1 (0 to 1), what it is called in the figure.

    `line` groups the points that one line joins.
    """

    bits: float
    f1: float
    kind: str
    label: str
    line: str | None = None


@styled
def draw_ladder(name: str, description: str, points: list[Point], y: str) -> Drawing:
    """How well each rung says which sets fail, against its length on a log scale.

    Baselines of fewer bits stand at its left edge.
    """
    told = [point.bits for point in points if point.kind != "baseline"] or [1.0]
    low, high = max(1.0, min(told)) / 2.2, max(1.0, *told) * 1.6
    first = low * 1.15
    chart = Chart(PANEL, 275, left=44, bottom=47, right=10, top=16.5)
    for height in QUARTERS[1:]:
        chart.plot([low, high], [height] * 2, color=RULE, lw=0.8, zorder=0)
    for line in dict.fromkeys(point.line for point in points if point.line):
        joined = [point for point in points if point.line == line]
        dash = "-" if line == "matrix" else (0, (3, 2))
        chart.plot(
            [each.bits for each in joined],
            [each.f1 for each in joined],
            color=MUTED,
            lw=1.2,
            ls=dash,
        )
    for point in points:
        place = max(point.bits, first)
        look = {"label": point.kind, **RUNGS.get(point.kind, {})}
        chart.plot([place], [point.f1], lw=0, mew=1.1, **look)
    chart.x("description length (bits, log scale)", (low, high), log=True)
    chart.y(y, (-0.04, 1.06), ticks=QUARTERS)
    across, up = chart.across / math.log(high / low), chart.down / 1.1
    for x, height, words in _labels(points, across, up, first):
        chart.text(x, height, words, 9, align="center bottom", offset=(0, 6))
    return Drawing(name, description, chart.figure)


def _labels(
    points: list[Point], across: float, up: float, first: float
) -> list[tuple[float, float, str]]:
    """Where labels stand and what they say: those of points in one place stand together.

    `across` and `up` are SVG units for each e-fold of bits, and for an F1 of 1.
    """
    groups: list[tuple[float, float, list[str]]] = []
    for point in points:
        if not point.label:
            continue
        x, y = max(point.bits, first), point.f1
        for at, height, words in groups:
            if math.hypot(across * math.log(x / at), up * (y - height)) < TOGETHER:
                words.append(point.label)
                break
        else:
            groups.append((x, y, [point.label]))
    return [(x, y, ", ".join(words)) for x, y, words in groups]


@dataclass(frozen=True)
class Result:
    """One intervention: F1 of the code's prediction, of its control and of the explanation's, each
    None where untold."""

    name: str
    f1: float | None
    control: float | None
    explained: float | None = None


@styled
def draw_interventions(results: list[Result], description: str) -> Drawing:
    """F1 of each intervention: a line from the control to the prediction."""
    down = len(results) * ROW
    wide = Chart(WIDE, round(down + 72), left=150, bottom=42, right=15.5, top=26)
    narrow = Chart(PANEL, round(down + 104), left=128, bottom=42, right=8.5, top=58)
    for chart, columns in ((wide, 3), (narrow, 1)):
        _interventions(chart, results)
        chart.legend(columns)
    return Drawing("interventions", description, wide.figure, narrow.figure)


def _interventions(chart: Chart, results: list[Result]) -> None:
    for row, result in enumerate(results):
        chart.plot([0, 1], [row, row], color=RULE, lw=1, zorder=0)
        if result.f1 is not None and result.control is not None:
            chart.plot([result.control, result.f1], [row, row], color=OTHER, lw=1.6, zorder=1)
        chart.text(-0.03, row, result.name, 10.5, align="right center")
        if result.f1 is None:
            chart.text(0.5, row - 0.22, "nothing to compare", 9, align="center baseline")
    for which, look in PREDICTIONS.items():
        found = [(getattr(each, which), row) for row, each in enumerate(results)]
        told = [(f1, row) for f1, row in found if f1 is not None]
        if told:
            chart.plot(*zip(*told, strict=True), lw=0, ms=7.5, mew=1.4, **look)
    chart.x("F1: predicted against actual", (0, 1.02), ticks=QUARTERS)
    chart.y(span=(len(results) - 0.5, -0.5), ticks=())
    chart.frame("bottom")


@styled
def draw_tokens(
    name: str,
    description: str,
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    words: tuple[str, str],
) -> Drawing:
    """Every token a dot: how often its hash is covered, and how often the network calls it.

    Shares [tokens] from 0 to 1, shown in per cent; the line is where the prediction is exact.
    """
    every = -(-len(predicted) // DOTS)
    x, y = 100 * predicted[::every], 100 * measured[::every]
    highest = float(max(x.max(), y.max())) * 1.06 or 1.0
    chart = Chart(PANEL, 250, right=12, top=11)
    chart.plot([0, highest], [0, highest], color=MUTED, lw=1, ls=(0, (4, 3)))
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    chart.add(dots(points, 4.2, edgecolor=BIT, capstyle="round", alpha=0.55))
    chart.x(words[0], (0, highest), ticks=5)
    chart.y(words[1], (0, highest), ticks=5)
    return Drawing(name, description, chart.figure)
