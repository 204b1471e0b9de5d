"""The figures of dynamics.py: gap and settling, the order of the tokens, dead tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panels import grid
from relubloom.evidence.mechanism.units import BIT_GAP
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.style import ACCENT, BIT, INK, OTHER, WIDE, styled

Row = dict[str, Any]
TITLES = {
    "article-mse": "256 tokens, 48 units, mse",
    "wide-kl-then-mse": "1,000 tokens, 64 units, kl-then-mse",
}


@styled
def modes_figure(films: dict[str, list[Row]]) -> Drawing:
    """For each cell: the gap of the modes, and the shares that have settled."""
    charts = _panels(2 * len(films))
    for (name, rows), gap, shares in zip(films.items(), charts[::2], charts[1::2], strict=True):
        _gaps(gap, rows)
        gap.title(TITLES[name])
        _shares(shares, rows)
    said = "Against the training step: the gap of the two modes, and the bits and hashes settled"
    return Drawing("dynamics-modes", said, charts[0].figure)


@styled
def order_figure(uniform: list[Row], zipf: list[Row]) -> Drawing:
    """Settling step against the weakest entry, and against the rank by frequency."""
    left, right = _panels(2)
    row, last = uniform[0], uniform[0]["steps"][-1]
    left.plot(row["weakest"], _jittered(row), lw=0, marker="o", ms=2.4, color=ACCENT, alpha=0.6)
    left.x("final distance of the nearest entry from its threshold")
    _steps(left, "step of the final hash", last, along="y")
    left.title("one seed, uniform source")
    for name, rows, colour in (("Zipf", zipf, BIT), ("uniform", uniform[: len(zipf)], OTHER)):
        for each in rows:
            _running(right, [each], color=colour, lw=0.7, alpha=0.45)
        _running(right, rows, color=colour, lw=1.9, label=name)
    right.x("number of the token (Zipf: 0 is the commonest)")
    _steps(right, "", last, along="y")
    right.title(f"{len(zipf)} seeds each, median of 32 neighbours")
    right.axes.legend(frameon=False, fontsize=9.5, loc="upper left")
    said = "The step at which a token has its final hash, by its weakest entry and by its frequency"
    return Drawing("dynamics-order", said, left.figure)


@styled
def dead_figure(trials: dict[str, Row]) -> Drawing:
    """Silent tokens against the step, and dead ones among the live."""
    left, right = _panels(2)
    for (name, found), colour in zip(trials.items(), (BIT, OTHER), strict=True):
        silent = [each["silent"] for each in found["seeds"]]
        _thin_and_thick(left, found["steps"], silent, colour, name)
        _steps(left, "training step", found["steps"][-1], along="x")
    left.y("tokens missed on over 9/10 of their sets", (0, None))
    left.axes.legend(frameon=False, fontsize=9.5)
    portrait = trials["mse"]["seeds"][0]["portrait"]
    dead = np.array(portrait["dead"])
    x, y = np.array(portrait["row_and_initial_row"]), np.array(portrait["row_and_column"])
    dot: Look = {"lw": 0, "marker": "o", "ms": 2.6, "alpha": 0.6}
    right.plot(x[~dead], y[~dead], color=OTHER, label="live", **dot)
    right.plot(x[dead], y[dead], color=BIT, label="dead", **dot)
    right.x("row of W_in and its initialisation, correlation")
    right.y("row of W_in and column of W_out")
    right.title("one seed of mse, at the end")
    right.axes.legend(frameon=False, fontsize=9.5, loc="lower right")
    said = (
        "How many tokens are silent at each step under mse and kl, and what dead tokens look like"
    )
    return Drawing("dynamics-dead", said, left.figure)


def _panels(count: int) -> list[Chart]:
    """Charts in rows of two."""
    margins = {"tall": 180.0, "top": 36.0, "under": 80.0, "bottom": 50.0}
    return grid(WIDE, count, 2, left=56, gap=59, right=9, clip=False, **margins)


def _gaps(chart: Chart, rows: list[Row]) -> None:
    steps = rows[0]["steps"]
    _thin_and_thick(chart, steps, [row["splitting"]["gap"] for row in rows], ACCENT)
    chart.plot([0, steps[-1]], [BIT_GAP] * 2, color=INK, lw=0.8, ls=(0, (3, 2)))
    _steps(chart, "training step", steps[-1], along="x")
    chart.y("gap of the modes, in sd", (0, None))


def _shares(chart: Chart, rows: list[Row]) -> None:
    for name, label, colour in (
        ("settled_bits", "entries", OTHER),
        ("all_but_one", "hashes but one bit", ACCENT),
        ("settled_tokens", "hashes", BIT),
    ):
        curves = [row["settling"][name] for row in rows]
        _thin_and_thick(chart, rows[0]["steps"], curves, colour, label)
    _steps(chart, "training step", rows[0]["steps"][-1], along="x")
    chart.y("share that is final", (0, 1))
    chart.axes.legend(frameon=False, fontsize=9.5, loc="lower right")


def _thin_and_thick(
    chart: Chart, steps: list[int], curves: Sequence[Sequence[float]], colour: str, name: str = ""
) -> None:
    """Every seed thin, their median thick."""
    for curve in curves:
        chart.plot(steps, curve, color=colour, lw=0.5, alpha=0.45)
    chart.plot(steps, np.median(np.array(curves), axis=0), color=colour, lw=1.9, label=name)


def _steps(chart: Chart, label: str, last: int, along: str) -> None:
    """An axis of steps on which the film's moments are evenly spaced."""
    scale = chart.axes.set_xscale if along == "x" else chart.axes.set_yscale
    scale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
    ticks = {float(tick): f"{tick:,}" for tick in (0, 100, 500, 1000, 2000, 4000) if tick <= last}
    (chart.x if along == "x" else chart.y)(label, (0, last), ticks=ticks)


def _jittered(row: Row) -> NDArray[np.float64]:
    """Steps of the tokens, moved by up to a third of the way to the moment before."""
    steps = np.sqrt(np.array(row["settling"]["token_steps"], dtype=np.float64))
    between = float(np.diff(np.sqrt(row["steps"])).max())
    return (steps - np.random.default_rng(0).random(len(steps)) * between * 0.6) ** 2


def _running(chart: Chart, rows: list[Row], **look: Any) -> None:
    """Median of 32 neighbours by number, over all rows."""
    numbers, medians = _medians(np.array([row["settling"]["token_steps"] for row in rows]))
    chart.plot(numbers, medians, **look)


def _medians(steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[float]]:
    """Of windows of 32 tokens, eight apart, over all the seeds given."""
    starts = np.arange(0, steps.shape[1] - 31, 8)
    return starts + 16, [float(np.median(steps[:, start : start + 32])) for start in starts]
