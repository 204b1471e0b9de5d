"""Search: lower a code's exact number of false positives by changing one bit at a time."""

import math
import time
from dataclasses import dataclass
from numbers import Real
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from relubloom.code.bits import Code
from relubloom.code.counting import check_set_size, count_false_positives
from relubloom.code.graded import GradedCode
from relubloom.code.neighbourhood import Neighbourhood
from relubloom.errors import UsageError

AnyCode = TypeVar("AnyCode", Code, GradedCode)
WARMTH = 0.25  # first temperature, in shares of the false positives of one token
COLD = 1e-3  # last temperature of the schedule, in shares of the first


@dataclass(frozen=True)
class SearchResult(Generic[AnyCode]):
    """What a search reached.

    Attributes:
        code: the best code met.
        total: its false positives over all sets, counted exactly and afresh.
        mean: its E[F].
        steps: tokens looked at.
        seconds: wall time spent.
        stopped: True when Ctrl-C ended the search early.
    """

    code: AnyCode
    total: int
    mean: float
    steps: int
    seconds: float
    stopped: bool


def improve(
    code: Code,
    set_size: int,
    *,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
) -> SearchResult[Code]:
    """Lower E[F] over all sets of `set_size` tokens by simulated annealing on exact counts.

    A step takes one token and the exact totals of all hashes one bit away (a unit dropped, added
    or exchanged), and picks by their Boltzmann weights (heat bath). The temperature falls
    geometrically; the last tenth is greedy. No hash grows beyond the heaviest of the start. The
    result is never worse than the start; a code without false positives ends the search. To go
    on, call it again with `result.code`.

    Args:
        code: where to start, for example `random_constant_weight` or `greedy_low_overlap`.
        set_size: tokens per set.
        seconds: wall time to spend; give this or `steps`.
        steps: steps to make; the result then depends on the arguments only.
        seed: seed of the choices.

    Cost: a step is O(vocab weight + width weight 2**weight + touched set_size 2**weight),
    about 5 ms at vocab 1000, width 64, set_size 3, weight 10 on one core. Memory: see
    `Neighbourhood`.

    Raises:
        UsageError: both or neither of `seconds` and `steps`, or a value out of range.
    """
    budget = Budget(seconds, steps)
    check_set_size(code.vocab_size, set_size)
    walk = _Walk(Neighbourhood(code, set_size, max(1, int(code.weights.max()))), seed)
    stopped = False
    try:
        while walk.least > 0 and (spent := budget.share(walk.steps)) < 1:
            walk.step(spent)
    except KeyboardInterrupt:
        stopped = True
    best = Code(walk.best)
    total = count_false_positives(best, set_size)
    mean = total / math.comb(code.vocab_size, set_size)
    return SearchResult(best, total, mean, walk.steps, budget.elapsed, stopped)


class _Walk:
    """The annealed walk and the best code that it has met."""

    def __init__(self, state: Neighbourhood, seed: int) -> None:
        self.state = state
        self.steps = 0
        self.best = state.bits.copy()
        self.least = state.total
        self._generator = np.random.default_rng([seed, state.vocab_size, state.width])
        self._order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._hottest = WARMTH * state.total / state.vocab_size

    def step(self, spent: float) -> None:
        """Look at the next token, `spent` of the budget being used up."""
        place = self.steps % self.state.vocab_size
        if place == 0:
            self._order = self._generator.permutation(self.state.vocab_size)
        self.steps += 1
        token = int(self._order[place])
        temperature = 0.0 if spent > 0.9 else self._hottest * COLD ** (spent / 0.9)
        changes = self.state.changes(token)
        chosen = self._choose(changes.ravel(), temperature)
        if chosen is None:
            return
        row, column = divmod(chosen, changes.shape[1])
        held = self.state.units(token)
        drop = int(held[row]) if row < len(held) else None
        add = column if column < self.state.width else None
        self.state.apply(token, drop, add, float(changes[row, column]))
        if self.state.total < self.least:
            self.best = self.state.bits.copy()
            self.least = self.state.total

    def _choose(self, changes: NDArray[np.float64], temperature: float) -> int | None:
        """A change drawn by its Boltzmann weight against staying; at 0 the best, if no worse."""
        if temperature <= 0:
            least = changes.min()
            if not least <= 0:
                return None
            return int(self._generator.choice(np.flatnonzero(changes == least)))
        scaled = np.append(-changes, 0.0) / temperature
        scaled += self._generator.gumbel(size=len(scaled))
        chosen = int(scaled.argmax())
        return chosen if chosen < len(changes) else None


class Budget:
    """What a search may take, seconds from now or steps, and how much of it is spent.

    Raises:
        UsageError: both or neither is given, or it is negative.
    """

    def __init__(self, seconds: float | None, steps: int | None) -> None:
        budgets = [budget for budget in (seconds, steps) if budget is not None]
        if len(budgets) != 1:
            raise UsageError(
                f"seconds is {seconds} and steps is {steps}: the search needs exactly one budget; "
                "give seconds or steps"
            )
        self._most, self._of_steps = budgets[0], seconds is None
        if not isinstance(self._most, Real) or not 0 <= self._most < math.inf:
            name = "steps" if self._of_steps else "seconds"
            raise UsageError(f"{name} is {self._most!r}: a search ends; give a number of 0 or more")
        self._started = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since it was given."""
        return time.perf_counter() - self._started

    def share(self, steps: int) -> float:
        """The share that is spent after so many steps."""
        spent = steps if self._of_steps else self.elapsed
        return spent / self._most if self._most > 0 else 1.0
