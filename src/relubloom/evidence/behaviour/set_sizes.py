"""Sets of other sizes than the network was trained on, with the code and theory beside."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.code.worth import filter_losses
from relubloom.errors import UsageError
from relubloom.evidence.behaviour.added_tokens import uniform_sets
from relubloom.evidence.scores import SetScores, score_sets
from relubloom.measure.one_pass import OnSets
from relubloom.measure.pool import affordable
from relubloom.measure.statistics import weighted_mean
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import written_in_sets_of
from relubloom.records.behaviour import (
    FilterFigures,
    SaidByStrengths,
    SizeFigures,
    TheoryFigures,
)
from relubloom.task import AllSets, SetCollection
from relubloom.theory import Expectations, best_constant_weight, constant_weight

SIZES = 32  # at most that many are measured
DRAWN_LOGITS = 20_000_000  # a size's share of the work: sets times vocab
CHUNK = 4096  # sets decoded together
DRAWN_SETS = (1_000, 50_000)  # at least and at most, for each size


@dataclass(frozen=True)
class RandomCodes:
    """Random constant-weight codes of the weight with the least mean mse at one set size."""

    vocab_size: int
    width: int
    weight: int

    def at(self, set_size: int) -> Expectations | None:
        """Their exact mean errors on sets of a size, the hashes staying as they are.

        None where the width is too large for the exact law.
        """
        try:
            return constant_weight(self.vocab_size, self.width, self.weight, set_size)
        except UsageError:
            return None


def random_codes_for(vocab_size: int, width: int, set_size: int) -> RandomCodes | None:
    """The best for `set_size`; None where the width is too large for the exact law.

    Cost: that of `theory.best_constant_weight`.
    """
    try:
        weight = best_constant_weight(vocab_size, width, set_size).weight
    except UsageError:
        return None
    return RandomCodes(vocab_size, width, weight)


def measure_set_sizes(
    net: ReluNet,
    code: Code,
    scores: SetScores,
    random: RandomCodes | None,
    workers: int = 1,
    on_sets: OnSets | None = None,
    graded: GradedCode | None = None,
) -> list[SizeFigures]:
    """Sizes 1 to twice the largest scored (and at most the vocabulary); of more than 32, some.

    Sizes that were scored are all there, read from `scores`. Of the others all sets where they
    are few, else uniformly drawn ones: 20 million / vocab, between 1,000 (of large vocabularies
    fewer: `pool.affordable`) and 50,000, and no more than were scored or than that least. Of these
    `graded` says what it says, if it has several strengths.
    Cost: that of scoring these.
    """
    scored = np.unique(scores.set_size).tolist()
    wanted = sizes_up_to(min(2 * scored[-1], net.vocab_size))
    draw = drawn_per_size(net.vocab_size, len(scores.mse))
    others = {size: _sets_of(net.vocab_size, size, draw) for size in wanted if size not in scored}
    total, done = sum(len(sets) for sets in others.values()), 0
    rows = [_figures(scores, _chosen(scores, size), random) for size in scored]
    for size, sets in others.items():
        found = score_sets(net, code, sets, workers)
        row = _figures(found, slice(None), random)
        if graded is not None and graded.levels > 1:
            written = written_in_sets_of(net, graded, size)
            row = replace(row, said=_said(graded, written, sets))
        rows.append(row)
        done += len(sets)
        if on_sets is not None:
            on_sets(done, total)
    return sorted(rows, key=lambda row: row.set_size)


def _said(graded: GradedCode, written: GradedCode, sets: SetCollection) -> SaidByStrengths:
    """Tokens that come out of units in the states that `written` says; `sets` are of one size."""
    totals = np.zeros(3)
    for start in range(0, len(sets), CHUNK):
        ids = sets.chunk(start, min(start + CHUNK, len(sets))).numpy()
        called = graded.layers.decode_unions(written.reached(ids))
        size, named = ids.shape[1], called.sum(1)
        right = np.take_along_axis(called, ids, axis=1).sum(1)
        answer = 1 / np.maximum(named, 1)
        mse = right * (1 / size - answer) ** 2 + (size - right) / size**2
        mse += (named - right) * answer**2
        totals += mse.sum(), (named - right).sum(), (size - right).sum()
    return SaidByStrengths(*(totals / len(sets)).tolist())


def sizes_up_to(largest: int) -> list[int]:
    """1 to `largest`; of more than 32 sizes, 32 that are evenly spaced."""
    return np.unique(np.linspace(1, largest, min(SIZES, largest)).round().astype(int)).tolist()


def drawn_per_size(vocab_size: int, scored: int) -> int:
    """How many sets are drawn of a size."""
    low, high = affordable(DRAWN_SETS[0], vocab_size), DRAWN_SETS[1]
    return min(max(low, DRAWN_LOGITS // vocab_size), high, max(low, scored))


def _sets_of(vocab_size: int, size: int, draw: int) -> SetCollection:
    if math.comb(vocab_size, size) <= draw:
        return AllSets(vocab_size, size)
    return uniform_sets(vocab_size, size, f"set-size-{size}", draw)


def _chosen(scores: SetScores, size: int) -> NDArray[np.bool_] | slice:
    """Sets of a size; a slice where all are, which copies nothing."""
    chosen = scores.set_size == size
    return slice(None) if chosen.all() else chosen


def _figures(
    scores: SetScores, chosen: NDArray[np.bool_] | slice, random: RandomCodes | None
) -> SizeFigures:
    copies = scores.copies[chosen]

    def mean(values: NDArray[np.generic]) -> float:
        return weighted_mean(values[chosen], copies)

    size = int(scores.set_size[chosen][0])
    expected = random and random.at(size)
    code_mse, code_kl = filter_losses(scores.code_false_positives, scores.set_size)
    return SizeFigures(
        set_size=size,
        sets=len(copies),
        method=scores.method,
        mse=mean(scores.mse),
        kl=mean(scores.kl),
        p_exact=mean(~scores.ranking_failure),
        false_positives=mean(scores.false_positives),
        misses=mean(scores.misses),
        code=FilterFigures(
            mse=mean(code_mse),
            kl=mean(code_kl),
            p_exact=mean(~scores.code_failure),
            false_positives=mean(scores.code_false_positives),
        ),
        theory=expected and TheoryFigures(expected.mse, expected.p_exact, expected.false_positives),
    )
