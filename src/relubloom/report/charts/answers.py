"""What networks answer: a worked example with a false positive, one set in several networks."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.network.relu_net import ReluNet
from relubloom.report.charts.drawing import Drawing, draw, drawing
from relubloom.report.charts.marks import segments, tiles
from relubloom.report.charts.style import BIT, INK, MUTED, OTHER, PANEL, RULE, WIDE
from relubloom.report.charts.weights import shortened

SEARCH = 20_000  # sets to look through
SEARCH_TESTS = 50_000_000  # (set, token) pairs to look through at most
ASKED = 200  # of them, those that the network is asked about
MAX_SIZE, MAX_WIDTH = 6, 128  # larger examples are no longer readable
SCORES = 7  # tokens whose probability is shown
CALLED = 0.5  # of the largest probability: what a token needs to be called
GAP = 8.0  # SVG units between the groups of rows


@dataclass(frozen=True)
class Example:
    """A set, its one false positive by the code, and what the network answers.

    `p` are all tokens' probabilities [vocab], `levels` the hidden units after the ReLU [width],
    both float64. `called`: the network gives the false positive at least half of the largest
    probability.
    """

    members: tuple[int, ...]
    false_positive: int
    p: NDArray[np.float64]
    levels: NDArray[np.float64]

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


def find_example(net: ReluNet, code: Code, set_size: int) -> Example | None:
    """A seeded set with one false positive of the code, None where none is found.

    Of those where the network calls the same tokens it is the one on which members and false
    positive are the most alike: the clearest to look at.
    """
    if not 1 <= set_size <= min(MAX_SIZE, code.vocab_size) or code.width > MAX_WIDTH:
        return None
    draws = min(SEARCH, SEARCH_TESTS // code.vocab_size)
    generator = np.random.default_rng(0)
    sets = np.sort(generator.integers(code.vocab_size, size=(draws, set_size)), axis=1)
    sets = sets[(np.diff(sets, axis=1) > 0).all(1)]
    chosen = sets[code.false_positives(sets) == 1][:ASKED]
    if not len(chosen):
        return None
    exact = ReluNet(*(value.detach().double() for value in net.parameters()))
    with torch.no_grad():
        logits, cache = exact.run_with_cache(torch.from_numpy(chosen), "hook_post")
    p, levels = logits.softmax(1).numpy(), cache["hook_post"].numpy()
    covered = code.decode(chosen)
    alike = np.where(covered, p, np.inf).min(1) / p.max(1)
    alike[np.where(covered, 0.0, p).max(1) >= CALLED * p.max(1)] = 0.0
    best = int(np.argmax(alike))
    (false_positive,) = set(np.flatnonzero(covered[best]).tolist()) - set(chosen[best].tolist())
    return Example(tuple(chosen[best].tolist()), false_positive, p[best], levels[best])


def draw_example(
    example: Example,
    code: Code,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
    description: str,
) -> Drawing:
    """Rows of bits, the hidden units, and the scores; once for each width of screen."""
    wide, narrow = (
        _draw(f"example-{name}", example, code, order, labels, name == "wide", description)
        for name in ("wide", "narrow")
    )
    return Drawing("example", wide, narrow)


@dataclass(frozen=True)
class _Layout:
    """Sizes in SVG units: of the figure, of a row of bits, and where the bits begin."""

    width: float
    row: float
    left: float
    label_length: int
    wide: bool


def _draw(
    name: str,
    example: Example,
    code: Code,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
    wide: bool,
    description: str,
) -> Markup:
    layout = _Layout(WIDE, 23.0, 128.0, 17, True) if wide else _Layout(PANEL, 20.0, 84.0, 11, False)
    bits_height = (len(example.members) + 3) * layout.row + 3 * GAP + 8
    ranked = example.ranked
    height = bits_height + 36 + len(ranked) * (layout.row - 3)

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, layout.width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        _paint_bits(axes, layout, example, code, order, labels)
        _paint_scores(axes, layout, example, ranked, labels, bits_height + 20)
        for artist in (*axes.lines, *axes.patches):
            artist.set_clip_on(False)

    return draw(name, description, (layout.width, round(height)), paint)


def _paint_bits(
    axes: Axes,
    layout: _Layout,
    example: Example,
    code: Code,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
) -> None:
    """The members' hashes, their union, the hidden units as measured, the hash that is probed."""
    top = 3.0
    for token in example.members:
        text = shortened(labels[token], layout.label_length)
        _row(axes, layout, text, code.bits[token][order], top, BIT)
        top += layout.row
    top += GAP
    union = code.union([list(example.members)])[0][order]
    probed = code.bits[example.false_positive][order]
    cell = (layout.width - layout.left) / code.width
    below = top + 2 * layout.row + 2 * GAP
    middles = [layout.left + (unit + 0.5) * cell for unit in np.flatnonzero(probed).tolist()]
    wires = [((x, top + layout.row - 6), (x, below)) for x in middles]
    axes.add_patch(segments(wires, edgecolor=OTHER, lw=1.1, alpha=0.55))
    _row(axes, layout, "their union" if layout.wide else "union", union, top, MUTED)
    top += layout.row + GAP
    _levels(axes, layout, example.levels[order], top)
    text = shortened(labels[example.false_positive], layout.label_length)
    _row(axes, layout, text, probed, below, OTHER, round_tiles=True)


