"""Weak bits: the few bits that do not hold their unit at 0 on their own."""

from __future__ import annotations

import numpy as np

from relubloom.evidence.ladder.departures import Mask, Reals, token_and_unit_levels
from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Subject

FAR = 3.0  # robust standard deviations above its level: a bit is weak
NORMAL = 1.4826  # standard deviation over median absolute deviation, of a normal


def weak_bits(subject: Subject) -> Rung:
    """Levels per token and per unit, and the weak bits one by one, all read off the weights."""
    vocab, width = subject.net.vocab_size, subject.net.width
    W_in, b_in, W_out, b_out = subject.weights
    weak, input_levels = find_weak_bits(subject)
    output_levels = levels(W_out.T, subject.code.bits)
    return Rung(
        name="weak-bits",
        title="+ levels, weak bits",
        meaning=f"For each of W_in and W_out, on the bits and elsewhere, a level per token and per "
        f"unit; the biases; and {int(weak.sum())} weak bits with their two entries each.",
        kind="explanation",
        bits=subject.hash_bits
        + REAL * (5 * (vocab + width))
        + listed_bits(subject, weak, numbers=2),
        programs=(
            as_network(
                np.where(weak, W_in, input_levels),
                b_in,
                np.where(weak, W_out.T, output_levels),
                b_out,
            ),
        ),
    )


def find_weak_bits(subject: Subject) -> tuple[Mask, Reals]:
    """The weak bits [vocab, width], and the levels that W_in has without them.

    Weak: more than 3 robust standard deviations above the sum of its token's and its unit's level;
    at most vocab + width of them, the weakest.
    """
    bits = subject.code.bits
    W_in = subject.weights[0]
    without = levels(W_in, bits)
    departure = np.where(bits, W_in - without, 0)
    of_bits = departure[bits]
    if not of_bits.size:
        return np.zeros_like(bits), without
    spread = NORMAL * float(np.median(np.abs(of_bits - np.median(of_bits))))
    weak = bits & (departure > max(FAR * spread, 1e-9 * float(np.abs(W_in).max())))
    most = sum(bits.shape)
    if weak.sum() > most:
        weak &= departure >= np.sort(departure[weak])[-most]
    return weak, without


def levels(by_token: Reals, bits: Mask) -> Reals:
    """Sums of a level per token and one per unit, on the bits and elsewhere."""
    return np.where(
        bits, token_and_unit_levels(by_token, bits), token_and_unit_levels(by_token, ~bits)
    )


def listed_bits(subject: Subject, weak: Mask, numbers: int) -> int:
    """Length of a list of bits: which of the hash's bits each is, and `numbers` reals of it."""
    which = (max(1, int(subject.code.weights.sum())) - 1).bit_length()
    return int(weak.sum()) * (which + numbers * REAL)
