"""`certificate.json`: what holds for a network over all sets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Method = Literal["enumeration", "counting", "bounds", "sampled"]


METHODS: tuple[Method, ...] = ("enumeration", "counting", "bounds", "sampled")


@dataclass(frozen=True)
class Interval:
    """lower <= truth <= upper."""

    lower: float
    upper: float


@dataclass(frozen=True)
class FalsePositives:
    """Called non-members: summed over all sets (null when not known exactly), and the mean."""

    total: int | None
    mean: Interval


@dataclass(frozen=True)
class Certificate:
    """What holds for a network over all `sets` = C(vocab_size, set_size) sets.

    `exact_sets` is null unless it is known exactly; `exact_sets_bounds` always holds.
    `false_positives` counts called non-members (p_t >= p_max / 2). `undecided_sets` are sets whose
    margin is under the bound on the rounding error, or that the method leaves open. Intervals are
    proven, except by the method "sampled": there each of `p_exact`, `mse` and the mean of
    `false_positives` holds with probability `confidence` over the draw (null for a proof).
    `reasons` says in a line what the method used.
    """

    sets: int
    method: Method
    exact_sets: int | None
    exact_sets_bounds: tuple[int, int]
    p_exact: Interval
    mse: Interval
    false_positives: FalsePositives
    undecided_sets: int
    set_size: int
    confidence: float | None
    reasons: str
    seconds: float = 0.0

    def describe(self) -> dict[str, Any]:
        """The certificate as JSON values."""
        return asdict(self)
