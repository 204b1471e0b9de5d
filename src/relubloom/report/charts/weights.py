"""W_in and its code: the matrix, the histogram of its entries, units' levels, hashes' bits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.records.mechanism import CoveredLevel, InputModes, Spread, StateLevels
from relubloom.report.charts.chart import Chart, Look
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import diverging, picture, segments
from relubloom.report.charts.series import LOOKS
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    INK,
    MUTED,
    OTHER,
    PANEL,
    PAPER,
    WIDE,
    plain_number,
    shortened,
    styled,
)

TOKENS, UNITS = 64, 128  # what a panel of the matrix can show
TILE = 8  # pixels of one tile, a line of them clear
LABELS = 8  # rows that carry their token's label
BINS = 90
CHUNK = 1 << 20  # entries at a time
LABEL_SHARE = 0.27  # of the histogram's width, that a label at its top may take
LEVEL_UNITS = 200  # units whose levels are shown; more are thinned out evenly
FREE: Look = {"marker": "o", "color": BIT, "label": "not covered: mean ± sd"}
COVERED: Look = {
    "marker": "s",
    "color": OTHER,
    "mfc": PAPER,
    "label": "covered: mean, 95th percentile",
}
UNTOUCHED: Look = FREE | {"label": "untouched: mean ± sd"}
LEAKING: Look = {"marker": "D", "color": ACCENT, "label": "covered half: mean ± sd"}
STOPPED: Look = COVERED | {"label": "covered: mean + sd"}
Levels = tuple[Spread, CoveredLevel | None]  # of a unit: not covered, and covered
Band = tuple[float, float, float]  # of a unit in some state: mean, and the ends of its line
SHOWN_SHARE = 1e-4  # bars and curve of a distribution end where both hold less than this


def unit_order(W_in: NDArray[np.float32], code: Code | None) -> NDArray[np.intp]:
    """Units sorted so that those with the first token's bit come first, then the second's, ...

    Without a code an entry below the middle of its column's range counts as a bit.
    """
    return hash_order(W_in < (W_in.min(0) + W_in.max(0)) / 2 if code is None else code.bits)


def hash_order(bits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The order that `unit_order` describes, of bits [vocab, width]."""
    return np.lexsort(~bits[:TOKENS][::-1])


