"""The best code that a bounded effort designs: greedy, then annealed; and its errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from relubloom.code import Code, greedy_low_overlap, improve, mean_false_positives
from relubloom.errors import UsageError
from relubloom.task import AllSets, KSparseTask, SetCollection

ENUMERATED = 5_000_000  # sets over which the mse is taken one by one
DRAWN = 200_000  # sets of which it is taken else, where false positives are common
COMMON = 0.05  # per set; below it the bound E[F] / (k (k + 1)) is close
LIGHTNESS = (0.7, 0.8, 0.9, 1.0)  # weights tried, in shares of the best random one
COUNTED = 20  # bits per token of which false positives are counted within seconds
ANNEALED = 0.87  # weight of the annealed code, likewise: docs/results/codes.md
ATTEMPTS = 50_000  # hashes that the greedy family draws at each overlap
ROUNDS = 4  # times that the annealing visits every token, at most
TABLE_ENTRIES = 1 << 21  # annealing steps x 2**weight: about 20 seconds
HEAVIEST = 12  # bits per token that are still annealed
CHUNK = 1 << 14  # sets


@dataclass(frozen=True)
class Designed:
    """A designed code and its errors on uniform sets.

    Attributes:
        family: how it was made, in words.
        weight: mean bits per token.
        false_positives: E[F] over all sets, exact.
        mse: of its infinitely sharp Bloom network.
        method: "all": exact, every set was looked at; "bound": the upper bound
            E[F] / (k (k + 1)), close where E[F] is small; "drawn": over 200,000 drawn sets.
    """

    family: str
    weight: float
    false_positives: float
    mse: float
    method: Literal["all", "bound", "drawn"]


def designed_code(vocab_size: int, width: int, set_size: int, random_weight: int) -> Designed:
    """Design a code: the best, by exact E[F], of greedy codes of several weights and one annealed.

    Bounded and repeatable: fixed numbers of draws and steps, seed 0. More effort finds better
    codes (`relubloom.code.improve`).

    Args:
        vocab_size, width, set_size: sizes.
        random_weight: weight of the best random code.

    Cost: seconds at vocab_size 256, up to half a minute at 1000.
    """
    found: list[tuple[float, str, Code]] = []
    for weight in sorted({_bits(share * random_weight) for share in LIGHTNESS}):
        overlap, code = _greedy(vocab_size, width, weight)
        mean = mean_false_positives(code, set_size)
        found.append((mean, f"greedy, weight {weight}, overlaps up to {overlap}", code))
        if mean == 0:
            break
    weight = _bits(ANNEALED * random_weight)
    if weight <= HEAVIEST and min(found, key=lambda each: each[0])[0] > 0:
        steps = min(ROUNDS * vocab_size, TABLE_ENTRIES >> weight)
        start = _greedy(vocab_size, width, weight)[1]
        result = improve(start, set_size, steps=steps)
        found.append((result.mean, f"annealed, weight {weight}, {steps:,} steps", result.code))
    mean, family, code = min(found, key=lambda each: each[0])
    mse, method = bloom_mse(code, set_size, mean)
    return Designed(family, float(code.weights.mean()), mean, mse, method)


def bloom_mse(
    code: Code, set_size: int, false_positives: float, *, enumerated: int = ENUMERATED
) -> tuple[float, Literal["all", "bound", "drawn"]]:
    """Mse of the code's infinitely sharp network, and how it was found (see `Designed`).

    `false_positives` is the code's exact E[F]. Cost: at most `enumerated` sets, seconds.
    """
    if false_positives == 0:
        return 0.0, "all"
    every = AllSets(code.vocab_size, set_size)
    if len(every) <= enumerated:
        return _mean_loss(code, set_size, every), "all"
    if false_positives < COMMON:
        return false_positives / (set_size * (set_size + 1)), "bound"
    drawn = KSparseTask(code.vocab_size, set_size).drawn_sets("designed-code", DRAWN)
    return _mean_loss(code, set_size, drawn), "drawn"


def _mean_loss(code: Code, set_size: int, sets: SetCollection) -> float:
    counts = np.zeros(code.vocab_size + 1, dtype=np.int64)  # sets by their false positives
    for start in range(0, len(sets), CHUNK):
        ids = sets.chunk(start, min(len(sets), start + CHUNK)).numpy()
        counts += np.bincount(code.false_positives(ids), minlength=len(counts))
    losses = [count * F / (set_size * (set_size + F)) for F, count in enumerate(counts.tolist())]
    return math.fsum(losses) / len(sets)


def _bits(weight: float) -> int:
    return min(COUNTED, max(1, round(weight)))


def _greedy(vocab_size: int, width: int, weight: int) -> tuple[int, Code]:
    """The least overlap at which the draws find enough hashes, and the code."""
    for overlap in range(weight):
        try:
            return overlap, greedy_low_overlap(
                vocab_size, width, weight, overlap, attempts=ATTEMPTS
            )
        except UsageError:
            continue
    return weight, greedy_low_overlap(vocab_size, width, weight, weight)
