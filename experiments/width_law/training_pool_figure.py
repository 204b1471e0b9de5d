"""Networks trained on a fixed number of distinct sets: error and agreement by that number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from panels import grid, key
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, PANEL, PAPER, power, styled
from width_law.records import Measured

WIDE, TALL = 880.0, 200.0
MARGINS: dict[str, Any] = {"top": 44, "under": 66, "bottom": 44, "left": 52, "gap": 50}
FRESH_APART = 10.0  # fresh sets stand so much, as a factor, to the right of the largest number
LOOKS: dict[str, Look] = {
    "mse": {"color": BIT, "marker": "o"},
    "kl": {"color": ACCENT, "marker": "s", "mfc": PAPER},
    "kl-then-mse": {"color": INK, "marker": "^"},
}
DOT: Look = {"ms": 4, "mew": 0.9, "lw": 0}


@styled
def draw_training_pool(
    name: str, networks: list[Measured], random_mse: float, description: str
) -> Drawing:
    """Every seed: mse on held-out sets, gap of the modes, unit agreement."""
    wide, narrow = _draw(networks, random_mse, WIDE, 3), _draw(networks, random_mse, PANEL, 1)
    return Drawing(name, description, wide, narrow)


def _draw(networks: list[Measured], random_mse: float, width: float, columns: int) -> Figure:
    charts = grid(width, 3, columns, tall=TALL, clip=False, **MARGINS)
    panels: tuple[tuple[str, Callable[[Measured], float]], ...] = (
        ("mse (line: best random code)", lambda each: each.mse),
        (
            "gap between the modes, in standard deviations",
            lambda each: math.nan if each.mode_gap is None else each.mode_gap,
        ),
        ("unit agrees with the union", lambda each: each.unit_agreement),
    )
    charts[0].axes.axhline(random_mse, color=INK, lw=1, ls=(0, (4, 3)))
    for chart, (title, value) in zip(charts, panels, strict=True):
        _paint(chart, networks, value)
        chart.title(title, 10)
        chart.y(log=chart is charts[0])
    present = {each.cell.objective for each in networks}
    entries = [
        (f"objective {objective}, a dot a seed", look | DOT)
        for objective, look in LOOKS.items()
        if objective in present
    ]
    key(charts[0].figure, entries, len(entries), handlelength=1.2)
    return charts[0].figure


def _paint(chart: Chart, networks: list[Measured], value: Callable[[Measured], float]) -> None:
    limited = [n.cell.training_pool for n in networks if n.cell.training_pool is not None]
    fresh = max(limited, default=1) * FRESH_APART
    for objective, look in LOOKS.items():
        own = [each for each in networks if each.cell.objective == objective]
        x = [fresh if each.cell.training_pool is None else each.cell.training_pool for each in own]
        chart.plot(x, [value(each) for each in own], **look, **DOT)
    chart.axes.axvline(fresh / math.sqrt(FRESH_APART), color=MUTED, lw=0.8, ls=":")
    numbers = [each.cell.training_pool or fresh for each in networks]
    low, high = (math.log10(end(numbers)) for end in (min, max))
    decades = [10.0**exponent for exponent in range(math.ceil(low), math.floor(high) + 1)]
    ticks = {tick: power(tick) for tick in decades if tick < fresh / 2} | {fresh: "fresh"}
    chart.x("distinct training sets (log scale)", ticks=ticks, log=True)
