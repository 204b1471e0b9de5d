"""What will be done and what should come of it, from the code alone."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.evidence.interventions.cases import Cases, half_with_predicted_errors
from relubloom.evidence.interventions.intervention import Intervention
from relubloom.evidence.interventions.prediction import Prediction, chunks, indicator
from relubloom.task import KSparseTask
from relubloom.task.sampling import draw_sets, seeded_generator

CANDIDATES = 10  # a case is chosen from so many
CANDIDATE_WORK = 1 << 25  # (set, token) pairs that are decoded to choose


@dataclass(frozen=True)
class Sealed:
    """Called tokens as predicted, packed eight to a byte, uint8 [cases, bytes].

    `right`: the prediction; `wrong`: the control's; `before`: without the intervention.
    """

    right: NDArray[np.uint8]
    wrong: NDArray[np.uint8]
    before: NDArray[np.uint8]

    def part(self, start: int, stop: int) -> Sealed:
        """Cases start..stop."""
        return Sealed(self.right[start:stop], self.wrong[start:stop], self.before[start:stop])


@dataclass(frozen=True)
class Plan:
    """An intervention with its cases and what they should give."""

    intervention: Intervention
    cases: Cases
    sealed: Sealed


@dataclass(frozen=True)
class Draw:
    """Where random sets and choices come from: a stream for every purpose, all from one seed."""

    task: KSparseTask
    seed: int

    def sets(self, purpose: str, count: int) -> NDArray[np.int64]:
        """Uniform sets, padded, int64 [count, largest size]."""
        generator = seeded_generator(self.seed, f"interventions/{purpose}", 0)
        return draw_sets(generator, count, self.task.vocab_size, self.task.sizes).numpy()

    def choices(self, purpose: str) -> np.random.Generator:
        """A generator for everything else."""
        return np.random.default_rng([self.seed, *purpose.encode()])


def make_plan(
    intervention: Intervention, code: Code, draw: Draw, count: int, pool: Executor
) -> Plan:
    """Draw candidates, keep `count` cases, and predict them.

    Cost: ten candidates are decoded for each case, fewer (but `count`) where vocab exceeds
    2**25 / (10 count).
    """
    random = draw.choices(intervention.name)
    drawn = max(count, min(CANDIDATES * count, CANDIDATE_WORK // code.vocab_size))
    candidates = intervention.cases(code, draw.sets(intervention.name, drawn), random)
    errs = _errs(intervention.predict(code, candidates), candidates, pool)
    cases = half_with_predicted_errors(candidates, errs, count)
    sealed = Sealed(
        right=_packed(intervention.predict(code, cases), pool),
        wrong=_packed(intervention.mispredict(code, cases, random), pool),
        before=_packed(Prediction(code, code.union(cases.sets)), pool),
    )
    return Plan(intervention, cases, sealed)


def _errs(prediction: Prediction, cases: Cases, pool: Executor) -> NDArray[np.bool_]:
    """Cases in which other tokens than the members are predicted to be called, bool [cases]."""
    vocab = prediction.code.vocab_size

    def err(span: tuple[int, int]) -> NDArray[np.bool_]:
        members = indicator(cases.members[slice(*span)], vocab)
        return (prediction.called(*span) != members).any(1)

    parts = pool.map(err, chunks(len(cases), vocab))
    return np.concatenate([np.zeros(0, dtype=np.bool_), *parts])


def _packed(prediction: Prediction, pool: Executor) -> NDArray[np.uint8]:
    def pack(span: tuple[int, int]) -> NDArray[np.uint8]:
        return np.packbits(prediction.called(*span), axis=1)

    vocab = prediction.code.vocab_size
    parts = pool.map(pack, chunks(len(prediction.unions), vocab))
    return np.concatenate([np.zeros((0, -(-vocab // 8)), dtype=np.uint8), *parts])
