"""How the weights came about: the loss curve, and moments of W_in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.report.charts.chart import Chart
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import picture
from relubloom.report.charts.style import ACCENT, INK, MUTED, PANEL, RULE, WIDE, styled
from relubloom.report.numbers import figure as written

History = list[dict[str, Any]]
DASHES: dict[str, Any] = {"mse": "-", "kl": (0, (5, 1.5))}
NAMES = {"mse": "mse (squared error per set)", "kl": "kl (nats per set)"}
LABEL_TWO = 1000.0  # losses whose ends are less far apart have ticks at 1, 2 and 5
LETTER = 6.0  # width of a letter in SVG units, amply
FLOOR = 1e-12  # a log scale shows nothing at or below 0
MOMENT = 170.0  # width of a picture in SVG units
HISTOGRAM = 44.0  # height of the histogram below it
BINS = 60


@dataclass(frozen=True)
class Stretch:
    """Consecutive records of one objective."""

    objective: str
    steps: list[int]
    losses: list[float]


def stretches(history: History) -> list[Stretch]:
    """The history cut where the objective changes."""
    found: list[Stretch] = []
    for row in history:
        if not found or found[-1].objective != row["objective"]:
            found.append(Stretch(row["objective"], [], []))
        found[-1].steps.append(row["step"])
        found[-1].losses.append(max(FLOOR, row["loss"]))
    return found


@styled
def draw_loss(
    history: History, others: list[History], best_random_mse: float | None, description: str
) -> Drawing:
    """Training loss against steps, a stretch for each objective, with the range over `others`.

    `others` are histories of the same steps.
    """
    wide, narrow = (
        _loss(chart, history, others, best_random_mse, wide=chart.across > PANEL)
        for chart in (
            Chart(WIDE, 320, left=62, bottom=54, right=9, top=32),
            Chart(PANEL, 270, left=62, bottom=46, right=5, top=27),
        )
    )
    return Drawing("loss", description, wide.figure, narrow.figure)


def _loss(
    chart: Chart, history: History, others: list[History], random_mse: float | None, *, wide: bool
) -> Chart:
    last, start = history[-1]["step"], 0
    above = chart.axes.get_xaxis_transform()
    for part in stretches(history):
        _range(chart, part, others)
        look = {"lw": 1.6, "ls": DASHES.get(part.objective, "-")}
        chart.plot(part.steps, part.losses, color=ACCENT, **look)
        if start:
            chart.plot([start] * 2, [0, 1.07], color=MUTED, lw=0.8, ls=":", transform=above)
        name = NAMES.get(part.objective, part.objective) if wide else part.objective
        at = start + last * 0.008
        chart.axes.text(at, 1.03, name, transform=above, fontsize=10, color=MUTED)
        if part.objective == "mse" and random_mse:
            chart.plot([start, last], [random_mse] * 2, color=INK, lw=1, ls=(0, (2, 2)))
            room = chart.across * (last - start) / last
            _name_random(chart, random_mse, last, room, above=part.losses[-1] < random_mse)
        start = part.steps[-1]
    chart.x("training step", (0, last), ticks=6 if wide else 4, written="{:,.0f}".format)
    chart.y("training loss (log scale)", (None, None), log=True, label_two=LABEL_TWO)
    return chart


def _range(chart: Chart, part: Stretch, others: list[History]) -> None:
    """Least to greatest loss over the other seeds, where they have the same records."""
    wanted = set(part.steps)
    curves = [[row["loss"] for row in rows if row["step"] in wanted] for rows in others]
    curves = [curve for curve in curves if len(curve) == len(part.steps)]
    if curves:
        losses = np.array([part.losses, *curves])
        chart.band(part.steps, np.maximum(FLOOR, losses.min(0)), losses.max(0), RULE)


def _name_random(chart: Chart, mse: float, last: int, room: float, *, above: bool) -> None:
    """The random code's level, labelled on the side away from the curve if there is room."""
    texts = (f"best random code: mse {written(mse)}", "best random code", "random")
    text = next((text for text in texts if len(text) * LETTER < room), "")
    align, offset = ("right bottom", 4) if above else ("right top", -4)
    chart.text(last, mse, text, 10, align=align, offset=(0, offset))


@styled
def draw_moment(
    name: str,
    description: str,
    part: NDArray[np.float64],
    shares: NDArray[np.float64],
    edges: NDArray[np.float64],
    threshold: float | None,
) -> Drawing:
    """A moment of training: W_in as a picture, its entries as a small histogram below.

    `part` [tokens, units] on a scale that ends where the bins do; `shares` of all entries.
    """
    tokens, units = part.shape
    down = min(1.4 * MOMENT, max(MOMENT / 3, MOMENT * tokens / max(units, 1)))
    height = round(down + HISTOGRAM + 30)
    matrix = Chart(MOMENT, height, left=0, bottom=height - down, right=0, top=0)
    limit = 0.75 * float(max(abs(edges[0]), abs(edges[-1])))
    matrix.image(picture(part, limit), (0.0, units, tokens, 0.0))
    matrix.axes.axis("off")
    top = height - 18 - HISTOGRAM
    chart = Chart(MOMENT, height, left=0, bottom=18, right=0, top=top, figure=matrix.figure)
    chart.histogram(shares, edges, threshold, MUTED)
    if threshold is not None:
        chart.plot([threshold] * 2, [0, shares.max() * 1.05], color=INK, lw=0.8, ls=(0, (3, 2)))
    chart.x(span=(edges[0], edges[-1]), ticks=4)
    chart.y(ticks=())
    chart.frame("bottom", length=2, size=9)
    return Drawing(name, description, chart.figure)
