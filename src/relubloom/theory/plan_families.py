"""The families that a plan compares: each is solved for its width and evaluated there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from relubloom.theory.arguments import Criterion
from relubloom.theory.bernoulli import BernoulliExpectations, best_bernoulli
from relubloom.theory.constant_weight import ConstantWeights, NumbersOfHashes
from relubloom.theory.cover import Expectations, SetErrors
from relubloom.theory.kautz_singleton import kautz_singleton
from relubloom.theory.partitioned import (
    STATE_LIMIT,
    best_blocks,
    partitioned,
    partitioned_bounds,
    partitioned_states,
)
from relubloom.theory.superposition import linear_superposition, superposition_noise
from relubloom.theory.weight_search import WeightSearch

Method = Literal["exact", "bounds", "existence", "Monte Carlo", "closed form"]

STATES_PER_TRIAL = 50_000  # of a partitioned code, while its width is being solved for
ENTRIES_OF_RIVAL = 1 << 21  # vocab_size x width up to which the linear rival is simulated
SETS_OF_RIVAL = 32
LOOK_BACK = 3  # widths just below the answer that are known to fail


@dataclass(frozen=True)
class Goal:
    """What a plan is asked for.

    Attributes:
        vocab_size: number of tokens.
        set_size: tokens per set.
        by: the error to make least, and to hold to the target.
        target: largest error allowed, mse or P(F > 0); None where the width is given.
        width: the width given, or None.
    """

    vocab_size: int
    set_size: int
    by: Criterion
    target: float | None = None
    width: int | None = None

    @property
    def others(self) -> int:
        """Number of non-members, N - k."""
        return self.vocab_size - self.set_size


@dataclass(frozen=True)
class FamilyRow:
    """One family in a plan; None where a figure is unknown or does not apply.

    Attributes:
        family: its name.
        method: how the figures were made: "exact" (the exact law), "bounds" (p_exact is a lower,
            mse and kl are upper bounds; fpr and false_positives exact), "existence" (a code with
            these figures exists), "Monte Carlo", or "closed form".
        width: units used.
        weight: bits per token (a mean for Bernoulli codes).
        false_positives, fpr, p_exact, mse, kl: as in `SetErrors`.
        note: one sentence, possibly empty.
    """

    family: str
    method: Method
    width: int
    weight: float | None = None
    false_positives: float | None = None
    fpr: float | None = None
    p_exact: float | None = None
    mse: float | None = None
    kl: float | None = None
    note: str = ""


def best_constant_weight(goal: Goal) -> Expectations:
    """The best constant weight at the goal's width, by what the goal is about."""
    return _best_weight(goal, ConstantWeights)


def family_rows(goal: Goal, best: Expectations) -> tuple[FamilyRow, ...]:
    """A row for every family; `best` is `best_constant_weight`, solved already."""
    drawn = _best_weight(goal, NumbersOfHashes)
    return (
        _row("constant weight", best.width, best.weight, best),
        _row("with replacement", drawn.width, drawn.weight, drawn),
        _bernoulli_row(goal),
        _partitioned_row(goal),
        _kautz_singleton_row(goal),
        _linear_row(goal, best.width),
    )


def likely_width(goal: Goal) -> int:
    """The width given, or a guess at it by the rule of thumb, E[F] = -ln P; at least 1."""
    if goal.width is not None:
        return goal.width
    if goal.target is None or goal.others == 0:
        return 1
    allowed = goal.target * (goal.set_size * (goal.set_size + 1) if goal.by == "mse" else 1)
    return max(1, round(goal.set_size / math.log(2) ** 2 * math.log(goal.others / allowed)))


def figures(errors: SetErrors) -> dict[str, float]:
    """The errors that a plan and each of its rows name."""
    named = ("false_positives", "fpr", "p_exact", "mse", "kl")
    return {name: getattr(errors, name) for name in named}


def _best_weight(goal: Goal, family: type[WeightSearch]) -> Expectations:
    def weights(width: int) -> WeightSearch:
        return family(goal.vocab_size, width, goal.set_size, goal.by)

    solved = weights(_solve(goal, lambda width, target: weights(width).reaches(target)))
    return solved.expectations(solved.best())


def _bernoulli_row(goal: Goal) -> FamilyRow:
    def best(width: int) -> BernoulliExpectations:
        return best_bernoulli(goal.vocab_size, width, goal.set_size)

    width = _solve(goal, lambda width, target: _error(goal, best(width)) <= target)
    note = f"density 1/{goal.set_size + 1}, which makes the false positives fewest"
    return _row("Bernoulli", width, best(width).density * width, best(width), note)


