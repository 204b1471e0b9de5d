"""What networks answer: a worked example with a false positive, one set in several networks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.measure.forward import in_float64
from relubloom.network.relu_net import ReluNet
from relubloom.report.charts.chart import Chart
from relubloom.report.charts.drawing import Drawing
from relubloom.report.charts.marks import Place, dots, segments, tiles
from relubloom.report.charts.style import (
    ACCENT,
    BIT,
    MUTED,
    OTHER,
    PANEL,
    RULE,
    WIDE,
    shortened,
    styled,
)

SEARCH = 20_000  # sets to look through
SEARCH_TESTS = 50_000_000  # (set, token) pairs to look through at most
ASKED = 200  # of them, those that the network is asked about
MAX_SIZE, MAX_WIDTH = 6, 128  # larger examples are no longer readable
SCORES = 7  # tokens whose probability is shown
CALLED = 0.5  # of the largest probability: what a token needs to be called
NUMBER_ROOM = 24.0  # SVG units from one number of a column to the next, at least
GAP = 8.0  # SVG units between the groups of rows of an example
ROW = 19.0  # SVG units of a token in `draw_answer`


@dataclass(frozen=True)
class Example:
    """A set, its one false positive by the code, and what the network answers.

    `p` are all tokens' probabilities [vocab], `levels` the hidden units after the ReLU [width],
    both float64. `called`: the network gives the false positive at least half of the largest
    probability. `alike`: the least probability of a covered token over the largest of all, 0 where
    the network calls others too.
    """

    members: tuple[int, ...]
    false_positive: int
    p: NDArray[np.float64]
    levels: NDArray[np.float64]
    alike: float

    @property
    def called(self) -> bool:
        """Whether the network too takes the false positive for a member."""
        return bool(self.p[self.false_positive] >= CALLED * self.p.max())

    @property
    def ranked(self) -> list[int]:
        """The tokens of highest probability, members first among equals."""
        member = np.isin(np.arange(len(self.p)), self.members)
        order = np.lexsort((~member, -self.p))[:SCORES].tolist()
        shown = {*order, self.false_positive, *self.members}
        return [int(token) for token in np.lexsort((~member, -self.p)) if int(token) in shown]


def find_example(net: ReluNet, code: Code | GradedCode, set_size: int) -> Example | None:
    """`clearest_example`; None where it would not be readable."""
    if not 1 <= set_size <= min(MAX_SIZE, code.vocab_size) or code.width > MAX_WIDTH:
        return None
    return clearest_example(net, code, set_size)


def clearest_example(
    net: ReluNet, code: Code | GradedCode, set_size: int, place: int = 0
) -> Example | None:
    """A seeded set with one false positive of the code, None where none is found.

    Of those where the network calls the same tokens it is the one on which members and false
    positive are the most alike: the clearest to look at, or the one `place` after it. Cost: at most
    `SEARCH_TESTS` word operations, and the network on `ASKED` sets.
    """
    draws = max(1, min(SEARCH, SEARCH_TESTS // code.vocab_size))
    generator = np.random.default_rng(0)
    sets = np.sort(generator.integers(code.vocab_size, size=(draws, set_size)), axis=1)
    sets = sets[(np.diff(sets, axis=1) > 0).all(1)]
    chosen = sets[code.false_positives(sets) == 1][:ASKED]
    if not len(chosen):
        return None
    with torch.no_grad():
        logits, cache = in_float64(net).run_with_cache(torch.from_numpy(chosen), "hook_post")
    p, levels = logits.softmax(1).numpy(), cache["hook_post"].numpy()
    covered = code.decode(chosen)
    alike = np.where(covered, p, np.inf).min(1) / p.max(1)
    alike[np.where(covered, 0.0, p).max(1) >= CALLED * p.max(1)] = 0.0
    best = int(np.argsort(-alike, kind="stable")[min(place, len(alike) - 1)])
    (false_positive,) = set(np.flatnonzero(covered[best]).tolist()) - set(chosen[best].tolist())
    members = tuple(chosen[best].tolist())
    return Example(members, false_positive, p[best], levels[best], float(alike[best]))


@styled
def draw_example(
    example: Example,
    code: Code | GradedCode,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
    description: str,
) -> Drawing:
    """A set whose union covers a token that is not in it: bits, hidden units and scores.

    `order` are the units from left to right. Half bits, and units that leak, are half filled.
    """
    wide, narrow = (
        _example(example, code, order, labels, rows)
        for rows in (_Rows(WIDE, 23.0, 128.0, 17), _Rows(PANEL, 20.0, 84.0, 11))
    )
    return Drawing("example", description, wide.figure, narrow.figure)


@dataclass(frozen=True)
class _Rows:
    """Sizes in SVG units of rows of bits: of all, of one, of its label; letters of the label."""

    width: float
    row: float
    left: float
    letters: int

    @property
    def wide(self) -> bool:
        return self.width > PANEL

    def label(self, chart: Chart, words: str, top: float) -> None:
        """What a row is, on its left."""
        chart.text(0, top + (self.row - 6) / 2, shortened(words, self.letters), 11)

    def bits(
        self,
        chart: Chart,
        filled: NDArray[np.float64],
        top: float,
        colour: str,
        *,
        rounded: bool = False,
    ) -> None:
        """A tile for each unit, `filled` from 0 to 1 from below; a disc, of so much of its size."""
        bits = filled > 0
        tall, cell = self.row - 6, (self.width - self.left) / len(bits)
        x = self.left + np.arange(len(bits)) * cell
        if rounded:
            for share in np.unique(filled[bits]).tolist():
                places = (x[filled == share] + cell / 2).tolist()
                middles = [(at, top + tall / 2) for at in places]
                size = min(tall, cell) * 0.9 * share
                chart.add(dots(middles, size, edgecolor=colour, capstyle="round"))
            return
        for fill, opacity, start, shares in (
            (colour, 1.0, tall * (1 - filled), filled),
            (RULE, 0.55, np.zeros_like(filled), 1 - filled),
        ):
            some = shares > 0
            columns = (x[some] + cell * 0.09, top + start[some], tall * shares[some])
            rows = zip(*(each.tolist() for each in columns), strict=True)
            chart.add(tiles([(at, y, cell * 0.82, high) for at, y, high in rows], fill, opacity))

    def levels(self, chart: Chart, levels: NDArray[np.float64], top: float) -> None:
        """The measured units as bars, and the numbers of their columns below."""
        tall, cell = self.row - 4, (self.width - self.left) / len(levels)
        chart.plot([self.left, self.width], [top + tall] * 2, color=MUTED, lw=0.7)
        heights = (tall * levels / (float(levels.max()) or 1.0)).tolist()
        boxes = [
            (self.left + (unit + 0.22) * cell, top + tall - height, cell * 0.56, height)
            for unit, height in enumerate(heights)
            if height > 0
        ]
        chart.add(tiles(boxes, ACCENT))
        step = next(step for step in (1, 2, 4, 8, 16) if cell * step >= NUMBER_ROOM or step == 16)
        for unit in range(0, len(levels), step):
            x = self.left + (unit + 0.5) * cell
            chart.text(x, top + tall + 6, str(unit), 8, MUTED, "center center")


def _example(
    example: Example,
    code: Code | GradedCode,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
    rows: _Rows,
) -> Chart:
    """The members' hashes, their union, the units as measured, the hash that is probed; scores."""
    scores = (len(example.members) + 3) * rows.row + 4 * GAP + 28
    chart = Chart.canvas(rows.width, round(scores + 16 + len(example.ranked) * (rows.row - 3)))
    graded = as_graded(code)
    strengths = graded.strengths[:, order] / graded.levels
    top = 3.0
    for token in example.members:
        rows.label(chart, labels[token], top)
        rows.bits(chart, strengths[token], top, BIT)
        top += rows.row
    top += GAP
    below = top + 2 * rows.row + 3 * GAP
    probed = strengths[example.false_positive]
    cell = (rows.width - rows.left) / code.width
    middles = [rows.left + (unit + 0.5) * cell for unit in np.flatnonzero(probed).tolist()]
    wires = [((x, top + rows.row - 6), (x, below)) for x in middles]
    chart.add(segments(wires, edgecolor=OTHER, lw=1.1, alpha=0.55))
    rows.label(chart, "their union" if rows.wide else "union", top)
    states = graded.states([list(example.members)])[0][order] / graded.levels
    rows.bits(chart, states, top, MUTED)
    top += rows.row + GAP
    rows.label(chart, "units, measured" if rows.wide else "units", top + 1)
    rows.levels(chart, example.levels[order], top)
    rows.label(chart, labels[example.false_positive], below)
    rows.bits(chart, probed, below, OTHER, rounded=True)
    _example_scores(chart, example, labels, rows, scores)
    return chart


