"""The map: a tile for each rate and number of steps, coloured by class, with its error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panels import grid, key
from region_map.classes import CLASSES
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import tiles
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, OTHER, RULE, WIDE, styled

COLOURS = dict(zip(CLASSES, (RULE, MUTED, OTHER, BIT), strict=True))
OPACITY = dict(zip(CLASSES, (0.9, 0.4, 0.75, 0.75), strict=True))
ROW = 26.0
PLAIN: Look = {"color": ACCENT, "lw": 2.2}
Row = dict[str, Any]


@styled
def draw_map(name: str, panels: Mapping[tuple[str, str], Sequence[Row]], plain: float) -> Drawing:
    """A panel for each (varied, start); tiles at the rate `plain` of a PyTorch start are framed."""
    rates = sorted({row["learning_rate"] for rows in panels.values() for row in rows})
    steps = sorted({row["steps"] for rows in panels.values() for row in rows})
    spacing: dict[str, Any] = {"tall": ROW * len(steps), "top": 58.0, "under": 52.0}
    charts = grid(WIDE, len(panels), 2, **spacing, bottom=44.0, left=66.0, gap=70.0)
    for ((varied, start), rows), chart in zip(panels.items(), charts, strict=True):
        _paint(chart, rows, rates, steps, plain if start == "pytorch" else None)
        chart.title(f"{varied}, {start}")
    entries: list[tuple[str, Look]] = [
        *(
            (kind, {"facecolor": colour, "alpha": OPACITY[kind]})
            for kind, colour in COLOURS.items()
        ),
        ("PyTorch's start and Adam's own rate", PLAIN),
    ]
    key(charts[0].figure, entries, 3, labelcolor=MUTED)
    said = "Class and error of networks by learning rate and steps, for two starts"
    return Drawing(name, said, charts[0].figure)


def _paint(
    chart: Chart,
    rows: Sequence[Row],
    rates: list[float],
    steps: list[int],
    plain: float | None,
) -> None:
    cells: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        place = rates.index(row["learning_rate"]), steps.index(row["steps"])
        cells.setdefault(place, []).append(row)
    for (x, y), own in cells.items():
        for index, row in enumerate(sorted(own, key=lambda row: CLASSES.index(row["kind"]))):
            wide = 0.94 / len(own)
            box = x - 0.47 + index * wide, y - 0.46, wide, 0.92
            chart.add(tiles([box], COLOURS[row["kind"]], OPACITY[row["kind"]]))
        worst = max(row["mse"] for row in own)
        text: Look = {"ha": "center", "va": "center", "fontsize": 8, "color": INK}
        chart.axes.text(x, y, f"{worst:.3f}", **text)
        if rates[x] == plain:
            left, right, foot, head = x - 0.47, x + 0.47, y - 0.46, y + 0.46
            chart.plot([left, right, right, left, left], [foot, foot, head, head, foot], **PLAIN)
    chart.x(
        "learning rate",
        (-0.5, len(rates) - 0.5),
        ticks={float(x): f"{rate:g}" for x, rate in enumerate(rates)},
    )
    chart.y(
        "steps",
        (-0.5, len(steps) - 0.5),
        ticks={float(y): f"{number:,}" for y, number in enumerate(steps)},
    )
