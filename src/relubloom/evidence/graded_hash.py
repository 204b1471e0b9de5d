"""The graded hash put to the test: are the units in the states that it says, and does it say which
tokens are called wrongly, and which sets fail?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.code.cover_table import CoverTable
from relubloom.evidence.behaviour.summary import LISTED_UP_TO, count_shares, nullable
from relubloom.evidence.hash_as_filter import run_as_filter
from relubloom.evidence.mechanism.units import NEAR
from relubloom.evidence.scores import SetScores, covered_others
from relubloom.measure.one_pass import Chunk
from relubloom.measure.statistics import agreement, counted, f1, pearson, rates, spread
from relubloom.network.extract import reversed_units
from relubloom.network.given_weights import as_array
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import BIT, FULL, LEAST_COST, Drops, extract_with_drops
from relubloom.records.mechanism import (
    BitsOfStrength,
    GradedFalsePositives,
    Spread,
    StateLevels,
    Strengths,
)
from relubloom.task import SetCollection

SAMPLE = 4096  # sets whose mean size stands for all
OFF, WEAK, HIGH = 0, 1, 2  # what a unit does
Counts = tuple[NDArray[np.float64], ...]


def usual_size(sets: SetCollection, vocab_size: int) -> int:
    """The size of the sets, or of several the mean (of the first 4,096 sets), rounded."""
    first = sets.chunk(0, min(len(sets), SAMPLE))
    return round(float((first < vocab_size).sum(1).double().mean()))


def by_strength(
    net: ReluNet, code: Code, sets: SetCollection
) -> tuple[GradedCode, GradedScoring | None]:
    """The strengths of the bits; and what holds them against the network, if there are several."""
    graded, drops = extract_with_drops(net, code, usual_size(sets, net.vocab_size))
    return graded, GradedScoring(net, graded, drops, sets) if graded.levels > 1 else None


class GradedScoring:
    """Holds a graded code of several strengths against a network: a consumer of `one_pass`.

    A unit is as the code says if it is 0 where it is covered, weakly on where it leaks, and fully
    on where it is untouched. Weakly on is a level above 0 that is nearer, by ratio, to the mean
    leak of the weakest bits than to the untouched level. A reversed unit is above 0 just where it
    is covered.

    Cost: that of `GradedCode.decode`, and some sixteen passes over [sets, width].
    """

    def __init__(self, net: ReluNet, graded: GradedCode, drops: Drops, sets: SetCollection) -> None:
        self._net, self._code, self._drops = net, graded, drops
        self._table = CoverTable(graded.layers)
        no_level = np.isnan(drops.share).any(0)
        leaks = 1 - drops.share[(graded.strengths == 1) & ~no_level]
        leak = max(0.0, float(leaks.mean())) if leaks.size else 0.0
        self._fully = np.where(no_level, 0, math.sqrt(leak) * drops.untouched)
        self._turned = reversed_units(net, Code(graded.bits))
        self._false_positives = np.empty(len(sets), dtype=np.int32)
        self._states = np.zeros((5, graded.width))
        self._levels = np.zeros((3, 3, graded.width))
        self._called = np.zeros(3)
        self._tokens = np.zeros(graded.vocab_size)

    def work(self, chunk: Chunk) -> Counts:
        """Units and calls of one chunk; each set's false positives are written down."""
        ids, copies = chunk.sets.numpy(), chunk.copies.numpy()
        reached = self._code.reached(ids)
        count = np.bitwise_count(self._table.decoded(reached)).sum(1, dtype=np.int64)
        covered = covered_others(self._table, reached, count, chunk)
        self._false_positives[chunk.start : chunk.stop] = covered.per_set(len(ids))
        called, vocab = chunk.answers.called, self._code.vocab_size
        keys = [each.rows * vocab + each.tokens for each in (covered, called)]
        rows = covered.rows, called.rows, np.intersect1d(*keys, assume_unique=True) // vocab
        tokens = np.bincount(covered.tokens, copies[covered.rows], vocab).astype(np.float64)
        calls = np.array([copies[each].sum() for each in rows])
        return *self._unit_states(chunk, reached), calls, tokens

    def take(self, found: Counts) -> None:
        """Add a chunk's."""
        for sums, more in zip(
            (self._states, self._levels, self._called, self._tokens), found, strict=True
        ):
            sums += more

    def strengths(self, scores: SetScores) -> Strengths:
        """What was found, when the pass is over; `scores` has what the bare hash says."""
        F, copies = self._false_positives, scores.copies
        fails = F > 0
        extracted = run_as_filter(F, scores)
        loss_f1, bare_f1 = (
            extracted.loss_failure_f1,
            f1(scores.code_failure, scores.loss_failure, copies),
        )
        calls = agreement(*self._called.tolist())
        gain = None if loss_f1 is None and bare_f1 is None else _or_1(loss_f1) - _or_1(bare_f1)
        return Strengths(
            levels=self._code.levels,
            half_share=float(_below_largest(self._code).sum() / self._code.weights.sum()),
            bits=[self._of_strength(each) for each in range(1, self._code.levels + 1)],
            **_margins(self._code, self._drops),
            **self._agreement(float(copies.sum())),
            extracted=extracted,
            f1_gain=gain,
            ranking_failure_f1=f1(fails, scores.ranking_failure, copies),
            called_precision=calls.precision,
            called_recall=calls.recall,
            code_failure_share=scores.mean(fails),
            unit_levels=[
                StateLevels(*(spread(*state) for state in levels), as_said=as_said)
                for levels, as_said in zip(
                    self._levels.transpose(2, 0, 1).tolist(),
                    (self._states[0] / copies.sum()).tolist(),
                    strict=True,
                )
            ],
            false_positives=self._against(scores),
        )

    def _against(self, scores: SetScores) -> GradedFalsePositives:
        """Its false positives beside those of the network, by set and by token."""
        absent = scores.copies.sum() - scores.tokens.sets
        ours, theirs = rates(self._tokens, absent), rates(scores.tokens.false_positives, absent)
        network = scores.false_positives.astype(np.float64)
        return GradedFalsePositives(
            mean=scores.mean(self._false_positives),
            correlation=pearson(self._false_positives.astype(np.float64), network, scores.copies),
            by_count=count_shares(scores, self._false_positives),
            by_token=nullable(ours) if len(ours) <= LISTED_UP_TO else None,
            token_correlation=pearson(theirs[absent > 0], ours[absent > 0]),
        )

    def _unit_states(self, chunk: Chunk, reached: NDArray[np.bool_]) -> Counts:
        """On how many sets each unit is as said, off, weak, leaking, leaking and above 0:
        [5, width]; and untouched, leaking, covered the number, sum and sum of squares of its
        levels: [3, 3, width]."""
        width, levels = self._code.width, self._code.levels
        post, copies = chunk.post.numpy(), chunk.copies.numpy()
        states = reached.reshape(-1, levels, width).view(np.uint8).sum(1, dtype=np.uint8)
        leaking = (states > 0) & (states < levels)
        expected = np.where(leaking, WEAK, np.where((states == levels) ^ self._turned, OFF, HIGH))
        weak = chunk.on & (post < self._fully)
        found = np.where(weak, WEAK, np.where(chunk.on, HIGH, OFF))
        flags = found == expected, ~chunk.on, weak, leaking, leaking & chunk.on
        levels_of = (
            (counted(state, copies), copies @ kept, copies @ np.square(kept))
            for state in (states == 0, leaking, states == levels)
            for kept in (np.where(state, post, 0),)
        )
        return np.stack([counted(each, copies) for each in flags]), np.array([*levels_of])

    def _agreement(self, total: float) -> dict[str, Any]:
        """Shares of (set, unit) pairs; see `Strengths`."""
        as_said, off, weak, leaking, leaking_on = self._states
        pairs = total * self._code.width
        wrong = float(pairs - as_said.sum())
        kinds = float(off.sum()), float(weak.sum()), float(pairs - off.sum() - weak.sum())
        constant = pairs - max(kinds)
        where = (leaking > 0) & (self._drops.untouched > 0)
        untouched = (leaking * self._drops.untouched)[where].sum()
        return {
            "state_agreement": 1 - wrong / pairs,
            "state_skill": max(0.0, 1 - wrong / constant) if constant else float(wrong == 0),
            "leaking": float(leaking.sum() / pairs),
            "leaking_on": float(leaking_on.sum() / leaking.sum()) if leaking.any() else None,
            "leak_level": float(self._levels[1, 1][where].sum() / untouched)
            if where.any()
            else None,
        }

    def _of_strength(self, strength: int) -> BitsOfStrength:
        bits = self._code.strengths == strength
        W_in, W_out = as_array(self._net.W_in), as_array(self._net.W_out.T)
        known = bits & ~np.isnan(self._drops.share)
        return BitsOfStrength(
            strength=strength,
            per_token=float(bits.sum(1).mean()),
            taken=_spread(self._drops.share[known]),
            cost=_spread(self._drops.cost[known]),
            W_in=_spread(W_in[bits]),
            W_out=_spread(W_out[bits]),
        )