def _partitioned_row(goal: Goal) -> FamilyRow:
    def reaches(width: int, target: float) -> bool:
        errors = _partitioned_errors(goal, width, STATES_PER_TRIAL)
        return _error(goal, errors) <= target

    given = _solve(goal, reaches)
    blocks = best_blocks(given, goal.set_size)
    errors = _partitioned_errors(goal, given, STATE_LIMIT)
    states = partitioned_states(blocks, given // blocks, goal.set_size)
    note = "blocks that make the false positives fewest"
    if goal.width is None and states > STATES_PER_TRIAL:
        note += "; a width that is enough, by the upper bound"
    method = "exact" if states <= STATE_LIMIT else "bounds"
    return _row("partitioned", blocks * (given // blocks), blocks, errors, note, method)


def _partitioned_errors(goal: Goal, given: int, state_limit: int) -> SetErrors:
    """Exact errors of the best blocks, or the pessimistic side of the bounds."""
    blocks = best_blocks(given, goal.set_size)
    block = given // blocks
    sizes = (goal.vocab_size, blocks * block, blocks, goal.set_size)
    if partitioned_states(blocks, block, goal.set_size) <= state_limit:
        return partitioned(*sizes)
    bounds = partitioned_bounds(*sizes)
    return SetErrors(
        fpr=bounds.fpr,
        false_positives=bounds.false_positives,
        p_exact=bounds.p_exact[0],
        p_failure=min(1.0, bounds.false_positives),
        mse=bounds.mse[1],
        kl=bounds.kl[1],
    )


def _kautz_singleton_row(goal: Goal) -> FamilyRow:
    code = kautz_singleton(goal.vocab_size, goal.set_size)
    used, weight = code.width, code.weight
    note = f"no false positive on any set: {code.weight} blocks of {code.field_size}"
    if code.width >= goal.vocab_size:
        used, weight = goal.vocab_size, 1
        note = "one unit per token is narrower than any such code, and exact"
    if used > (goal.width or used):
        note += f"; takes more than {goal.width} units, unless construct can shorten it"
    return FamilyRow("Kautz-Singleton", "existence", used, weight, 0.0, 0.0, 1.0, 0.0, 0.0, note)


def _linear_row(goal: Goal, width: int) -> FamilyRow:
    """The rival without a ReLU, at the constant-weight code's width."""
    name = "linear superposition"
    if goal.vocab_size * width > ENTRIES_OF_RIVAL or goal.others == 0:
        noise, own = superposition_noise(width, goal.set_size)
        note = (
            f"score noise, mean square: non-members {noise:.3g}, members {own:.3g}; not simulated"
        )
        return FamilyRow(name, "closed form", width, note=note)
    drawn = linear_superposition(goal.vocab_size, width, goal.set_size, sets=SETS_OF_RIVAL)
    note = f"{drawn.method}; standard error {drawn.standard_error:.2g}"
    return FamilyRow(name, "Monte Carlo", width, mse=drawn.mse, note=note)


def _solve(goal: Goal, reaches: Callable[[int, float], bool]) -> int:
    """Smallest width that meets the goal. See `smallest_width`."""
    target = goal.target
    if goal.width is not None or target is None or goal.others == 0:
        return likely_width(goal)
    return smallest_width(lambda width: reaches(width, target), likely_width(goal))


def _error(goal: Goal, errors: SetErrors) -> float:
    return errors.mse if goal.by == "mse" else errors.p_failure


def _row(
    family: str,
    width: int,
    weight: float,
    errors: SetErrors,
    note: str = "",
    method: Method = "exact",
) -> FamilyRow:
    return FamilyRow(family, method, width, weight, **figures(errors), note=note)


def smallest_width(reaches: Callable[[int], bool], guess: int) -> int:
    """The smallest width w with reaches(w), where `reaches` is monotone, or nearly so.

    The answer reaches the target, and none of the `LOOK_BACK` widths just below it does: so a
    small dent in monotonicity does not hide a smaller answer close by, and a large one could.
    `reaches` must hold for some width. Cost: O(log(answer - guess)) calls, and `LOOK_BACK`.
    """
    low, high = _bracket(reaches, max(1, guess))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    below = high - 2  # high - 1 has failed already
    while below >= max(1, high - LOOK_BACK):
        if reaches(below):
            high = below
        below -= 1
    return high


def _bracket(reaches: Callable[[int], bool], guess: int) -> tuple[int, int]:
    """A width that fails (or 0) and a larger one that reaches, by growing steps from `guess`."""
    step, reached, at = max(1, guess // 32), reaches(guess), guess
    while True:
        following = max(0, at - step) if reached else at + step
        if following == 0 or reaches(following) != reached:
            return (following, at) if reached else (at, following)
        step, at = 2 * step, following