def _example_scores(
    chart: Chart, example: Example, labels: tuple[str, ...], rows: _Rows, top: float
) -> None:
    row, highest = rows.row - 3, float(example.p.max())
    head = "probability that the network answers" if rows.wide else "probability"
    chart.text(rows.left, top - 2, head, 10, MUTED)
    scale = (rows.width - rows.left - (120 if rows.wide else 84)) / max(highest, 1e-300)
    bottom = top + 12 + len(example.ranked) * row
    _called_line(chart, rows.left + scale * CALLED * highest, top + 6, bottom - 4)
    for place, token in enumerate(example.ranked):
        y, p = top + 12 + place * row, float(example.p[token])
        member, false = token in example.members, token == example.false_positive
        chart.text(0, y + (row - 6) / 2, shortened(labels[token], rows.letters), 11)
        colour = BIT if member else OTHER if false else MUTED
        said = f"{p:.3f}" + (" in" if member else " not in" if false else "")
        _bar(chart, (rows.left, y), (scale * p, row - 6), colour)
        chart.text(rows.left + scale * p + 6, y + (row - 6) / 2, said, 10)


@styled
def draw_answer(
    name: str,
    p: NDArray[np.float64],
    tokens: list[int],
    members: tuple[int, ...],
    highest: float,
    labels: tuple[str, ...],
    description: str,
) -> Drawing:
    """Bars for `tokens`; `p` [vocab] is what this network answers, `highest` ends every scale."""
    left, height = 86.0, len(tokens) * ROW + 6
    scale, called = (PANEL - left - 74) / highest, CALLED * float(p.max())
    chart = Chart.canvas(PANEL, height)
    _called_line(chart, left + scale * called, 0, height)
    for place, token in enumerate(tokens):
        y, value, member = 3 + place * ROW, float(p[token]), token in members
        chart.text(0, y + (ROW - 6) / 2, shortened(labels[token], 12), 10.5)
        if member:
            colour, state = BIT, "in" if value >= called else "in, missed"
        else:
            colour, state = (OTHER, "false pos.") if value >= called else (MUTED, "")
        _bar(chart, (left, y), (scale * value, ROW - 6), colour)
        chart.text(left + scale * value + 5, y + (ROW - 6) / 2, f"{value:.3f} {state}".strip(), 9.5)
    return Drawing(name, description, chart.figure)


def _called_line(chart: Chart, x: float, top: float, bottom: float) -> None:
    """Where a token counts as called."""
    chart.plot([x, x], [top, bottom], color=MUTED, lw=0.8, ls=(0, (2, 2)))


def _bar(chart: Chart, corner: Place, size: Place, colour: str) -> None:
    """A bar from its left top corner, of at least a pixel."""
    chart.add(tiles([(*corner, max(1.0, size[0]), size[1])], colour))