def _row(
    axes: Axes,
    layout: _Layout,
    label: str,
    bits: NDArray[np.bool_],
    top: float,
    colour: str,
    *,
    round_tiles: bool = False,
) -> None:
    """A label and a tile for each bit; what is off is an empty tile."""
    tall, cell = layout.row - 6, (layout.width - layout.left) / len(bits)
    axes.text(0, top + tall / 2, label, ha="left", va="center", fontsize=11, color=INK)
    x = layout.left + np.arange(len(bits)) * cell
    if round_tiles:
        middles = [((at, top + tall / 2), (at + 0.01, top + tall / 2)) for at in x[bits] + cell / 2]
        size = min(tall, cell) * 0.9
        axes.add_patch(segments(middles, edgecolor=colour, lw=size, capstyle="round"))
        return
    for chosen, fill, opacity in ((bits, colour, 1.0), (~bits, RULE, 0.55)):
        boxes = [(float(at) + cell * 0.09, top, cell * 0.82, tall) for at in x[chosen]]
        axes.add_patch(tiles(boxes, fill, opacity))


def _levels(axes: Axes, layout: _Layout, levels: NDArray[np.float64], top: float) -> None:
    """The measured units as bars: what is on lies outside the union."""
    tall, cell = layout.row - 4, (layout.width - layout.left) / len(levels)
    text = "units, measured" if layout.wide else "units"
    axes.text(0, top + tall / 2, text, ha="left", va="center", fontsize=11, color=INK)
    axes.plot([layout.left, layout.width], [top + tall] * 2, color=MUTED, lw=0.7)
    heights = (tall * levels / (float(levels.max()) or 1.0)).tolist()
    boxes = [
        (layout.left + (unit + 0.22) * cell, top + tall - height, cell * 0.56, height)
        for unit, height in enumerate(heights)
        if height > 0
    ]
    axes.add_patch(tiles(boxes, INK))


def _paint_scores(
    axes: Axes,
    layout: _Layout,
    example: Example,
    ranked: list[int],
    labels: tuple[str, ...],
    top: float,
) -> None:
    """The tokens of highest probability as bars; a line where a token counts as called."""
    row = layout.row - 3
    space = layout.width - layout.left - (120 if layout.wide else 84)
    scale = space / max(float(example.p.max()), 1e-300)
    head = "probability that the network answers" if layout.wide else "probability"
    axes.text(layout.left, top - 2, head, ha="left", va="center", fontsize=10, color=MUTED)
    line = layout.left + scale * CALLED * float(example.p.max())
    bottom = top + 12 + len(ranked) * row
    axes.plot([line, line], [top + 6, bottom - 4], color=MUTED, lw=0.8, ls=(0, (2, 2)))
    for index, token in enumerate(ranked):
        y = top + 12 + index * row
        middle = y + (row - 6) / 2
        member, false = token in example.members, token == example.false_positive
        colour = BIT if member else OTHER if false else MUTED
        text = shortened(labels[token], layout.label_length)
        axes.text(0, middle, text, ha="left", va="center", fontsize=11, color=INK)
        p = float(example.p[token])
        bar = Rectangle((layout.left, y), max(1.0, scale * p), row - 6, lw=0, facecolor=colour)
        axes.add_patch(bar)
        said = f"{p:.3f}" + (" in" if member else " not in" if false else "")
        at = layout.left + scale * p + 6
        axes.text(at, middle, said, ha="left", va="center", fontsize=10, color=INK)


ROW, LEFT, RIGHT = 19.0, 86.0, 74.0


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
    height = len(tokens) * ROW + 6
    scale = (PANEL - LEFT - RIGHT) / highest
    line = LEFT + scale * CALLED * float(p.max())

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, PANEL)
        axes.set_ylim(height, 0)
        axes.axis("off")
        axes.plot([line, line], [0, height], color=MUTED, lw=0.8, ls=(0, (2, 2)))
        for index, token in enumerate(tokens):
            y, value = 3 + index * ROW, float(p[token])
            member, called = token in members, bool(p[token] >= CALLED * p.max())
            colour = BIT if member else OTHER if called else MUTED
            middle = y + (ROW - 6) / 2
            text = shortened(labels[token], 12)
            axes.text(0, middle, text, va="center", fontsize=10.5, color=INK)
            bar = Rectangle((LEFT, y), max(1.0, scale * value), ROW - 6, lw=0, facecolor=colour)
            axes.add_patch(bar)
            said = f"{value:.3f} {_state(member, called)}".strip()
            axes.text(LEFT + scale * value + 5, middle, said, va="center", fontsize=9.5, color=INK)
        for artist in (*axes.lines, *axes.patches):
            artist.set_clip_on(False)

    return drawing(name, description, (PANEL, round(height)), paint)


def _state(member: bool, called: bool) -> str:
    if member:
        return "in" if called else "in, missed"
    return "false pos." if called else ""
