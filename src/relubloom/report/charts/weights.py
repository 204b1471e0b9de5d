"""W_in and its code: the matrix, the histogram of its entries, units' levels, hashes' bits."""

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
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.report.charts.drawing import Drawing, draw, drawing
from relubloom.report.charts.marks import bars, diverging, posterised, segments
from relubloom.report.charts.series import LOOKS, legend
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    WIDE,
    plain_number,
    unclip,
)

TOKENS, UNITS = 64, 128  # what a panel can show
TILE = 8  # pixels of one tile, a line of them clear
LABELS = 8  # rows that carry their token's label
LABEL_LENGTH = 13


def unit_order(W_in: NDArray[np.float32], code: Code | None) -> NDArray[np.intp]:
    """Units sorted so that those with the first token's bit come first, then the second's, ...

    Without a code an entry below the middle of its column's range counts as a bit.
    """
    first = W_in[:TOKENS]
    bits = first < (W_in.min(0) + W_in.max(0)) / 2 if code is None else code.bits[:TOKENS]
    return np.lexsort(~bits[::-1])


def shown(W_in: NDArray[np.float32], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """The part of the matrix that a panel shows, float64 [tokens, units]."""
    return W_in[:TOKENS][:, order[:UNITS]].astype(np.float64)


def shared_limit(parts: list[NDArray[np.float64]]) -> float:
    """The end of the colour scale: 99.5 % of all entries shown lie within it."""
    sizes = np.concatenate([np.abs(part).ravel() for part in parts])
    return float(np.quantile(sizes, 0.995)) or 1.0


def draw_matrix(
    name: str, part: NDArray[np.float64], limit: float, labels: tuple[str, ...], description: str
) -> Drawing:
    """One panel, tokens down and hidden units across."""
    tokens, units = part.shape
    every = -(-tokens // LABELS)
    rows = list(range(0, tokens, every))
    names = [shortened(labels[row]) for row in rows]
    left, bottom, top = 12 + 5.6 * max(map(len, names)), 34.0, 6.0
    across = PANEL - left - 8
    down = min(across * 1.25, max(across / 3, across * tokens / max(units, 40)))
    height = down + bottom + top

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((left / PANEL, bottom / height, across / PANEL, down / height))
        axes.imshow(
            _tiles(posterised(diverging(part, limit))),
            interpolation="none",
            aspect="auto",
            extent=(0.0, float(units), float(tokens), 0.0),
        )
        axes.set_yticks([row + 0.5 for row in rows], names)
        steps = [step for step in (1, 2, 4, 8, 16, 32) if units / step <= 8][:1] or [32]
        axes.set_xticks(range(0, units + 1, steps[0]))
        axes.set_xlabel("hidden units, sorted")
        axes.tick_params(length=0, labelsize=9.5)
        for spine in axes.spines.values():
            spine.set_visible(False)
        unclip(axes)

    return drawing(name, description, (PANEL, round(height)), paint)


def draw_colour_bar(limit: float) -> Drawing:
    """The scale that all panels share."""

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.06, 0.6, 0.88, 0.26))
        ramp = diverging(np.linspace(-limit, limit, 201)[None], limit)
        axes.imshow(ramp, interpolation="none", aspect="auto", extent=(-limit, limit, 0.0, 1.0))
        axes.set_yticks([])
        axes.set_xticks(
            [-limit, -limit / 2, 0, limit / 2, limit],
            [
                f"≤ {plain_number(round(-limit, 2))}",
                plain_number(round(-limit / 2, 2)),
                "0",
                plain_number(round(limit / 2, 2)),
                f"≥ {plain_number(round(limit, 2))}",
            ],
        )
        axes.set_xlabel("entry of W_in: blue below 0, orange above")
        for side in ("left", "right", "top", "bottom"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=3)
        unclip(axes)

    description = f"Colour scale from {-limit:.2f} (blue) through 0 (clear) to {limit:.2f} (orange)"
    return drawing("matrix-scale", description, (PANEL, 62), paint)


