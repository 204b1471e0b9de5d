"""What a certificate says, in the words of its JSON, and roundings that keep it true."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

Method = Literal["enumeration", "counting", "bounds", "sampled"]
METHODS: tuple[Method, ...] = ("enumeration", "counting", "bounds", "sampled")
OnSets = Callable[[int, int], None]
"""Called with (done, total) as the work goes on."""


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


def proven(
    *,
    sets: int,
    set_size: int,
    vocab_size: int,
    method: Method,
    exact: tuple[int, int],
    mse: Interval,
    called: tuple[Fraction | int, Fraction | int],
    reasons: str,
) -> Certificate:
    """A certificate from proven bounds on exact sets, mse and summed false positives."""
    low, high = max(0, exact[0]), min(sets, exact[1])
    least, most = max(Fraction(0), Fraction(called[0])), Fraction(called[1])
    most = min(most, Fraction(sets * (vocab_size - set_size)))
    known = least == most and least.denominator == 1
    return Certificate(
        sets=sets,
        method=method,
        exact_sets=low if low == high else None,
        exact_sets_bounds=(low, high),
        p_exact=Interval(round_down(Fraction(low, sets)), round_up(Fraction(high, sets))),
        mse=clipped_mse(mse, set_size),
        false_positives=FalsePositives(
            int(least) if known else None,
            Interval(round_down(least / sets), round_up(most / sets)),
        ),
        undecided_sets=high - low,
        set_size=set_size,
        confidence=None,
        reasons=reasons,
    )


def nothing_decided(sets: int, set_size: int, vocab_size: int, method: Method) -> Certificate:
    """The certificate of a network whose rounding error has no useful bound."""
    return proven(
        sets=sets,
        set_size=set_size,
        vocab_size=vocab_size,
        method=method,
        exact=(sets if vocab_size == set_size else 0, sets),
        mse=Interval(0.0, math.inf),
        called=(0, sets * (vocab_size - set_size)),
        reasons="the weights are so large that float64 arithmetic decides nothing",
    )


def clipped_mse(mse: Interval, set_size: int) -> Interval:
    """Inside what an mse can be: at least 0, at most 1 + 1/k (all mass on one non-member)."""
    most = math.nextafter(1 + 1 / set_size, math.inf)
    lower = 0.0 if math.isnan(mse.lower) else max(0.0, mse.lower)
    upper = most if math.isnan(mse.upper) else min(most, mse.upper)
    return Interval(min(lower, most), max(upper, 0.0))


def round_down(value: Fraction) -> float:
    """The largest double that is at most `value` (which lies in the range of doubles)."""
    nearest = float(value)
    return nearest if Fraction(nearest) <= value else math.nextafter(nearest, -math.inf)


def round_up(value: Fraction) -> float:
    """The smallest double that is at least `value` (which lies in the range of doubles)."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)
