"""Curves over a few whole numbers, and any figure of a sweep's runs against any other."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from relubloom.report.charts.drawing import Drawing, drawing
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    WIDE,
    plain_number,
    unclip,
)

HEIGHT = 230.0
LABEL_ALL = 300.0  # ends of an axis further apart than this label powers of ten only
FLOOR = 1e-12  # what is less counts as 0
BELOW = 20.0  # theory this much below the least that was measured is not drawn
LEAST_DECADES = 1.2  # a narrower log axis would have no labels to speak of
LOOKS: dict[str, dict[str, Any]] = {
    "network": {"color": BIT, "marker": "o", "ms": 5.5, "lw": 1.6},
    "code": {"color": OTHER, "marker": "s", "ms": 6, "lw": 1.4, "ls": (0, (4, 2)), "mfc": PAPER},
    "theory": {"color": INK, "marker": "^", "ms": 4.5, "lw": 1.1, "ls": (0, (1, 1.6))},
    "line": {"color": ACCENT, "lw": 1.3},
    "dots": {"color": BIT, "marker": "o", "ms": 3.4, "mew": 0, "lw": 0, "alpha": 0.6},
}


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


def draw_series(name: str, description: str, series: list[Series], axis: Axis) -> Drawing:
    """A panel of curves; on a log scale values at 0, and theory far below them, are left out."""

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.165, 0.185, 0.815, 0.68))
        least = _least(series) if axis.log else -math.inf
        for each in series:
            _plot(axes, each, least)
        if axis.log:
            log_ticks(axes)
        else:
            axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
            axes.locator_params(axis="y", nbins=5)
        if axis.top is not None:
            axes.set_ylim(min(axes.get_ylim()[0], 0.9 * axis.top), 1.01 * axis.top)
        if axis.marks is None:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        else:
            axes.set_xticks(list(axis.marks), list(axis.marks.values()))
        axes.set_xlabel(axis.x)
        axes.set_ylabel(axis.y)
        legend(axes, len(series))
        unclip(axes)

    return drawing(name, description, (PANEL, HEIGHT), paint)


def legend(axes: Axes, entries: int) -> None:
    """Names above the axes, in one row."""
    if not axes.get_legend_handles_labels()[0]:
        return
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.04, 0.99),
        ncol=entries,
        frameon=False,
        fontsize=9.5,
        handlelength=1.9,
        handletextpad=0.5,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def log_ticks(axes: Axes) -> None:
    """A log y axis over at least some decades, labelled in plain numbers."""
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = axes.get_ylim()
    if high < low * 10**LEAST_DECADES:
        middle, half = (low * high) ** 0.5, 10 ** (LEAST_DECADES / 2)
        low, high = middle / half, middle * half
        axes.set_ylim(low, high)
    subs = (1.0, 2.0, 5.0) if high < 30 * low else (1.0, 3.0) if high < LABEL_ALL * low else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
    axes.yaxis.set_major_formatter(lambda value, _: power(float(value)))


def power(value: float) -> str:
    """A tick of a log axis: 0.01, 10, and 10⁻⁵ beyond."""
    if 1e-4 < value < 1e5:
        return plain_number(value)
    mantissa, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if mantissa == "1" else f"{mantissa}·10{raised}"


def _least(series: list[Series]) -> float:
    """Where a log scale may end: well below everything that was measured."""
    found = [value for each in series if each.look != "theory" for value in each.y if value > 0]
    return max(FLOOR, min(found) / BELOW) if found else FLOOR


def _plot(axes: Axes, each: Series, least: float) -> None:
    kept = [i for i, value in enumerate(each.y) if value >= least]
    x, y = [each.x[i] for i in kept], [each.y[i] for i in kept]
    if not kept:
        return
    if each.spread is not None:
        spread = [each.spread[i] for i in kept]
        color = LOOKS[each.look]["color"]
        axes.errorbar(x, y, yerr=spread, fmt="none", ecolor=color, elinewidth=1.1, capsize=2.5)
    axes.plot(x, y, label=each.name, **LOOKS[each.look])


RECORDS_HEIGHT = 330.0
RUN_LOOKS = ((BIT, "o"), (OTHER, "s"), (ACCENT, "^"), (INK, "D"), (MUTED, "v"))
LOG_FROM = 20.0  # the greatest value over the least, both above 0


def draw_records(records: list[dict[str, Any]], x: str, y: str, by: str | None) -> Drawing:
    """A dot a run at (x, y), coloured and shaped by the values of `by`.

    Runs without a number for either are left out; more than five values of `by` share colours.
    y is logarithmic where its values are above 0 and far apart.
    """
    series = _series_of(records, x, y, by)
    values = [value for points in series.values() for _, value in points]
    log = bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.1, 0.14, 0.88, 0.74))
        for index, (name, points) in enumerate(series.items()):
            colour, marker = RUN_LOOKS[index % len(RUN_LOOKS)]
            middle: dict[float, list[float]] = defaultdict(list)
            for at, value in points:
                middle[at].append(value)
            places = sorted(middle)
            axes.plot(
                places, [statistics.median(middle[at]) for at in places], color=colour, lw=1.2
            )
            axes.plot(
                *zip(*points, strict=True),
                marker,
                color=colour,
                ms=4,
                alpha=0.55,
                mew=0,
                label=name,
            )
        if log:
            log_ticks(axes)
        else:
            axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if by is not None and series:
            handles = [
                Line2D(
                    [],
                    [],
                    color=RUN_LOOKS[i % len(RUN_LOOKS)][0],
                    marker=RUN_LOOKS[i % len(RUN_LOOKS)][1],
                    lw=1.2,
                )
                for i in range(len(series))
            ]
            axes.legend(
                handles,
                [f"{by} {name}" for name in series],
                loc="lower left",
                bbox_to_anchor=(-0.02, 1.0),
                ncol=5,
                frameon=False,
                fontsize=9.5,
            )
        unclip(axes)

    runs = sum(map(len, series.values()))
    description = f"{y} against {x} of {runs} runs" + (f", by {by}" if by else "")
    return drawing("records", description, (WIDE, RECORDS_HEIGHT), paint)


def _series_of(
    records: list[dict[str, Any]], x: str, y: str, by: str | None
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        at, value = record.get(x), record.get(y)
        if isinstance(at, int | float) and isinstance(value, int | float):
            found["" if by is None else str(record.get(by))].append((float(at), float(value)))
    return dict(sorted(found.items()))
