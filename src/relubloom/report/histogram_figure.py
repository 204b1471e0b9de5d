"""The histogram of all entries of W_in, with its two fitted modes and the threshold."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relubloom.report.shapes import bars
from relubloom.report.style import (
    ACCENT,
    INK,
    MUTED,
    PANEL,
    Drawing,
    drawing,
    plain_number,
    unclip,
)

BINS = 90
CHUNK = 1 << 20  # entries at a time
HEIGHT = 250.0
LABEL_WIDTH = 0.27  # of the axis, that a label at the top may take
LABEL_ROWS = (1.30, 1.17)  # heights of the two rows of labels, of the highest bin


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

    return drawing(name, description, (PANEL, HEIGHT), paint)


def _mark(axes: Axes, modes: Modes, edges: NDArray[np.float64], highest: float) -> None:
    """The threshold, the modes' means, and the density of the mixture."""
    axes.plot([modes.threshold] * 2, [0, highest * 1.12], color=INK, lw=1, ls=(0, (4, 3)))
    _label(axes, modes.threshold, f"threshold {modes.threshold:.2f}", edges, highest, 0)
    span = edges[-1] - edges[0]
    apart = modes.means[1] - modes.means[0] > 2.2 * LABEL_WIDTH * span
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
    half = LABEL_WIDTH * span / 2
    middle = at - side * half
    middle = min(max(middle, edges[0] + half), edges[-1] - half)
    axes.text(
        middle,
        highest * LABEL_ROWS[row],
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
