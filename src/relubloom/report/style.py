"""What all figures share: sizes, colours that follow the page's theme, and inline SVG."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from relubloom.records.figure_files import FIGURE_MARK

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # not in XML
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


@dataclass(frozen=True)
class Drawing:
    """A figure as inline SVG; `narrow` is another drawing of it for a phone, where one is needed.

    `name` is unique on the page, and names the file that the figure is also written to.
    """

    name: str
    svg: Markup
    narrow: Markup | None = None


def drawing(
    name: str,
    description: str,
    size: tuple[float, float],
    paint: Callable[[Figure], None],
) -> Drawing:
    """A figure that serves every screen; the arguments are those of `draw`."""
    return Drawing(name, draw(name, description, size, paint))


def draw(
    name: str,
    description: str,
    size: tuple[float, float],
    paint: Callable[[Figure], None],
) -> Markup:
    """One figure as an inline `<svg>` whose colours are variables of the page.

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
    for variable, colour in _light_theme().items():
        text = text.replace(f"var({variable})", colour)
    return text


def unclip(axes: Axes) -> None:
    """Let nothing in the axes carry a clip path: what is drawn lies inside."""
    for artist in axes.get_children():
        artist.set_clip_on(False)


def plain_number(value: float) -> str:
    """A tick's number in plain characters, with a real minus sign."""
    return f"{value:g}".replace("-", "\u2212")


def _inline(svg: str, name: str, description: str, size: tuple[float, float]) -> Markup:
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
    width, height = (f"{length:g}" for length in size)
    label = escape(CONTROL.sub("\ufffd", description))
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    return Markup(head + body.strip())


def _shortened_path(found: re.Match[str]) -> str:
    """Coordinates to a hundredth of a pixel; lines follow their move without a letter."""
    path = re.sub(r"(\.\d\d)\d+", r"\1", found.group())
    if not re.search("[CQ]", path):
        path = path.replace(" L ", " ")
    return re.sub(r" ?([MLCQz]) ?", r"\1", path)


@cache
def _light_theme() -> dict[str, str]:
    """The page's colours on paper: the first value of each variable in `style.css`."""
    css = files("relubloom.report").joinpath("style.css").read_text(encoding="utf-8")
    colours: dict[str, str] = {}
    for name, colour in re.findall(r"(--[a-z]+): (#[0-9a-f]+);", css):
        colours.setdefault(name, colour)
    return colours