def _margins(code: GradedCode, drops: Drops) -> dict[str, Any]:
    """How far the entries lie from what tells them apart; see `Strengths`."""
    share = drops.share[:, ~np.isnan(drops.share).any(0)]
    half = _below_largest(code) & ~np.isnan(drops.share)
    full = (code.strengths == code.levels) & ~np.isnan(drops.share)
    found: dict[str, Any] = {
        "bit_margin": float(np.abs(share - BIT).min()),
        "full_margin": float(np.abs(share - FULL).min()),
        "near_bit": float((np.abs(share - BIT) < NEAR).mean()),
        "matrices_agree": None,
        "near_cost": None,
    }
    if half.any() and full.any():
        low, high = (np.log(drops.cost[each].clip(min=LEAST_COST)) for each in (half, full))
        middle, apart = (low.mean() + high.mean()) / 2, high.mean() - low.mean()
        sides = np.concatenate([low < middle, high >= middle])
        near = np.abs(np.concatenate([low, high]) - middle) < NEAR * apart
        found |= {"matrices_agree": float(sides.mean()), "near_cost": float(near.mean())}
    return found


def _below_largest(code: GradedCode) -> NDArray[np.bool_]:
    return (code.strengths > 0) & (code.strengths < code.levels)


def _spread(values: NDArray[np.float64]) -> Spread | None:
    return spread(float(values.size), float(values.sum()), float(np.square(values).sum()))


def _or_1(value: float | None) -> float:
    """F1 where neither side has a failure: that is agreement."""
    return 1.0 if value is None else value
