"""Figures as SVG: inline on a page, and as files of their own."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from matplotlib.colors import is_color_like, to_hex
from matplotlib.figure import Figure

from relubloom.records.files import FIGURE_MARK
from relubloom.report.charts.style import (
    FONTS,
    INK,
    MUTED,
    PAPER,
    VARIABLES,
    light_theme,
    styled,
    unlabelled_glyphs,
)

COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # not in XML


@dataclass(frozen=True)
class Drawing:
    """A figure of the page; `narrow_figure` is another of it for a phone, where one is needed.

    `name` is unique on the page, and names the file that the figure is also written to.
    `description` is what a reader who cannot see it should know.
    """

    name: str
    description: str
    figure: Figure
    narrow_figure: Figure | None = None

    @cached_property
    def svg(self) -> Markup:
        """An inline `<svg>` whose colours are variables of the page."""
        ids = self.name if self.narrow_figure is None else f"{self.name}-wide"
        return _inline(self.figure, ids, self.description)

    @cached_property
    def narrow(self) -> Markup | None:
        """The same of the figure for a phone."""
        if self.narrow_figure is None:
            return None
        return _inline(self.narrow_figure, f"{self.name}-narrow", self.description)


def standalone(svg: Markup) -> str:
    """An inline figure as a file of its own: concrete colours, a font, a background.

    It opens in any viewer, and in a paper.
    """
    start, body = str(svg).split(">", 1)
    width, height = re.findall(r"[\d.]+", start.split('viewBox="')[1].split('"')[0])[2:4]
    head = start.replace(
        "<svg ",
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" font-family="{FONTS}" ',
    )
    background = f'<rect width="{width}" height="{height}" fill="var({VARIABLES[PAPER]})"/>'
    text = f"{FIGURE_MARK}\n{head}>{background}{body}\n"
    for variable, colour in light_theme().items():
        text = text.replace(f"var({variable})", colour)
    return text


@styled
def on_paper(figure: Figure, title: str = "") -> Figure:
    """The figure itself in the light theme's colours, as it stands in a notebook or a paper; its
    title stands above all else."""
    theme = light_theme()
    colours = {stand_in: theme[variable] for stand_in, variable in VARIABLES.items()}
    figure.set_facecolor(theme[VARIABLES[PAPER]])
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            muted = theme[VARIABLES[MUTED]]
            axis.set_tick_params(which="both", color=muted, labelcolor=muted)
    for artist in figure.findobj():
        for name in COLOURED:
            get = getattr(artist, f"get_{name}", None)
            found = None if get is None else get()
            if found is not None and len(found) and is_color_like(shade := _first(found)):
                colour = colours.get(to_hex(shade))
                if colour is not None:
                    getattr(artist, f"set_{name}")(colour)
    if title:
        figure.suptitle(title, y=1, va="bottom", fontsize=10.5, color=theme[VARIABLES[INK]])
    return figure


def _first(found: Any) -> Any:
    """A collection has a colour for each of its parts, here all the same."""
    return found[0] if isinstance(found, np.ndarray) and found.ndim == 2 else found


@styled
def _saved(figure: Figure) -> str:
    """SVG as matplotlib writes it."""
    buffer = io.StringIO()
    with unlabelled_glyphs():
        figure.savefig(
            buffer, format="svg", transparent=True, bbox_inches=None, metadata={"Date": None}
        )
    return buffer.getvalue()


def _inline(figure: Figure, name: str, description: str) -> Markup:
    svg = _saved(figure)
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
    body = re.sub(r' d="[^"]*"', _shortened_path, body)
    body = body.replace("; stroke-linejoin: miter", "").replace("> <", "><")
    body = CONTROL.sub("\ufffd", body)
    width, height = (f"{72 * inches:g}" for inches in figure.get_size_inches())
    label = escape(CONTROL.sub("\ufffd", description))
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    return Markup(head + body.strip())


def _shortened_path(found: re.Match[str]) -> str:
    """Coordinates to a hundredth of a pixel; lines follow their move without a letter."""
    path = re.sub(r"(\.\d\d)\d+", r"\1", found.group())
    if not re.search("[CQ]", path):
        path = path.replace(" L ", " ")
    return re.sub(r" ?([MLCQz]) ?", r"\1", path)
