"""What will be done and what should come of it, from the code alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code import GradedCode
from relubloom.evidence.interventions.intervention import (
    Bits,
    CallDecoder,
    Cases,
    Ids,
    Intervention,
    Words,
    marked,
)
from relubloom.task import KSparseTask
from relubloom.task.sampling import draw_sets, seeded_generator

CANDIDATES = 10  # a case is chosen from so many
CANDIDATE_WORK = 1 << 25  # (set, token) pairs that are decoded to choose


@dataclass(frozen=True)
class SealedPlan:
    """An intervention with its cases, and the tokens that should be called in each.

    `right`: as predicted; `wrong`: by the control; `before`: without the intervention.
    """

    intervention: Intervention
    cases: Cases
    right: Words
    wrong: Words
    before: Words

    def part(self, start: int, stop: int) -> SealedPlan:
        """Cases start..stop."""
        which = slice(start, stop)
        tokens = (each[which] for each in (self.right, self.wrong, self.before))
        return SealedPlan(self.intervention, self.cases[which], *tokens)


@dataclass(frozen=True)
class RandomSets:
    """Where random sets and choices come from: a stream for every purpose, all from one seed."""

    task: KSparseTask
    seed: int

    def sets(self, purpose: str, count: int) -> Ids:
        """Uniform sets, padded, int64 [count, largest size]."""
        generator = seeded_generator(self.seed, f"interventions/{purpose}", 0)
        return draw_sets(generator, count, self.task.vocab_size, self.task.sizes).numpy()

    def choices(self, purpose: str) -> np.random.Generator:
        """A generator for everything else."""
        return np.random.default_rng([self.seed, *purpose.encode()])


def seal(
    intervention: Intervention,
    decoder: CallDecoder,
    written: GradedCode,
    source: RandomSets,
    count: int,
) -> SealedPlan:
    """Draw candidates, keep `count` cases, and predict them.

    `written`: the decoder's code as bits are written in sets of one token more
    (`written_in_sets_of`), whose states are those of an intervention that puts a token in.

    Cost: ten candidates are decoded for each case, fewer (but `count`) where vocab exceeds
    2**25 / (10 count); then 3 vocab / 8 bytes a case.
    """
    code = decoder.code
    random = source.choices(intervention.name)
    drawn = max(count, min(CANDIDATES * count, CANDIDATE_WORK // code.vocab_size))
    candidates = intervention.cases(code, source.sets(intervention.name, drawn), random)
    read_from = written if intervention.one_more else code
    right = decoder.called(intervention.predict(read_from, candidates))
    errs = (right != marked(candidates.members, code.vocab_size)).any(1)
    chosen, weight = half_with_predicted_errors(errs, count)
    kept = candidates[chosen]
    cases = Cases(kept.sets, kept.acted_on, kept.members, weight)
    other_code, states = intervention.mispredict(code, cases, random)
    other = decoder if other_code is code else CallDecoder(other_code)
    return SealedPlan(
        intervention,
        cases,
        right=right[chosen],
        wrong=other.called(states),
        before=decoder.called(code.states(cases.sets)),
    )


def half_with_predicted_errors(errs: Bits, count: int) -> tuple[Ids, NDArray[np.float64]]:
    """At most `count` of the cases, half of them with a predicted error if there are so many.

    They are taken evenly from all of each kind, and each weighs as its kind does among the cases
    given.

    So rare errors are seen often enough, and weighted figures remain those of random cases: a
    false positive that the code did not predict is not drowned by the predicted ones.
    `errs`: bool [cases]. Returns the chosen cases, ascending, and their weights, which sum to 1.
    """
    kinds = [np.flatnonzero(errs), np.flatnonzero(~errs)]
    quota = max(count // 2, count - len(kinds[1])), max(count - count // 2, count - len(kinds[0]))
    weight = np.zeros(len(errs))
    for kind, most in zip(kinds, quota, strict=True):
        taken = min(most, len(kind))
        chosen = kind[np.arange(taken) * len(kind) // max(1, taken)]
        if len(chosen):
            weight[chosen] = len(kind) / (len(errs) * len(chosen))
    kept = np.flatnonzero(weight)
    return kept, weight[kept]
