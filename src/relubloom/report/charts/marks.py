"""Shapes that figures share, each packed into as few elements of SVG as it can be."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

LEVELS = 24  # of opacity in pictures of matrices: enough for the eye
NEGATIVE_RGB, POSITIVE_RGB = (25, 98, 178), (224, 116, 22)  # told apart by colour-blind readers


def diverging(values: NDArray[np.float64], limit: float) -> NDArray[np.uint8]:
    """Colours for values from -limit to limit: blue below 0, orange above, clear at 0 (RGBA).

    Opacity carries the size, so that the page shows through at 0 in light and in dark.
    """
    rgba = np.empty((*values.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.where((values < 0)[..., None], NEGATIVE_RGB, POSITIVE_RGB)
    rgba[..., 3] = np.round(255 * np.clip(np.abs(values) / limit, 0, 1))
    return rgba


def picture(values: NDArray[np.float64], limit: float) -> NDArray[np.uint8]:
    """A matrix as RGBA pixels, on a diverging scale that ends at `limit`.

    Opacity has `LEVELS` steps, which packs far better.
    """
    colours, step = diverging(values, limit), 255 / (LEVELS - 1)
    colours[..., 3] = np.round(np.round(colours[..., 3] / step) * step)
    colours[colours[..., 3] == 0] = 0
    return colours


Place = tuple[float, float]


def segments(pairs: Sequence[tuple[Place, Place]], **look: Any) -> PathPatch:
    """Many straight lines as one path."""
    corners = [point for pair in pairs for point in pair]
    codes = [Path.MOVETO, Path.LINETO] * len(pairs)
    return PathPatch(_path(corners, codes), fill=False, **look)


def dots(points: Sequence[Place], size: float, **look: Any) -> PathPatch:
    """Many dots as one path: lines of no length, whose caps (`capstyle`) give the dots their shape.

    `size` is their diameter in SVG units.
    """
    drawn = segments([(point, point) for point in points], lw=size, **look)
    drawn.get_path().should_simplify = False  # it would drop lines of no length
    return drawn


def tiles(
    boxes: Sequence[tuple[float, float, float, float]], colour: str, opacity: float = 1.0
) -> PathPatch:
    """Many rectangles (x, y, width, height) as one path."""
    corners: list[Place] = []
    for x, y, width, height in boxes:
        corners += [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
    codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * len(boxes)
    return PathPatch(_path(corners, codes), facecolor=colour, alpha=opacity, lw=0)


def _path(corners: list[Place], codes: list[Any]) -> Path:
    return Path(np.array(corners, dtype=np.float64).reshape(-1, 2), codes)
