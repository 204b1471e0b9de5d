"""Weak bits: the few bits that do not hold their unit at 0 on their own."""

from __future__ import annotations

import numpy as np

from relubloom.evidence.ladder.departures import Mask, Reals, token_and_unit_levels
from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Subject


def three_levels(subject: Subject) -> Rung:
    """The hash with its weak bits marked: bits, weak bits and the rest have one level each."""
    weak, bits = find_weak_bits(subject), subject.code.bits
    W_in, b_in, W_out, _ = subject.weights
    kinds = [bits & ~weak, weak, ~bits]
    programs = [
        sum((np.where(kind, mean(matrix[kind]), 0) for kind in kinds), np.zeros(bits.shape))
        for matrix in (W_in, W_out.T)
    ]
    width, vocab = subject.net.width, subject.net.vocab_size
    return Rung(
        name="three-levels",
        title="Hash with weak bits",
        meaning=f"Which {int(weak.sum())} of the bits are weak (they do not turn their unit off "
        "alone); the mean of the bits, of the weak bits and of the rest in W_in and in W_out, and "
        "of b_in.",
        kind="explanation",
        bits=subject.hash_bits + listed_bits(subject, weak, numbers=0) + 7 * REAL,
        programs=(
            as_network(programs[0], np.full(width, mean(b_in)), programs[1], np.zeros(vocab)),
        ),
    )


def weak_bits(subject: Subject) -> Rung:
    """Levels per token and per unit, and the weak bits one by one, all read off the weights."""
    vocab, width = subject.net.vocab_size, subject.net.width
    W_in, b_in, W_out, b_out = subject.weights
    weak, bits = find_weak_bits(subject), subject.code.bits
    input_levels, output_levels = levels(W_in, bits), levels(W_out.T, bits)
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


def find_weak_bits(subject: Subject) -> Mask:
    """Bits that do not turn their unit off alone, [vocab, width].

    Alone: beside the other tokens of a set, of mean size, that all lack the bit and lie at the
    unit's level. At most vocab + width of them, those that leave their unit highest (of equal ones
    the first by token and unit).
    """
    W_in, b_in, _, _ = subject.weights
    left_on = b_in + (subject.set_size - 1) * subject.units.other_in + W_in
    weak = subject.code.bits & (left_on > 0)
    highest = np.argsort(-left_on[weak], kind="stable")[: sum(weak.shape)]
    found = np.zeros_like(weak)
    found[tuple(each[highest] for each in weak.nonzero())] = True
    return found


def mean(values: Reals) -> float:
    """Their mean; 0 of none."""
    return float(values.mean()) if values.size else 0.0


def levels(by_token: Reals, bits: Mask) -> Reals:
    """Sums of a level per token and one per unit, on the bits and elsewhere."""
    return np.where(
        bits, token_and_unit_levels(by_token, bits), token_and_unit_levels(by_token, ~bits)
    )


def listed_bits(subject: Subject, weak: Mask, numbers: int) -> int:
    """Length of a list of bits: how many, which of the hash's each is, `numbers` reals of each."""
    which = (max(1, int(subject.code.weights.sum())) - 1).bit_length()
    return REAL + int(weak.sum()) * (which + numbers * REAL)
