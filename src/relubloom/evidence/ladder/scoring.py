"""Rungs against the network, all on the same sets: losses, and which sets fail."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from relubloom.code import Code, GradedCode
from relubloom.code.cover_table import CoverTable
from relubloom.code.worth import filter_losses
from relubloom.evidence.ladder.rung import Program, Rung
from relubloom.measure.answers import Batch, Losses
from relubloom.measure.evaluation import Evaluator
from relubloom.measure.forward import placed
from relubloom.measure.pool import chunk_size, over_chunks
from relubloom.measure.statistics import agreement
from relubloom.network.relu_net import ReluNet
from relubloom.records.ladder import Agreement, ScoredRung

Figures = NDArray[np.float64]

NO_SPREAD = 1e-12  # a standard deviation of mse up to this is rounding, and counts as none
LEAST_MSE = 1e-12  # below it losses are not told apart
LEAST_GAP = 1e-6  # of ln mse, between the uniform output and the network: less is rounding
AT_ONCE = 512 << 20  # bytes of weights: rungs beyond that wait for the next round over the sets


class Outcome(NamedTuple):
    """What a program does on each set of a batch: mse and kl, failure by loss and by ranking."""

    mse: NDArray[np.float64]
    kl: NDArray[np.float64]
    loss_failure: NDArray[np.bool_]
    ranking_failure: NDArray[np.bool_]

    @classmethod
    def of(cls, losses: Losses, batch: Batch) -> Outcome:
        """Of a network's losses."""
        failing = losses.mse > batch.threshold
        ranked = losses.margin > 0
        return cls(losses.mse.numpy(), losses.kl.numpy(), failing.numpy(), (~ranked).numpy())

    def part(self, which: slice | NDArray[np.int64]) -> Outcome:
        """Of these sets."""
        return Outcome._make(figures[which] for figures in self)

    @classmethod
    def joined(cls, parts: Sequence[Outcome]) -> Outcome:
        """Of the sets of all parts, in order."""
        return cls._make(map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True)
class ScoredSets:
    """Sets, how often each counts, and what the network itself does on them."""

    sets: Int64[Tensor, "sets set_size"]
    copies: Float64[Tensor, " sets"]
    network: Outcome

    def __len__(self) -> int:
        return len(self.sets)


def score_rungs(
    net: ReluNet,
    rungs: Iterable[Rung],
    scored: ScoredSets,
    *,
    workers: int = 1,
    on_rungs: Callable[[float], None] | None = None,
    at_once: int = AT_ONCE,
    chunk: int | None = None,
) -> list[ScoredRung]:
    """Score each rung on the same sets as the network, where the network's weights are.

    Rungs are taken from the iterable as they are needed, as many at a time as fit in `at_once`
    bytes, and go over the sets together, `chunk` at a time. `on_rungs(done)` is told how many rungs
    are done, in fractions.

    Cost: that of each program: for a network `Evaluator.losses`, 2 sets width vocab FLOPs and one
    exponential per (set, token) in float32 (0.9 us a set at 256 tokens and 48 units, a quarter of
    it the product); for a code `CoverTable`. Some 20 MB a worker beside the weights, more where
    vocab exceeds 8,192.
    """
    size = 4 * chunk_size(net.vocab_size) if chunk is None else chunk  # 4 MB of float32 logits
    rows: list[ScoredRung] = []

    def tell(stop: int, group: int) -> None:
        if on_rungs is not None:
            on_rungs(len(rows) + group * stop / len(scored))

    for group in _groups(rungs, at_once):
        sums: list[_Sums] = []

        def take(
            found: tuple[int, _Sums], group: list[Rung] = group, all_: list[_Sums] = sums
        ) -> None:
            stop, part = found
            all_[:] = [all_[0] + part] if all_ else [part]
            tell(stop, len(group))

        over_chunks(len(scored), size, _summed(net, group, scored), take, workers)
        rows += _rows(group, sums[0].scores())
    return rows


def log_gap_closed(uniform: float, rung: float, network: float) -> float | None:
    """Share of the way from the uniform output's mse to the network's, on a log scale."""
    top, here, bottom = (math.log(max(LEAST_MSE, mse)) for mse in (uniform, rung, network))
    return (top - here) / (top - bottom) if top - bottom > LEAST_GAP else None


def _groups(rungs: Iterable[Rung], at_once: int) -> Iterator[list[Rung]]:
    """Rungs whose programs fit in memory together, one rung at least."""
    group: list[Rung] = []
    held = 0
    for rung in rungs:
        size = sum(_bytes(program) for program in rung.programs)
        if group and held + size > at_once:
            yield group
            group, held = [], 0
        group.append(rung)
        held += size
    if group:
        yield group


def _bytes(program: Program) -> int:
    """Memory of what judges a program."""
    if isinstance(program, GradedCode):
        return _bytes(program.layers)
    if isinstance(program, Code):
        return 4 * program.width * program.vocab_size
    return 20 * sum(value.numel() for value in program.parameters())


def _summed(
    net: ReluNet, rungs: Sequence[Rung], scored: ScoredSets
) -> Callable[[int, int], tuple[int, _Sums]]:
    """The sums of a chunk: of the network, the uniform output, and the rungs' programs."""
    largest = scored.sets.shape[1]
    programs = [program for rung in rungs for program in rung.programs]
    judges = [None if program is net else _judge_of(program, largest, net) for program in programs]

    def work(start: int, stop: int) -> tuple[int, _Sums]:
        batch = Batch.of(scored.sets[start:stop], net.vocab_size)
        own = scored.network.part(slice(start, stop))
        uniform = _of_filter(net.vocab_size, batch)
        found = [own if judge is None else judge(batch) for judge in judges]
        return stop, _sum_up([own, uniform, *found], scored.copies[start:stop].numpy())

    return work


