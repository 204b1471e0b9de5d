"""`certificate.json`: what holds for a network over all sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from relubloom.records.behaviour import LinesOfFile
from relubloom.shown import Shown

Method = Literal["enumeration", "counting", "bounds", "sampled"]


METHODS: tuple[Method, ...] = ("enumeration", "counting", "bounds", "sampled")


@dataclass(frozen=True)
class Interval:
    """lower <= truth <= upper.

    Keys:
        lower, upper: both ends.
    """

    lower: float
    upper: float

    def __str__(self) -> str:
        return self.written(".6g", "..")

    def written(self, form: str, between: str = " to ") -> str:
        """Both ends, or one where they are shown alike."""
        low, high = format(self.lower, form), format(self.upper, form)
        return low if low == high else f"{low}{between}{high}"


@dataclass(frozen=True)
class CalledNonMembers:
    """Called non-members: tokens outside the set with p at least half of the largest.

    Keys:
        total: summed over all sets; null when not known exactly.
        mean: per set.
    """

    total: int | None
    mean: Interval


@dataclass(frozen=True)
class ImportedFrom:
    """Where a network that was brought in comes from.

    Keys:
        file: what was read; null for a module.
        sha256: of the file that holds the weights.
        verified: whether outputs of the original were compared with the network's.
    """

    file: str | None
    sha256: str | None
    verified: bool


@dataclass(frozen=True, repr=False)
class Certificate(Shown):
    """What holds for a network over all sets of one size, or over the lines of a file.

    Intervals are proven, except by the method `sampled`: there each of `p_exact`, `mse` and the
    mean of `false_positives` holds with probability `confidence` over the draw.

    Keys:
        sets: C(vocab_size, set_size), all of which count alike; of a file how many lines, copies
            included.
        method: `enumeration` of all sets, `counting` (of an exact filter's code), `bounds`, or
            `sampled`, which is no proof.
        exact_sets: how many sets are exact; null unless that is known exactly.
        exact_sets_bounds: the least and the most that may be; always holds.
        p_exact, mse: `lower` and `upper` end of the share of exact sets, and of the mean mse.
        false_positives: called non-members.
        undecided_sets: sets whose margin is under the bound on the rounding error, or that the
            method leaves open.
        set_size: tokens a set.
        confidence: of each interval of a sample; null for a proof.
        reasons: what the method used, in a line.
        seconds: what it took.
        file: the file whose lines of that size these sets are; null for all sets.
        imported: the file of a network that was brought in, and whether that was verified; null
            for one that relubloom made.
    """

    MAIN: ClassVar[tuple[str, ...]] = (
        *("method", "sets", "set_size", "p_exact", "mse", "false_positives.mean"),
        *("undecided_sets", "confidence"),
    )

    sets: int
    method: Method
    exact_sets: int | None
    exact_sets_bounds: tuple[int, int]
    p_exact: Interval
    mse: Interval
    false_positives: CalledNonMembers
    undecided_sets: int
    set_size: int
    confidence: float | None
    reasons: str
    seconds: float = 0.0
    file: LinesOfFile | None = None
    imported: ImportedFrom | None = None
