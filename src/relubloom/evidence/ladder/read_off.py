"""Programs whose numbers are read off the weights, and the ends of the ladder: nothing is fitted.

So no set has to be left out of the scoring. The logits of a network whose W_out has two values per
unit are, up to a constant of the set (which softmax does not see), b_out[t] minus the sum of
gap_i post_i over the bits i of token t. *Weak bits* are the few that do not hold their unit at 0 on
their own.
"""

from __future__ import annotations

import numpy as np

from relubloom.code import Code, random_constant_weight
from relubloom.evidence.ladder.read_network import (
    Mask,
    ReadNetwork,
    Reals,
    mean_where,
    slopes,
    token_and_unit_levels,
)
from relubloom.evidence.ladder.rung import REAL, Rung, as_network, network_bits
from relubloom.network.relu_net import ReluNet

DRAWS = 16  # of a random hash


def uniform(read: ReadNetwork) -> Rung:
    """Knowing nothing: the filter of a code without bits."""
    return Rung(
        name="uniform",
        title="Uniform output",
        meaning="No numbers: every token gets the share 1/vocab_size, whatever the set.",
        kind="baseline",
        bits=0,
        programs=(Code(np.zeros((read.net.vocab_size, 1), dtype=np.bool_)),),
    )


def random_hash(read: ReadNetwork) -> Rung:
    """Random constant-weight codes as Bloom filters, of the extracted hash's mean weight."""
    code = read.code
    weight = round(float(code.weights.mean()))
    return Rung(
        name="random-hash",
        title="Random hash",
        meaning=f"A Bloom filter whose hashes are random with {weight} bits each, the extracted "
        f"hash's mean weight; its numbers are the weight and a seed (median of {DRAWS} seeds).",
        kind="baseline",
        bits=2 * REAL,
        programs=tuple(
            random_constant_weight(code.vocab_size, code.width, weight, seed)
            for seed in range(DRAWS)
        ),
    )


def network(read: ReadNetwork) -> Rung:
    """The network itself."""
    return Rung(
        name="network",
        title="The network",
        meaning="Every weight and bias as stored.",
        kind="network",
        bits=network_bits(read.net),
        programs=(read.net,),
    )


def extracted_hash(read: ReadNetwork) -> Rung:
    """The hash alone, run as a textbook Bloom filter."""
    return Rung(
        name="hash",
        title="Extracted hash",
        meaning="The bits of each token; members and covered tokens share the mass equally.",
        kind="explanation",
        bits=read.hash_bits,
        programs=(read.code,),
    )


def one_sharpness(read: ReadNetwork) -> Rung:
    """A finite sharpness: tokens with few missing bits keep a little mass."""
    return Rung(
        name="hash-sharpness",
        title="+ one sharpness",
        meaning="The logit that a missing bit costs: level times gap in W_out, mean over all bits.",
        kind="explanation",
        bits=read.hash_bits + REAL,
        programs=(_filter(read, _sharpness(read), np.zeros(read.net.vocab_size)),),
    )


def token_bias(read: ReadNetwork) -> Rung:
    """Which covered token ranks first is a matter of bias."""
    vocab = read.net.vocab_size
    return Rung(
        name="token-bias",
        title="+ per-token bias",
        meaning="Each token's b_out, plus what the units whose bit it lacks add on average when "
        "it is in the set.",
        kind="explanation",
        bits=read.hash_bits + REAL * (1 + vocab),
        programs=(_filter(read, _sharpness(read), _bias(read)),),
    )


def unit_level(read: ReadNetwork) -> Rung:
    """Each unit has its own sharpness."""
    units, vocab, width = read.units, read.net.vocab_size, read.net.width
    return Rung(
        name="unit-level",
        title="+ per-unit level",
        meaning="The logit that each unit's missing bit costs (its level when no token of the set "
        "has the bit, times its gap in W_out) in place of one for all; and each token's bias.",
        kind="explanation",
        bits=read.hash_bits + REAL * (width + vocab),
        programs=(_filter(read, units.level * units.gap, _bias(read)),),
    )


def unit_thresholds(read: ReadNetwork) -> Rung:
    """Units that stay weakly on when covered, and are weaker or stronger by the set's size."""
    units, bits = read.units, read.code.bits
    vocab, width = read.net.vocab_size, read.net.width
    return Rung(
        name="unit-thresholds",
        title="+ per-unit thresholds",
        meaning="Each unit's bias, its two means in W_in (with the bit, without), its gap in "
        "W_out; and each token's bias.",
        kind="explanation",
        bits=read.hash_bits + REAL * (4 * width + vocab),
        programs=(
            as_network(
                np.where(bits, units.bit_in, units.other_in),
                read.weights[1],
                np.where(bits, -units.gap, 0),
                _bias(read),
            ),
        ),
    )


def token_strengths(read: ReadNetwork) -> Rung:
    """Tokens that write and read all their bits more strongly than others do."""
    W_in, b_in, W_out, b_out = read.weights
    units, bits = read.units, read.code.bits
    vocab, width = read.net.vocab_size, read.net.width
    two_in = np.where(bits, units.bit_in, units.other_in)
    two_out = units.other_out - np.where(bits, units.gap, 0)
    return Rung(
        name="token-strengths",
        title="+ per-token strengths",
        meaning="The rung before with b_out as each token's bias, and by how much each token "
        "departs on average from the units' means: in W_in and W_out, on its bits and elsewhere.",
        kind="explanation",
        bits=read.hash_bits + REAL * (4 * width + 5 * vocab),
        programs=(
            as_network(
                two_in + _departures(W_in - two_in, bits),
                b_in,
                np.where(bits, -units.gap, 0) + _departures(W_out.T - two_out, bits),
                b_out,
            ),
        ),
    )


