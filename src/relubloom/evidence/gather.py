"""All evidence about one network: (network, task) -> one frozen dataclass."""

from dataclasses import dataclass

from relubloom.code import Code
from relubloom.evidence.behaviour import Behaviour, measure_behaviour
from relubloom.evidence.mechanism import Mechanism, measure_mechanism
from relubloom.evidence.reading import Reading, Verdict, judge, read_as_bloom
from relubloom.evidence.scores import OnSets, score_sets
from relubloom.extraction import extract_with_modes
from relubloom.network import ReluNet
from relubloom.task import SetCollection


@dataclass(frozen=True)
class Evidence:
    """What was found out about one network, with the code it was measured against."""

    code: Code
    behaviour: Behaviour
    mechanism: Mechanism
    reading: Reading
    verdict: Verdict


def gather_evidence(
    net: ReluNet, sets: SetCollection, workers: int = 1, on_sets: OnSets | None = None
) -> Evidence:
    """Extract the code, score network and code on the sets, and judge.

    Cost: that of `scores.score_sets`.
    """
    code, unit_modes = extract_with_modes(net)
    scores = score_sets(net, code, sets, workers, on_sets)
    mechanism = measure_mechanism(net, code, unit_modes, sets, scores, workers=workers)
    reading = read_as_bloom(scores)
    return Evidence(
        code=code,
        behaviour=measure_behaviour(net, code, sets, scores, workers=workers),
        mechanism=mechanism,
        reading=reading,
        verdict=judge(mechanism, reading),
    )
