"""Codes that are learned from sets: descent from a frequency-aware code.

Three things keep a code that is fitted to some sets good on others:

- the margin of `descent`, which charges for strangers that lack only one bit;
- *stand-ins*: copies of the training sets in which one token is exchanged for a token that no
  training set holds. Together they weigh what sets with a new token may be expected to: the share
  of training sets with a token that no other set holds, as Good and Turing estimate it;
- *swaps*: copies in which one token is exchanged for another, drawn by frequency.

The margin, the swaps and the fill at the start are chosen on a fifth of the training sets, by codes
that are learned from the rest.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.descent import Descent
from relubloom.code.frequency import frequency_law, token_shares
from relubloom.code.worth import worth_on
from relubloom.errors import UsageError, check_seed, whole
from relubloom.task import KSparseTask, SetCollection, SetsLike, as_collection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Watch = Callable[[str, int, int, str], None]

SECONDS = 60.0
LARGEST = 1 << 40  # padding of sets whose vocabulary is not given
STAND_IN = 0.2  # weight of a stand-in, beside the set that it is a copy of: so there are many
VALIDATION_SHARE = 0.2
SMALLEST_SPLIT = 20  # sets; with fewer, nothing is chosen


@dataclass(frozen=True)
class Setting:
    """How a code is learned.

    Attributes:
        fill: of the frequency-aware code at the start.
        near: what a stranger that lacks one bit counts.
        swaps: copies of each training set with one token swapped.
    """

    fill: float
    near: float
    swaps: int


SETTINGS = (  # the first is taken where there is no time to choose
    Setting(0.26, 0.05, 0),
    Setting(0.26, 0.1, 0),
    Setting(0.32, 0.05, 0),
    Setting(0.22, 0.05, 0),
    Setting(0.26, 0.05, 1),
)


@dataclass(frozen=True)
class LearnedCode:
    """A code and how it came about.

    Attributes:
        code: the best met.
        setting: how it was learned.
        tried: settings that were compared, with false positives a set on the validation part.
        descents: descents from all training sets; the code is the best of those at its setting.
        unseen_tokens: tokens that no training set holds. Their hashes come from the stand-ins.
        finished: whether the descent of the code ended by itself, not for want of time.
        stopped: whether Ctrl-C ended the work.
    """

    code: Code
    setting: Setting
    tried: tuple[tuple[Setting, float], ...]
    descents: int
    unseen_tokens: int
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
        vocab_size: number of tokens; of a task its own, else by default the largest id and 1.
        seconds: time to spend, about; one descent is made at any rate until this is over.
        seed: seed of the choices.
        watch: called with (stage, done, total, detail) as the work goes on.

    Cost: `seconds`; a descent of 5,000 sets of 5 of 600 tokens takes 8 s of one core. Memory: 40
    bytes for each training set and unit.

    Raises:
        UsageError: a value breaks its rule.
    """
    if isinstance(sets, KSparseTask):
        lines = sets.training_lines()
        ids, copies, vocab_size = lines.sets, lines.copies, sets.vocab_size
    else:
        padding = LARGEST if vocab_size is None else vocab_size
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

    The first setting is descended from all training sets at once. In the time left settings are
    compared, the winner is descended, and started anew from other random codes.
    """
    check_seed(seed)
    check_width(sets, vocab_size, width)
    if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise UsageError(f"seconds is {seconds!r}: learning needs some time; try {SECONDS:g}")
    source = _Source(sets, np.sqrt(copies) / np.sqrt(copies).mean(), vocab_size, width)
    learner = _Learner(source, seconds, seed, watch)
    stopped = False
    try:
        learner.work()
    except KeyboardInterrupt:
        stopped = True
    return LearnedCode(
        code=learner.code,
        setting=learner.setting,
        tried=tuple(learner.tried.items()),
        descents=learner.descents,
        unseen_tokens=len(source.unseen),
        finished=learner.finished,
        stopped=stopped,
    )


def check_width(sets: Ints, vocab_size: int, width: int) -> None:
    """Raises: UsageError: the width is not above the largest set's size."""
    largest = int((sets < vocab_size).sum(1).max())
    if whole("width", width) <= largest:
        raise UsageError(
            f"width is {width} and the largest set has {largest} tokens: with a bit for each its "
            f"union may cover every unit; give a width above {largest}"
        )


