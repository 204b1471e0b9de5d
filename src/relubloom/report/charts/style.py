"""What all figures share: sizes, and colours that follow the page's theme."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from matplotlib.axes import Axes

PANEL = 340.0  # width in SVG units of a panel; a phone shows it at about that many pixels
WIDE = 620.0  # beside the text, shown at 704 pixels

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
FONTS = "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"

PARAMETERS: dict[Any, Any] = {
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


def unclip(axes: Axes) -> None:
    """Let nothing in the axes carry a clip path: what is drawn lies inside."""
    for artist in axes.get_children():
        artist.set_clip_on(False)


def plain_number(value: float) -> str:
    """A tick's number in plain characters, with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


@cache
def light_theme() -> dict[str, str]:
    """The page's colours on paper: the first value of each variable in `style.css`."""
    css = (files("relubloom.report") / "templates" / "style.css").read_text(encoding="utf-8")
    colours: dict[str, str] = {}
    for name, colour in re.findall(r"(--[a-z]+): (#[0-9a-f]+);", css):
        colours.setdefault(name, colour)
    return colours
