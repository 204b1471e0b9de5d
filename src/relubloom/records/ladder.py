"""`ladder.json`: how much of a network each explanation reproduces, at which length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["baseline", "explanation", "quantisation", "network"]


@dataclass(frozen=True)
class Agreement:
    """A program's failing sets as a prediction of the network's, copies counted.

    All are null when neither side has a failure (which counts as agreement), and 0 when one
    side has none.
    """

    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class ScoredRung:
    """A rung and its figures (of several programs, the medians).

    `log_gap_closed`: (ln L_uniform - ln L_rung) / (ln L_uniform - ln L_network), L the mse but at
    least 1e-12; above 1 where the rung does better than the network, null where the network does
    no better than the uniform output. The others: see `agreement.Score`.
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
