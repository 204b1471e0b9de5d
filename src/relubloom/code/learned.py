"""Codes that are learned from sets: descent from a frequency-aware code.

Two things keep a code that is fitted to some sets good on others:

- the margin of `descent`, which charges for strangers that lack only one bit;
- *stand-ins* for sets with a new token: copies of the training sets that were such when they came,
  those with a token that no other set holds, with this token exchanged for one that no training set
  holds. So they weigh what such sets may be expected to weigh, as Good and Turing estimate it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.descent import Descent
from relubloom.code.frequency import frequency_law, token_shares
from relubloom.errors import UsageError, check_seed, whole
from relubloom.progress import Watch
from relubloom.task import KSparseTask, SetCollection, SetsLike, as_collection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SECONDS = 60.0
PAIRS_A_SECOND = 1 << 23  # (set, token) pairs learned from: most of the time is for descent
LARGEST = 1 << 40  # padding of sets whose vocabulary is not given
FILL = 0.35  # of the frequency-aware code at the start: about what is best for random codes
NEAR = 0.05  # what a stranger that lacks one bit counts
STAND_INS = 5  # copies of a set with a token of its own
MOST_NEW = 0.75  # share of sets with a new token


@dataclass(frozen=True)
class LearnedCode:
    """A code and how it came about.

    Attributes:
        code: the code.
        finished: whether the descent of the code ended by itself, not for want of time.
        stopped: whether Ctrl-C ended the work.
    """

    code: Code
    finished: bool
    stopped: bool


def learn_code(
    sets: KSparseTask | SetCollection | SetsLike,
    width: int,
    *,
    vocab_size: int | None = None,
    seconds: float = SECONDS,
    seed: int = 0,
    watch: Watch | None = None,
) -> Code:
    """Learn a code of few false positives on sets like the given ones; it never misses a member.

    Args:
        sets: a task of a file, whose training lines are learned from; or the training sets
            themselves, as ids.
        width: units, more than the largest set has tokens.
        vocab_size: number of tokens; of a task or a collection its own, else by default the largest
            id and 1.
        seconds: what it may take, about.
        seed: seed of the choices.
        watch: called with (stage, done, total, detail) as the work goes on.

    Cost: `seconds` or less; 5,000 sets of 5 of 600 tokens take 4 s of one core. Memory: 40 bytes
    for each training set and unit.

    Raises:
        UsageError: a value breaks its rule.
    """
    if isinstance(sets, KSparseTask):
        lines = sets.training_lines()
        ids, copies, vocab_size = lines.sets, lines.copies, sets.vocab_size
    else:
        if vocab_size is None:
            vocab_size = getattr(sets, "vocab_size", None)
        padding = LARGEST if vocab_size is None else whole("vocab_size", vocab_size, 1)
        listed = as_collection(sets, padding)
        ids, copies = listed.chunk(0, len(listed)), listed.weights(0, len(listed))
        if vocab_size is None:
            vocab_size = int(ids[ids < padding].max()) + 1
            ids = ids.clamp(max=vocab_size)
    made = learn(ids.numpy(), copies.double().numpy(), vocab_size, width, seconds, seed, watch)
    return made.code


def learn(
    sets: Ints,
    copies: Floats,
    vocab_size: int,
    width: int,
    seconds: object = SECONDS,
    seed: int = 0,
    watch: Watch | None = None,
) -> LearnedCode:
    """`learn_code` from ids padded with vocab_size and copies, float64 [sets]; with its history.

    A set weighs the root of its copies, so that no one set decides. Of more sets than there is time
    for a sample is learned from, 8 million pairs of a set and a token for each second.
    """
    check_seed(seed)
    check_width(sets, vocab_size, width)
    if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise UsageError(f"seconds is {seconds!r}: learning needs some time; try {SECONDS:g}")
    started, total = time.perf_counter(), math.ceil(seconds)

    def go_on() -> bool:
        spent = time.perf_counter() - started
        if watch is not None and spent < seconds:
            watch("learning, at most seconds", int(spent), total, "")
        return spent < seconds

    generator, weights = np.random.default_rng([seed, vocab_size]), np.sqrt(copies)
    shares = token_shares(sets, weights, vocab_size)
    start = frequency_law(shares, width, FILL).draw(seed)
    most = math.ceil(PAIRS_A_SECOND * seconds / vocab_size)
    chosen = generator.permutation(len(sets))[:most] if most < len(sets) else slice(None)
    listed = _with_stand_ins(sets[chosen], weights[chosen], vocab_size, generator)
    descent, finished, stopped = None, False, False
    try:
        descent = Descent(start, *listed, NEAR, go_on)
        finished = descent.run(generator)
    except KeyboardInterrupt:
        stopped = True
    code = start if descent is None else Code(descent.bits)
    return LearnedCode(code, finished, stopped)


def check_width(sets: Ints, vocab_size: int, width: int) -> None:
    """Raises: UsageError: the width is not above the largest set's size."""
    largest = int((sets < vocab_size).sum(1).max())
    if whole("width", width) <= largest:
        raise UsageError(
            f"width is {width} and the largest set has {largest} tokens: with a bit for each its "
            f"union may cover every unit; give a width above {largest}"
        )


def _with_stand_ins(
    sets: Ints, weights: Floats, vocab_size: int, generator: np.random.Generator
) -> tuple[Ints, Floats]:
    """The sets and their stand-ins, with weights."""
    held_by = np.bincount(sets[sets < vocab_size], minlength=vocab_size)
    unseen = np.flatnonzero(held_by == 0)
    own = np.append(held_by == 1, False)[sets]
    rows = np.tile(np.flatnonzero(own.any(1)), STAND_INS)
    if not len(unseen) or not len(rows):
        return sets, weights
    copies = sets[rows]
    place = (own[rows] * generator.random(copies.shape)).argmax(1)  # one token of its own
    copies[np.arange(len(rows)), place] = generator.choice(unseen, len(rows))
    new = min(MOST_NEW, weights[rows].sum() / STAND_INS / weights.sum())
    return np.concatenate([sets, copies]), np.append(weights, weights[rows] / STAND_INS / (1 - new))
