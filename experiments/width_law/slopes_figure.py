"""Local slopes: how fast error falls between neighbouring widths, beside what the laws expect."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relubloom.report.charts.drawing import Drawing, draw
from relubloom.report.charts.style import BIT, INK, PANEL, RULE, WIDE, plain_number
from width_law.curves import Curve
from width_law.fits import LawFit

TALL, TOP, UNDER = 170.0, 42.0, 66.0
EXPONENTIAL: dict[str, Any] = {"color": BIT, "lw": 1.5}
POWER: dict[str, Any] = {"color": BIT, "lw": 1.3, "ls": (0, (1, 1.4))}
RANDOM: dict[str, Any] = {"color": INK, "marker": "^", "ms": 4, "lw": 1.0}
TRAINED: dict[str, Any] = {"color": BIT, "fmt": "o", "ms": 4.5, "elinewidth": 1, "capsize": 2}


@dataclass(frozen=True)
class SlopePanel:
    """Trained networks of one cell, their fits, and ln of the random codes' exact error by width.

    Slopes are shown times the set size, so that those of all set sizes compare.
    """

    title: str
    curve: Curve
    fit: LawFit | None
    random_logs: tuple[tuple[int, float], ...]


def draw_slopes(name: str, panels: list[SlopePanel], description: str) -> Drawing:
    """A panel for each; wide in rows of three, and one by one for a phone."""
    columns = min(3, len(panels))
    wide = WIDE if columns == 1 else 880.0
    return Drawing(
        name,
        _draw(f"{name}-wide", panels, wide, columns, description),
        _draw(f"{name}-narrow", panels, PANEL, 1, description),
    )


def _draw(name: str, panels: list[SlopePanel], width: float, columns: int, description: str) -> Any:
    rows = -(-len(panels) // columns)
    top = TOP if width > PANEL else TOP + 44
    top -= 0 if any(panel.title for panel in panels) else 16
    height = top + rows * (TALL + UNDER) - 18
    limits = _limits(panels)

    def paint(figure: Figure) -> None:
        left, gap = 50.0, 18.0
        across = (width - left - 10 - gap * (columns - 1)) / columns
        for index, panel in enumerate(panels):
            down, place = divmod(index, columns)
            x, y = left + place * (across + gap), height - top - down * (TALL + UNDER) - TALL
            axes = figure.add_axes((x / width, y / height, across / width, TALL / height))
            _paint(axes, panel, limits, first=place == 0)
        _legend(figure, narrow=width == PANEL)

    return draw(name, description, (width, height), paint)


def _limits(panels: list[SlopePanel]) -> tuple[float, float]:
    values = [0.0, 0.6]
    for panel in panels:
        values += [panel.curve.cell.set_size * each.slope for each in panel.curve.local_slopes()]
    return min(values) * 1.1 - 0.02, max(values) * 1.15


def _paint(axes: Axes, panel: SlopePanel, limits: tuple[float, float], *, first: bool) -> None:
    size = panel.curve.cell.set_size
    slopes = panel.curve.local_slopes()
    axes.set_ylim(*limits)
    axes.axhline(0, color=RULE, lw=0.8, zorder=0)
    middles = [(each.low + each.high) / 2 for each in slopes]
    errors = [0.0 if each.error is None else 2 * size * each.error for each in slopes]
    random = panel.random_logs
    pairs = list(pairwise(random))
    axes.plot(
        [(low[0] + high[0]) / 2 for low, high in pairs],
        [size * (low[1] - high[1]) / (high[0] - low[0]) for low, high in pairs],
        **RANDOM,
    )
    if panel.fit is not None:
        inside = np.linspace(panel.fit.widths[0], panel.fit.widths[-1], 60)
        rate = size * panel.fit.exponential.rate
        axes.plot(inside[[0, -1]], [rate, rate], **EXPONENTIAL)
        axes.plot(inside, size * panel.fit.power.rate / inside, **POWER)
    axes.errorbar(middles, [size * each.slope for each in slopes], yerr=errors, **TRAINED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
    axes.set_title(panel.title, fontsize=10.5, loc="left", pad=6, color=INK)
    axes.set_xlabel("width d", labelpad=2)
    if first:
        axes.set_ylabel("k × fall of ln mse per unit")
    else:
        axes.set_yticklabels([])


def _legend(figure: Figure, *, narrow: bool) -> None:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.errorbar(
        [math.nan],
        [math.nan],
        [0],
        label="trained (bars: 2 standard errors, over seeds)",
        **TRAINED,
    )
    for label, look in (
        ("exponential fit", EXPONENTIAL),
        ("power-law fit", POWER),
        ("best random code, exact", RANDOM),
    ):
        axes.plot([math.nan], [math.nan], label=label, **look)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.6,
        borderpad=0.2,
        ncol=1 if narrow else 4,
        frameon=False,
        fontsize=9.2,
        handlelength=2.0,
        columnspacing=1.4,
        labelspacing=0.25,
    )
