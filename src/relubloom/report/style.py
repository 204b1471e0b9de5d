"""What all figures share: sizes, colours that follow the page's theme, and inline SVG."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

PANEL = 340.0  # width in SVG units of a panel; a phone shows it at about that many pixels
WIDE = 720.0

# Stand-ins that the page replaces by its own variables, so that one SVG serves light and dark.
INK, MUTED, RULE, PAPER = "#010203", "#010204", "#010205", "#010206"
BIT, OTHER, ACCENT = "#010207", "#010208", "#010209"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    RULE: "--rule",
    PAPER: "--paper",
    BIT: "--bit",
    OTHER: "--other",
    ACCENT: "--accent",
}
NEGATIVE_RGB, POSITIVE_RGB = (25, 98, 178), (224, 116, 22)  # told apart by colour-blind readers

_PARAMETERS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "relubloom",
    "font.size": 10.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "hatch.linewidth": 0.8,
    "text.parse_math": False,
    "path.simplify": True,
}


def draw(
    name: str,
    description: str,
    size: tuple[float, float],
    paint: Callable[[Figure], None],
) -> str:
    """One figure as an inline `<svg>`.

    Args:
        name: unique on the page; the ids inside the SVG start with it.
        description: what a reader who cannot see the figure should know; it is escaped here.
        size: width and height in SVG units.
        paint: draws on the figure.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context(_PARAMETERS), warnings.catch_warnings():
        # Labels in scripts that the measuring font lacks are drawn by the reader's own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure = Figure(figsize=(size[0] / 72, size[1] / 72))
        paint(figure)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return _inline(buffer.getvalue(), name, description, size)


def diverging(values: NDArray[np.float64], limit: float) -> NDArray[np.uint8]:
    """Colours for values from -limit to limit: blue below 0, orange above, clear at 0 (RGBA).

    Opacity carries the size, so that the page shows through at 0 in light and in dark.
    """
    rgba = np.empty((*values.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.where((values < 0)[..., None], NEGATIVE_RGB, POSITIVE_RGB)
    rgba[..., 3] = np.round(255 * np.clip(np.abs(values) / limit, 0, 1))
    return rgba


def unclip(axes: Axes) -> None:
    """Let nothing in the axes carry a clip path: what is drawn lies inside."""
    for artist in axes.get_children():
        artist.set_clip_on(False)


def plain_number(value: float) -> str:
    """A tick's number in plain characters, with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


def _inline(svg: str, name: str, description: str, size: tuple[float, float]) -> str:
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    body = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", body)
    for colour, variable in VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    body = re.sub(r"\s*\n\s*", " ", body)
    width, height = (f"{length:g}" for length in size)
    label = _escaped(description)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{body}'.strip()


def _escaped(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;")):
        text = text.replace(character, entity)
    return text
