"""How the weights came about: the loss curve, and moments of W_in."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from relubloom.report.charts.drawing import Drawing, draw, drawing
from relubloom.report.charts.marks import bars, diverging, posterised
from relubloom.report.charts.style import (
    ACCENT,
    INK,
    MUTED,
    PANEL,
    RULE,
    WIDE,
    plain_number,
    unclip,
)
from relubloom.report.numbers import figure as written

LINES = {"mse": "-", "kl": (0, (5, 1.5))}
NAMES = {"mse": "mse (squared error per set)", "kl": "kl (nats per set)"}
LABEL_ALL = 1000.0  # ends of the axis further apart than this label powers of ten only
LETTER = 6.0  # width of a letter in SVG units, amply
FLOOR = 1e-12  # a log scale shows nothing at or below 0


@dataclass(frozen=True)
class Stretch:
    """Consecutive records of one objective."""

    objective: str
    steps: list[int]
    losses: list[float]


def stretches(history: list[dict[str, Any]]) -> list[Stretch]:
    """The history cut where the objective changes."""
    found: list[Stretch] = []
    for row in history:
        if not found or found[-1].objective != row["objective"]:
            found.append(Stretch(row["objective"], [], []))
        found[-1].steps.append(row["step"])
        found[-1].losses.append(max(FLOOR, row["loss"]))
    return found


def draw_loss(
    history: list[dict[str, Any]],
    others: list[list[dict[str, Any]]],
    best_random_mse: float | None,
    description: str,
) -> Drawing:
    """The curve, with the range over `others` (histories of the same steps) behind it."""
    wide, narrow = (
        _draw(f"loss-{name}", history, others, best_random_mse, name == "wide", description)
        for name in ("wide", "narrow")
    )
    return Drawing("loss", wide, narrow)


def _draw(
    name: str,
    history: list[dict[str, Any]],
    others: list[list[dict[str, Any]]],
    best_random_mse: float | None,
    wide: bool,
    description: str,
) -> Markup:
    parts = stretches(history)
    width, height = (WIDE, 320.0) if wide else (PANEL, 270.0)
    left = 62 / width

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((left, 0.17, 0.985 - left, 0.73))
        axes.set_yscale("log")
        last = history[-1]["step"]
        for index, part in enumerate(parts):
            _band(axes, part, others)
            axes.plot(
                part.steps, part.losses, color=ACCENT, lw=1.6, ls=LINES.get(part.objective, "-")
            )
            start = parts[index - 1].steps[-1] if index else 0
            _name(axes, part, start, last, wide, dividing=index > 0)
            if part.objective == "mse" and best_random_mse:
                room = (0.985 - left) * width * (last - start) / last
                _reference(axes, best_random_mse, (start, last), part.losses[-1], room)
        axes.set_xlim(0, last)
        axes.set_xlabel("training step")
        axes.set_ylabel("training loss (log scale)")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.yaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        low, high = axes.get_ylim()
        subs = (1.0, 2.0, 5.0) if high < LABEL_ALL * low else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.locator_params(axis="x", nbins=6 if wide else 4)
        unclip(axes)

    return draw(name, description, (width, height), paint)


def _band(axes: Axes, part: Stretch, others: list[list[dict[str, Any]]]) -> None:
    """Least to greatest loss over the other seeds, where they have the same records."""
    wanted = set(part.steps)
    curves = [[row["loss"] for row in rows if row["step"] in wanted] for rows in others]
    curves = [curve for curve in curves if len(curve) == len(part.steps)]
    if curves:
        columns = list(zip(part.losses, *curves, strict=True))
        low = [max(FLOOR, min(column)) for column in columns]
        axes.fill_between(part.steps, low, [max(column) for column in columns], color=RULE, lw=0)


def _name(axes: Axes, part: Stretch, start: int, last: int, wide: bool, *, dividing: bool) -> None:
    """The objective's name above its stretch, and a line where it begins."""
    text = NAMES.get(part.objective, part.objective) if wide else part.objective
    across = axes.get_xaxis_transform()
    if dividing:
        axes.plot([start, start], [0, 1.07], color=MUTED, lw=0.8, ls=":", transform=across)
    axes.text(start + last * 0.008, 1.03, text, transform=across, fontsize=10, color=MUTED)


def _reference(
    axes: Axes, mse: float, span: tuple[int, int], final_loss: float, room: float
) -> None:
    """The random code's level, labelled on the side away from the curve if there is room."""
    axes.plot(list(span), [mse, mse], color=INK, lw=1, ls=(0, (2, 2)))
    texts = (f"best random code: mse {written(mse)}", "best random code", "random")
    text = next((text for text in texts if len(text) * LETTER < room), "")
    above = final_loss < mse
    axes.annotate(
        text,
        (span[1], mse),
        xytext=(0, 4 if above else -4),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        fontsize=10,
    )


SIZE = 170.0  # width of a picture in SVG units
HISTOGRAM = 44.0
BINS = 60


def draw_moment(
    name: str,
    description: str,
    part: NDArray[np.float64],
    shares: NDArray[np.float64],
    edges: NDArray[np.float64],
    threshold: float | None,
) -> Drawing:
    """`part` [tokens, units] on a scale that ends where the bins do; `shares` of all entries."""
    tokens, units = part.shape
    down = min(1.4 * SIZE, max(SIZE / 3, SIZE * tokens / max(units, 1)))
    height = down + HISTOGRAM + 30

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 1 - down / height, 1, down / height))
        limit = float(max(abs(edges[0]), abs(edges[-1]))) * 0.75
        axes.imshow(posterised(diverging(part, limit)), interpolation="none", aspect="auto")
        axes.axis("off")
        unclip(axes)
        below = figure.add_axes((0, 18 / height, 1, HISTOGRAM / height))
        bars(below, shares, edges, threshold, MUTED)
        if threshold is not None:
            below.plot([threshold] * 2, [0, shares.max() * 1.05], color=INK, lw=0.8, ls=(0, (3, 2)))
        below.set_xlim(edges[0], edges[-1])
        below.set_yticks([])
        below.spines["left"].set_visible(False)
        below.locator_params(axis="x", nbins=4)
        below.xaxis.set_major_formatter(lambda value, _: plain_number(float(value)))
        below.tick_params(length=2, labelsize=9)
        unclip(below)

    return drawing(name, description, (SIZE, round(height)), paint)
