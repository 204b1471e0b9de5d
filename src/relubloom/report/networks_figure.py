"""The same set put into several networks: the probabilities each answers, on one scale."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from relubloom.report.matrix_figure import shortened
from relubloom.report.style import BIT, INK, MUTED, OTHER, PANEL, Drawing, drawing

ROW, LEFT, RIGHT = 19.0, 86.0, 74.0
CALLED = 0.5


def draw_answer(
    name: str,
    p: NDArray[np.float64],
    tokens: list[int],
    members: tuple[int, ...],
    highest: float,
    labels: tuple[str, ...],
    description: str,
) -> Drawing:
    """Bars for `tokens`; `p` [vocab] is what this network answers, `highest` ends every scale."""
    height = len(tokens) * ROW + 6
    scale = (PANEL - LEFT - RIGHT) / highest
    line = LEFT + scale * CALLED * float(p.max())

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, PANEL)
        axes.set_ylim(height, 0)
        axes.axis("off")
        axes.plot([line, line], [0, height], color=MUTED, lw=0.8, ls=(0, (2, 2)))
        for index, token in enumerate(tokens):
            y, value = 3 + index * ROW, float(p[token])
            member, called = token in members, bool(p[token] >= CALLED * p.max())
            colour = BIT if member else OTHER if called else MUTED
            middle = y + (ROW - 6) / 2
            text = shortened(labels[token], 12)
            axes.text(0, middle, text, va="center", fontsize=10.5, color=INK)
            bar = Rectangle((LEFT, y), max(1.0, scale * value), ROW - 6, lw=0, facecolor=colour)
            axes.add_patch(bar)
            said = f"{value:.3f} {_state(member, called)}".strip()
            axes.text(LEFT + scale * value + 5, middle, said, va="center", fontsize=9.5, color=INK)
        for artist in (*axes.lines, *axes.patches):
            artist.set_clip_on(False)

    return drawing(name, description, (PANEL, round(height)), paint)


def _state(member: bool, called: bool) -> str:
    if member:
        return "in" if called else "in, missed"
    return "false pos." if called else ""