def shortened(label: str, length: int = LABEL_LENGTH) -> str:
    """A label that fits beside a figure."""
    return label if len(label) <= length else label[: length - 1] + "…"


def _tiles(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each entry as a tile with a clear line to the next."""
    tiles = colours.repeat(TILE, axis=0).repeat(TILE, axis=1)
    tiles[TILE - 1 :: TILE, :, 3] = 0
    tiles[:, TILE - 1 :: TILE, 3] = 0
    return tiles


BINS = 90
CHUNK = 1 << 20  # entries at a time
HISTOGRAM_HEIGHT = 250.0
MARK_WIDTH = 0.27  # of the axis, that a label at the top may take
MARK_ROWS = (1.30, 1.17)  # heights of the two rows of labels, of the highest bin


@dataclass(frozen=True)
class Modes:
    """The mixture fitted to all entries, lower mode first."""

    means: tuple[float, float]
    sds: tuple[float, float]
    shares: tuple[float, float]

    @property
    def threshold(self) -> float:
        """Halfway between the two means."""
        return sum(self.means) / 2


def bin_edges(matrices: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Bins that hold every entry of all the matrices, the same for each."""
    low = min(float(matrix.min()) for matrix in matrices)
    high = max(float(matrix.max()) for matrix in matrices)
    room = 0.03 * (high - low) or 1.0
    return np.linspace(low - room, high + room, BINS + 1)


def bin_shares(matrix: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of all entries in each bin; reads the matrix a chunk at a time."""
    counts = np.zeros(len(edges) - 1)
    rows = max(1, CHUNK // matrix.shape[1])
    for start in range(0, len(matrix), rows):
        counts += np.histogram(matrix[start : start + rows], edges)[0]
    return counts / matrix.size


def draw_histogram(
    name: str,
    shares: NDArray[np.float64],
    edges: NDArray[np.float64],
    modes: Modes | None,
    description: str,
) -> Drawing:
    """One panel; with modes, bins below the threshold (the bits) have a colour of their own."""

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.145, 0.18, 0.835, 0.78))
        highest = 100 * float(shares.max())
        bars(axes, 100 * shares, edges, modes.threshold if modes else None, MUTED)
        if modes is not None:
            _mark(axes, modes, edges, highest)
        axes.set_ylim(0, highest * (1.38 if modes else 1.08))
        axes.set_xlim(edges[0], edges[-1])
        axes.set_yticks(_ticks(highest))
        axes.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.locator_params(axis="x", nbins=7)
        axes.set_xlabel("value of an entry of W_in")
        axes.set_ylabel("share of entries per bin (%)")
        unclip(axes)

    return drawing(name, description, (PANEL, HISTOGRAM_HEIGHT), paint)


def _mark(axes: Axes, modes: Modes, edges: NDArray[np.float64], highest: float) -> None:
    """The threshold, the modes' means, and the density of the mixture."""
    axes.plot([modes.threshold] * 2, [0, highest * 1.12], color=INK, lw=1, ls=(0, (4, 3)))
    _label(axes, modes.threshold, f"threshold {modes.threshold:.2f}", edges, highest, 0)
    span = edges[-1] - edges[0]
    apart = modes.means[1] - modes.means[0] > 2.2 * MARK_WIDTH * span
    for row, (mean, sd) in enumerate(zip(modes.means, modes.sds, strict=True)):
        text = f"{mean:.2f} ± {sd:.2f}" if sd else f"{mean:.2f}"
        height = highest * 1.05
        axes.plot([mean], [height], marker="v", ms=5, color=ACCENT, lw=0)
        if apart:
            _label(axes, mean, text, edges, highest, 1)
        else:
            _label(axes, mean, text, edges, highest, 1, side=(1, -1)[row])
    if min(modes.sds) > 0:
        low, high = float(edges[0]), float(edges[-1])
        values, bin_width = np.linspace(low, high, 241), float(edges[1]) - low
        curve = np.minimum(100 * bin_width * _density(modes, values), highest * 1.02)
        axes.plot(values, curve, color=ACCENT, lw=1.3)


def _density(modes: Modes, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the mixture."""
    density = np.zeros_like(values)
    for share, mean, sd in zip(modes.shares, modes.means, modes.sds, strict=True):
        density += (
            share / (sd * math.sqrt(2 * math.pi)) * np.exp(-0.5 * ((values - mean) / sd) ** 2)
        )
    return density


def _label(
    axes: Axes,
    at: float,
    text: str,
    edges: NDArray[np.float64],
    highest: float,
    row: int,
    side: int = 0,
) -> None:
    """A label above the bins, kept inside the axes; `side` 1 ends at its mark, -1 starts there."""
    span = edges[-1] - edges[0]
    half = MARK_WIDTH * span / 2
    middle = at - side * half
    middle = min(max(middle, edges[0] + half), edges[-1] - half)
    axes.text(
        middle,
        highest * MARK_ROWS[row],
        text.replace("-", "\u2212"),
        ha="center",
        va="center",
        fontsize=9.5,
        color=INK if row == 0 else MUTED,
    )


def _ticks(highest: float) -> list[float]:
    """About four round ticks up to the highest bin."""
    raw = highest / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [step * index for index in range(int(highest / step) + 1)]


LEVEL_LOOKS: dict[str, dict[str, Any]] = {
    "uncovered": {"marker": "o", "color": BIT, "label": "not covered: mean ± sd"},
    "covered": {
        "marker": "s",
        "color": OTHER,
        "mfc": PAPER,
        "label": "covered: mean, 95th percentile",
    },
}
LEVEL_UNITS = 200  # units shown; more are thinned out evenly


def draw_levels(units: list[dict[str, Any]], description: str) -> Drawing:
    """Units sorted by their uncovered level: mean ± sd there, mean to 95th percentile covered."""
    ordered = sorted(units, key=lambda unit: -unit["level_uncovered"]["mean"])
    ordered = ordered[:: -(-len(ordered) // LEVEL_UNITS)]
    wide, narrow = (
        _draw_levels(f"levels-{name}", ordered, name == "wide", description)
        for name in ("wide", "narrow")
    )
    return Drawing("levels", wide, narrow)


def _draw_levels(name: str, units: list[dict[str, Any]], wide: bool, description: str) -> Markup:
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
    axes.plot(x, y, lw=0, ms=size, **LEVEL_LOOKS[which])


def _whiskers(axes: Axes, spans: list[tuple[int, tuple[float, float]]], colour: str) -> None:
    lines = [((float(place), low), (float(place), high)) for place, (low, high) in spans]
    if lines:
        axes.add_patch(segments(lines, edgecolor=colour, lw=1.1))


HASHES_HEIGHT = 220.0
SHOWN_SHARE = 1e-4  # bars and curve end where both hold less than this


def draw_distribution(
    name: str,
    description: str,
    shares: NDArray[np.float64],
    chance: NDArray[np.float64],
    words: tuple[str, str],
) -> Drawing:
    """Bars of `shares` over 0, 1, 2, ... and the curve of `chance` over the same numbers."""
    seen = np.flatnonzero((shares > 0) | (chance > SHOWN_SHARE))
    low, high = int(seen.min()), int(seen.max())
    places = np.arange(low, high + 1)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.15, 0.19, 0.83, 0.67))
        axes.bar(places, 100 * shares[low : high + 1], 0.72, color=BIT, lw=0, label=words[1])
        axes.plot(places, 100 * chance[low : high + 1], label="by chance", **LOOKS["theory"])
        axes.set_xlim(low - 0.7, high + 0.7)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9))
        axes.locator_params(axis="y", nbins=5)
        axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel(words[0])
        axes.set_ylabel("share (%)")
        legend(axes, 2)
        unclip(axes)

    return drawing(name, description, (PANEL, HASHES_HEIGHT), paint)
