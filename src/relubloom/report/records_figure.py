"""Any figure of a sweep's runs against any other, a dot a run and a line through the medians."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from relubloom.report.series_figure import log_ticks
from relubloom.report.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    WIDE,
    Drawing,
    drawing,
    plain_number,
    unclip,
)

HEIGHT = 330.0
LOOKS = ((BIT, "o"), (OTHER, "s"), (ACCENT, "^"), (INK, "D"), (MUTED, "v"))
LOG_FROM = 20.0  # the greatest value over the least, both above 0


def draw_records(records: list[dict[str, Any]], x: str, y: str, by: str | None) -> Drawing:
    """A dot a run at (x, y), coloured and shaped by the values of `by`.

    Runs without a number for either are left out; more than five values of `by` share colours.
    y is logarithmic where its values are above 0 and far apart.
    """
    series = _series(records, x, y, by)
    values = [value for points in series.values() for _, value in points]
    log = bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.1, 0.14, 0.88, 0.74))
        for index, (name, points) in enumerate(series.items()):
            colour, marker = LOOKS[index % len(LOOKS)]
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
                    [], [], color=LOOKS[i % len(LOOKS)][0], marker=LOOKS[i % len(LOOKS)][1], lw=1.2
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
    return drawing("records", description, (WIDE, HEIGHT), paint)


def _series(
    records: list[dict[str, Any]], x: str, y: str, by: str | None
) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for record in records:
        at, value = record.get(x), record.get(y)
        if isinstance(at, int | float) and isinstance(value, int | float):
            found["" if by is None else str(record.get(by))].append((float(at), float(value)))
    return dict(sorted(found.items()))
