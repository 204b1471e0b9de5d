"""The ladder of explanations: how well each program says which sets fail, against its length."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from relubloom.report.series_figure import LABEL_ALL, power
from relubloom.report.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    PANEL,
    PAPER,
    RULE,
    Drawing,
    drawing,
    plain_number,
    unclip,
)

HEIGHT = 275.0
TOGETHER = 11.0  # SVG units: points closer than this share one label
MARKS: dict[str, dict[str, Any]] = {
    "baseline": {"marker": "X", "ms": 7, "color": INK},
    "explanation": {"marker": "D", "ms": 7, "color": BIT},
    "quantisation": {"marker": "s", "ms": 5, "color": MUTED, "mfc": PAPER},
    "network": {"marker": "*", "ms": 12, "color": ACCENT},
}
BOX = (0.13, 0.17, 0.84, 0.77)  # of the axes, in parts of the figure


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
        axes = figure.add_axes(BOX)
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
            axes.plot([place], [point.f1], lw=0, mew=1.1, **MARKS.get(point.kind, {}))
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

    return drawing(name, description, (PANEL, HEIGHT), paint)


def _label(axes: Axes, points: list[Point], span: tuple[float, float], first: float) -> None:
    """The points' labels; those of points in one place stand together."""
    across = BOX[2] * PANEL / math.log(span[1] / span[0])
    up = BOX[3] * HEIGHT / 1.1
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
