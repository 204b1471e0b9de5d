"""All evidence about one network: (network, task) -> one frozen dataclass."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from relubloom.code import Code
from relubloom.evidence.behaviour import measure_behaviour
from relubloom.evidence.interventions import intervene
from relubloom.evidence.ladder import best_explanation, climb, sets_for_ladder
from relubloom.evidence.mechanism import measure_mechanism
from relubloom.evidence.reading import judge, read_as_bloom
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.measure.one_pass import one_pass
from relubloom.network.extract import extract_with_modes
from relubloom.network.relu_net import ReluNet
from relubloom.records.behaviour import Behaviour
from relubloom.records.interventions import Interventions
from relubloom.records.ladder import Ladder
from relubloom.records.mechanism import Mechanism, Reading
from relubloom.records.verdict import Verdict
from relubloom.task import SetCollection

Depth = Literal["quick", "study", "full"]
LADDER_SETS = {"study": 50_000, "full": 300_000}  # that rungs are scored on, some 44 of them
LADDER_WORK = 1 << 33  # multiply-adds of a rung's forward pass; large networks have fewer sets
FEWEST_SETS = 1_000

OnStage = Callable[[str, int, int], None]
"""Called with (stage, done, total) as the work goes on."""


@dataclass(frozen=True)
class Evidence:
    """What was found out about one network, with the code it was measured against.

    `interventions` and `ladder` are None where they were not asked for.
    """

    code: Code
    behaviour: Behaviour
    mechanism: Mechanism
    reading: Reading
    verdict: Verdict
    interventions: Interventions | None
    ladder: Ladder | None


def gather_evidence(
    net: ReluNet,
    sets: SetCollection,
    workers: int = 1,
    on_stage: OnStage | None = None,
    *,
    depth: Depth = "quick",
) -> Evidence:
    """Extract the code, put network and code to every analysis, and judge.

    Args:
        net: the network.
        sets: what the figures are over.
        workers: threads that share the work, in each of which torch uses one.
        on_stage: called with (stage, done, total) as the work goes on.
        depth: `quick` leaves out interventions and the explanation ladder; `study` climbs the rungs
            that are read off the weights, on at most 50,000 sets; `full` fits rungs, too, and
            scores all on at most 300,000. Large networks have fewer, at least 1,000.

    Cost: that of `scores.score_sets` and as much again for the analyses; beyond `quick` also that
    of `intervene` and `climb_ladder`.
    """
    stage = on_stage or _silent
    code, unit_modes = extract_with_modes(net)
    scores = score_sets(net, code, sets, workers, lambda done, of: stage("scoring", done, of))
    mechanism = measure_mechanism(
        net,
        code,
        unit_modes,
        sets,
        scores,
        workers=workers,
        on_sets=lambda done, of: stage("mechanism", done, of),
    )
    behaviour = measure_behaviour(
        net,
        code,
        sets,
        scores,
        workers=workers,
        on_sets=lambda done, of: stage("behaviour", done, of),
    )
    interventions = ladder = None
    if depth != "quick":
        interventions, ladder = _explain(net, code, sets, scores, depth, workers, stage)
    reading = read_as_bloom(scores)
    verdict = judge(mechanism, mechanism.unit_agreement, reading)
    return Evidence(code, behaviour, mechanism, reading, verdict, interventions, ladder)


def _explain(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    scores: SetScores,
    depth: Literal["study", "full"],
    workers: int,
    stage: OnStage,
) -> tuple[Interventions, Ladder]:
    """Make the best explanation once: it predicts the interventions, and is a rung."""
    most = min(LADDER_SETS[depth], max(FEWEST_SETS, LADDER_WORK // net.W_in.numel()))
    seen = sets_for_ladder(net, code, sets, most, fit=depth == "full")
    one_pass(net, sets, [seen], workers=workers)
    stage("explaining", 0, 1)
    explanation = best_explanation(net, code, seen)
    stage("explaining", 1, 1)
    sizes = int(scores.set_size.min()), int(scores.set_size.max())
    interventions = intervene(
        net,
        code,
        sizes[0] if sizes[0] == sizes[1] else sizes,
        explanation=(explanation.name, explanation.network),
        workers=workers,
        on_cases=lambda done, of: stage("interventions", done, of),
    )
    ladder = climb(
        net,
        code,
        seen,
        workers=workers,
        on_sets=lambda done, of: stage("ladder", done, of),
        known=[explanation],
    )
    return interventions, ladder


def _silent(_stage: str, _done: int, _total: int) -> None:
    """Show nothing."""
