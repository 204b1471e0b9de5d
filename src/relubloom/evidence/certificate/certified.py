"""What a certificate says, in the words of its JSON, and roundings that keep it true."""

from __future__ import annotations

import math
from fractions import Fraction

from relubloom.records.certificate import CalledNonMembers, Certificate, Interval, Method


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
        false_positives=CalledNonMembers(
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
