"""The explanation ladder of a network: every rung on the same sets, coarsest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from relubloom.code import Code
from relubloom.evidence.ladder import baselines, explanations, quantisation
from relubloom.evidence.ladder.description_length import network_bits
from relubloom.evidence.ladder.evaluator import ScoredRung, evaluate
from relubloom.evidence.ladder.reference import judge_network, outcomes_of
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.subject import Subject
from relubloom.evidence.scores import OnSets, SetScores
from relubloom.network import ReluNet
from relubloom.task import SetCollection

MEAN_SIZE_FROM = 100_000  # sets, the first ones

RUNGS: tuple[Callable[[Subject], Rung], ...] = (
    baselines.uniform,
    baselines.random_hash,
    explanations.extracted_hash,
    explanations.one_sharpness,
    explanations.token_bias,
    explanations.unit_level,
    explanations.unit_thresholds,
    explanations.token_strengths,
    quantisation.two_level_input,
    baselines.network,
)
"""One function a rung; a rung is added by adding its function here."""

RUNG_COUNT = len(RUNGS) + 2 * len(quantisation.BITS)


@dataclass(frozen=True)
class Ladder:
    """The rungs by description length, the network last, all on the same `sets` sets.

    `method` says how the sets came about. Figures count copies of sets.
    """

    sets: int
    method: str
    vocab_size: int
    width: int
    network_bits: int
    rungs: list[ScoredRung]


def climb_ladder(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    *,
    workers: int = 1,
    on_sets: OnSets | None = None,
    scores: SetScores | None = None,
) -> Ladder:
    """Score every rung of the explanation of `net` by its extracted `code`.

    Args:
        net: the network.
        code: its extracted code (`extraction.extract_code`).
        sets: what the figures are over.
        workers: threads that share the chunks of sets.
        on_sets: called with (done, total), the sets' share that is done of all rungs' work.
        scores: the network's scores on these sets, where they are known; else they are made.

    Cost: see `evaluator`; 26 networks and 18 codes.
    """

    def on_rungs(done: float) -> None:
        if on_sets is not None:
            on_sets(int(len(sets) * done / RUNG_COUNT), len(sets))

    reference = judge_network(net, sets, workers) if scores is None else outcomes_of(scores)
    subject = Subject(net, code, _mean_size(sets, net.vocab_size))
    rows = evaluate(net, _rungs(subject), sets, workers, on_rungs, reference)
    return Ladder(
        sets=len(sets),
        method=sets.method,
        vocab_size=net.vocab_size,
        width=net.width,
        network_bits=network_bits(net),
        rungs=sorted(rows, key=lambda row: (row.kind == "network", row.bits)),
    )


def _rungs(subject: Subject) -> Iterator[Rung]:
    for make in RUNGS:
        yield make(subject)
    yield from quantisation.by_matrix(subject)
    yield from quantisation.by_mode(subject)


def _mean_size(sets: SetCollection, vocab_size: int) -> float:
    """Mean number of tokens, copies counted."""
    count = min(len(sets), MEAN_SIZE_FROM)
    copies = sets.weights(0, count)
    sizes = (sets.chunk(0, count) < vocab_size).sum(1)
    return float(copies @ sizes.double() / copies.sum())
