"""Graded codes and their plain reading, for several tests."""

import itertools

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from relubloom.code import GradedCode


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