def three_levels(read: ReadNetwork) -> Rung:
    """The hash with its weak bits marked: bits, weak bits and the rest have one level each."""
    weak, bits = find_weak_bits(read), read.code.bits
    W_in, b_in, W_out, _ = read.weights
    kinds = [bits & ~weak, weak, ~bits]
    programs = [
        sum((np.where(kind, mean(matrix[kind]), 0) for kind in kinds), np.zeros(bits.shape))
        for matrix in (W_in, W_out.T)
    ]
    width, vocab = read.net.width, read.net.vocab_size
    return Rung(
        name="three-levels",
        title="Hash with weak bits",
        meaning=f"Which {int(weak.sum())} of the bits are weak (they do not turn their unit off "
        "alone); the mean of the bits, of the weak bits and of the rest in W_in and in W_out, and "
        "of b_in.",
        kind="explanation",
        bits=read.hash_bits + listed_bits(read, weak, numbers=0) + 7 * REAL,
        programs=(
            as_network(programs[0], np.full(width, mean(b_in)), programs[1], np.zeros(vocab)),
        ),
    )


def weak_bits(read: ReadNetwork) -> Rung:
    """Levels per token and per unit, and the weak bits one by one, all read off the weights."""
    vocab, width = read.net.vocab_size, read.net.width
    W_in, b_in, W_out, b_out = read.weights
    weak, bits = find_weak_bits(read), read.code.bits
    input_levels, output_levels = levels(W_in, bits), levels(W_out.T, bits)
    return Rung(
        name="weak-bits",
        title="+ levels, weak bits",
        meaning=f"For each of W_in and W_out, on the bits and elsewhere, a level per token and per "
        f"unit; the biases; and {int(weak.sum())} weak bits with their two entries each.",
        kind="explanation",
        bits=read.hash_bits + REAL * (5 * (vocab + width)) + listed_bits(read, weak, numbers=2),
        programs=(
            as_network(
                np.where(weak, W_in, input_levels),
                b_in,
                np.where(weak, W_out.T, output_levels),
                b_out,
            ),
        ),
    )


def one_matrix(read: ReadNetwork) -> Rung:
    """A (token, unit) pair has one strength, which both matrices hold."""
    vocab, width = read.net.vocab_size, read.net.width
    found, bits = read.departures, read.code.bits
    of_output = found.of_output
    on_bits = slopes(of_output, found.of_input, bits, 0) * of_output
    elsewhere = slopes(of_output, found.of_input, ~bits, 0) * of_output
    of_token = slopes(elsewhere, found.of_input, ~bits, 1)[:, None]
    W_in = found.level_in + np.where(bits, on_bits, of_token * elsewhere)
    return Rung(
        name="one-matrix",
        title="W_in read off W_out",
        meaning="W_out and the biases as stored; an entry of W_in departs from its unit's level "
        "as W_out's entry of the same token and unit does, times a slope (per unit on the bits; "
        "per unit and per token elsewhere).",
        kind="network",
        bits=read.hash_bits + REAL * (width * vocab + 2 * vocab + 5 * width),
        programs=(as_network(W_in, read.weights[1], read.weights[2].T, read.weights[3]),),
    )


def find_weak_bits(read: ReadNetwork) -> Mask:
    """Bits that do not turn their unit off alone, [vocab, width].

    Alone: beside the other tokens of a set, of mean size, that all lack the bit and lie at the
    unit's level. At most vocab + width of them, those that leave their unit highest (of equal ones
    the first by token and unit).
    """
    W_in, b_in, _, _ = read.weights
    left_on = b_in + (read.set_size - 1) * read.units.other_in + W_in
    weak = read.code.bits & (left_on > 0)
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


def listed_bits(read: ReadNetwork, weak: Mask, numbers: int) -> int:
    """Length of a list of bits: how many, which of the hash's each is, `numbers` reals of each."""
    which = (max(1, int(read.code.weights.sum())) - 1).bit_length()
    return REAL + int(weak.sum()) * (which + numbers * REAL)


def _sharpness(read: ReadNetwork) -> float:
    """Level times gap, mean over the (token, bit) pairs of units that are ever on."""
    units = read.units
    pairs = read.code.bits.sum(0) * (units.level > 0)
    return float(pairs @ (units.level * units.gap) / max(1, pairs.sum()))


def _bias(read: ReadNetwork) -> Reals:
    """Each token's mean logit as a member, from b_out and the units whose bit it lacks.

    Such a unit is uncovered by the set's other tokens with probability (1 - density)^(k - 1), and
    adds its level times the token's departure from the unit's mean in W_out.
    """
    _, _, W_out, b_out = read.weights
    units, bits = read.units, read.code.bits
    uncovered = (1 - bits.mean(0)) ** (read.set_size - 1)
    departures = np.where(bits, 0, W_out.T - units.other_out)
    return b_out + departures @ (units.level * uncovered)


def _departures(residual: Reals, bits: Mask) -> Reals:
    """Each token's mean residual over its bits, and over the other units, [vocab, width]."""
    own, others = mean_where(residual, bits, 1), mean_where(residual, ~bits, 1)
    return np.where(bits, own[:, None], others[:, None])


def _filter(read: ReadNetwork, sharpness: Reals | float, bias: Reals) -> ReluNet:
    """The constructed network of the hash, with a sharpness (one, or one per unit) and biases."""
    bits = read.code.bits
    width = read.net.width
    return as_network(
        np.where(bits, -1.0, 0.0), np.ones(width), np.where(bits, -sharpness, 0), bias
    )