def _judge_of(program: Program, largest_set: int, net: ReluNet) -> Callable[[Batch], Outcome]:
    """What a program does on sets of up to `largest_set` tokens, found where the network is."""
    if isinstance(program, Code):
        table = CoverTable(program)
        return lambda batch: _of_filter(table.covered(batch.sets.numpy()), batch)
    if isinstance(program, GradedCode):
        layers = CoverTable(program.layers)

        def judge(batch: Batch) -> Outcome:
            covered = layers.decoded(program.reached(batch.sets.numpy()))
            return _of_filter(np.bitwise_count(covered).sum(1, dtype=np.int64), batch)

        return judge
    evaluator = Evaluator(placed(program, net.W_in.device), largest_set)
    return lambda batch: Outcome.of(evaluator.losses(batch), batch)


def _of_filter(covered: NDArray[np.int64] | int, batch: Batch) -> Outcome:
    """Of a filter that lets through that many tokens, the members among them; it fails by both
    definitions if there are others."""
    k = batch.size.numpy()
    F = covered - k
    return Outcome(*filter_losses(F, k), F > 0, F > 0)


@dataclass(frozen=True)
class _Score:
    """One program on the sets: mean mse and kl, agreement on which sets fail, and the Pearson
    correlation of its mse with the network's (null where one of them has no variance)."""

    mse: float
    kl: float
    loss_failures: Agreement
    ranking_failures: Agreement
    loss_correlation: float | None


@dataclass(frozen=True)
class _Sums:
    """Sums over sets for several programs ([programs]), the network being the first.

    `weight` counts the sets with their copies. `mse` and `kl` are means, `squares` the sum of
    squared deviations of mse from its mean, `products` the sum of products of the deviations
    with the network's. `failing` and `both` [2, programs] count failures by loss and by ranking,
    and those that the network shares.
    """

    weight: float
    mse: Figures
    kl: Figures
    squares: Figures
    products: Figures
    failing: Figures
    both: Figures

    def __add__(self, other: _Sums) -> _Sums:
        """Of both collections of sets (Chan, Golub and LeVeque's update, 1979)."""
        weight = self.weight + other.weight
        part = other.weight / weight
        step = other.mse - self.mse
        shift = self.weight * part * step
        return _Sums(
            weight,
            self.mse + part * step,
            self.kl + part * (other.kl - self.kl),
            self.squares + other.squares + shift * step,
            self.products + other.products + shift * step[0],
            self.failing + other.failing,
            self.both + other.both,
        )

    def scores(self) -> list[_Score]:
        """The figures of each program."""
        failing, both = self.failing.tolist(), self.both.tolist()
        return [
            _Score(
                mse=float(self.mse[i]),
                kl=float(self.kl[i]),
                loss_failures=agreement(failing[0][i], failing[0][0], both[0][i]),
                ranking_failures=agreement(failing[1][i], failing[1][0], both[1][i]),
                loss_correlation=self._correlation(i),
            )
            for i in range(len(self.mse))
        ]

    def _correlation(self, program: int) -> float | None:
        spreads = [math.sqrt(self.squares[i] / self.weight) for i in (0, program)]
        if min(spreads) <= NO_SPREAD:
            return None
        covariance = float(self.products[program]) / self.weight
        return max(-1.0, min(1.0, covariance / (spreads[0] * spreads[1])))


def _sum_up(programs: Sequence[Outcome], copies: Figures) -> _Sums:
    """Sum up the outcomes of each program on the same sets; the network's come first."""
    mse = np.stack([each.mse for each in programs])
    weight = copies.sum()
    mean = _dot(mse, copies) / weight
    deviations = mse - mean[:, None]
    failures = (
        [each.loss_failure for each in programs],
        [each.ranking_failure for each in programs],
    )
    failing = np.array(failures, dtype=np.float64)
    return _Sums(
        weight=float(weight),
        mse=mean,
        kl=_dot(np.stack([each.kl for each in programs]), copies) / weight,
        squares=_dot(deviations**2, copies),
        products=_dot(deviations, deviations[0] * copies),
        failing=failing @ copies,
        both=np.stack([of_one @ (of_one[0] * copies) for of_one in failing]),
    )


def _dot(rows: Figures, copies: Figures) -> Figures:
    """Sum of each row, copies counted; unlike a GEMM's, the same for equal rows to the last bit."""
    return np.einsum("ps,s->p", rows, copies)


def _rows(rungs: Sequence[Rung], scores: list[_Score]) -> list[ScoredRung]:
    network, uniform, *rest = scores
    rows: list[ScoredRung] = []
    for rung in rungs:
        score = _median(rest[: len(rung.programs)])
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


def _median(scores: Sequence[_Score]) -> _Score:
    """Figure by figure, over the scores that have it."""
    return _Score(
        mse=float(np.median([each.mse for each in scores])),
        kl=float(np.median([each.kl for each in scores])),
        loss_failures=_median_agreement([each.loss_failures for each in scores]),
        ranking_failures=_median_agreement([each.ranking_failures for each in scores]),
        loss_correlation=_median_of([each.loss_correlation for each in scores]),
    )


def _median_agreement(agreements: Sequence[Agreement]) -> Agreement:
    return Agreement(
        _median_of([each.precision for each in agreements]),
        _median_of([each.recall for each in agreements]),
        _median_of([each.f1 for each in agreements]),
    )


def _median_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
