"""The one chart that all figures are drawn with: marks first, then its axes, then its legend."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis as MatplotlibAxis
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import AutoLocator, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from relubloom.report.charts.style import (
    BIT,
    INK,
    OTHER,
    plain_number,
    power,
    unlabelled_glyphs,
)

Look = dict[str, Any]
"""Colour, line and marker of a series, as keywords of matplotlib's `plot`."""

Span = tuple[float | None, float | None]
"""Both ends of an axis; None leaves an end where the marks put it."""

Numbers = Sequence[float] | NDArray[Any]

LABEL_TWO = 30.0  # ends of a log axis further apart than this label 1 and 3 of each decade
LABEL_ONE = 300.0  # and further than this powers of ten only
LEAST_DECADES = 1.2  # a narrower log axis would have no labels to speak of


class NotebookFigure(Figure):
    """A figure that a notebook shows as a picture, whether or not it has loaded pyplot."""

    def savefig(self, *given: Any, **how: Any) -> None:
        """As matplotlib does it, by default with labels that stand outside of the axes."""
        how.setdefault("bbox_inches", "tight")
        super().savefig(*given, **how)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with unlabelled_glyphs():
            self.savefig(buffer, format="png", dpi=2 * 72)
        return buffer.getvalue()


class Chart:
    """A pair of axes on a figure that is measured in SVG units.

    Nothing is clipped, which would cost a path for each mark, unless `clip` asks for it.

    Args:
        width, height: of the figure.
        left, bottom, right, top: margins around the axes.
        figure: one that other charts are on already.
        clip: marks end where the axes do.
    """

    def __init__(
        self,
        width: float,
        height: float,
        *,
        left: float = 56.0,
        bottom: float = 43.0,
        right: float = 7.0,
        top: float = 31.0,
        figure: Figure | None = None,
        clip: bool = False,
    ) -> None:
        self.figure: Figure = figure or NotebookFigure(figsize=(width / 72, height / 72))
        self.across: float = width - left - right
        self.down: float = height - bottom - top
        self.axes: Axes = self.figure.add_axes(
            (left / width, bottom / height, self.across / width, self.down / height)
        )
        self._clip = clip

    @classmethod
    def canvas(cls, width: float, height: float) -> Chart:
        """A chart without axes: x and y are SVG units from the figure's left and top."""
        chart = cls(width, height, left=0, bottom=0, right=0, top=0)
        chart.axes.set(xlim=(0, width), ylim=(height, 0))
        chart.axes.axis("off")
        return chart

    def plot(self, x: Numbers, y: Numbers, **look: Any) -> None:
        """A line, or marks, or both."""
        look.setdefault("clip_on", self._clip)
        self.axes.plot(x, y, **look)

    def add(self, patch: Patch) -> None:
        """Segments, dots or tiles, all of a kind in one patch."""
        self._keep(self.axes.add_patch(patch))

    def bars(self, x: Numbers, heights: Numbers, thick: float, colour: str, name: str) -> None:
        """A bar at each x, `thick` across; `name` is for the legend."""
        self._keep(*self.axes.bar(x, heights, thick, color=colour, lw=0, label=name))

    def errors(self, x: Numbers, y: Numbers, spread: Numbers, colour: str) -> None:
        """Bars of so much above and below each point."""
        drawn = self.axes.errorbar(
            x, y, yerr=spread, fmt="none", ecolor=colour, elinewidth=1.1, capsize=2.5
        )
        self._keep(*drawn.get_children())

    def band(self, x: Numbers, low: Numbers, high: Numbers, colour: str) -> None:
        """The range from `low` to `high`."""
        self._keep(self.axes.fill_between(x, low, high, color=colour, lw=0))

    def histogram(
        self,
        heights: NDArray[np.float64],
        edges: NDArray[np.float64],
        split: float | None,
        plain: str,
    ) -> None:
        """Two outlines: bins below `split` in the colour of bits, the rest in another.

        Without a split all bins are `plain`.
        """
        centres = (edges[:-1] + edges[1:]) / 2
        below = 0 if split is None else int(np.searchsorted(centres, split))
        rest = plain if split is None else OTHER
        for first, last, colour in ((0, below, BIT), (below, len(heights), rest)):
            filled = first + np.flatnonzero(heights[first:last])
            if len(filled):
                start, stop = int(filled[0]), int(filled[-1]) + 1
                shown, ends = heights[start:stop], edges[start : stop + 1]
                self._keep(self.axes.stairs(shown, ends, fill=True, color=colour, lw=0))

    def image(self, colours: NDArray[np.uint8], extent: tuple[float, float, float, float]) -> None:
        """RGBA pixels [down, across]; `extent` are the ends of x and of y, bottom first."""
        self._keep(self.axes.imshow(colours, interpolation="none", aspect="auto", extent=extent))

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float,
        colour: str = INK,
        align: str = "left center",
        offset: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Words beside a point, `offset` SVG units away; `align` says which part of them is."""
        across, down = align.split()
        self.axes.annotate(
            words,
            (x, y),
            xytext=offset,
            textcoords="offset points",
            ha=across,
            va=down,
            fontsize=size,
            color=colour,
            annotation_clip=False,
        )

    def x(self, label: str = "", span: Span | None = None, **ticks: Unpack[Ticks]) -> None:
        """What the x axis says, and where it ends; its marks come before."""
        self._say("x", label, span, ticks)

    def y(self, label: str = "", span: Span | None = None, **ticks: Unpack[Ticks]) -> None:
        """What the y axis says, and where it ends; its marks come before."""
        self._say("y", label, span, ticks)

    def title(self, words: str, size: float = 10.5) -> None:
        """Words above the axes, from their left end."""
        self.axes.set_title(words, fontsize=size, loc="left", pad=6, color=INK)

    def frame(self, *sides: str, length: float = 3.5, size: float = 10.5) -> None:
        """Show these sides of the frame only; ticks of this length, labels of this size."""
        for side, spine in self.axes.spines.items():
            spine.set_visible(side in sides)
        self.axes.tick_params(length=length, labelsize=size)

    def legend(self, columns: int) -> None:
        """Names of what has one, above the axes."""
        if self.axes.get_legend_handles_labels()[0]:
            self.axes.legend(
                loc="lower left",
                bbox_to_anchor=(-0.04, 0.99),
                ncol=columns,
                frameon=False,
                fontsize=9.5,
                handlelength=1.9,
                handletextpad=0.5,
                columnspacing=1.2,
                borderaxespad=0.2,
            )

    def _say(self, name: str, label: str, span: Span | None, ticks: Ticks) -> None:
        axis: MatplotlibAxis = getattr(self.axes, f"{name}axis")
        if ticks.get("log"):
            self.axes.set(**{f"{name}scale": "log"})
            span = span or _some_decades(*axis.get_view_interval())
        if span is not None:
            self.axes.set(**{f"{name}lim": span})
        axis.set_label_text(label)
        set_ticks(axis, **ticks)

    def _keep(self, *artists: Artist) -> None:
        for artist in artists:
            artist.set_clip_on(self._clip)


class Ticks(TypedDict, total=False):
    """What an axis shows, in plain numbers where nothing else is said."""

    ticks: int | Sequence[float] | Mapping[float, str] | None
    """At most so many intervals, or where the ticks are, or what each of them is called."""
    log: bool
    """A log scale: powers of ten are labelled, and more where its ends are near each other."""
    label_two: float
    """Ends of a log axis less far apart than this label 1, 2 and 5 of each decade."""
    whole: bool
    """Whole numbers only."""
    written: Callable[[float], str]
    """A tick's number as text."""