def shown(W_in: NDArray[np.float32], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """The part of the matrix that a panel shows, float64 [tokens, units]."""
    return W_in[:TOKENS][:, order[:UNITS]].astype(np.float64)


def shared_limit(parts: list[NDArray[np.float64]]) -> float:
    """The end of the colour scale: 99.5 % of all entries shown lie within it."""
    sizes = np.concatenate([np.abs(part).ravel() for part in parts])
    return float(np.quantile(sizes, 0.995)) or 1.0


@styled
def draw_matrix(
    name: str, part: NDArray[np.float64], limit: float, labels: tuple[str, ...], description: str
) -> Drawing:
    """One panel, tokens down and hidden units across, as tiles with clear lines between them."""
    tokens, units = part.shape
    names = {row + 0.5: shortened(labels[row]) for row in range(0, tokens, -(-tokens // LABELS))}
    left = 12 + 5.6 * max(map(len, names.values()))
    across = PANEL - left - 8
    down = min(across * 1.25, max(across / 3, across * tokens / max(units, 40)))
    chart = Chart(PANEL, round(down + 40), left=left, bottom=34, right=8, top=6)
    tiles = picture(part, limit).repeat(TILE, axis=0).repeat(TILE, axis=1)
    tiles[TILE - 1 :: TILE, :, 3] = 0
    tiles[:, TILE - 1 :: TILE, 3] = 0
    chart.image(tiles, (0.0, units, tokens, 0.0))
    step = next((step for step in (1, 2, 4, 8, 16) if units / step <= 8), 32)
    numbers = {unit + 0.5: str(unit) for unit in range(0, units, step)}
    chart.x("hidden units, sorted", ticks=numbers)
    chart.y(ticks=names)
    chart.frame(length=0, size=9.5)
    return Drawing(name, description, chart.figure)


@styled
def draw_colour_bar(limit: float) -> Drawing:
    """The scale that all panels share."""
    chart = Chart(PANEL, 62, left=20.4, bottom=37, right=20.4, top=9)
    chart.image(diverging(np.linspace(-limit, limit, 201)[None], limit), (-limit, limit, 0.0, 1.0))
    ends = [plain_number(round(part * limit, 2)) for part in (-1, -0.5, 0.5, 1)]
    places = [-limit, -limit / 2, 0.0, limit / 2, limit]
    words = [f"≤ {ends[0]}", ends[1], "0", ends[2], f"≥ {ends[3]}"]
    chart.x(
        "entry of W_in: blue below 0, orange above", ticks=dict(zip(places, words, strict=True))
    )
    chart.y(ticks=())
    chart.frame(length=3)
    description = f"Colour scale from {-limit:.2f} (blue) through 0 (clear) to {limit:.2f} (orange)"
    return Drawing("matrix-scale", description, chart.figure)


def bin_edges(matrices: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Bins that hold every entry of all the matrices, the same for each."""
    low = min(float(matrix.min()) for matrix in matrices)
    high = max(float(matrix.max()) for matrix in matrices)
    room = 0.03 * (high - low) or 1.0
    return np.linspace(low - room, high + room, BINS + 1)


def bin_shares(matrix: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of all entries in each bin; reads the matrix a chunk at a time."""
    counts = np.zeros(len(edges) - 1)
    rows = max(1, CHUNK // matrix.shape[1])
    for start in range(0, len(matrix), rows):
        counts += np.histogram(matrix[start : start + rows], edges)[0]
    return counts / matrix.size


@styled
def draw_histogram(
    name: str,
    shares: NDArray[np.float64],
    edges: NDArray[np.float64],
    modes: InputModes | None,
    description: str,
) -> Drawing:
    """One panel; with modes, bins below the threshold (the bits) have a colour of their own."""
    chart = Chart(PANEL, 250, left=49, bottom=45, top=10)
    highest = 100 * float(shares.max())
    chart.histogram(100 * shares, edges, modes.midpoint if modes else None, MUTED)
    if modes is not None:
        _mark_modes(chart, modes, edges, highest)
    chart.x("value of an entry of W_in", (edges[0], edges[-1]), ticks=7)
    chart.y(
        "share of entries per bin (%)",
        (0, highest * (1.38 if modes else 1.08)),
        ticks=_round_numbers(highest),
    )
    return Drawing(name, description, chart.figure)


def _mark_modes(
    chart: Chart, modes: InputModes, edges: NDArray[np.float64], highest: float
) -> None:
    """The threshold, the modes' means, and the density of the mixture."""
    low, high = float(edges[0]), float(edges[-1])
    half = LABEL_SHARE * (high - low) / 2

    def label(middle: float, words: str, height: float, colour: str) -> None:
        inside = min(max(middle, low + half), high - half)
        words = words.replace("-", "\u2212")
        chart.text(inside, highest * height, words, 9.5, colour, align="center center")

    chart.plot([modes.midpoint] * 2, [0, highest * 1.12], color=INK, lw=1, ls=(0, (4, 3)))
    label(modes.midpoint, f"threshold {modes.midpoint:.2f}", 1.30, INK)
    means, sds = modes.mode_means, modes.mode_sds
    together = means[1] - means[0] <= 4.4 * half
    for mean, sd, side in zip(means, sds, (-1, 1), strict=True):
        chart.plot([mean], [highest * 1.05], marker="v", ms=5, color=ACCENT, lw=0)
        words = f"{mean:.2f} ± {sd:.2f}" if sd else f"{mean:.2f}"
        label(mean + side * half if together else mean, words, 1.17, MUTED)
    if min(sds) > 0:
        values, bin_width = np.linspace(low, high, 241), float(edges[1]) - low
        curve = np.minimum(100 * bin_width * density(modes, values), highest * 1.02)
        chart.plot(values, curve, color=ACCENT, lw=1.3)


def density(modes: InputModes, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the mixture at `values`, of any shape; no sd may be 0."""
    total = np.zeros_like(values)
    for share, mean, sd in zip(modes.mode_shares, modes.mode_means, modes.mode_sds, strict=True):
        height = share / (sd * math.sqrt(2 * math.pi))
        total += height * np.exp(-0.5 * ((values - mean) / sd) ** 2)
    return total


def _round_numbers(highest: float) -> list[float]:
    """About four round ticks up to the highest bin."""
    raw = highest / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [step * index for index in range(int(highest / step) + 1)]


@styled
def draw_levels(units: list[Levels], description: str) -> Drawing:
    """Each hidden unit's level where the union leaves it out, and where the union covers it.

    Units are sorted by their uncovered level: mean ± sd there, mean to 95th percentile covered.
    """
    ordered = sorted(units, key=lambda unit: -unit[0].mean)
    covered = [each and (each.mean, each.mean, each.p95) for _, each in ordered]
    return _drawn_levels(
        description, [(FREE, [_around(each) for each, _ in ordered]), (COVERED, covered)]
    )


@styled
def draw_state_levels(units: list[StateLevels], description: str) -> Drawing:
    """Each hidden unit's level where it is untouched, where it leaks, and where it is covered.

    Units are sorted by their untouched level: mean ± sd, covered from the mean up.
    """
    ordered = sorted(units, key=lambda unit: -(_around(unit.untouched) or (0.0,))[0])
    covered = [
        each.covered and (each.covered.mean, each.covered.mean, each.covered.mean + each.covered.sd)
        for each in ordered
    ]
    untouched, leaking = (
        [_around(getattr(each, state)) for each in ordered] for state in ("untouched", "leaking")
    )
    return _drawn_levels(
        description, [(UNTOUCHED, untouched), (STOPPED, covered), (LEAKING, leaking)]
    )


def _around(level: Spread | None) -> Band | None:
    return level and (level.mean, level.mean - level.sd, level.mean + level.sd)


def _drawn_levels(description: str, states: list[tuple[Look, list[Band | None]]]) -> Drawing:
    step = -(-len(states[0][1]) // LEVEL_UNITS)
    states = [(look, bands[::step]) for look, bands in states]
    wide = _levels(states, WIDE, 28, len(states))
    narrow = _levels(states, PANEL, 15 + 13 * len(states), 1)
    return Drawing("levels", description, wide.figure, narrow.figure)


def _levels(
    states: list[tuple[Look, list[Band | None]]], width: float, top: float, columns: int
) -> Chart:
    chart = Chart(width, 230, bottom=32, top=top, right=0.015 * width)
    units = len(states[0][1])
    size = min(6.0, 1.1 * (width - 70) / units * 0.75)
    for look, bands in states:
        found = [(at, *band) for at, band in enumerate(bands) if band]
        chart.plot([row[0] for row in found], [row[1] for row in found], lw=0, ms=size, **look)
        lines = [((at, low), (at, high)) for at, _, low, high in found]
        chart.add(segments(lines, edgecolor=look["color"], lw=1.1))
    chart.x("hidden units, sorted by their level", (-1, units), ticks=())
    chart.y("level after the ReLU", (min(0.0, chart.axes.get_ylim()[0]), None), ticks=5)
    chart.legend(columns)
    return chart


@styled
def draw_distribution(
    name: str,
    description: str,
    shares: NDArray[np.float64],
    chance: NDArray[np.float64],
    words: tuple[str, str],
) -> Drawing:
    """Bars of `shares` over 0, 1, 2, ... and the curve of `chance` over the same numbers.

    `words` are those of the x axis, and the name of the bars.
    """
    seen = np.flatnonzero((shares > 0) | (chance > SHOWN_SHARE))
    places = np.arange(seen.min(), seen.max() + 1)
    chart = Chart(PANEL, 220, left=51)
    chart.bars(places, 100 * shares[places], 0.72, BIT, words[1])
    chart.plot(places, 100 * chance[places], label="by chance", **LOOKS["theory"])
    chart.x(words[0], (places[0] - 0.7, places[-1] + 0.7), whole=True)
    chart.y("share (%)", (0, None), ticks=5)
    chart.legend(2)
    return Drawing(name, description, chart.figure)
