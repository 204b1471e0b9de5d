"""Moments of training: W_in as a picture, its entries as a small histogram below."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relubloom.report.shapes import bars, diverging, posterised
from relubloom.report.style import (
    INK,
    MUTED,
    Drawing,
    drawing,
    plain_number,
    unclip,
)

SIZE = 170.0  # width of a picture in SVG units
HISTOGRAM = 44.0
BINS = 60


def draw_moment(
    name: str,
    description: str,
    part: NDArray[np.float64],
    shares: NDArray[np.float64],
    edges: NDArray[np.float64],
    threshold: float | None,
) -> Drawing:
    """`part` [tokens, units] on a scale that ends where the bins do; `shares` of all entries."""
    tokens, units = part.shape
    down = min(1.4 * SIZE, max(SIZE / 3, SIZE * tokens / max(units, 1)))
    height = down + HISTOGRAM + 30

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 1 - down / height, 1, down / height))
        limit = float(max(abs(edges[0]), abs(edges[-1]))) * 0.75
        axes.imshow(posterised(diverging(part, limit)), interpolation="none", aspect="auto")
        axes.axis("off")
        unclip(axes)
        below = figure.add_axes((0, 18 / height, 1, HISTOGRAM / height))
        bars(below, shares, edges, threshold, MUTED)
        if threshold is not None:
            below.plot([threshold] * 2, [0, shares.max() * 1.05], color=INK, lw=0.8, ls=(0, (3, 2)))
        below.set_xlim(edges[0], edges[-1])
        below.set_yticks([])
        below.spines["left"].set_visible(False)
        below.locator_params(axis="x", nbins=4)
        below.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        below.tick_params(length=2, labelsize=9)
        unclip(below)

    return drawing(name, description, (SIZE, round(height)), paint)
