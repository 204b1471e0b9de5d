"""The verdict rule and the rule of the reading beside it, once: names, tables, and what applies
them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["bloom", "graded-bloom", "partly", "not-bloom"]

AGREEMENT_BLOOM = 0.97  # unit agreement of a `bloom` network, at least
AGREEMENT_NOT = 0.8  # below it a network is `not-bloom`
NEAR_BLOOM = 0.03  # share of entries near the threshold, at most
F1_BLOOM = 0.8  # of the bare hash's prediction of loss failures, at least
SKILL_BLOOM = 0.5  # of a constant answer's errors that the union removes, at least
APART_BLOOM = 0.2  # between the shares of failing and of other sets on which the hash fails
AGREE_GRADED = 0.97  # of the bits, for which W_out tells half from full as W_in does, at least
GAIN_GRADED = 0.05  # of the graded hash's F1 over that of the bare hash, at least
FILTERS: tuple[Verdict, ...] = ("bloom", "graded-bloom")

Reading = Literal["superposition", "too-narrow", "nearly-linear", "mostly-dead"]

SUPERPOSED = 2  # tokens a set, at most, that linear superposition tells apart
SUFFICES = 0.9  # share of the sets that the network answers exactly, at least, where it suffices
CLIPPED = 0.1  # of the (set, unit) pairs the ReLU sets to 0, at most, where it hardly clips
DEAD = 0.5  # share of units or tokens that are dead, at least, where most are


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
    Criterion(
        "failures_told_apart",
        "share of the failing sets on which the hash fails, minus that share of the others",
        least=APART_BLOOM,
    ),
)

GRADED_RULE = (
    RULE[0],
    Criterion(
        "matrices_agree",
        "share of the bits for which W_out tells half from full as W_in does",
        least=AGREE_GRADED,
    ),
    Criterion(
        "state_agreement",
        "share of (set, unit) pairs in which the unit is 0, weakly on or fully on just where it is "
        "covered, leaking or untouched",
        least=AGREEMENT_BLOOM,
    ),
    Criterion(
        "state_skill",
        "share of a constant answer's errors about the units that the states remove",
        least=SKILL_BLOOM,
    ),
    Criterion(
        "loss_failure_f1",
        "F1 of the graded hash's prediction of the loss failures (none on either side counts as 1)",
        least=F1_BLOOM,
    ),
    Criterion("f1_gain", "that F1 minus the bare hash's", least=GAIN_GRADED),
)
"""What *graded-bloom* asks for, besides half bits that are a kind of their own: its figures, but
for the first, are keys of `strengths` in `mechanism.json` (`loss_failure_f1` of `extracted`
there)."""


def judge(
    *,
    two_modes: bool,
    unit_agreement: float,
    near_threshold: float,
    loss_failure_f1: float | None,
    union_skill: float,
    failures_told_apart: float | None,
    graded: Mapping[str, float | None] | None = None,
) -> Verdict:
    """The verdict of one network, from its weights, its units and its hash: `RULE`, applied.

    *graded-bloom* where half bits are a kind of their own and every line of `GRADED_RULE` is met by
    their figures, `graded`. Otherwise *bloom* where every line of `RULE` is met, *not-bloom* where
    one refutes it, *partly* otherwise. The last two lines are there because agreement and F1 are
    high by chance where units are hardly ever on (or off), and where nearly all sets fail. Where at
    most half of the sets fail, an F1 of 0.8 implies the last one, which is Youden's index.
    """
    figures = {
        "two_modes": float(two_modes),
        "unit_agreement": unit_agreement,
        "near_threshold": near_threshold,
        "loss_failure_f1": loss_failure_f1,
        "union_skill": union_skill,
        "failures_told_apart": failures_told_apart,
    }
    if graded is not None:
        known = {"two_modes": float(two_modes), **graded}
        if all(line.met(known[line.figure]) for line in GRADED_RULE):
            return "graded-bloom"
    if any(line.refutes(figures[line.figure]) for line in RULE):
        return "not-bloom"
    return "bloom" if all(line.met(figures[line.figure]) for line in RULE) else "partly"


def commonest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a study: the commonest; of equally common ones the least favourable."""
    counts = Counter(verdicts)
    order: tuple[Verdict, ...] = ("not-bloom", "partly", "graded-bloom", "bloom")
    return max(order, key=lambda verdict: counts[verdict])


