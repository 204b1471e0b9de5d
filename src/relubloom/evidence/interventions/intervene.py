"""Interventions on one network: all predictions first, then all runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.evidence.interventions.force_covered import ForceCovered
from relubloom.evidence.interventions.force_uncovered import ForceUncovered
from relubloom.evidence.interventions.intervention import Intervention
from relubloom.evidence.interventions.patch_donor import PatchDonor
from relubloom.evidence.interventions.patch_false_positive import PatchFalsePositive
from relubloom.evidence.interventions.plan import Draw, Plan, make_plan
from relubloom.evidence.interventions.prediction import chunks
from relubloom.evidence.interventions.scoring import (
    Counts,
    correlation,
    matched,
    score_chunk,
    weighted_mean,
)
from relubloom.evidence.interventions.scrub_irrelevant import ScrubIrrelevant
from relubloom.evidence.interventions.subject import Subject
from relubloom.evidence.interventions.swap_hashes import SwapHashes
from relubloom.evidence.interventions.two_level_input import TwoLevelInput
from relubloom.network.relu_net import ReluNet
from relubloom.records.interventions import Control, Explained, Intervened, Interventions
from relubloom.task import KSparseTask
from relubloom.threads import intra_op_threads

INTERVENTIONS: tuple[Intervention, ...] = (
    ForceCovered(),
    ForceUncovered(),
    SwapHashes(),
    PatchFalsePositive(),
    PatchDonor(),
    ScrubIrrelevant(),
    TwoLevelInput(),
)
FEWEST, MOST = 1_000, 20_000  # cases of each intervention, by what one costs
CASE_WORK = 1 << 30  # multiply-adds of a forward pass over an intervention's cases
SOURCES = 2048  # random sets that units are resampled from

OnCases = Callable[[int, int], None]


@dataclass(frozen=True)
class StandIn:
    """An explanation by name, ready for the same interventions."""

    name: str
    subject: Subject


def intervene(
    net: ReluNet,
    code: Code,
    set_size: int | tuple[int, int],
    *,
    seed: int = 0,
    cases: int | None = None,
    explanation: tuple[str, ReluNet] | None = None,
    workers: int = 1,
    on_cases: OnCases | None = None,
) -> Interventions:
    """Change parts of the network in ways whose effect the code predicts, and compare.

    The cases and every prediction come from the code and the seed; they are fixed for all
    interventions before the network runs for the first time. Then each intervention is run with
    hooks or with replaced weights, in float64, and one scorer compares predicted with called
    tokens (p at least half of the largest), for the prediction and for a control that should fail.
    An explanation of the network that is itself a network of the same shape predicts, too: the
    same is done to it, with its own hidden layer and its own levels. Sets are uniform, of sizes
    uniform between the smallest and the largest.

    Args:
        net: the network.
        code: its hashes (`extract_code`), of the same vocab_size and width.
        set_size: k, or (smallest, largest).
        seed: chooses the cases.
        cases: of each intervention, >= 2; None takes 20,000, fewer (at least 1,000) where vocab
            times width exceeds 53,000. An intervention has fewer where the sets drawn hold fewer,
            and none where it cannot be done.
        explanation: its name and its program (`evidence.ladder`), of the network's shape.
        workers: threads, in each of which torch uses one.
        on_cases: called with (done, total) as cases come back, over all interventions.

    Raises:
        UsageError: the code is not of the network's shape, `cases` is below 2, or a set cannot
            hold that many tokens.

    Cost: about 11 forward passes and 7 exponentials per (case, token); 3 vocab / 8 bytes a case
    and intervention for the predictions.
    """
    _check(net, code, cases)
    task = KSparseTask(net.vocab_size, set_size)
    draw = Draw(task, seed)
    count = cases or min(MOST, max(FEWEST, CASE_WORK // (net.vocab_size * net.width)))
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            plans = [make_plan(each, code, draw, count, pool) for each in INTERVENTIONS]
            sources = draw.sets("sources", SOURCES)
            subject = Subject.prepare(net, code, sources, draw.choices("sources"))
            stand_in = None
            if explanation is not None:
                name, program = explanation
                own = Subject.prepare(program, code, sources, draw.choices("sources"))
                stand_in = StandIn(name, own)
            found = _run_all(plans, subject, stand_in, pool, on_cases)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    low, high = task.sizes
    return Interventions(low if low == high else [low, high], seed, found)


def _check(net: ReluNet, code: Code, cases: int | None) -> None:
    if (code.vocab_size, code.width) != (net.vocab_size, net.width):
        raise UsageError(
            f"the code has {code.vocab_size} tokens and {code.width} units: it must have the "
            f"network's {net.vocab_size} and {net.width}; extract it from this network"
        )
    if cases is not None and cases < 2:
        raise UsageError(
            f"cases is {cases}: at least 2 are needed, one with a predicted error and one without; "
            "leave it out for the default"
        )


def _run_all(
    plans: list[Plan],
    subject: Subject,
    stand_in: StandIn | None,
    pool: Executor,
    on_cases: OnCases | None,
) -> list[Intervened]:
    total, done = sum(len(plan.cases) for plan in plans), 0
    found: list[Intervened] = []
    for plan in plans:

        def score(span: tuple[int, int], plan: Plan = plan) -> tuple[Counts, ...]:
            return score_chunk(plan, subject, *span, None if stand_in is None else stand_in.subject)

        spans = list(chunks(len(plan.cases), subject.net.vocab_size)) or [(0, 0)]
        parts: list[tuple[Counts, ...]] = []
        for (start, stop), part in zip(spans, pool.map(score, spans), strict=True):
            parts.append(part)
            done += stop - start
            if on_cases is not None:
                on_cases(done, total)
        counts = [_joined(each) for each in zip(*parts, strict=True)]
        found.append(_result(plan, counts, None if stand_in is None else stand_in.name))
    return found


def _joined(parts: tuple[Counts, ...]) -> Counts:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _result(plan: Plan, counts: list[Counts], explanation: str | None) -> Intervened:
    weight = plan.cases.weight
    right, wrong, *explained = [vars(matched(each, weight)) for each in counts]
    return Intervened(
        **right,
        name=plan.intervention.name,
        question=plan.intervention.question,
        prediction=plan.intervention.prediction,
        cases=len(plan.cases),
        predicted_share=weighted_mean(counts[0]["predicted_loss"] > 0, weight),
        loss_correlation=correlation(counts[0]["predicted_loss"], counts[0]["loss"], weight),
        control=Control(**wrong, name=plan.intervention.control),
        explained=None if explanation is None else Explained(**explained[0], name=explanation),
    )
