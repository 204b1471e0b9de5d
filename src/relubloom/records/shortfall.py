"""The verdict in words: which lines of its rule a network fails, and the reading beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from relubloom.records.mechanism import Mechanism, Strengths
from relubloom.records.verdict import GRADED_RULE, RULE, SIGNS, Criterion, ReadingBeside

POOR = 1.25  # times the random code's false positives: a hash with more is a poor filter

SHARES = {
    "unit_agreement": "the hidden units agree with the union on {} of the (set, unit) pairs",
    "near_threshold": "{} of the entries lie near the threshold",
    "union_skill": "the union removes {} of the errors that calling every unit on, or every unit "
    "off, would make",
    "failures_told_apart": "between sets that fail by loss and others, the share on which the bare "
    "hash fails differs by {}",
    "matrices_agree": "W_out tells half bits from full ones as W_in does for {} of them",
    "state_agreement": "the hidden units do what their states say on {} of the (set, unit) pairs",
    "state_skill": "the states remove {} of the errors of a constant answer",
}
"""What is said of each figure of the rule that is a share."""

Percent = Callable[[float, int], str]
"""A share, and to how many decimals it is written."""


@dataclass(frozen=True)
class RuleLine:
    """A line of the verdict rule beside what was measured: `asked` is the `end` allowed."""

    figure: str
    meaning: str
    value: float | None
    asked: float
    end: str
    met: bool
    of_graded: bool = False


def rule_lines(found: Mechanism) -> list[RuleLine]:
    """What *bloom* asks for, line by line; *graded-bloom* where half bits are a kind of their own.

    A network with half bits that is *bloom* all the same is held against the rule for that.
    """
    graded = found.strengths is not None and found.verdict != "bloom"
    lines: list[RuleLine] = []
    for line in GRADED_RULE if graded else RULE:
        asked, end = (line.least, "least") if line.most is None else (line.most, "most")
        value = _value(found, line)
        met = line.met(value)
        lines.append(RuleLine(line.figure, line.meaning, value, asked or 0.0, end, met, graded))
    return lines


def unmet_lines(found: Mechanism) -> list[RuleLine]:
    """The lines for which the verdict is neither *bloom* nor *graded-bloom*; of *not-bloom*, those
    that alone make it."""
    if found.verdict != "not-bloom":
        return [line for line in rule_lines(found) if not line.met]
    return [
        RuleLine(line.figure, line.meaning, value, line.not_bloom or 0.0, "least", False)
        for line in RULE
        if line.refutes(value := _figure(found, line))
    ]


def plain_percent(share: float, digits: int) -> str:
    """As commands write it."""
    return f"{share:.{digits}%}"


def shortfall(found: Mechanism, percent: Percent = plain_percent) -> str:
    """What falls short, one clause a line of the rule; empty where nothing does."""
    return "; ".join(_clause(line, percent) for line in unmet_lines(found))


def reading_words(found: ReadingBeside, percent: Percent = plain_percent) -> str:
    """The reading and what decided it, in a sentence without its full stop; empty without one."""
    value, threshold = found.value, found.threshold
    if found.reading is None or value is None or threshold is None:
        return ""
    if found.quantity == "width":
        return (
            f"too narrow: {value:.0f} units, where a Bloom filter for such sets asks for "
            f"{threshold:.0f}; try {found.try_width or threshold:.0f} or more"
        )
    if found.quantity == "set_size":
        return (
            f"superposition: no set has more than {value:.0f} token{'' if value == 1 else 's'}, "
            f"and up to {threshold:.0f} can be told apart by the sum of their directions, so a "
            "Bloom filter is not needed"
        )
    share, limit = percent(value, 2), percent(threshold, 0)
    if found.quantity == "units_off":
        return (
            f"nearly linear: the ReLU hardly clips; units are off in {share} of the (set, unit) "
            f"pairs, where more than {limit} would count as clipping"
        )
    what = {sign.figure: sign.meaning for sign in SIGNS}.get(found.quantity or "", "")
    return f"mostly dead: {what}: {share}, where {limit} or more counts as mostly"


def filter_words(
    hash_mean: float | None, random_mean: float | None, strengths: Strengths | None = None
) -> str:
    """The hash's false positives beside the best random code's; empty where they are not known.

    Where the hash has half bits, theirs are those of the graded hash.
    """
    hash_mean = _of_hash(hash_mean, strengths)
    if hash_mean is None:
        return ""
    if random_mean is None:
        return f"its hash {hash_mean:.4g}"
    worse = hash_mean > POOR * random_mean
    said = "; its hash is a poor filter, worse than the random code" if worse else ""
    return f"its hash {hash_mean:.4g}, the best random code {random_mean:.4g}{said}"


def is_poor(found: Mechanism) -> bool:
    """Whether the hash, as a filter, has over 1.25 times the best random code's false positives."""
    hash_mean = _of_hash(found.hash_false_positives, found.strengths)
    random_mean = found.random_code_false_positives
    if hash_mean is None or random_mean is None:
        return False
    return hash_mean > POOR * random_mean


def _of_hash(bare: float | None, strengths: Strengths | None) -> float | None:
    """False positives of the graded hash, where there is one, else of the bare one."""
    graded = None if strengths is None else strengths.false_positives
    return bare if graded is None else graded.mean


def always_f1(share: float) -> float | None:
    """F1 of saying that every set fails, where a share of them does; None where none does."""
    return 2 * share / (1 + share) if share > 0 else None


def _clause(line: RuleLine, percent: Percent) -> str:
    if line.figure == "two_modes":
        return "the entries of W_in form one mode, not two"
    value = line.value or 0.0
    if line.figure in SHARES:
        said, asked = SHARES[line.figure].format(percent(value, 2)), percent(line.asked, 0)
    else:
        asked = f"{line.asked:g}"
        which = "graded" if line.of_graded else "bare"
        said = (
            f"the strengths of its bits change that F1 by {value:+.2f}"
            if line.figure == "f1_gain"
            else f"the {which} hash predicts the loss failures with an F1 of {value:.2f}"
        )
    return f"{said}, where {asked} is the {line.end}"


def _figure(found: Mechanism, criterion: Criterion) -> float | None:
    where = found.extracted if criterion.figure == "loss_failure_f1" else found
    return getattr(where, criterion.figure)


def _value(found: Mechanism, criterion: Criterion) -> float | None:
    """Of the rule that the network is held against."""
    if found.strengths is None or criterion not in GRADED_RULE[1:]:
        return _figure(found, criterion)
    return found.strengths.judged[criterion.figure]
