"""Interventions on one network: all predictions first, then all runs."""

from __future__ import annotations

from collections.abc import Callable

from relubloom.code import Code, GradedCode
from relubloom.code.graded import as_graded
from relubloom.errors import UsageError
from relubloom.evidence.interventions.changes import INTERVENTIONS
from relubloom.evidence.interventions.intervention import CallDecoder
from relubloom.evidence.interventions.plan import RandomSets, SealedPlan, seal
from relubloom.evidence.interventions.prepared_network import PreparedNetwork
from relubloom.evidence.interventions.scoring import Counts, result, score_chunk
from relubloom.measure.forward import placed
from relubloom.measure.pool import affordable, chunk_size, over_chunks
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import written_in_sets_of
from relubloom.records.interventions import Interventions
from relubloom.task import KSparseTask

FEWEST, MOST = 1_000, 20_000  # cases of each intervention, by what one costs
CASE_WORK = 1 << 30  # multiply-adds of a forward pass over an intervention's cases
SOURCES = 2048  # random sets that units are resampled from

OnCases = Callable[[int, int], None]


def intervene(
    net: ReluNet,
    code: Code | GradedCode,
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
    interventions before the network runs for the first time. (Of a graded code, what a bit does in
    a set of one token more is read off W_in: `written_in_sets_of`.) Then each intervention is run
    with hooks or with replaced weights, in float64, and one scorer compares predicted with called
    tokens (p at least half of the largest), for the prediction and for a control that should fail.
    An explanation of the network that is itself a network of the same shape predicts, too: the
    same is done to it, with its own hidden layer and its own levels. Sets are uniform, of sizes
    uniform between the smallest and the largest.

    Args:
        net: the network; it is run where its weights are, and the explanation too.
        code: its hashes (`extract_code`), of the same vocab_size and width. By a `GradedCode` a
            unit is not covered or uncovered, but untouched, leaking or covered.
        set_size: k, or (smallest, largest).
        seed: chooses the cases.
        cases: of each intervention, >= 2; None takes 20,000, fewer where vocab times width exceeds
            53,000: at least 1,000, or what is `pool.affordable`. An intervention has fewer where
            the sets drawn hold fewer, and none where it cannot be done.
        explanation: its name and its program (`evidence.ladder`), of the network's shape.
        workers: threads, in each of which torch uses one.
        on_cases: called with (done, total) as cases come back, over all interventions.

    Raises:
        UsageError: the code is not of the network's shape, `cases` is below 2, or a set cannot
            hold that many tokens.

    Cost: about 11 forward passes and 7 exponentials per (case, token), twice that with an
    explanation; and seven times what it costs to draw ten sets a case and decode them by octets.
    """
    _check(net, code, cases)
    read = as_graded(code)
    task = KSparseTask(net.vocab_size, set_size)
    source = RandomSets(task, seed)
    fewest = affordable(FEWEST, net.vocab_size)
    count = cases or min(MOST, max(fewest, CASE_WORK // (net.vocab_size * net.width)))
    low, high = task.sizes
    written = written_in_sets_of(net, read, round((low + high) / 2) + 1)
    plans = _seal_all(read, written, source, count, workers)
    sources = source.sets("sources", SOURCES)

    def prepared(program: ReluNet) -> PreparedNetwork:
        return PreparedNetwork.of(program, read, sources, source.choices("sources"))

    here = net.W_in.device
    stand_in = None if explanation is None else prepared(placed(explanation[1], here))
    parts = _run_all(plans, prepared(net), stand_in, workers, on_cases)
    name = None if explanation is None else explanation[0]
    return Interventions(
        set_size=low if low == high else [low, high],
        seed=seed,
        interventions=[result(*each, name, read.levels) for each in zip(plans, parts, strict=True)],
    )


def _seal_all(
    code: GradedCode, written: GradedCode, source: RandomSets, count: int, workers: int
) -> list[SealedPlan]:
    plans: list[SealedPlan] = []
    decoder = CallDecoder(code)

    def make(number: int, _stop: int) -> SealedPlan:
        return seal(INTERVENTIONS[number], decoder, written, source, count)

    over_chunks(len(INTERVENTIONS), 1, make, plans.append, workers)
    return plans


def _run_all(
    plans: list[SealedPlan],
    net: PreparedNetwork,
    stand_in: PreparedNetwork | None,
    workers: int,
    on_cases: OnCases | None,
) -> list[list[tuple[Counts, ...]]]:
    """The counts of each plan, chunk by chunk."""
    total, done = sum(len(plan.cases) for plan in plans), 0
    found: list[list[tuple[Counts, ...]]] = []

    def take(part: tuple[Counts, ...]) -> None:
        nonlocal done
        found[-1].append(part)
        done += len(part[0]["loss"])
        if on_cases is not None:
            on_cases(done, total)

    for plan in plans:

        def score(start: int, stop: int, plan: SealedPlan = plan) -> tuple[Counts, ...]:
            return score_chunk(plan.part(start, stop), net, stand_in)

        found.append([])
        over_chunks(len(plan.cases), chunk_size(net.net.vocab_size), score, take, workers)
        if not found[-1]:
            found[-1].append(score(0, 0))
    return found


def _check(net: ReluNet, code: Code | GradedCode, cases: int | None) -> None:
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
