"""What all figures share: sizes, and colours that follow the page's theme."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import re
import warnings
from collections.abc import Generator
from contextlib import ContextDecorator, contextmanager
from functools import cache
from typing import Any

import matplotlib

from relubloom.report.numbers import power_of_ten
from relubloom.shown import palette

PANEL = 340.0  # width in SVG units of a panel; a phone shows it at about that many pixels
WIDE = 620.0  # beside the text, shown at 704 pixels

LABEL_LENGTH = 13  # letters of a token's label beside a figure

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
    "text.parse_math": False,
    "path.simplify": True,
}
styled: ContextDecorator = matplotlib.rc_context(_PARAMETERS)
"""Holds while a figure is made, and while it is saved; a decorator or a `with`."""


@contextmanager
def unlabelled_glyphs() -> Generator[None]:
    """Let labels be in scripts that matplotlib's font lacks: the reader's own may have them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def plain_number(value: float) -> str:
    """A tick's number in plain characters, with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


def power(value: float) -> str:
    """A tick of a log axis: 0.01, 10, and 10⁻⁵ beyond."""
    if 1e-4 < value < 1e5:
        return plain_number(value)
    mantissa, exponent = f"{value:.0e}".split("e")
    raised = power_of_ten(int(exponent))
    return raised if mantissa == "1" else f"{mantissa}·{raised}"


def shortened(label: str, length: int = LABEL_LENGTH) -> str:
    """A label that fits: by default beside a figure."""
    return label if len(label) <= length else label[: length - 1] + "…"


@cache
def light_theme() -> dict[str, str]:
    """The page's colours on paper: the first value of each variable."""
    colours: dict[str, str] = {}
    for name, colour in re.findall(r"(--[a-z]+): (#[0-9a-f]+);", palette()):
        colours.setdefault(name, colour)
    return colours
