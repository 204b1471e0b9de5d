"""The hashes themselves: bits per token and shared bits of two tokens, against chance."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from relubloom.report.series_figure import LOOKS, legend
from relubloom.report.style import BIT, PANEL, Drawing, drawing, plain_number, unclip

HEIGHT = 220.0
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

    return drawing(name, description, (PANEL, HEIGHT), paint)
