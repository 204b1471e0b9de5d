"""Pooling designs: which samples go into which test, so that few positives are found by name.

A design is a code: samples are tokens, tests are units, the tests of a sample are its bits. If no
set of `positives` samples has a false positive, the samples whose every test is positive are the
positives themselves. Fewer positives are found as well: leave a sample out, and less is covered.
"""

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from relubloom import theory
from relubloom.code.bits import Code
from relubloom.code.counting import count_false_positives
from relubloom.code.disjunct import disjunct_code, is_disjunct
from relubloom.code.families import make_code
from relubloom.code.packing import PackingSearch
from relubloom.code.search import improve
from relubloom.errors import UsageError, check_seed, whole
from relubloom.progress import Watch

SECONDS = 20.0
PACKING_SHARE = 0.5  # of the time that a given number of tests has; annealing has the rest


@dataclass(frozen=True)
class PoolDesign:
    """A design and what is proved of it.

    Attributes:
        code: row t is sample t, column i test i.
        positives: the most positives that it is made for.
        false_positives: negatives that look positive, over all patterns of exactly `positives`
            positives: an exact count. 0 proves that fewer positives are found without error too.
        patterns: sets of at most `positives` samples.
        least_tests: no design without false positives has fewer: `theory.disjunct_bound`, and
            one result for each pattern, log2 of their number.
        stopped: whether Ctrl-C ended the search.
    """

    code: Code
    positives: int
    false_positives: int
    patterns: int
    least_tests: int
    stopped: bool


def design_pools(
    samples: int,
    positives: int,
    *,
    tests: int | None = None,
    seconds: float = SECONDS,
    max_pool_size: int | None = None,
    max_pools_per_sample: int | None = None,
    seed: int = 0,
    watch: Watch | None = None,
) -> PoolDesign:
    """The fewest tests found in `seconds` that name up to `positives` positives without error.

    Args:
        samples: how many there are.
        positives: the most positives that are to be named.
        tests: take so many tests. Where no design of them without false positives is found, and
            there are no limits, it is the one of the fewest that annealing finds.
        seconds: time for the search. Ctrl-C ends it with the best design so far.
        max_pool_size: samples in a test, at most.
        max_pools_per_sample: tests that a sample takes part in, at most.
        seed: seed of the choices.
        watch: called with (stage, done, total, detail) as the work goes on.

    Cost: `seconds`, then a certificate of O(samples**2 tests).

    Raises:
        UsageError: a value breaks its rule, or no design of so many tests within the limits was
            found.
    """
    check_seed(seed)
    samples, positives = whole("samples", samples, 1), whole("positives", positives, 1)
    tests = None if tests is None else whole("tests", tests, 1)
    _check(samples, positives, tests, seconds, max_pool_size, max_pools_per_sample)
    limits = max_pool_size or samples, max_pools_per_sample or samples
    search = _Search(samples, positives, *limits, seed, seconds, watch)
    stopped = False
    try:
        if tests is None:
            search.go_down()
        else:
            search.find(tests, PACKING_SHARE)
    except KeyboardInterrupt:
        stopped = True
    code = search.best
    if tests is not None and code.width != tests:
        if max_pool_size is not None or max_pools_per_sample is not None:
            raise UsageError(
                f"tests is {tests}: no design within the limits was found in {seconds:g} s; allow "
                f"more tests, larger pools or more seconds ({code.width} tests are enough)"
            )
        code = search.annealed(tests)
    certified = is_disjunct(code, positives)
    patterns = sum(math.comb(samples, size) for size in range(positives + 1))
    return PoolDesign(
        code=code,
        positives=positives,
        false_positives=0 if certified else count_false_positives(code, positives),
        patterns=patterns,
        least_tests=max(theory.disjunct_bound(samples, positives), (patterns - 1).bit_length()),
        stopped=stopped,
    )


@dataclass
class _Search:
    """`best` is the narrowest design met: at first a test for each sample."""

    samples: int
    positives: int
    largest_pool: int
    heaviest: int
    seed: int
    seconds: float
    watch: Watch | None
    best: Code = field(init=False)

    def __post_init__(self) -> None:
        self.best = Code(np.eye(self.samples, dtype=np.bool_))
        self._generator = np.random.default_rng([self.seed, self.samples, self.positives])
        self._started = time.perf_counter()

    @property
    def _spent(self) -> float:
        """Share of the time; it is shown, too."""
        spent = min(1.0, (time.perf_counter() - self._started) / max(self.seconds, 1e-9))
        if self.watch is not None and spent < 1:
            total = math.ceil(self.seconds)
            self.watch("seconds", int(spent * total), total, f"{self.best.width} tests")
        return spent

    def go_down(self) -> None:
        """Halve the range of tests in the first half of the time; then go down one by one."""
        low = least = theory.disjunct_bound(self.samples, self.positives)
        steps = (self.samples - least).bit_length()
        for step in range(steps):
            middle = (low + self.best.width) // 2
            if low < self.best.width and not self.find(middle, 0.5 * (step + 1) / steps):
                low = middle + 1
        while self.best.width > least and self.find(self.best.width - 1, 1.0):
            pass

    def find(self, tests: int, until: float) -> bool:
        """Look for a design of so many tests, until this share of the time is spent."""
        if tests == self.best.width:
            return True
        with suppress(UsageError):
            if self._accepted(disjunct_code(self.samples, tests, self.positives).bits):
                return True
        packings = PackingSearch(
            self.samples, tests, self.positives, self.heaviest, self._generator
        )
        for found in packings:
            if found is not None and self._accepted(found):
                return True
            if self._spent >= until:
                break
        return False

    def annealed(self, tests: int) -> Code:
        """The fewest false positives that annealing finds in the time left."""
        start = make_code("greedy", self.samples, tests, self.positives, seed=self.seed)
        left = self.seconds * (1 - self._spent)
        return improve(start, self.positives, seconds=left, seed=self.seed).code

    def _accepted(self, hashes: NDArray[np.bool_]) -> bool:
        """Keep the design if it is within the limits, once samples to spare are dropped."""
        kept = _levelled(hashes, self.samples)
        if kept.sum(0).max() > self.largest_pool or kept.sum(1).max() > self.heaviest:
            return False
        self.best = Code(kept)
        return True


def _levelled(hashes: NDArray[np.bool_], samples: int) -> NDArray[np.bool_]:
    """So many of the hashes: those in the fullest tests are dropped, one after the other."""
    kept = hashes
    while len(kept) > samples:
        fullness = kept @ (kept.mean(0) ** 8)  # nearly: by the fullest test, then the next
        kept = np.delete(kept, int(fullness.argmax()), axis=0)
    return kept


def _check(
    samples: int,
    positives: int,
    tests: int | None,
    seconds: float,
    max_pool_size: int | None,
    max_pools_per_sample: int | None,
) -> None:
    given = {"max_pool_size": max_pool_size, "max_pools_per_sample": max_pools_per_sample}
    for name, value in given.items():
        if value is not None:
            whole(name, value, 1)
    if positives >= samples:
        raise UsageError(
            f"positives is {positives} and samples is {samples}: some sample must be negative; "
            "lower positives"
        )
    if tests is not None and tests > samples:
        raise UsageError(
            f"tests is {tests} and samples is {samples}: a test for each sample is enough; lower "
            "tests"
        )
    if not isinstance(seconds, Real) or not 0 < seconds < math.inf:
        raise UsageError(f"seconds is {seconds!r}: the search needs some time; try {SECONDS:g}")