@dataclass(frozen=True)
class Sign:
    """A line of the rule of the reading: it applies where its figure is past the threshold.

    `figure` is its key in `mechanism.json` (`width` and `set_size` are those of the network and of
    its sets). The threshold is the `most` or the `least` that the figure may be; without either it
    is `narrow_below`, and the figure must be below that. `of_task` signs are about the sizes of
    the task, the others about the units that training left.
    """

    reading: Reading
    figure: str
    meaning: str
    most: float | None = None
    least: float | None = None
    of_task: bool = False
    least_exact: float = 0.0  # `p_exact`, below which the line does not apply

    def threshold(self, figures: Mapping[str, float]) -> float | None:
        """What the figure is held against; None where there is nothing to hold it against."""
        fixed = self.most if self.least is None else self.least
        return figures.get("narrow_below") if fixed is None else fixed

    def applies(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is past the threshold."""
        value, threshold = figures.get(self.figure), self.threshold(figures)
        if value is None or threshold is None or figures["p_exact"] < self.least_exact:
            return False
        if self.least is not None:
            return value >= threshold
        return value <= threshold if self.most is not None else value < threshold


SIGNS = (
    Sign(
        "superposition",
        "set_size",
        "tokens in the largest set: so few are told apart by their summed directions alone",
        most=SUPERPOSED,
        of_task=True,
        least_exact=SUFFICES,
    ),
    Sign(
        "too-narrow",
        "width",
        "hidden units: too few, and training finds something better than a Bloom filter",
        of_task=True,
    ),
    Sign(
        "nearly-linear",
        "units_off",
        "share of (set, unit) pairs in which the unit is 0: the ReLU hardly clips",
        most=CLIPPED,
    ),
    Sign("mostly-dead", "dead_unit_share", "share of units that are 0 on every set", least=DEAD),
    Sign(
        "mostly-dead",
        "dead_token_share",
        "share of tokens that are missed on more than half of the sets that hold them",
        least=DEAD,
    ),
)


@dataclass(frozen=True, kw_only=True)
class ReadingBeside:
    """What a network that is no Bloom filter is instead, with the figure that decided.

    Keys:
        reading: `superposition`, `too-narrow`, `nearly-linear` or `mostly-dead`, by the first line
            of the rule that applies (docs/files.md); null where none does, and for *bloom* and
            *graded-bloom*.
        quantity, value, threshold: the key of the figure that decided, the figure, and what it
            was held against; null without a reading.
        try_width: the width to try in place of one that is too narrow; null for other readings.
    """

    reading: Reading | None = None
    quantity: str | None = None
    value: float | None = None
    threshold: float | None = None
    try_width: int | None = None


def read(verdict: Verdict, figures: Mapping[str, float], *, well_trained: bool) -> ReadingBeside:
    """The reading of one network: the first of `SIGNS` that applies; none beside `FILTERS`.

    `figures` has `p_exact`, and of the signs' figures, `narrow_below` and `try_width` those that
    are known. A network that is `well_trained` errs less than the best random code of its sizes:
    then its task explains it, and the signs of the task go first. Otherwise its training failed,
    and the signs of its units do.
    """
    if verdict in FILTERS:
        return ReadingBeside()
    for sign in sorted(SIGNS, key=lambda sign: sign.of_task != well_trained):
        if sign.applies(figures):
            wider = figures.get("try_width") if sign.reading == "too-narrow" else None
            return ReadingBeside(
                reading=sign.reading,
                quantity=sign.figure,
                value=figures[sign.figure],
                threshold=sign.threshold(figures),
                try_width=None if wider is None else int(wider),
            )
    return ReadingBeside()
