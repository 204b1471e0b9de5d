"""How far networks binarise: modes, agreement with the union and bits, over units per token."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import cycle
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relubloom import theory
from relubloom.records.verdict import AGREEMENT_BLOOM
from relubloom.report.charts.drawing import Drawing, draw
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    RULE,
    plain_number,
)
from width_law.curves import Curve
from width_law.phase_figure import band, units_axis
from width_law.phases import BAND
from width_law.records import Measured

WIDE = 880.0
TALL = 210.0
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BIT, "marker": "o"},
    {"color": ACCENT, "marker": "s", "mfc": PAPER},
    {"color": INK, "marker": "^"},
    {"color": OTHER, "marker": "D"},
    {"color": MUTED, "marker": "v", "mfc": PAPER},
    {"color": ACCENT, "marker": "X"},
)
DOT: dict[str, Any] = {"ms": 3.6, "mew": 0.9, "lw": 0}


def draw_modes(name: str, curves: list[Curve], description: str) -> Drawing:
    """Every seed of the curves (one set size each): gap of the modes, unit agreement, bits."""
    return Drawing(
        name,
        _draw(f"{name}-wide", curves, WIDE, 3, description),
        _draw(f"{name}-narrow", curves, PANEL, 1, description),
    )


def _draw(name: str, curves: list[Curve], width: float, columns: int, description: str) -> Markup:
    panels = (_paint_gap, _paint_agreement, _paint_bits)
    rows = -(-len(panels) // columns)
    top, under = 44.0, 66.0
    height = top + rows * (TALL + under) - 22

    def paint(figure: Figure) -> None:
        left, gap = 44.0, 50.0
        across = (width - left - 10 - gap * (columns - 1)) / columns
        for index, panel in enumerate(panels):
            down, place = divmod(index, columns)
            x, y = left + place * (across + gap), height - top - down * (TALL + under) - TALL
            axes = figure.add_axes((x / width, y / height, across / width, TALL / height))
            _prepare(axes, curves)
            panel(axes, curves)
        _legend(figure, curves)

    return draw(name, description, (width, height), paint)


def _prepare(axes: Axes, curves: list[Curve]) -> None:
    places = [point.width / curve.cell.set_size for curve in curves for point in curve.points]
    reach = (min([*places, BAND[0]]) / 1.1, max([*places, BAND[1]]) * 1.1)
    axes.set_xscale("log")
    axes.set_xlim(*reach)
    band(axes)
    units_axis(axes, reach)
    axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))


def _paint_gap(axes: Axes, curves: list[Curve]) -> None:
    _dots(axes, curves, lambda network: math.nan if network.mode_gap is None else network.mode_gap)
    axes.set_ylim(bottom=0)
    _name(axes, "gap between the modes, in standard deviations")


def _paint_agreement(axes: Axes, curves: list[Curve]) -> None:
    axes.axhline(AGREEMENT_BLOOM, color=MUTED, lw=0.9, ls=(0, (4, 3)))
    _dots(axes, curves, lambda network: network.unit_agreement)
    _name(axes, f"unit agrees with the union (line: {AGREEMENT_BLOOM:g})")


def _paint_bits(axes: Axes, curves: list[Curve]) -> None:
    """Mean bits per token, beside the weight of the best random code (lines)."""
    _dots(axes, curves, lambda network: network.bits_mean)
    for curve, look in zip(curves, cycle(LOOKS), strict=False):
        cell = curve.cell
        widths = [point.width for point in curve.points]
        weights = [
            theory.best_constant_weight(cell.vocab_size, width, cell.set_size).weight
            for width in widths
        ]
        axes.plot([width / cell.set_size for width in widths], weights, color=look["color"], lw=1.0)
    _name(axes, "bits per token (lines: best random code)")


def _dots(axes: Axes, curves: list[Curve], figure: Callable[[Measured], float]) -> None:
    for curve, look in zip(curves, cycle(LOOKS), strict=False):
        networks = [network for point in curve.points for network in point.networks]
        x = [network.width / curve.cell.set_size for network in networks]
        axes.plot(x, [figure(network) for network in networks], clip_on=False, **look, **DOT)


def _name(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=10, loc="left", pad=5, color=INK)


def _legend(figure: Figure, curves: list[Curve]) -> None:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for curve, look in zip(curves, cycle(LOOKS), strict=False):
        axes.plot([math.nan], [math.nan], label=f"k = {curve.cell.set_size}", **look, **DOT)
    axes.fill_between([0], 0, 0, color=RULE, alpha=0.6, lw=0, label="predicted onset")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.6,
        borderpad=0.2,
        ncol=len(curves) + 1,
        frameon=False,
        fontsize=9.2,
        handlelength=1.2,
        handletextpad=0.4,
        columnspacing=1.1,
    )
