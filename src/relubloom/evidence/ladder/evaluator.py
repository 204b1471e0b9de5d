"""The one evaluator: rungs against the network, all on the same sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from relubloom.evidence.ladder.agreement import Score, Tally, median, tally
from relubloom.evidence.ladder.chunks import over_chunks
from relubloom.evidence.ladder.outcomes import (
    Chunk,
    Outcomes,
    filter_outcomes,
    judge_of,
    program_bytes,
)
from relubloom.evidence.ladder.reference import judge_network
from relubloom.evidence.ladder.rung import Rung
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import ScoredRung
from relubloom.task import SetCollection

LEAST_MSE = 1e-12  # below it losses are not told apart
AT_ONCE = 512 << 20  # bytes of weights: rungs beyond that wait for the next pass over the sets


def evaluate(
    net: ReluNet,
    rungs: Iterable[Rung],
    sets: SetCollection,
    workers: int = 1,
    on_rungs: Callable[[float], None] | None = None,
    reference: Outcomes | None = None,
) -> list[ScoredRung]:
    """Score each rung on the same sets as the network.

    Rungs are taken from the iterable as they are needed, as many at a time as fit in half a GB, and
    go over the sets together. `on_rungs(done)` is told how many rungs are done, in fractions.
    `reference` is what the network does on the sets, where that is known already.

    Cost: that of each program's judge (`outcomes`): for a network 2 sets width vocab FLOPs and
    one exponential per (set, token) in float32. Some 20 MB a worker beside the weights, more
    where vocab exceeds 8,192.
    """
    truth = judge_network(net, sets, workers) if reference is None else reference
    rows: list[ScoredRung] = []
    for group in _groups(rungs):
        total: Tally | None = None
        for stop, part in _tallies(net, group, sets, truth, workers):
            total = part if total is None else total + part
            if on_rungs is not None:
                on_rungs(len(rows) + len(group) * stop / len(sets))
        assert total is not None
        rows += _rows(group, total.scores())
    return rows


def _groups(rungs: Iterable[Rung]) -> Iterator[list[Rung]]:
    """Rungs whose programs fit in memory together, one rung at least."""
    group: list[Rung] = []
    held = 0
    for rung in rungs:
        size = sum(program_bytes(program) for program in rung.programs)
        if group and held + size > AT_ONCE:
            yield group
            group, held = [], 0
        group.append(rung)
        held += size
    if group:
        yield group


def _tallies(
    net: ReluNet, rungs: Sequence[Rung], sets: SetCollection, truth: Outcomes, workers: int
) -> Iterator[tuple[int, Tally]]:
    """The tallies of each chunk: of the network, the uniform output, and the rungs' programs."""
    largest = sets.chunk(0, 1).shape[1]
    programs = [program for rung in rungs for program in rung.programs]
    judges = [None if program is net else judge_of(program, largest) for program in programs]

    def work(start: int, stop: int) -> Tally:
        chunk = Chunk.of(sets.chunk(start, stop), net.vocab_size)
        own = truth.part(start, stop)
        uniform = filter_outcomes(net.vocab_size, chunk)
        found = [own if judge is None else judge.outcomes(chunk) for judge in judges]
        return tally([own, uniform, *found], sets.weights(start, stop).numpy())

    return over_chunks(work, len(sets), net.vocab_size, workers)


def _rows(rungs: Sequence[Rung], scores: list[Score]) -> list[ScoredRung]:
    network, uniform, *rest = scores
    rows: list[ScoredRung] = []
    for rung in rungs:
        score = median(rest[: len(rung.programs)])
        rest = rest[len(rung.programs) :]
        rows.append(
            ScoredRung(
                name=rung.name,
                title=rung.title,
                meaning=rung.meaning,
                kind=rung.kind,
                bits=rung.bits,
                log_gap_closed=log_gap_closed(uniform.mse, score.mse, network.mse),
                **vars(score),
            )
        )
    return rows


def log_gap_closed(uniform: float, rung: float, network: float) -> float | None:
    """Share of the way from the uniform output's mse to the network's, on a log scale."""
    top, here, bottom = (math.log(max(LEAST_MSE, mse)) for mse in (uniform, rung, network))
    return (top - here) / (top - bottom) if top > bottom else None
