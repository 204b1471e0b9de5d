"""`ladder.json`: how much of a network each explanation reproduces, at which length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from relubloom.shown import Shown

Kind = Literal["baseline", "explanation", "quantisation", "network"]


@dataclass(frozen=True)
class Agreement:
    """Predicted failures held against the network's, copies counted.

    Null when neither side has a failure, which counts as agreement; 0 when one side alone has.

    Keys:
        precision, recall, f1: of the prediction.
    """

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ScoredRung:
    """A rung and its figures (of several programs, the medians).

    Keys:
        name, title, meaning: kebab-case name; words for people; one sentence on what its numbers
            are.
        kind: `baseline`; `explanation`: a hash and O(vocab_size + width) further numbers, each
            with a meaning; `quantisation`: matrices in fewer bits, which explain nothing;
            `network`: the network, and programs that carry vocab_size x width numbers of its own,
            as stored or rounded.
        bits: description length: 32 a real number unless it is stored in fewer, no entropy coding,
            program text not counted. A hash costs min(N d, sum over tokens of ceil(log2 C(d, h_t))
            + N ceil(log2(d + 1))), h_t the token's weight. A code of L strengths costs
            min(ceil(N d log2(L + 1)), sum over tokens of ceil(log2 of the ways to lay out its bits
            of each strength) + N L ceil(log2(d + 1))).
        mse, kl: of the program.
        log_gap_closed: (ln L_uniform - ln L_rung) / (ln L_uniform - ln L_network), L the mse but at
            least 1e-12; above 1 where the rung does better than the network, null where the network
            does no better than the uniform output.
        loss_failures, ranking_failures: `precision`, `recall`, `f1` of the program's failing sets
            as a prediction of the network's; null where neither fails on any set, which counts as
            agreement, 0 where one of them does.
        loss_correlation: Pearson correlation of the two mse over the sets; null where either has a
            standard deviation of at most 1e-12.
    """

    name: str
    title: str
    meaning: str
    kind: Kind
    bits: int
    mse: float
    kl: float
    log_gap_closed: float | None
    loss_failures: Agreement
    ranking_failures: Agreement
    loss_correlation: float | None


@dataclass(frozen=True, repr=False)
class Ladder(Shown):
    """Programs of increasing length, each run on the same sets as the network.

    Keys:
        sets, method: how many sets the figures are over, copies counted, and how they came about:
            `drawn` also where some of all sets are scored and others left out.
        vocab_size, width, network_bits: the network, and its length: 32 bits for each number.
        rungs: the rungs by `bits`, the network last.
    """

    MAIN: ClassVar[tuple[str, ...]] = ("sets", "method", "vocab_size", "width", "network_bits")

    sets: int
    method: str
    vocab_size: int
    width: int
    network_bits: int
    rungs: list[ScoredRung]

    def _table(self) -> list[list[Any]]:
        told = [rung for rung in self.rungs if rung.kind != "quantisation"]
        rows = [[rung.title, rung.bits, rung.mse, rung.loss_failures.f1] for rung in told]
        return [["rung", "bits", "mse", "F1 on loss failures"], *rows]