@dataclass(frozen=True)
class _Source:
    """Training sets with their weights: the root of the copies, so that no one set decides."""

    sets: Ints
    weights: Floats
    vocab_size: int
    width: int
    held_by: Ints = field(init=False)  # training sets that hold each token

    def __post_init__(self) -> None:
        tokens = self.sets[self.sets < self.vocab_size]
        object.__setattr__(self, "held_by", np.bincount(tokens, minlength=self.vocab_size))

    @property
    def unseen(self) -> Ints:
        """Tokens that no set holds."""
        return np.flatnonzero(self.held_by == 0)

    def split(self, seed: int) -> tuple["_Source", "_Source"]:
        """A part to learn from and a part to validate on."""
        order = np.random.default_rng([seed, len(self.sets)]).permutation(len(self.sets))
        held = round(VALIDATION_SHARE * len(order))
        parts = [order[held:], order[:held]]
        learnt, validation = (
            _Source(self.sets[part], self.weights[part], self.vocab_size, self.width)
            for part in parts
        )
        return learnt, validation

    def descent(self, setting: Setting, seed: int) -> Descent:
        """The descent of a setting, at its start."""
        shares = token_shares(self.sets, self.weights, self.vocab_size)
        generator = np.random.default_rng([seed, self.vocab_size])
        sets, weights = [self.sets], [self.weights]
        for _ in range(setting.swaps):
            sets.append(self._exchanged(self.sets, np.arange(self.vocab_size), shares, generator))
            weights.append(self.weights)
        once = np.append(self.held_by == 1, False)[self.sets].any(1)
        new = min(0.75, float(np.average(once, weights=self.weights)))
        if len(self.unseen):
            count = math.ceil(new / (1 - new) / STAND_IN * len(self.sets))
            rows = generator.permutation(np.resize(np.arange(len(self.sets)), count))
            alike = np.ones(len(self.unseen))
            sets.append(self._exchanged(self.sets[rows], self.unseen, alike, generator))
            weights.append(self.weights[rows] * STAND_IN)
        start = frequency_law(shares, self.width, setting.fill).draw(seed)
        return Descent(start, np.concatenate(sets), np.concatenate(weights), setting.near)

    def _exchanged(
        self, sets: Ints, pool: Ints, chances: Floats, generator: np.random.Generator
    ) -> Ints:
        """The sets, each with one token exchanged for one of the pool, drawn by its chance."""
        changed = sets.copy()
        place = (generator.random(len(sets)) * (sets < self.vocab_size).sum(1)).astype(np.int64)
        drawn = generator.choice(pool, len(sets), p=chances / chances.sum())
        changed[np.arange(len(sets)), place] = drawn
        changed.sort(axis=1)
        changed[:, 1:][changed[:, 1:] == changed[:, :-1]] = self.vocab_size
        changed.sort(axis=1)
        return changed


class _Learner:
    """The best code so far, at any moment, and the time that is left."""

    def __init__(self, source: _Source, seconds: float, seed: int, watch: Watch | None) -> None:
        self._source, self._seconds, self._seed, self._watch = source, seconds, seed, watch
        self._started = time.perf_counter()
        self.setting = SETTINGS[0]
        self.tried: dict[Setting, float] = {}
        self.descents, self.finished, self._value = 0, False, float("inf")
        shares = token_shares(source.sets, source.weights, source.vocab_size)
        self.code = frequency_law(shares, source.width, self.setting.fill).draw(seed)

    def work(self) -> None:
        """All that there is time for."""
        one = self._descend(self._seed)
        if len(self._source.sets) >= SMALLEST_SPLIT:
            learnt, validation = self._source.split(self._seed)
            for setting in SETTINGS:
                if self._left < 2 * one:
                    break
                self.tried[setting] = self._validated(setting, learnt, validation)
        if self.tried and (best := min(self.tried, key=self.tried.__getitem__)) != self.setting:
            self.setting, self._value = best, float("inf")
            self._descend(self._seed)
        while self._left > one:
            self._descend(self._seed + self.descents)

    def _descend(self, seed: int) -> float:
        """Descend from all sets at the setting and keep a better code; the seconds it took."""
        before = time.perf_counter()
        descent = self._source.descent(self.setting, seed)
        self.descents += 1
        try:
            finished = descent.run(np.random.default_rng(seed), self._go_on)
        except KeyboardInterrupt:
            if self.descents == 1:
                self.code = Code(descent.bits)
            raise
        value = descent.value()
        if value < self._value:
            self.code, self._value, self.finished = Code(descent.bits), value, finished
        return time.perf_counter() - before

    def _validated(self, setting: Setting, learnt: _Source, validation: _Source) -> float:
        descent = learnt.descent(setting, self._seed)
        descent.run(np.random.default_rng(self._seed), self._go_on)
        return worth_on(Code(descent.bits), validation.sets, validation.weights).false_positives

    @property
    def _left(self) -> float:
        return self._seconds - (time.perf_counter() - self._started)

    def _go_on(self) -> bool:
        left = self._left
        if self._watch is not None and left > 0:
            total = int(self._seconds) + 1
            stage = f"{len(self.tried)} settings tried, {self.descents} descents"
            self._watch("learning, seconds", int(self._seconds - left), total, stage)
        return left > 0
