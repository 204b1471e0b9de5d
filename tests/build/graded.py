"""Graded codes, their plain reading, and networks as training leaves them."""

import itertools

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from relubloom.code import GradedCode
from relubloom.network.relu_net import ReluNet


def all_sets(vocab_size: int, set_size: int) -> NDArray[np.int64]:
    return np.array(list(itertools.combinations(range(vocab_size), set_size)))


def plain_states(code: GradedCode, members: set[int]) -> NDArray[np.int64]:
    """The rule of the states, unit by unit."""
    states = []
    for column in code.strengths.T.tolist():
        held = [column[token] for token in members if column[token]]
        states.append(0 if not held else held[0] if len(held) == 1 else code.levels)
    return np.array(states)


@st.composite
def graded_codes(draw: st.DrawFn, most_levels: int = 4, wide: bool = True) -> GradedCode:
    """Codes with empty rows, repeated hashes, all half, all full, dense and sparse ones."""
    vocab_size = draw(st.integers(1, 8))
    width = draw(st.sampled_from([1, 2, 3, 5, 8, 63, 65] if wide else [1, 2, 3, 5, 8]))
    levels = draw(st.integers(1, most_levels))
    density = draw(st.sampled_from([0.0, 0.15, 0.5, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    strengths = random.integers(1, levels + 1, (vocab_size, width))
    strengths *= random.random((vocab_size, width)) < density
    for row in range(vocab_size):
        kind = draw(st.sampled_from(["as drawn"] * 4 + ["empty", "half", "full", "copy"]))
        if kind != "as drawn":
            values = {"empty": 0, "half": 1, "full": levels, "copy": strengths[0]}
            strengths[row] = values[kind]
    return GradedCode(strengths, levels)


def unused_left_out(code: GradedCode) -> GradedCode:
    """The code without the strengths below the largest that no bit has: decodes alike."""
    below = np.unique(code.strengths[(code.strengths > 0) & (code.strengths < code.levels)])
    numbers = np.full(code.levels + 1, len(below) + 1, dtype=np.uint8)
    numbers[0] = 0
    numbers[below] = np.arange(1, len(below) + 1)
    return GradedCode(numbers[code.strengths], len(below) + 1)


def noisy_filter(code: GradedCode, seed: int, leak: float = 0.05) -> ReluNet:
    """As training leaves it: full bits overshoot, all entries scatter, non-bits are not 0.

    On sets of 3 an untouched unit is at 1: non-bits of W_in at 0.2 +- 0.005, b_in = 0.4. A bit of
    strength s < L takes 1 - leak^s of it, up to a factor of e^0.2 or so in what is left; a full one
    1.4 +- 0.08 of it. W_out is -1.4 leak^(1 - s), up to such a factor.
    """
    draw = np.random.default_rng(seed)

    def scatter(size: float) -> np.ndarray:
        return size * draw.standard_normal(code.strengths.shape)

    levels = code.strengths.astype(np.float64)
    partly = 1 - leak**levels * np.exp(scatter(0.2))
    taken = np.where(code.strengths == code.levels, 1.4 + scatter(0.08), partly)
    taken = np.where(code.strengths == 0, scatter(0.005), taken)
    cost = 1.4 * leak ** (1 - levels) * np.exp(scatter(0.2))
    cost = np.where(code.strengths == 0, scatter(0.02), cost)
    weights = (0.2 - taken, np.full(code.width, 0.4), -cost.T, np.zeros(code.vocab_size))
    return ReluNet(*(torch.from_numpy(np.ascontiguousarray(each)).float() for each in weights))
