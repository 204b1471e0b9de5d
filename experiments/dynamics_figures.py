"""The figures of dynamics.py: gap and settling, the order of the tokens, dead tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from relubloom.evidence.mechanism.units import BIT_GAP
from relubloom.report.charts.drawing import Drawing, drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, MUTED, OTHER, WIDE, plain_number, unclip

Row = dict[str, Any]
LEFT, RIGHT = 0.09, 0.585  # where the two panels of a row begin
PANEL = 0.4
TITLES = {
    "article-mse": "256 tokens, 48 units, mse",
    "wide-kl-then-mse": "1,000 tokens, 64 units, kl-then-mse",
}


def modes_figure(films: dict[str, list[Row]]) -> Drawing:
    """For each cell: the gap of the modes, and the shares that have settled."""
    height = 260.0 * len(films)

    def paint(figure: Figure) -> None:
        for number, (name, rows) in enumerate(films.items()):
            bottom = 1 - (number + 1) / len(films)
            place = (bottom + 0.16 / len(films), 0.68 / len(films))
            gap = figure.add_axes((LEFT, place[0], PANEL, place[1]))
            _gaps(gap, rows)
            gap.set_title(TITLES[name], loc="left", fontsize=10.5, color=INK)
            _shares(figure.add_axes((RIGHT, place[0], PANEL, place[1])), rows)

    said = "Against the training step: the gap of the two modes, and the bits and hashes settled"
    return drawing("dynamics-modes", said, (WIDE, height), paint)


def order_figure(uniform: list[Row], zipf: list[Row]) -> Drawing:
    """Settling step against the weakest entry, and against the rank by frequency."""

    def paint(figure: Figure) -> None:
        left = figure.add_axes((LEFT, 0.19, PANEL, 0.68))
        row = uniform[0]
        left.plot(
            row["weakest"], _jittered(row), ls="", marker="o", ms=2.4, color=ACCENT, alpha=0.6
        )
        _square_root(left, row["steps"][-1], along="y")
        left.set_xlabel("final distance of the nearest entry from its threshold")
        left.set_ylabel("step of the final hash")
        left.set_title("one seed, uniform source", loc="left", fontsize=10.5, color=INK)
        right = figure.add_axes((RIGHT, 0.19, PANEL, 0.68))
        for name, rows, colour in (("Zipf", zipf, BIT), ("uniform", uniform[: len(zipf)], OTHER)):
            for each in rows:
                _running(right, each, colour, lw=0.7, alpha=0.45)
            _running_of_all(right, rows, colour, name)
        _square_root(right, uniform[0]["steps"][-1], along="y")
        right.set_xlabel("number of the token (Zipf: 0 is the commonest)")
        right.set_title(
            f"{len(zipf)} seeds each, median of 32 neighbours", loc="left", fontsize=10.5, color=INK
        )
        right.legend(frameon=False, fontsize=9.5, loc="upper left")
        unclip(left)
        unclip(right)

    said = "The step at which a token has its final hash, by its weakest entry and by its frequency"
    return drawing("dynamics-order", said, (WIDE, 270), paint)


def dead_figure(trials: dict[str, Row]) -> Drawing:
    """Silent tokens against the step, and dead ones among the live."""

    def paint(figure: Figure) -> None:
        left = figure.add_axes((LEFT, 0.19, PANEL, 0.68))
        for (name, found), colour in zip(trials.items(), (BIT, OTHER), strict=True):
            _thin_and_thick(
                left, found["steps"], [each["silent"] for each in found["seeds"]], colour, name
            )
        _square_root(left, found["steps"][-1], along="x")
        left.set_ylim(0)
        left.set_xlabel("training step")
        left.set_ylabel("tokens missed on over 9/10 of their sets")
        left.legend(frameon=False, fontsize=9.5)
        right = figure.add_axes((RIGHT, 0.19, PANEL, 0.68))
        portrait = trials["mse"]["seeds"][0]["portrait"]
        dead = np.array(portrait["dead"])
        for chosen, name, colour in ((~dead, "live", OTHER), (dead, "dead", BIT)):
            right.plot(
                np.array(portrait["row_and_initial_row"])[chosen],
                np.array(portrait["row_and_column"])[chosen],
                ls="",
                marker="o",
                ms=2.6,
                color=colour,
                alpha=0.6,
                label=name,
            )
        right.set_xlabel("row of W_in and its initialisation, correlation")
        right.set_ylabel("row of W_in and column of W_out")
        right.set_title("one seed of mse, at the end", loc="left", fontsize=10.5, color=INK)
        right.legend(frameon=False, fontsize=9.5, loc="lower right")
        unclip(left)
        unclip(right)

    said = (
        "How many tokens are silent at each step under mse and kl, and what dead tokens look like"
    )
    return drawing("dynamics-dead", said, (WIDE, 270), paint)


def _gaps(axes: Axes, rows: list[Row]) -> None:
    _thin_and_thick(axes, rows[0]["steps"], [row["splitting"]["gap"] for row in rows], ACCENT)
    axes.plot([0, rows[0]["steps"][-1]], [BIT_GAP] * 2, color=INK, lw=0.8, ls=(0, (3, 2)))
    _square_root(axes, rows[0]["steps"][-1], along="x")
    axes.set_ylim(0)
    axes.set_xlabel("training step")
    axes.set_ylabel("gap of the modes, in sd")
    unclip(axes)


def _shares(axes: Axes, rows: list[Row]) -> None:
    for key, name, colour in (
        ("settled_bits", "entries", OTHER),
        ("all_but_one", "hashes but one bit", ACCENT),
        ("settled_tokens", "hashes", BIT),
    ):
        curves = [row["settling"][key] for row in rows]
        _thin_and_thick(axes, rows[0]["steps"], curves, colour, name)
    _square_root(axes, rows[0]["steps"][-1], along="x")
    axes.set_ylim(0, 1)
    axes.set_xlabel("training step")
    axes.set_ylabel("share that is final")
    axes.legend(frameon=False, fontsize=9.5, loc="lower right")
    unclip(axes)


def _thin_and_thick(
    axes: Axes, steps: list[int], curves: Sequence[Sequence[float]], colour: str, name: str = ""
) -> None:
    """Every seed thin, their median thick."""
    for curve in curves:
        axes.plot(steps, curve, color=colour, lw=0.5, alpha=0.45)
    axes.plot(steps, np.median(np.array(curves), axis=0), color=colour, lw=1.9, label=name)


def _square_root(axes: Axes, last: int, along: str) -> None:
    """A scale on which the film's moments are evenly spaced."""
    scale = axes.set_xscale if along == "x" else axes.set_yscale
    scale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ticks = [tick for tick in (0, 100, 500, 1000, 2000, 4000) if tick <= last]
    (axes.set_xticks if along == "x" else axes.set_yticks)(ticks, [f"{tick:,}" for tick in ticks])
    (axes.set_xlim if along == "x" else axes.set_ylim)(0, last)
    other = axes.yaxis if along == "x" else axes.xaxis
    other.set_major_formatter(lambda value, _: plain_number(float(value)))
    axes.tick_params(color=MUTED)


def _jittered(row: Row) -> NDArray[np.float64]:
    """Steps of the tokens, moved by up to a third of the way to the moment before."""
    steps = np.sqrt(np.array(row["settling"]["token_steps"], dtype=np.float64))
    between = float(np.diff(np.sqrt(row["steps"])).max())
    return (steps - np.random.default_rng(0).random(len(steps)) * between * 0.6) ** 2


def _running(axes: Axes, row: Row, colour: str, **look: Any) -> None:
    """Median of 32 neighbours by number."""
    numbers, medians = _medians(np.array([row["settling"]["token_steps"]]))
    axes.plot(numbers, medians, color=colour, **look)


def _running_of_all(axes: Axes, rows: list[Row], colour: str, name: str) -> None:
    numbers, medians = _medians(np.array([row["settling"]["token_steps"] for row in rows]))
    axes.plot(numbers, medians, color=colour, lw=1.9, label=name)


def _medians(steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[float]]:
    """Of windows of 32 tokens, eight apart, over all the seeds given."""
    starts = np.arange(0, steps.shape[1] - 31, 8)
    return starts + 16, [float(np.median(steps[:, start : start + 32])) for start in starts]
