"""The explanation ladder of a network: every rung on the same sets, coarsest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain

from torch import Tensor

from relubloom.code import Code
from relubloom.evidence.ladder import (
    baselines,
    best_readout,
    explanations,
    one_matrix,
    one_matrix_rounded,
    quantisation,
    weak_bits,
)
from relubloom.evidence.ladder.departures import Departures
from relubloom.evidence.ladder.description_length import network_bits
from relubloom.evidence.ladder.evaluator import evaluate
from relubloom.evidence.ladder.fit import can_fit
from relubloom.evidence.ladder.fitting_sets import split_off
from relubloom.evidence.ladder.reference import judge_network, outcomes_of
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.subject import Subject
from relubloom.evidence.scores import SetScores
from relubloom.measure.one_pass import OnSets
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Ladder
from relubloom.task import SetCollection
from relubloom.threads import intra_op_threads

MEAN_SIZE_FROM = 100_000  # sets, the first ones

RUNGS: dict[str, Callable[[Subject], Rung]] = {
    "uniform": baselines.uniform,
    "random-hash": baselines.random_hash,
    "hash": explanations.extracted_hash,
    "hash-sharpness": explanations.one_sharpness,
    "token-bias": explanations.token_bias,
    "unit-level": explanations.unit_level,
    "unit-thresholds": explanations.unit_thresholds,
    "token-strengths": explanations.token_strengths,
    "three-levels": weak_bits.three_levels,
    "weak-bits": weak_bits.weak_bits,
    "two-level-input": quantisation.two_level_input,
    "one-matrix": one_matrix.one_matrix,
    "network": baselines.network,
}
"""The rungs by name; a rung is added by adding its function here."""

FITTED_RUNGS: dict[str, Callable[[Subject, Tensor], Rung]] = {
    "weak-bits-best-readout": best_readout.weak_bits_best_readout,
    "best-readout": best_readout.best_readout,
    "one-matrix-rounded": one_matrix_rounded.one_matrix_rounded,
}
"""Rungs whose numbers are fitted, on sets that are given with the network."""

RIVALS = tuple(f"{part}-{bits}-bit" for part in ("matrix", "mode") for bits in quantisation.BITS)


def climb_ladder(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    *,
    workers: int = 1,
    on_sets: OnSets | None = None,
    scores: SetScores | None = None,
    most_sets: int | None = None,
    only: Collection[str] | None = None,
    fit: bool = True,
    known: Sequence[Rung] = (),
) -> Ladder:
    """Score every rung of the explanation of `net` by its extracted `code`.

    Args:
        net: the network.
        code: its extracted code (`extraction.extract_code`).
        sets: what the figures are over.
        workers: threads that share the chunks of sets.
        on_sets: called with (done, total), the scored sets' share that is done of all rungs' work.
        scores: the network's scores on these sets, where they are known; else they are made.
        most_sets: score the rungs on at most that many of the sets, by a seeded choice; None scores
            them on all but those that rungs are fitted on (`fitting_sets`).
        only: names of the rungs to score; None scores every rung.
        fit: whether to fit rungs, too. They are left out in any case where there are no sets to
            fit on, for large networks (`fit.can_fit`), and where each unit has exactly two values
            in W_in and in W_out, which leaves nothing to fit.
        known: rungs of this network that were made before.

    Cost: see `evaluator`; 29 networks and 18 codes; and three fits, side by side on the workers.
    """
    scored, fitted_on = split_off(sets, net.vocab_size, most_sets)
    subject = _subject(net, code, sets)
    if not (fit and _is_worth_fitting(subject)):
        fitted_on = None
    names = [*RUNGS, *(FITTED_RUNGS if fitted_on is not None else ()), *RIVALS]
    count = sum(only is None or name in only for name in names)

    def on_rungs(done: float) -> None:
        if on_sets is not None:
            on_sets(int(len(scored) * done / count), len(scored))

    if scores is None:
        reference = judge_network(net, scored, workers)
    else:
        reference = outcomes_of(scores).chosen(scored.numbers)
    makers = dict(RUNGS) | {rung.name: partial(_same, rung) for rung in known}
    with _fitted(subject, fitted_on, only, makers.keys(), workers) as fitted:
        rungs = chain(
            (make(subject) for name, make in makers.items() if only is None or name in only),
            (rung.result() for rung in fitted),
            _rivals(subject, only),
        )
        rows = evaluate(net, rungs, scored, workers, on_rungs, reference)
    return Ladder(
        sets=len(scored),
        method=scored.method,
        vocab_size=net.vocab_size,
        width=net.width,
        network_bits=network_bits(net),
        rungs=sorted(rows, key=lambda row: (row.name == "network", row.bits)),
    )


def best_explanation(net: ReluNet, code: Code, sets: SetCollection, *, fit: bool = True) -> Rung:
    """The rung of kind explanation that comes closest to the network, to predict with.

    That is `weak-bits-best-readout`, and `weak-bits` where nothing is to be fitted (see
    `climb_ladder`). Cost: two fits.
    """
    subject = _subject(net, code, sets)
    if fit and _is_worth_fitting(subject):
        _, fitted_on = split_off(sets, net.vocab_size, 1)
        if fitted_on is not None:
            with intra_op_threads(1):
                return best_readout.weak_bits_best_readout(subject, fitted_on)
    return weak_bits.weak_bits(subject)


def _subject(net: ReluNet, code: Code, sets: SetCollection) -> Subject:
    return Subject(net, code, _mean_size(sets, net.vocab_size))


def _is_worth_fitting(subject: Subject) -> bool:
    if not can_fit(subject.net):
        return False
    found = Departures(subject)
    return bool(found.of_input.any() or found.of_output.any())


def _same(rung: Rung, _subject: Subject) -> Rung:
    return rung


@contextmanager
def _fitted(
    subject: Subject,
    fitted_on: Tensor | None,
    only: Collection[str] | None,
    known: Collection[str],
    workers: int,
) -> Generator[list[Future[Rung]]]:
    """The fitted rungs that are asked for and not known, under way on threads of their own."""
    wanted = [
        make
        for name, make in FITTED_RUNGS.items()
        if name not in known and (only is None or name in only)
    ]
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            yield (
                []
                if fitted_on is None
                else [pool.submit(make, subject, fitted_on) for make in wanted]
            )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _rivals(subject: Subject, only: Collection[str] | None) -> Iterator[Rung]:
    """Quantised networks, each made when it is its turn."""
    if only is not None and not set(RIVALS) & set(only):
        return
    for rival in chain(quantisation.by_matrix(subject), quantisation.by_mode(subject)):
        if only is None or rival.name in only:
            yield rival


def _mean_size(sets: SetCollection, vocab_size: int) -> float:
    """Mean number of tokens, copies counted."""
    count = min(len(sets), MEAN_SIZE_FROM)
    copies = sets.weights(0, count)
    sizes = (sets.chunk(0, count) < vocab_size).sum(1)
    return float(copies @ sizes.double() / copies.sum())
