"""The explanation ladder of a network: every rung on the same sets, coarsest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain

from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.evidence.ladder import by_strength, fitted, quantisation, read_off
from relubloom.evidence.ladder.ladder_sets import LadderSets
from relubloom.evidence.ladder.one_matrix_rounded import one_matrix_rounded
from relubloom.evidence.ladder.read_network import ReadNetwork
from relubloom.evidence.ladder.rung import Rung, network_bits
from relubloom.evidence.ladder.scoring import AT_ONCE, score_rungs
from relubloom.measure.one_pass import OnSets
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Ladder
from relubloom.task import SetCollection
from relubloom.threads import intra_op_threads

RUNGS: dict[str, Callable[[ReadNetwork], Rung]] = {
    "uniform": read_off.uniform,
    "random-hash": read_off.random_hash,
    "hash": read_off.extracted_hash,
    "hash-sharpness": read_off.one_sharpness,
    "token-bias": read_off.token_bias,
    "unit-level": read_off.unit_level,
    "unit-thresholds": read_off.unit_thresholds,
    "token-strengths": read_off.token_strengths,
    "three-levels": read_off.three_levels,
    "weak-bits": read_off.weak_bits,
    "two-level-input": quantisation.two_level_input,
    "one-matrix": read_off.one_matrix,
    "network": read_off.network,
}
"""The rungs by name; a rung is added by adding its function here."""

GRADED_RUNGS: dict[str, Callable[[ReadNetwork], Rung]] = {
    "graded-hash": by_strength.graded_hash,
    "shuffled-strengths": by_strength.shuffled_strengths,
    "random-graded-hash": by_strength.random_graded_hash,
    "longer-hash": by_strength.longer_hash,
    "graded-unit-levels": by_strength.graded_unit_levels,
    "graded-levels": by_strength.graded_levels,
}
"""Rungs of networks whose bits have several strengths, beside the others."""

FITTED_RUNGS: dict[str, Callable[[ReadNetwork, Tensor, int], Rung]] = {
    "weak-bits-best-readout": fitted.weak_bits_best_readout,
    "best-readout": fitted.best_readout,
    "one-matrix-rounded": one_matrix_rounded,
}
"""Rungs whose numbers are fitted, on sets that are given with the network, in so many steps."""

GRADED_FITTED_RUNGS: dict[str, Callable[[ReadNetwork, Tensor, int], Rung]] = {
    "graded-levels-best-readout": fitted.graded_levels_best_readout,
    "graded-factors-best-readout": fitted.graded_factors_best_readout,
}
"""Those of networks whose bits have several strengths, beside the others."""

RIVALS = tuple(f"{part}-{bits}-bit" for part in ("matrix", "mode") for bits in quantisation.BITS)


def sets_for_ladder(
    net: ReluNet,
    code: Code,
    sets: SetCollection,
    most_sets: int | None = None,
    *,
    fit: bool = True,
) -> LadderSets:
    """What a pass over the sets is shown to, before `climb` and `best_explanation`.

    `most_sets`: score the rungs on at most that many of the sets (see `LadderSets`). `fit`: whether
    to fit rungs, too. They are left out in any case where there are no sets to fit on, for large
    networks (`fitted.can_fit`), and where each unit has exactly two values in W_in and in W_out,
    which leaves nothing to fit.
    """
    worth = fit and fitted.can_fit(net) and ReadNetwork(net, code, 1.0).departures.any
    return LadderSets(sets, net.vocab_size, most_sets, fit=worth)


def climb(
    net: ReluNet,
    code: Code,
    seen: LadderSets,
    *,
    graded: GradedCode | None = None,
    workers: int = 1,
    on_sets: OnSets | None = None,
    only: Collection[str] | None = None,
    known: Sequence[Rung] = (),
    fit_steps: int = fitted.STEPS,
    at_once: int = AT_ONCE,
    chunk: int | None = None,
) -> Ladder:
    """Score every rung of the explanation of `net` by its extracted `code`.

    Args:
        net: the network.
        code: its extracted code (`extraction.extract_code`).
        seen: what was shown a pass over the sets that the figures are over.
        graded: its code with strengths (`extract_graded_code`): with two or more of them it adds
            `GRADED_RUNGS` and, where rungs are fitted, `GRADED_FITTED_RUNGS`.
        workers: threads that share the chunks of sets, and the fits.
        on_sets: called with (done, total), the scored sets' share that is done of all rungs' work.
        only: names of the rungs to score; None scores every rung.
        known: rungs of this network that were made before.
        fit_steps: of each fit.
        at_once, chunk: those of `score_rungs`.

    Cost: see `score_rungs`; 29 networks and 18 codes; and three fits, side by side on the workers.
    With strengths two networks and 34 codes more, and two fits.
    """
    scored, fitted_on = seen.scored, seen.fitted_on
    strengths = _several(graded)
    read = ReadNetwork(net, code, seen.mean_size, strengths)
    makers = (
        RUNGS
        | (GRADED_RUNGS if strengths else {})
        | {rung.name: partial(_same, rung) for rung in known}
    )
    fitters = {} if fitted_on is None else FITTED_RUNGS | (GRADED_FITTED_RUNGS if strengths else {})
    names = (*makers, *fitters, *RIVALS)
    wanted = {name for name in names if only is None or name in only}

    def on_rungs(done: float) -> None:
        if on_sets is not None:
            on_sets(int(len(scored) * done / len(wanted)), len(scored))

    to_fit = [make for name, make in fitters.items() if name in wanted - makers.keys()]
    with _under_way(read, fitted_on, to_fit, fit_steps, workers) as fits:
        rungs = chain(
            (make(read) for name, make in makers.items() if name in wanted),
            (rung.result() for rung in fits),
            (rival for rival in _rivals(read, wanted) if rival.name in wanted),
        )
        rows = score_rungs(
            net, rungs, scored, workers=workers, on_rungs=on_rungs, at_once=at_once, chunk=chunk
        )
    return Ladder(
        sets=len(scored),
        method=seen.method,
        vocab_size=net.vocab_size,
        width=net.width,
        network_bits=network_bits(net),
        rungs=sorted(rows, key=lambda row: (row.name == "network", row.bits)),
    )


def best_explanation(
    net: ReluNet,
    code: Code,
    seen: LadderSets,
    fit_steps: int = fitted.STEPS,
    *,
    graded: GradedCode | None = None,
) -> Rung:
    """The rung of kind explanation that comes closest to the network, to predict with.

    That is `graded-levels` where bits have several strengths. Elsewhere it is
    `weak-bits-best-readout`, and `weak-bits` where nothing is to be fitted (see `sets_for_ladder`).
    `seen` was shown a pass over the sets. Cost: two fits.
    """
    strengths = _several(graded)
    if strengths is not None:
        return by_strength.graded_levels(ReadNetwork(net, code, seen.mean_size, strengths))
    read = ReadNetwork(net, code, seen.mean_size)
    fitted_on = seen.fitted_on
    if fitted_on is None:
        return read_off.weak_bits(read)
    return fitted.weak_bits_best_readout(read, fitted_on, fit_steps)


def _several(graded: GradedCode | None) -> GradedCode | None:
    """The code, if its bits have several strengths."""
    return None if graded is None or graded.levels == 1 else graded


def _same(rung: Rung, _read: ReadNetwork) -> Rung:
    return rung


@contextmanager
def _under_way(
    read: ReadNetwork,
    fitted_on: Tensor | None,
    makers: Sequence[Callable[[ReadNetwork, Tensor, int], Rung]],
    steps: int,
    workers: int,
) -> Generator[list[Future[Rung]]]:
    """The fitted rungs, being made on threads of their own."""
    with intra_op_threads(1), ThreadPoolExecutor(workers) as pool:
        try:
            yield (
                []
                if fitted_on is None
                else [pool.submit(make, read, fitted_on, steps) for make in makers]
            )
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _rivals(read: ReadNetwork, wanted: set[str]) -> Iterator[Rung]:
    """Quantised networks, each made when it is its turn; none where none is wanted."""
    if wanted & set(RIVALS):
        yield from chain(quantisation.by_matrix(read), quantisation.by_mode(read))
