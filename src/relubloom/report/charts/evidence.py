"""What was found of the code: the ladder of explanations, interventions, tokens."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from relubloom.report.charts.drawing import Drawing, draw, drawing
from relubloom.report.charts.marks import segments
from relubloom.report.charts.series import LABEL_ALL, legend, power
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
    plain_number,
    unclip,
)

LADDER_HEIGHT = 275.0
TOGETHER = 11.0  # SVG units: points closer than this share one label
RUNGS: dict[str, dict[str, Any]] = {
    "baseline": {"marker": "X", "ms": 7, "color": INK},
    "explanation": {"marker": "D", "ms": 7, "color": BIT},
    "quantisation": {"marker": "s", "ms": 5, "color": MUTED, "mfc": PAPER},
    "network": {"marker": "*", "ms": 12, "color": ACCENT},
}
LADDER_BOX = (0.13, 0.17, 0.84, 0.77)  # of the axes, in parts of the figure


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


def draw_ladder(name: str, description: str, points: list[Point], y: str) -> Drawing:
    """Points over bits on a log scale; baselines of fewer bits stand at its left edge."""
    told = [point.bits for point in points if point.kind != "baseline"] or [1.0]
    low, high = max(1.0, min(told)) / 2.2, max(1.0, *told) * 1.6
    first = low * 1.15

    def paint(figure: Figure) -> None:
        axes = figure.add_axes(LADDER_BOX)
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.set_ylim(-0.04, 1.06)
        for height in (0.25, 0.5, 0.75, 1.0):
            axes.plot([low, high], [height, height], color=RULE, lw=0.8, zorder=0)
        for line in dict.fromkeys(point.line for point in points if point.line):
            joined = [point for point in points if point.line == line]
            xs, ys = [each.bits for each in joined], [each.f1 for each in joined]
            axes.plot(xs, ys, color=MUTED, lw=1.2, ls="-" if line == "matrix" else (0, (3, 2)))
        for point in points:
            place = max(point.bits, first)
            axes.plot([place], [point.f1], lw=0, mew=1.1, **RUNGS.get(point.kind, {}))
        _label(axes, points, (low, high), first)
        axes.xaxis.set_major_locator(
            LogLocator(subs=(1.0, 3.0) if high < LABEL_ALL * low else (1.0,), numticks=12)
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: power(float(value)))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
        axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel("description length (bits, log scale)")
        axes.set_ylabel(y)
        unclip(axes)

    return drawing(name, description, (PANEL, LADDER_HEIGHT), paint)


def _label(axes: Axes, points: list[Point], span: tuple[float, float], first: float) -> None:
    """The points' labels; those of points in one place stand together."""
    across = LADDER_BOX[2] * PANEL / math.log(span[1] / span[0])
    up = LADDER_BOX[3] * LADDER_HEIGHT / 1.1
    groups: list[tuple[float, float, list[str]]] = []
    for point in points:
        if not point.label:
            continue
        x, y = across * math.log(max(point.bits, first) / span[0]), up * point.f1
        near = next((g for g in groups if math.hypot(g[0] - x, g[1] - y) < TOGETHER), None)
        if near is None:
            groups.append((x, y, [point.label]))
        else:
            near[2].append(point.label)
    for x, y, labels in groups:
        axes.annotate(
            ", ".join(labels),
            (span[0] * math.exp(x / across), y / up),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=9,
            color=INK,
        )


ROW = 27.0
LOOKS: dict[str, dict[str, Any]] = {
    "control": {"marker": "s", "mfc": PAPER, "color": OTHER, "label": "made wrongly"},
    "code": {"marker": "o", "color": BIT, "label": "predicted by the code"},
    "explanation": {
        "marker": "D",
        "mfc": PAPER,
        "color": ACCENT,
        "label": "by the best explanation",
    },
}


@dataclass(frozen=True)
class Result:
    """One intervention: F1 of the code's prediction, of its control and of the explanation's, each
    None where untold."""

    name: str
    f1: float | None
    control: float | None
    explained: float | None = None


def draw_interventions(results: list[Result], description: str) -> Drawing:
    """A line for each intervention, from the control to the prediction."""
    wide, narrow = (
        _draw(f"interventions-{name}", results, name == "wide", description)
        for name in ("wide", "narrow")
    )
    return Drawing("interventions", wide, narrow)


def _draw(name: str, results: list[Result], wide: bool, description: str) -> Markup:
    width, left = (WIDE, 150.0) if wide else (PANEL, 128.0)
    over = 26 if wide else 58
    height = len(results) * ROW + 46 + over

    def paint(figure: Figure) -> None:
        bottom, top = 42 / height, over / height
        axes = figure.add_axes((left / width, bottom, 0.975 - left / width, 1 - bottom - top))
        for row, result in enumerate(results):
            axes.plot([0, 1], [row, row], color=RULE, lw=1, zorder=0)
            if result.f1 is not None and result.control is not None:
                axes.plot([result.control, result.f1], [row, row], color=OTHER, lw=1.6, zorder=1)
            axes.text(-0.03, row, result.name, ha="right", va="center", fontsize=10.5, color=INK)
            if result.f1 is None:
                axes.text(0.5, row - 0.22, "nothing to compare", ha="center", fontsize=9)
        wrong = [(row, each.control) for row, each in enumerate(results)]
        right = [(row, each.f1) for row, each in enumerate(results)]
        further = [(row, each.explained) for row, each in enumerate(results)]
        for points, look in ((wrong, "control"), (right, "code"), (further, "explanation")):
            x = [f1 for _, f1 in points if f1 is not None]
            y = [row for row, f1 in points if f1 is not None]
            if x:
                axes.plot(x, y, lw=0, ms=7.5, mew=1.4, **LOOKS[look])
        axes.set_xlim(0, 1.02)
        axes.set_ylim(len(results) - 0.5, -0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel("F1: predicted against actual")
        legend(axes, 3 if wide else 1)
        unclip(axes)

    return draw(name, description, (width, round(height)), paint)


TOKENS_HEIGHT = 250.0
DOTS = 2000  # more dots than this are thinned out evenly


def draw_tokens(
    name: str,
    description: str,
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    words: tuple[str, str],
) -> Drawing:
    """Shares in per cent, [tokens] each; the line is where the prediction is exact."""
    every = -(-len(predicted) // DOTS)
    x, y = 100 * predicted[::every], 100 * measured[::every]
    highest = float(max(x.max(), y.max())) * 1.06 or 1.0

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.165, 0.175, 0.80, 0.78))
        axes.plot([0, highest], [0, highest], color=MUTED, lw=1, ls=(0, (4, 3)))
        axes.add_patch(_dots(x, y, highest))
        axes.set_xlim(0, highest)
        axes.set_ylim(0, highest)
        axes.locator_params(nbins=5)
        for side in (axes.xaxis, axes.yaxis):
            side.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel(words[0])
        axes.set_ylabel(words[1])
        unclip(axes)

    return drawing(name, description, (PANEL, TOKENS_HEIGHT), paint)


def _dots(x: NDArray[np.float64], y: NDArray[np.float64], span: float) -> PathPatch:
    """All dots as one path: each a stroke of no length worth naming, with round ends."""
    ends = [((a, b), (a + 1e-3 * span, b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return segments(ends, edgecolor=BIT, lw=4.2, capstyle="round", alpha=0.55)
