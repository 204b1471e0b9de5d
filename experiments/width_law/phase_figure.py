"""The phase diagram: which seeds became Bloom filters, over units per token of a set."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from relubloom.report.charts.drawing import Drawing, draw
from relubloom.report.charts.marks import tiles
from relubloom.report.charts.style import (
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    RULE,
    WIDE,
    plain_number,
)
from width_law.phases import BAND, MAJORITY, Phase

ROW = 34.0  # SVG units of height for each set size
LINE = 15.0  # of the legend
TILE = 0.62  # of a row
HALF = 1.045  # a tile reaches so much, as a factor, to either side of its place
TICKS = (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 50)
LOOKS = (("bloom", BIT), ("partly", OTHER), ("not bloom", MUTED))
PALE = 0.32  # opacity of widths whose error is saturated
MANY: dict[str, Any] = {"marker": "o", "ms": 4, "color": INK, "lw": 0}
FEW: dict[str, Any] = {"marker": "o", "ms": 4, "color": INK, "mfc": PAPER, "mew": 0.9, "lw": 0}


Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PhasePanel:
    """Phases by set size, ascending, of one vocabulary and objective."""

    title: str
    rows: tuple[tuple[int, tuple[Phase, ...]], ...]


def draw_phases(name: str, panels: list[PhasePanel], description: str) -> Drawing:
    """A tile for each width and set size, its seeds by verdict, and whether most binarise."""
    wide = WIDE if len(panels) == 1 else 880.0
    columns = 1 if len(panels) == 1 else 2
    return Drawing(
        name,
        _draw(f"{name}-wide", panels, wide, columns, description),
        _draw(f"{name}-narrow", panels, PANEL, 1, description),
    )


def _draw(name: str, panels: list[PhasePanel], width: float, columns: int, description: str) -> Any:
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(len(panel.rows) for panel in row) * ROW for row in rows]
    across_legend = 2 if width < WIDE else 4 if columns == 1 else 7
    top, over, under = 10.0 + LINE * -(-7 // across_legend), 24.0, 42.0
    height = top + sum(heights) + len(rows) * (over + under)
    reach = _reach(panels)

    def paint(figure: Figure) -> None:
        left, gap, right = 44.0, 40.0, 10.0
        across = (width - left - right - gap * (columns - 1)) / columns
        y = height - top
        for row, tall in zip(rows, heights, strict=True):
            y -= over + tall
            for place, panel in enumerate(row):
                own = len(panel.rows) * ROW
                x = left + place * (across + gap)
                box = (x / width, (y + tall - own) / height, across / width, own / height)
                _paint(figure.add_axes(box), panel, reach)
            y -= under
        _legend(figure, across_legend)

    return draw(name, description, (width, height), paint)


def _reach(panels: list[PhasePanel]) -> tuple[float, float]:
    places = [phase.width / k for panel in panels for k, row in panel.rows for phase in row]
    return min([*places, BAND[0]]) / 1.15, max([*places, BAND[1]]) * 1.15


def _paint(axes: Axes, panel: PhasePanel, reach: tuple[float, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*reach)
    axes.set_ylim(-0.5, len(panel.rows) - 0.5)
    band(axes)
    boxes: dict[tuple[int, bool], list[Box]] = {}
    marks: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for y, (set_size, phases) in enumerate(panel.rows):
        for phase in phases:
            place = phase.width / set_size
            low, high = place / HALF, place * HALF
            foot = y - 0.5 + 0.08
            for index, count in enumerate(phase.verdicts):
                tall = TILE * count / phase.seeds
                if count:
                    own = boxes.setdefault((index, phase.saturated), [])
                    own.append((low, foot, high - low, tall))
                foot += tall
            marks[phase.binarised >= MAJORITY].append((place, y + 0.36))
    for (index, saturated), found in boxes.items():
        axes.add_patch(tiles(found, LOOKS[index][1], PALE if saturated else 1.0))
    for many, look in ((True, MANY), (False, FEW)):
        axes.plot([x for x, _ in marks[many]], [y for _, y in marks[many]], **look)
    axes.set_yticks(range(len(panel.rows)), [f"k = {set_size}" for set_size, _ in panel.rows])
    units_axis(axes, reach)
    axes.set_title(panel.title, fontsize=10.5, loc="left", pad=6, color=INK)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def band(axes: Axes) -> None:
    """The band of units per token in which networks were predicted to begin to binarise."""
    axes.axvspan(*BAND, color=RULE, alpha=0.6, lw=0, zorder=0)


def units_axis(axes: Axes, reach: tuple[float, float]) -> None:
    """A log axis of units per token, in plain numbers."""
    shown = [tick for tick in TICKS if reach[0] <= tick <= reach[1]]
    axes.xaxis.set_major_locator(FixedLocator([float(tick) for tick in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
    axes.set_xlabel("units per token of a set, d / k", labelpad=2)


def _legend(figure: Figure, columns: int) -> None:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for label, colour in LOOKS:
        axes.fill_between([0], 0, 0, color=colour, lw=0, label=label)
    axes.fill_between([0], 0, 0, color=INK, alpha=PALE, lw=0, label="pale: hardly learnt")
    axes.plot([math.nan], [math.nan], label="most seeds binarise", **MANY)
    axes.plot([math.nan], [math.nan], label="most do not", **FEW)
    axes.fill_between(
        [0], 0, 0, color=RULE, alpha=0.6, lw=0, label=f"predicted onset, {BAND[0]:g}–{BAND[1]:g}"
    )
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.6,
        borderpad=0.2,
        ncol=columns,
        frameon=False,
        fontsize=9.2,
        handlelength=1.4,
        columnspacing=1.3,
        labelspacing=0.35,
        labelcolor=MUTED,
    )
