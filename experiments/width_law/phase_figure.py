"""The phase diagram: which seeds became Bloom filters, over units per token of a set."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from panels import key
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import tiles
from relubloom.report.charts.style import BIT, INK, MUTED, OTHER, PANEL, PAPER, RULE, WIDE, styled
from width_law.phases import BAND, MAJORITY, Phase

ROW = 34.0  # SVG units of height for each set size
LINE = 15.0  # of the legend
TILE = 0.62  # of a row
HALF = 1.045  # a tile reaches so much, as a factor, to either side of its place
TICKS = (1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 50)
LOOKS = (("bloom", BIT), ("partly", OTHER), ("not bloom", MUTED))
PALE = 0.32  # opacity of widths whose error is saturated
MANY: Look = {"marker": "o", "ms": 4, "color": INK, "lw": 0}
FEW: Look = {"marker": "o", "ms": 4, "color": INK, "mfc": PAPER, "mew": 0.9, "lw": 0}
ENTRIES: list[tuple[str, Look]] = [
    *((label, {"facecolor": colour}) for label, colour in LOOKS),
    ("pale: hardly learnt", {"facecolor": INK, "alpha": PALE}),
    ("most seeds binarise", MANY),
    ("most do not", FEW),
    (f"predicted onset, {BAND[0]:g}–{BAND[1]:g}", {"facecolor": RULE, "alpha": 0.6}),
]

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class PhasePanel:
    """Phases by set size, ascending, of one vocabulary and objective."""

    title: str
    rows: tuple[tuple[int, tuple[Phase, ...]], ...]


@styled
def draw_phases(name: str, panels: list[PhasePanel], description: str) -> Drawing:
    """A tile for each width and set size, its seeds by verdict, and whether most binarise."""
    columns = 1 if len(panels) == 1 else 2
    wide = _draw(panels, WIDE if columns == 1 else 880.0, columns)
    return Drawing(name, description, wide, _draw(panels, PANEL, 1))


def _draw(panels: list[PhasePanel], width: float, columns: int) -> Figure:
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(len(panel.rows) for panel in row) * ROW for row in rows]
    across_legend = 2 if width < WIDE else 4 if columns == 1 else 7
    y, over, under = 10.0 + LINE * -(-7 // across_legend), 24.0, 42.0
    height = y + sum(heights) + len(rows) * (over + under)
    left, gap, right = 44.0, 40.0, 10.0
    across = (width - left - right - gap * (columns - 1)) / columns
    figure = Figure(figsize=(width / 72, height / 72))
    for row, tall in zip(rows, heights, strict=True):
        y += over
        for place, panel in enumerate(row):
            x = left + place * (across + gap)
            margins = {"left": x, "right": width - x - across, "top": y}
            margins["bottom"] = height - y - len(panel.rows) * ROW
            chart = Chart(width, height, figure=figure, clip=True, **margins)
            _paint(chart, panel)
            units_axis(chart, _reach(panels))
        y += tall + under
    spacing = {"handlelength": 1.4, "columnspacing": 1.3, "labelcolor": MUTED}
    key(figure, ENTRIES, across_legend, **spacing)
    return figure


def _reach(panels: list[PhasePanel]) -> tuple[float, float]:
    places = [phase.width / k for panel in panels for k, row in panel.rows for phase in row]
    return min([*places, BAND[0]]) / 1.15, max([*places, BAND[1]]) * 1.15


def _paint(chart: Chart, panel: PhasePanel) -> None:
    band(chart)
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
        chart.add(tiles(found, LOOKS[index][1], PALE if saturated else 1.0))
    for many, look in ((True, MANY), (False, FEW)):
        chart.plot([x for x, _ in marks[many]], [y for _, y in marks[many]], **look)
    names = {float(y): f"k = {set_size}" for y, (set_size, _) in enumerate(panel.rows)}
    chart.y(span=(-0.5, len(panel.rows) - 0.5), ticks=names)
    chart.title(panel.title)
    chart.frame("bottom")
    chart.axes.tick_params(axis="y", length=0)


def band(chart: Chart) -> None:
    """The band of units per token in which networks were predicted to begin to binarise."""
    chart.axes.axvspan(*BAND, color=RULE, alpha=0.6, lw=0, zorder=0)


def units_axis(chart: Chart, reach: tuple[float, float]) -> None:
    """A log axis of units per token, in plain numbers."""
    shown = {float(tick): f"{tick}" for tick in TICKS if reach[0] <= tick <= reach[1]}
    chart.x("units per token of a set, d / k", reach, ticks=shown, log=True)
