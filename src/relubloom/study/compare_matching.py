"""Are two codes the same but for the order of their units?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from relubloom.code import Code
from relubloom.errors import UsageError


@dataclass(frozen=True)
class CodeMatch:
    """Two codes with their units matched so that as few entries as possible differ.

    `differing` of `entries` = vocab x width entries (the larger width; the narrower code gets
    units that no token has, which change nothing in a Bloom filter). `equal_up_to_units`: none
    differs. `units`: for each unit of the first code its partner in the second, null where that
    is an added one. `shuffled_differing`: the same count after the second code's hashes were
    dealt to other tokens (one seeded shuffle): what unrelated codes with these hashes come to.
    """

    entries: int
    differing: int
    equal_up_to_units: bool
    units: list[int | None]
    shuffled_differing: int


def match_codes(first: Code, second: Code) -> CodeMatch:
    """Match the units of two codes over the same tokens.

    The best matching by the number of tokens on which two units disagree, exact
    (`scipy.optimize.linear_sum_assignment`). Cost: O(vocab width^2 + width^3).

    Raises:
        UsageError: the codes have different numbers of tokens.
    """
    if first.vocab_size != second.vocab_size:
        raise UsageError(
            f"the codes have {first.vocab_size} and {second.vocab_size} tokens: units are matched "
            "over the same tokens; give codes of one vocabulary"
        )
    width = max(first.width, second.width)
    ours, theirs = _filled(first, width), _filled(second, width)
    partners, differing = _best_matching(ours, theirs)
    order = np.random.default_rng(0).permutation(second.vocab_size)
    _, by_chance = _best_matching(ours, theirs[order])
    return CodeMatch(
        entries=first.vocab_size * width,
        differing=differing,
        equal_up_to_units=differing == 0,
        units=[int(unit) if unit < second.width else None for unit in partners[: first.width]],
        shuffled_differing=by_chance,
    )


def _filled(code: Code, width: int) -> NDArray[np.float64]:
    """The bits with empty units added up to `width`; float64 counts them exactly, and by GEMM."""
    bits = np.zeros((code.vocab_size, width))
    bits[:, : code.width] = code.bits
    return bits


def _best_matching(
    ours: NDArray[np.float64], theirs: NDArray[np.float64]
) -> tuple[NDArray[np.int64], int]:
    """The partner of each of our units, and the entries that differ in all."""
    differ = ours.sum(0)[:, None] + theirs.sum(0) - 2 * ours.T @ theirs
    rows, partners = linear_sum_assignment(differ)
    return partners, round(differ[rows, partners].sum())
