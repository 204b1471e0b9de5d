"""The weight matrix: W_in of the first tokens, as tiles on one shared diverging scale."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.report.shapes import diverging, posterised
from relubloom.report.style import (
    PANEL,
    Drawing,
    drawing,
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
