"""Error against width: every seed, both fitted laws, and everything that is not trained."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from relubloom import theory
from relubloom.report.charts.drawing import Drawing, draw
from relubloom.report.charts.marks import Point, dots
from relubloom.report.charts.series import LABEL_ALL, power
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, OTHER, PANEL, PAPER, RULE, WIDE
from width_law.curves import Curve
from width_law.fits import LawFit
from width_law.rivals import Rivals, counting_mse

BELOW = 12.0  # the axis ends this much below the least error that was measured
SPREAD = 0.016  # of the axis: seeds of a width stand side by side over so much to either side
PLOT, OVER, UNDER = 215.0, 24.0, 40.0  # SVG units: of a panel, over it and under it
LINE = 15.0  # of the legend
DOTS = 3.6  # across
RELU: dict[str, Any] = {"color": BIT, "capstyle": "round"}
LINEAR: dict[str, Any] = {"color": OTHER, "capstyle": "projecting"}
EXPONENTIAL: dict[str, Any] = {"color": BIT, "lw": 1.5}
POWER: dict[str, Any] = {"color": BIT, "lw": 1.3, "ls": (0, (1, 1.4))}
RANDOM: dict[str, Any] = {"color": INK, "marker": "^", "ms": 4, "lw": 1.1}
DESIGNED: dict[str, Any] = {"color": ACCENT, "marker": "D", "ms": 3.6, "lw": 1.1, "ls": (0, (4, 2))}
SUPERPOSITION: dict[str, Any] = {"color": MUTED, "lw": 1.2, "ls": (0, (6, 2, 1, 2))}
COUNTING: dict[str, Any] = {"color": RULE, "lw": 0}


@dataclass(frozen=True)
class LawPanel:
    """One panel: the trained networks of one cell, and their rivals at the same sizes."""

    title: str
    curve: Curve
    linear: Curve | None
    rivals: tuple[Rivals, ...]
    fit: LawFit | None

    @property
    def measured(self) -> list[float]:
        """All errors above 0 of trained networks."""
        curves = [self.curve, *([] if self.linear is None else [self.linear])]
        errors = [error for curve in curves for point in curve.points for error in point.errors]
        return [error for error in errors if error > 0]


def draw_law(name: str, panels: list[list[LawPanel]], description: str) -> Drawing:
    """A grid of panels, row by row, that share their error axis; wide, and one by one for a phone.

    A single panel is drawn as wide as the text.
    """
    columns = max(len(row) for row in panels)
    width = WIDE if columns == 1 else max(WIDE, 40 + 285.0 * columns)
    wide = _draw(f"{name}-wide", panels, width, description)
    narrow = _draw(
        f"{name}-narrow", [[panel] for row in panels for panel in row], PANEL, description
    )
    return Drawing(name, wide, narrow)


def _draw(name: str, panels: list[list[LawPanel]], width: float, description: str) -> Markup:
    everything = [panel for row in panels for panel in row]
    columns = max(len(row) for row in panels)
    entries = _entries(everything)
    across_legend = 2 if width < WIDE else 4
    top = LINE * -(-len(entries) // across_legend) + 8
    over = OVER if any(panel.title for panel in everything) else 8.0
    height = top + len(panels) * (over + PLOT + UNDER)
    span = _span(everything)

    def paint(figure: Figure) -> None:
        left, gap, right = 54.0, 16.0, 10.0
        across = (width - left - right - gap * (columns - 1)) / columns
        for down, row in enumerate(panels):
            for place, panel in enumerate(row):
                x = left + place * (across + gap)
                y = height - top - down * (over + PLOT + UNDER) - over - PLOT
                axes = figure.add_axes((x / width, y / height, across / width, PLOT / height))
                _paint(axes, panel, span, first=place == 0)
        _legend(figure, entries, across_legend)

    return draw(name, description, (width, height), paint)


def _span(panels: list[LawPanel]) -> tuple[float, float]:
    """Ends of the error axis."""
    measured = [error for panel in panels for error in panel.measured] or [1e-3]
    return min(measured) / BELOW, 2 * max(measured)


def _paint(axes: Axes, panel: LawPanel, span: tuple[float, float], *, first: bool) -> None:
    axes.set_yscale("log")
    axes.set_ylim(*span)
    widths = [point.width for point in panel.curve.points]
    widths += [point.width for point in panel.linear.points] if panel.linear else []
    low, high = min(widths), max(widths)
    room = 0.05 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    _paint_rivals(axes, panel, span)
    if panel.linear is not None:
        _paint_seeds(axes, panel.linear, LINEAR, high - low)
    _paint_seeds(axes, panel.curve, RELU, high - low)
    if panel.fit is not None:
        inside = np.linspace(panel.fit.widths[0], panel.fit.widths[-1], 60)
        axes.plot(inside, panel.fit.power.at(inside), **POWER)
        axes.plot(inside, panel.fit.exponential.at(inside), **EXPONENTIAL)
    _finish(axes, panel.title, span, first=first)


def _paint_seeds(axes: Axes, curve: Curve, look: dict[str, Any], reach: float) -> None:
    """All seeds, side by side in the order of their seeds: dots, all of them in one path."""
    places: list[Point] = []
    for point in curve.points:
        count = len(point.networks)
        for place, error in enumerate(point.errors):
            across = (2 * place / (count - 1) - 1) if count > 1 else 0.0
            places.append((point.width + SPREAD * reach * across, error))
    axes.add_patch(dots(places, DOTS, **look))


def _paint_rivals(axes: Axes, panel: LawPanel, span: tuple[float, float]) -> None:
    rivals = sorted(panel.rivals, key=lambda each: each.width)
    if not rivals:
        return
    _paint_bound(axes, rivals[0], span)
    resolved = [each for each in rivals if each.superposition_mse is not None]
    superposed = [each.superposition_mse or 0.0 for each in resolved]
    axes.plot([each.width for each in resolved], superposed, **SUPERPOSITION)
    errors = [(each.width, each.random_mse) for each in rivals]
    _paint_codes(axes, errors, span, RANDOM)
    designed = [(each.width, each.designed.mse) for each in rivals if each.designed is not None]
    _paint_codes(axes, designed, span, DESIGNED)
    free = [each.width for each in rivals if each.disjunct]
    if free:
        _mark_disjunct(axes, free[0], span[0])


def _paint_bound(axes: Axes, narrowest: Rivals, span: tuple[float, float]) -> None:
    """What lies below the counting bound, to where the bound is 0."""
    vocab, size = narrowest.vocab_size, narrowest.set_size
    first, last = narrowest.width, math.ceil(theory.counting_width(vocab, size))
    widths = range(first, last + 1)
    bounds = [counting_mse(vocab, width, size) for width in widths]
    if len(bounds) > 1:
        axes.fill_between(list(widths), span[0], np.maximum(bounds, span[0]), **COUNTING)


def _mark_disjunct(axes: Axes, width: int, foot: float) -> None:
    """The narrowest of the widths at which a code without any error exists."""
    low, high = axes.get_xlim()
    beside = width > (low + high) / 2
    axes.plot([width], [foot], marker="v", ms=6, color=MUTED, clip_on=False, zorder=5)
    axes.annotate(
        f"error 0 exists at {width}",
        (width, foot),
        xytext=(-7 if beside else 7, 4),
        textcoords="offset points",
        ha="right" if beside else "left",
        fontsize=8.5,
        color=MUTED,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
        zorder=4,
    )


def _paint_codes(
    axes: Axes, errors: list[tuple[int, float]], span: tuple[float, float], look: dict[str, Any]
) -> None:
    """A line that leaves the axes at their foot, where the error falls below them."""
    below = [place for place, (_, error) in enumerate(errors) if error < span[0]]
    shown = errors[: below[0] + 1] if below else errors
    heights = [max(error, span[0] / 100) for _, error in shown]
    axes.plot([width for width, _ in shown], heights, **look)


def _finish(axes: Axes, title: str, span: tuple[float, float], *, first: bool) -> None:
    axes.yaxis.set_minor_locator(NullLocator())
    subs = (1.0,) if span[1] > LABEL_ALL * span[0] else (1.0, 3.0)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axes.yaxis.set_major_formatter(lambda value, _: power(float(value)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    axes.set_title(title, fontsize=10.5, loc="left", pad=6, color=INK)
    axes.set_xlabel("width d", labelpad=2)
    if first:
        axes.set_ylabel("mse (log scale)")
    else:
        axes.set_yticklabels([])


def _entries(panels: list[LawPanel]) -> list[tuple[str, dict[str, Any]]]:
    """What the legend names: only what is drawn."""
    rivals = [each for panel in panels for each in panel.rivals]
    dot = {"lw": 0, "mew": 0, "ms": DOTS + 1}
    entries: list[tuple[str, dict[str, Any]]] = [
        ("trained, a dot a seed", {**dot, "color": BIT, "marker": "o"})
    ]
    if any(panel.fit is not None for panel in panels):
        entries += [("exponential fit", EXPONENTIAL), ("power-law fit", POWER)]
    if any(panel.linear is not None for panel in panels):
        entries.append(("trained without ReLU", {**dot, "color": OTHER, "marker": "s"}))
    if rivals:
        entries.append(("best random code", RANDOM))
    if any(each.designed is not None for each in rivals):
        entries.append(("designed code", DESIGNED))
    if any(each.superposition_mse is not None for each in rivals):
        entries.append(("random directions (JL)", SUPERPOSITION))
    if any(each.counting_mse > 0 for each in rivals):
        shade = {"color": RULE, "marker": "s", "ms": 9, "mew": 0, "lw": 0}
        entries.append(("below the counting bound", shade))
    return entries


def _legend(figure: Figure, entries: list[tuple[str, dict[str, Any]]], columns: int) -> None:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for label, look in entries:
        axes.plot([math.nan], [math.nan], label=label, **look)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncol=columns,
        frameon=False,
        fontsize=9.2,
        handlelength=2.3,
        columnspacing=1.4,
        labelspacing=0.35,
        borderaxespad=0.6,
        borderpad=0.2,
    )
