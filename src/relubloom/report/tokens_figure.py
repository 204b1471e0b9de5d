"""Every token a dot: how often its hash is covered, against how often the network calls it."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from numpy.typing import NDArray

from relubloom.report.shapes import segments
from relubloom.report.style import (
    BIT,
    MUTED,
    PANEL,
    Drawing,
    drawing,
    plain_number,
    unclip,
)

HEIGHT = 250.0
DOTS = 2000  # more dots than this are thinned out evenly


def draw_tokens(
    name: str,
    description: str,
    predicted: NDArray[np.float64],
    measured: NDArray[np.float64],
    words: tuple[str, str],
) -> Drawing:
    """Shares in per cent, [tokens] each; the line is where the prediction is exact."""
    every = -(-len(predicted) // DOTS)
    x, y = 100 * predicted[::every], 100 * measured[::every]
    highest = float(max(x.max(), y.max())) * 1.06 or 1.0

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0.165, 0.175, 0.80, 0.78))
        axes.plot([0, highest], [0, highest], color=MUTED, lw=1, ls=(0, (4, 3)))
        axes.add_patch(_dots(x, y, highest))
        axes.set_xlim(0, highest)
        axes.set_ylim(0, highest)
        axes.locator_params(nbins=5)
        for side in (axes.xaxis, axes.yaxis):
            side.set_major_formatter(lambda value, _: plain_number(float(value)))
        axes.set_xlabel(words[0])
        axes.set_ylabel(words[1])
        unclip(axes)

    return drawing(name, description, (PANEL, HEIGHT), paint)


def _dots(x: NDArray[np.float64], y: NDArray[np.float64], span: float) -> PathPatch:
    """All dots as one path: each a stroke of no length worth naming, with round ends."""
    ends = [((a, b), (a + 1e-3 * span, b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return segments(ends, edgecolor=BIT, lw=4.2, capstyle="round", alpha=0.55)
