"""Curves over a few whole numbers, and any figure of a sweep's runs against any other."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from relubloom.records.sweep_row import told
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, OTHER, PANEL, PAPER, WIDE, styled

FLOOR = 1e-12  # what is less counts as 0
BELOW = 20.0  # theory this much below the least that was measured is not drawn
LOOKS: dict[str, Look] = {
    "network": {"color": BIT, "marker": "o", "ms": 5.5, "lw": 1.6},
    "code": {"color": OTHER, "marker": "s", "ms": 6, "lw": 1.4, "ls": (0, (4, 2)), "mfc": PAPER},
    "theory": {"color": INK, "marker": "^", "ms": 4.5, "lw": 1.1, "ls": (0, (1, 1.6))},
    "line": {"color": ACCENT, "lw": 1.3},
    "dots": {"color": BIT, "marker": "o", "ms": 3.4, "mew": 0, "lw": 0, "alpha": 0.6},
}
RUN_LOOKS = ((BIT, "o"), (OTHER, "s"), (ACCENT, "^"), (INK, "D"), (MUTED, "v"))
LOG_FROM = 20.0  # runs: the greatest value over the least, both above 0


@dataclass(frozen=True)
class Series:
    """One curve; `spread` are standard deviations, drawn as bars."""

    name: str
    look: str
    x: list[float]
    y: list[float]
    spread: list[float] | None = None


@dataclass(frozen=True)
class Axis:
    """The words of both axes, whether y is a log scale, where y ends, and marks of its own on x."""

    x: str
    y: str
    log: bool = False
    top: float | None = None
    marks: dict[float, str] | None = None


@styled
def draw_series(name: str, description: str, series: list[Series], axis: Axis) -> Drawing:
    """A panel of curves; on a log scale values at 0, and theory far below them, are left out."""
    chart = Chart(PANEL, 230)
    least = _least(series) if axis.log else -math.inf
    for each in series:
        kept = [place for place, value in enumerate(each.y) if value >= least]
        x, y = [each.x[place] for place in kept], [each.y[place] for place in kept]
        look = LOOKS[each.look]
        if kept and each.spread is not None:
            chart.errors(x, y, [each.spread[place] for place in kept], look["color"])
        if kept:
            chart.plot(x, y, label=each.name, **look)
    chart.x(axis.x, ticks=axis.marks, whole=True)
    chart.y(axis.y, ticks=5, log=axis.log)
    if axis.top is not None:
        chart.axes.set_ylim(min(chart.axes.get_ylim()[0], 0.9 * axis.top), 1.01 * axis.top)
    chart.legend(len(series))
    return Drawing(name, description, chart.figure)


def _least(series: list[Series]) -> float:
    """Where a log scale may end: well below everything that was measured."""
    found = [value for each in series if each.look != "theory" for value in each.y if value > 0]
    return max(FLOOR, min(found) / BELOW) if found else FLOOR


@styled
def draw_records(records: list[dict[str, Any]], x: str, y: str, by: str | None) -> Drawing:
    """A dot a run at (x, y), coloured and shaped by the values of `by`; lines through the medians.

    Runs without a number for either are left out; more than five values of `by` share colours.
    y is logarithmic where its values are above 0 and far apart.
    """
    series = _runs(records, x, y, by)
    values = [value for points in series.values() for _, value in points]
    chart = Chart(WIDE, 330, left=62, bottom=46, right=12, top=40)
    for (colour, marker), (name, points) in zip(cycle(RUN_LOOKS), series.items(), strict=False):
        middle: dict[float, list[float]] = defaultdict(list)
        for at, value in points:
            middle[at].append(value)
        places = sorted(middle)
        medians = [statistics.median(middle[at]) for at in places]
        chart.plot(places, medians, color=colour, lw=1.2)
        dot: Look = {"marker": marker, "ms": 4, "alpha": 0.55, "mew": 0, "lw": 0}
        label = {} if by is None else {"label": f"{by} {name}"}
        chart.plot(*zip(*points, strict=True), color=colour, **dot, **label)
    chart.x(x)
    chart.y(y, log=bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values))
    chart.legend(5)
    description = f"{y} against {x} of {len(values)} runs" + (f", by {by}" if by else "")
    return Drawing("records", description, chart.figure)


def _runs(
    records: list[dict[str, Any]], x: str, y: str, by: str | None
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        at, value = record.get(x), record.get(y)
        if isinstance(at, int | float) and isinstance(value, int | float):
            found["" if by is None else told(record.get(by))].append((float(at), float(value)))
    return dict(sorted(found.items()))
