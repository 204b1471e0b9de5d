"""A worked example: a set whose union covers a token that is not in it."""

# pyright: reportUnknownMemberType=false
# matplotlib's stubs leave keyword arguments untyped.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.network import ReluNet
from relubloom.report.matrix_figure import shortened
from relubloom.report.style import BIT, INK, MUTED, OTHER, PANEL, RULE, WIDE, draw

SEARCH = 20_000  # sets to look through
SEARCH_TESTS = 50_000_000  # (set, token) pairs to look through at most
MAX_SIZE, MAX_WIDTH = 6, 128  # larger examples are no longer readable


@dataclass(frozen=True)
class Example:
    """A set, its one false positive by the code, and what the network answers.

    `member_p` and `false_positive_p` are the network's probabilities.
    """

    members: tuple[int, ...]
    false_positive: int
    member_p: tuple[float, ...]
    false_positive_p: float


def find_example(net: ReluNet, code: Code, set_size: int) -> Example | None:
    """The first of some seeded sets with exactly one false positive; None where none is found."""
    if set_size > min(MAX_SIZE, code.vocab_size) or code.width > MAX_WIDTH:
        return None
    draws = min(SEARCH, SEARCH_TESTS // code.vocab_size)
    generator = np.random.default_rng(0)
    sets = np.sort(generator.integers(code.vocab_size, size=(draws, set_size)), axis=1)
    sets = sets[(np.diff(sets, axis=1) > 0).all(1)]
    hits = np.flatnonzero(code.false_positives(sets) == 1)
    if not len(hits):
        return None
    chosen = sets[hits[0]]
    covered = np.flatnonzero(code.decode(chosen[None])[0])
    false_positive = int(np.setdiff1d(covered, chosen)[0])
    with torch.no_grad():
        p = net.double()(torch.from_numpy(chosen[None])).softmax(1)[0]
    return Example(
        tuple(int(token) for token in chosen),
        false_positive,
        tuple(float(p[token]) for token in chosen),
        float(p[false_positive]),
    )


def draw_example(
    name: str,
    example: Example,
    code: Code,
    order: NDArray[np.intp],
    labels: tuple[str, ...],
    wide: bool,
    description: str,
) -> str:
    """Rows of bits: the members, their union, and the token that it covers."""
    width = WIDE if wide else PANEL
    row, left = (23.0, 128.0) if wide else (20.0, 80.0)
    rows = len(example.members) + 2
    height = rows * row + 26

    def paint(figure: Figure) -> None:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.axis("off")
        cell = (width - left) / code.width
        union = np.zeros(code.width, dtype=np.bool_)
        length = 17 if wide else 11
        for index, token in enumerate(example.members):
            bits = code.bits[token][order]
            union |= bits
            text = shortened(labels[token], length)
            _row(axes, text, bits, (left, index * row + 3), cell, row, BIT)
        below = len(example.members) * row + 11
        text = "their union" if wide else "union"
        _row(axes, text, union, (left, below), cell, row, MUTED)
        text = shortened(labels[example.false_positive], length)
        bits = code.bits[example.false_positive][order]
        _row(axes, text, bits, (left, below + row + 8), cell, row, OTHER, round_tiles=True)

    return draw(name, description, (width, height), paint)


def _row(
    axes: Axes,
    label: str,
    bits: NDArray[np.bool_],
    at: tuple[float, float],
    cell: float,
    row: float,
    colour: str,
    *,
    round_tiles: bool = False,
) -> None:
    """A label and a tile for each bit; what is off is an empty tile."""
    left, top = at
    tall = row - 6
    axes.text(0, top + tall / 2, label, ha="left", va="center", fontsize=11, color=INK)
    for unit, bit in enumerate(bits.tolist()):
        x = left + unit * cell
        if bit and round_tiles:
            axes.plot(
                [x + cell / 2],
                [top + tall / 2],
                marker="o",
                ms=min(tall, cell) * 0.9,
                color=colour,
                markeredgewidth=0,
            )
        else:
            fill = colour if bit else RULE
            tile = Rectangle((x + cell * 0.09, top), cell * 0.82, tall, facecolor=fill, lw=0)
            tile.set_alpha(1.0 if bit else 0.55)
            axes.add_patch(tile)
            tile.set_clip_on(False)
    for line in axes.lines:
        line.set_clip_on(False)