def set_ticks(axis: MatplotlibAxis, **how: Unpack[Ticks]) -> None:
    """Where the ticks of an axis are, and what they say; its ends must be known."""
    ticks, written = how.get("ticks"), how.get("written", plain_number)
    axis.set_minor_locator(NullLocator())
    if isinstance(ticks, Mapping):
        axis.set_ticks(list(ticks), list(ticks.values()))
        return
    if how.get("log"):
        low, high = axis.get_view_interval()
        two = high < low * how.get("label_two", LABEL_TWO)
        subs = (1.0, 2.0, 5.0) if two else (1.0, 3.0) if high < low * LABEL_ONE else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=9))
        written = power
    elif isinstance(ticks, Sequence):
        axis.set_ticks(list(ticks))
    elif how.get("whole"):
        axis.set_major_locator(MaxNLocator(nbins=ticks or 9, integer=True))
    elif ticks is not None:
        axis.set_major_locator(locator := AutoLocator())
        locator.set_params(nbins=ticks)
    axis.set_major_formatter(lambda value, _: written(float(value)))


def _some_decades(low: float, high: float) -> tuple[float, float]:
    """Ends of a log axis that has some labels to speak of."""
    if high >= low * 10**LEAST_DECADES:
        return low, high
    middle, half = (low * high) ** 0.5, 10 ** (LEAST_DECADES / 2)
    return middle / half, middle * half
