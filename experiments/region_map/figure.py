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
def draw_map(
    name: str,
    panels: Mapping[str, Mapping[str, Sequence[Row]]],
    plain: tuple[str, float],
    left: float,
) -> Drawing:
    """Panels by their title, each with rows of tiles by their label, the top one last.

    Tiles at the rate plain[1] of the start plain[0] are framed; `left` is the room for the labels.
    """
    every = [row for rows in panels.values() for own in rows.values() for row in own]
    rates = sorted({row["learning_rate"] for row in every})
    labels = list(next(iter(panels.values())))
    spacing: dict[str, Any] = {"tall": ROW * len(labels), "top": 58.0, "under": 52.0}
    charts = grid(WIDE, len(panels), 2, **spacing, bottom=44.0, left=left, gap=left)
    for (title, rows), chart in zip(panels.items(), charts, strict=True):
        for y, label in enumerate(labels):
            for x, rate in enumerate(rates):
                own = [row for row in rows.get(label, ()) if row["learning_rate"] == rate]
                if own:
                    framed = (own[0]["initialisation"], rate) == plain
                    _paint(chart, x, y, own, framed=framed)
        chart.x(
            "learning rate",
            (-0.5, len(rates) - 0.5),
            ticks={float(x): f"{rate:g}" for x, rate in enumerate(rates)},
        )
        chart.y("", (-0.5, len(labels) - 0.5), ticks=dict(enumerate(labels)))
        chart.title(title)
    entries: list[tuple[str, Look]] = [
        *(
            (kind, {"facecolor": colour, "alpha": OPACITY[kind]})
            for kind, colour in COLOURS.items()
        ),
        ("PyTorch's start and Adam's own rate", PLAIN),
    ]
    key(charts[0].figure, entries, 3, labelcolor=MUTED)
    said = "Class and error of networks by learning rate and what else was varied, for two starts"
    return Drawing(name, said, charts[0].figure)


def _paint(chart: Chart, x: int, y: int, own: Sequence[Row], *, framed: bool) -> None:
    """A tile, a strip of it for each seed, with the worst error."""
    for index, row in enumerate(sorted(own, key=lambda row: CLASSES.index(row["kind"]))):
        wide = 0.94 / len(own)
        box = x - 0.47 + index * wide, y - 0.46, wide, 0.92
        chart.add(tiles([box], COLOURS[row["kind"]], OPACITY[row["kind"]]))
    worst = max(row["mse"] for row in own)
    text: Look = {"ha": "center", "va": "center", "fontsize": 8, "color": INK}
    chart.axes.text(x, y, f"{worst:.4f}" if worst < 0.01 else f"{worst:.3f}", **text)
    if framed:
        left, right, foot, head = x - 0.47, x + 0.47, y - 0.46, y + 0.46
        chart.plot([left, right, right, left, left], [foot, foot, head, head, foot], **PLAIN)
