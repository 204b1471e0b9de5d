"""Certificates from evaluating the network: on every set, or on a random sample of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from jaxtyping import Float64
from scipy.stats import binomtest
from torch import Tensor

from relubloom.evidence.certificate.certified import clipped_mse, nothing_decided, proven
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.one_pass import Chunk, OnSets, evaluator_for, one_pass
from relubloom.measure.pool import chunk_size
from relubloom.network.relu_net import ReluNet
from relubloom.records.certificate import CalledNonMembers, Certificate, Interval
from relubloom.task import AllSets, ListedSets
from relubloom.task.sampling import draw_sets, seeded_generator

CONFIDENCE = 0.99
WORK = 1 << 39  # multiply-adds for one estimate: about ten seconds a core
FEWEST, MOST = 10_000, 250_000
DRAW_COST = 64  # multiply-adds that one of the set_size**2 steps of drawing a set is worth


class Counts(NamedTuple):
    """What is sure of some sets: how many are exact, and failing, the called non-members at least
    and at most, the sum of mse with a bound on its error, and how many float64 judged."""

    sets: int
    exact: int
    failing: int
    called_low: int
    called_high: int
    mse: float
    mse_error: float
    fine: int


class Certifying:
    """Counts what is sure of the sets of a pass: a consumer of `one_pass`.

    `sampled` keeps each set's figures too, for an estimate: 32 bytes a set. `copies` counts a set
    as often as the collection has it.
    """

    def __init__(
        self,
        net: ReluNet,
        set_size: int,
        evaluator: Evaluator,
        *,
        sampled: bool,
        copies: bool = False,
    ) -> None:
        self._vocab, self._set_size = net.vocab_size, set_size
        self._error, self._in_float32 = evaluator.fine_error, evaluator.in_float32
        self._sampled, self._copies = sampled, copies
        self._counts: list[Counts] = []
        self._kept: list[Tensor] = []

    def work(self, chunk: Chunk) -> tuple[Counts, Float64[Tensor, "4 batch"] | None]:
        """Count a chunk."""
        found = chunk.answers
        error = found.mse_error

        def total(values: Tensor) -> float:
            return float(chunk.copies @ values.double() if self._copies else values.sum())

        counts = Counts(
            int(total(torch.ones_like(found.mse))),
            int(total(found.exact)),
            int(total(found.failing)),
            int(total(found.called_low)),
            int(total(found.called_high)),
            total(found.mse),
            total(error),
            int(total(found.fine)),
        )
        if not self._sampled:
            return counts, None
        return counts, torch.stack(
            [found.mse - error, found.mse + error, found.called_low, found.called_high]
        )

    def take(self, found: tuple[Counts, Float64[Tensor, "4 batch"] | None]) -> None:
        """Keep the counts."""
        counts, kept = found
        self._counts.append(counts)
        if kept is not None:
            self._kept.append(kept)

    def over_all(self) -> Certificate:
        """Of a pass over all C(vocab, set_size) sets: bounds that are proven.

        Exact sets and called non-members are counted where their margin exceeds the rounding
        error; the rest widens the bounds.
        """
        counted = self._counts
        sets = sum(each.sets for each in counted)
        if not self._error.usable:
            return nothing_decided(sets, self._set_size, self._vocab, "enumeration")
        precision = "float64"
        if self._in_float32:
            fine = sum(each.fine for each in counted)
            precision = f"float32, then float64 on the {fine:,} sets that need it"
        return proven(
            sets=sets,
            set_size=self._set_size,
            vocab_size=self._vocab,
            method="enumeration",
            exact=(
                sum(each.exact for each in counted),
                sets - sum(each.failing for each in counted),
            ),
            mse=_mean_mse(counted, sets),
            called=(
                sum(each.called_low for each in counted),
                sum(each.called_high for each in counted),
            ),
            reasons=f"every set evaluated in {precision}; logits are known to within "
            f"{self._error.logit:.1e}",
        )

    def over_a_sample(self) -> Certificate:
        """Of a pass over sets drawn uniformly and independently: an estimate.

        p_exact: the Clopper-Pearson interval, exact for every p. mse and the mean of called
        non-members: the empirical Bernstein interval (Maurer and Pontil 2009, theorem 4,
        two-sided), which needs only that the values are bounded. Each holds with probability 99 %
        on its own; undecided sets and rounding errors widen them.
        """
        vocab, k = self._vocab, self._set_size
        sets = math.comb(vocab, k)
        if not self._error.usable:
            return nothing_decided(sets, k, vocab, "sampled")
        exact = sum(each.exact for each in self._counts)
        failing = sum(each.failing for each in self._counts)
        least, most, low, high = torch.cat(self._kept, 1)
        draws = len(least)
        largest = 1 + 1 / k
        mse = Interval(
            _bernstein(least.clamp(min=0.0), largest).lower - 1e-9,
            _bernstein(most.clamp(max=largest), largest).upper + 1e-9,
        )
        called = Interval(
            max(0.0, _bernstein(low, vocab - k).lower),
            min(float(vocab - k), _bernstein(high, vocab - k).upper),
        )
        p_exact = Interval(
            clopper_pearson(exact, draws).lower, clopper_pearson(draws - failing, draws).upper
        )
        return Certificate(
            sets=sets,
            method="sampled",
            exact_sets=None,
            exact_sets_bounds=(0, sets),
            p_exact=p_exact,
            mse=clipped_mse(mse, k),
            false_positives=CalledNonMembers(None, called),
            undecided_sets=sets,
            set_size=k,
            confidence=CONFIDENCE,
            reasons=f"sampled: {draws:,} random sets, of which {exact:,} are exact; no proof",
        )


def enumerate_sets(
    net: ReluNet,
    set_size: int,
    lines: ListedSets | None = None,
    *,
    float32: bool = False,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Certificate:
    """Evaluate the network on all C(vocab, set_size) sets, or on a file's lines of that size.

    Args:
        net: finite weights.
        set_size: 1 to vocab.
        lines: evaluate these, copies counted.
        float32: judge in float32 with its own error bound first, and only what that leaves in
            doubt, or what weighs most in the mse, in float64. About twice as fast; the mse
            interval is wider.
        workers: threads that share the chunks.
        on_sets: called with (done, total).

    Cost: that of `measure.one_pass`.
    """
    sets = AllSets(net.vocab_size, set_size) if lines is None else lines
    evaluator = evaluator_for(net, sets, float32=float32)
    if not evaluator.fine_error.usable:
        number = len(sets) if lines is None else int(lines.copies.sum())
        return nothing_decided(number, set_size, net.vocab_size, "enumeration")
    found = Certifying(net, set_size, evaluator, sampled=False, copies=lines is not None)
    one_pass(net, sets, [found], evaluator=evaluator, tight=True, workers=workers, on_sets=on_sets)
    return found.over_all()


def sample_sets(
    net: ReluNet,
    set_size: int,
    *,
    draws: int | None = None,
    seed: int = 0,
    workers: int = 1,
    on_sets: OnSets | None = None,
) -> Certificate:
    """Estimate from `draws` sets drawn uniformly and independently (`Certifying.over_a_sample`).

    By default 10,000 to 250,000 draws, about ten seconds. Cost: O(draws (width vocab +
    set_size^2)).
    """
    vocab = net.vocab_size
    count = draws or min(MOST, max(FEWEST, WORK // (vocab * net.width + DRAW_COST * set_size**2)))
    generator = seeded_generator(seed, "certificate", 0)
    size = chunk_size(vocab)
    drawn = torch.cat(
        [
            draw_sets(generator, min(size, count - done), vocab, (set_size, set_size))
            for done in range(0, count, size)
        ]
    )
    copies, unseen = torch.ones(count, dtype=torch.int64), torch.zeros(count, dtype=torch.bool)
    sets = ListedSets(drawn, copies, unseen, "drawn")
    evaluator = Evaluator(net, set_size, one_size=True, float32=False)
    found = Certifying(net, set_size, evaluator, sampled=True)
    if evaluator.fine_error.usable:
        one_pass(net, sets, [found], evaluator=evaluator, workers=workers, on_sets=on_sets)
    return found.over_a_sample()


def clopper_pearson(successes: int, draws: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact binomial interval of a share: covers it with at least this probability."""
    found = binomtest(successes, draws).proportion_ci(confidence, method="exact")
    return Interval(float(found.low), float(found.high))


def _mean_mse(counted: list[Counts], sets: int) -> Interval:
    """Bounds on the mean: each set's own, and the roundings of the sums of a chunk."""
    total = math.fsum(each.mse for each in counted)
    errors = math.fsum(each.mse_error for each in counted)
    if not (math.isfinite(total) and math.isfinite(errors)):
        return Interval(0.0, math.inf)
    largest = max(each.sets for each in counted)
    rounding = 2 * (largest + 8) * 2.0**-53 + 1e-15
    slack = 1.0001 * errors + rounding * total
    down, up = (1 - 2.0**-50) / sets, (1 + 2.0**-50) / sets
    return Interval(max(0.0, total - slack) * down, (total + slack) * up)


def _bernstein(values: Tensor, spread: float) -> Interval:
    """Mean +- sqrt(2 V L / n) + 7 spread L / (3 (n - 1)), L = ln(4 / (1 - confidence))."""
    draws = len(values)
    bound = math.log(4 / (1 - CONFIDENCE))
    mean = float(values.mean())
    variance = float(values.var()) if draws > 1 else spread**2
    radius = math.sqrt(2 * variance * bound / draws) + 7 * spread * bound / (3 * max(1, draws - 1))
    return Interval(mean - radius, mean + radius)
