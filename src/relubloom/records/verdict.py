"""The verdict rule, once: its names, its table, and the function that applies it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["bloom", "partly", "not-bloom"]

AGREEMENT_BLOOM = 0.97  # unit agreement of a `bloom` network, at least
AGREEMENT_NOT = 0.8  # below it a network is `not-bloom`
NEAR_BLOOM = 0.03  # share of entries near the threshold, at most
F1_BLOOM = 0.8  # of the bare hash's prediction of loss failures, at least
SKILL_BLOOM = 0.5  # of a constant answer's errors that the union removes, at least


@dataclass(frozen=True)
class Criterion:
    """A line of the rule: what *bloom* asks of a figure, and what of it alone makes *not-bloom*.

    `figure` is its key in `mechanism.json`, and the name of the argument of `judge`. *bloom* asks
    for at least `least` and at most `most`; below `not_bloom` the verdict is *not-bloom*. A figure
    that is null meets every line. Whether there are two modes counts as 1 or 0.
    """

    figure: str
    meaning: str
    least: float | None = None
    most: float | None = None
    not_bloom: float | None = None

    def met(self, value: float | None) -> bool:
        """Whether the figure is what *bloom* asks for."""
        if value is None:
            return True
        above = self.least is None or value >= self.least
        return above and (self.most is None or value <= self.most)

    def refutes(self, value: float | None) -> bool:
        """Whether the figure alone makes the verdict *not-bloom*."""
        return self.not_bloom is not None and value is not None and value < self.not_bloom


RULE = (
    Criterion(
        "two_modes",
        "the entries of W_in have two modes (BIC of two normals against one)",
        least=1,
        not_bloom=1,
    ),
    Criterion(
        "unit_agreement",
        "share of (set, unit) pairs in which the unit is 0 just where some token has its bit",
        least=AGREEMENT_BLOOM,
        not_bloom=AGREEMENT_NOT,
    ),
    Criterion("near_threshold", "share of the entries near the threshold", most=NEAR_BLOOM),
    Criterion(
        "loss_failure_f1",
        "F1 of the bare hash's prediction of the loss failures (none on either side is agreement)",
        least=F1_BLOOM,
    ),
    Criterion(
        "union_skill",
        "share of a constant answer's errors about the units that the union removes",
        least=SKILL_BLOOM,
    ),
)


def judge(
    *,
    two_modes: bool,
    unit_agreement: float,
    near_threshold: float,
    loss_failure_f1: float | None,
    union_skill: float,
) -> Verdict:
    """The verdict of one network, from its weights, its units and its hash: `RULE`, applied.

    *bloom* where every line is met, *not-bloom* where one refutes it, *partly* otherwise. The last
    line is there because a trained or constructed filter meets it by far, and units that are hardly
    ever on (or off) do not by chance, however high their agreement.
    """
    figures = {
        "two_modes": float(two_modes),
        "unit_agreement": unit_agreement,
        "near_threshold": near_threshold,
        "loss_failure_f1": loss_failure_f1,
        "union_skill": union_skill,
    }
    if any(line.refutes(figures[line.figure]) for line in RULE):
        return "not-bloom"
    return "bloom" if all(line.met(figures[line.figure]) for line in RULE) else "partly"


def commonest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a study: the commonest; of equally common ones the least favourable."""
    counts = Counter(verdicts)
    order: tuple[Verdict, ...] = ("not-bloom", "partly", "bloom")
    return max(order, key=lambda verdict: counts[verdict])
