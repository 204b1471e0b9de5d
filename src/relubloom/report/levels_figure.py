"""Each hidden unit's level where the union leaves it out, and where the union covers it."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relubloom.report.series_figure import legend
from relubloom.report.shapes import segments
from relubloom.report.style import (
    BIT,
    OTHER,
    PANEL,
    PAPER,
    WIDE,
    Drawing,
    draw,
    plain_number,
    unclip,
)

LOOKS: dict[str, dict[str, Any]] = {
    "uncovered": {"marker": "o", "color": BIT, "label": "not covered: mean ± sd"},
    "covered": {
        "marker": "s",
        "color": OTHER,
        "mfc": PAPER,
        "label": "covered: mean, 95th percentile",
    },
}
UNITS = 200  # units shown; more are thinned out evenly


def draw_levels(units: list[dict[str, Any]], description: str) -> Drawing:
    """Units sorted by their uncovered level: mean ± sd there, mean to 95th percentile covered."""
    ordered = sorted(units, key=lambda unit: -unit["level_uncovered"]["mean"])
    ordered = ordered[:: -(-len(ordered) // UNITS)]
    wide, narrow = (
        _draw(f"levels-{name}", ordered, name == "wide", description) for name in ("wide", "narrow")
    )
    return Drawing("levels", wide, narrow)


def _draw(name: str, units: list[dict[str, Any]], wide: bool, description: str) -> Markup:
    width, height = (WIDE, 230.0) if wide else (PANEL, 230.0)
    left = 56 / width
    size = min(6.0, 1.1 * (width - 70) / len(units) * 0.75)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((left, 0.14, 0.985 - left, 0.74 if wide else 0.68))
        free = [unit["level_uncovered"] for unit in units]
        above = [(level["mean"] - level["sd"], level["mean"] + level["sd"]) for level in free]
        _marks(axes, list(enumerate(level["mean"] for level in free)), "uncovered", size)
        _whiskers(axes, list(enumerate(above)), BIT)
        found = [(place, unit["level_covered"]) for place, unit in enumerate(units)]
        covered = [(place, level) for place, level in found if level is not None]
        _marks(axes, [(place, level["mean"]) for place, level in covered], "covered", size)
        upto = [(place, (level["mean"], level["p95"])) for place, level in covered]
        _whiskers(axes, upto, OTHER)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.set_xticks([])
        axes.set_xlim(-1, len(units))
        axes.locator_params(axis="y", nbins=5)
        axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel("hidden units, sorted by their level")
        axes.set_ylabel("level after the ReLU")
        legend(axes, 2 if wide else 1)
        unclip(axes)

    return draw(name, description, (width, height), paint)


def _marks(axes: Axes, points: list[tuple[int, float]], which: str, size: float) -> None:
    x, y = [point[0] for point in points], [point[1] for point in points]
    axes.plot(x, y, lw=0, ms=size, **LOOKS[which])


def _whiskers(axes: Axes, spans: list[tuple[int, tuple[float, float]]], colour: str) -> None:
    lines = [((float(place), low), (float(place), high)) for place, (low, high) in spans]
    if lines:
        axes.add_patch(segments(lines, edgecolor=colour, lw=1.1))
