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
    slopes,
    token_and_unit_levels,
)
from relubloom.evidence.ladder.rung import REAL, Written, as_network, network_bits, rung
from relubloom.network.relu_net import ReluNet
from relubloom.network.strengths import mean_where

DRAWS = 16  # of a random hash


@rung("uniform", "Uniform output", "baseline")
def uniform(read: ReadNetwork) -> Written:
    """Knowing nothing: the filter of a code without bits."""
    meaning = "No numbers: every token gets the share 1/vocab_size, whatever the set."
    return meaning, 0, Code(np.zeros((read.net.vocab_size, 1), dtype=np.bool_))


@rung("random-hash", "Random hash", "baseline")
def random_hash(read: ReadNetwork) -> Written:
    """Random constant-weight codes as Bloom filters, of the extracted hash's mean weight."""
    code = read.code
    weight = round(float(code.weights.mean()))
    meaning = (
        f"A Bloom filter whose hashes are random with {weight} bits each, the extracted "
        f"hash's mean weight; its numbers are the weight and a seed (median of {DRAWS} seeds)."
    )
    draws = (
        random_constant_weight(code.vocab_size, code.width, weight, seed) for seed in range(DRAWS)
    )
    return meaning, 2 * REAL, tuple(draws)


@rung("network", "The network", "network")
def network(read: ReadNetwork) -> Written:
    """The network itself."""
    meaning = "Every weight and bias as stored."
    return meaning, network_bits(read.net), read.net


@rung("hash", "Extracted hash")
def extracted_hash(read: ReadNetwork) -> Written:
    """The hash alone, run as a textbook Bloom filter."""
    meaning = "The bits of each token; members and covered tokens share the mass equally."
    return meaning, read.hash_bits, read.code


@rung("hash-sharpness", "+ one sharpness")
def one_sharpness(read: ReadNetwork) -> Written:
    """A finite sharpness: tokens with few missing bits keep a little mass."""
    meaning = "The logit that a missing bit costs: level times gap in W_out, mean over all bits."
    no_bias = np.zeros(read.net.vocab_size)
    return meaning, read.length(1), _filter(read, _sharpness(read), no_bias)


@rung("token-bias", "+ per-token bias")
def token_bias(read: ReadNetwork) -> Written:
    """Which covered token ranks first is a matter of bias."""
    meaning = (
        "Each token's b_out, plus what the units whose bit it lacks add on average when "
        "it is in the set."
    )
    length = read.length(1 + read.net.vocab_size)
    return meaning, length, _filter(read, _sharpness(read), _bias(read) + _gain(read))


@rung("unit-level", "+ per-unit level")
def unit_level(read: ReadNetwork) -> Written:
    """Each unit has its own sharpness."""
    meaning = (
        "The logit that each unit's missing bit costs (its level when no token of the set "
        "has the bit, times its gap in W_out) in place of one for all; and each token's bias."
    )
    net = _filter(read, read.units.cost, _bias(read) + _gain(read))
    return meaning, read.length(sum(read.code.bits.shape)), net


@rung("unit-thresholds", "+ per-unit thresholds")
def unit_thresholds(read: ReadNetwork) -> Written:
    """Units that stay weakly on when covered, and are weaker or stronger by the set's size."""
    units, bits = read.units, read.code.bits
    meaning = (
        "Each unit's bias, its two means in W_in (with the bit, without), its gap in "
        "W_out; and each token's bias."
    )
    W_in, W_out = np.where(bits, units.bit_in, units.other_in), np.where(bits, -units.gap, 0)
    net = as_network(W_in, read.weights[1], W_out, _bias(read))
    return meaning, read.length(4 * net.width + net.vocab_size), net


@rung("token-strengths", "+ per-token strengths")
def token_strengths(read: ReadNetwork) -> Written:
    """Tokens that write and read all their bits more strongly than others do."""
    W_in, b_in, W_out, b_out = read.weights
    units, bits = read.units, read.code.bits
    two_in = np.where(bits, units.bit_in, units.other_in)
    two_out = units.other_out - np.where(bits, units.gap, 0)
    meaning = (
        "The rung before with b_out as each token's bias, and by how much each token "
        "departs on average from the units' means: in W_in and W_out, on its bits and elsewhere."
    )
    new_in = two_in + _departures(W_in - two_in, bits)
    new_out = np.where(bits, -units.gap, 0) + _departures(W_out.T - two_out, bits)
    net = as_network(new_in, b_in, new_out, b_out)
    return meaning, read.length(4 * net.width + 5 * net.vocab_size), net


@rung("three-levels", "Hash with weak bits")
def three_levels(read: ReadNetwork) -> Written:
    """The hash with its weak bits marked: bits, weak bits and the rest have one level each."""
    weak, bits = find_weak_bits(read), read.code.bits
    W_in, b_in, W_out, b_out = read.weights
    alike = read.polarities
    kinds = [kind & units for units in alike for kind in (bits & ~weak, weak, ~bits)]
    new_in, new_out = (
        sum((np.where(kind, mean(matrix[kind]), 0) for kind in kinds), np.zeros(bits.shape))
        for matrix in (W_in, W_out.T)
    )
    new_b_in = sum((np.where(units, mean(b_in[units]), 0) for units in alike), np.zeros(len(b_in)))
    meaning = (
        f"Which {int(weak.sum())} of the bits are weak (they do not turn their unit {_off(read)} "
        "alone); the mean of the bits, of the weak bits and of the rest in W_in and in W_out, and "
        f"of b_in{_by_polarity(read)}."
    )
    turned = bits[:, read.reversed].sum(1)
    slope = slopes(turned - turned.mean(), b_out - b_out.mean(), np.ones_like(turned, bool), 0)
    numbers = 7 * len(alike) + int(read.reversed.any())
    net = as_network(new_in, new_b_in, new_out, slope * turned)
    return meaning, read.length(numbers) + read.mixed_bits + listed_bits(read, weak, 0), net


@rung("weak-bits", "+ levels, weak bits")
def weak_bits(read: ReadNetwork) -> Written:
    """Levels per token and per unit, and the weak bits one by one, all read off the weights."""
    W_in, b_in, W_out, b_out = read.weights
    weak, bits = find_weak_bits(read), read.code.bits
    new_in, new_out = (np.where(weak, matrix, levels(read, matrix)) for matrix in (W_in, W_out.T))
    meaning = (
        f"For each of W_in and W_out, on the bits and elsewhere, a level per token and per "
        f"unit{_by_polarity(read)}; the biases; and {int(weak.sum())} weak bits with their two "
        "entries each."
    )
    length = 2 * levels_length(read) + read.length(sum(bits.shape)) + read.mixed_bits
    return meaning, length + listed_bits(read, weak, 2), as_network(new_in, b_in, new_out, b_out)


@rung("one-matrix", "W_in read off W_out", "network")
def one_matrix(read: ReadNetwork) -> Written:
    """A (token, unit) pair has one strength, which both matrices hold."""
    found, bits = read.departures, read.code.bits
    of_output = found.of_output
    on_bits = slopes(of_output, found.of_input, bits, 0) * of_output
    elsewhere = slopes(of_output, found.of_input, ~bits, 0) * of_output
    of_token = slopes(elsewhere, found.of_input, ~bits, 1)[:, None]
    W_in = found.level_in + np.where(bits, on_bits, of_token * elsewhere)
    meaning = (
        "W_out and the biases as stored; an entry of W_in departs from its unit's level "
        "as W_out's entry of the same token and unit does, times a slope (per unit on the bits; "
        "per unit and per token elsewhere)."
    )
    net = as_network(W_in, read.weights[1], read.weights[2].T, read.weights[3])
    return meaning, read.length(bits.size + 2 * net.vocab_size + 5 * net.width), net


def find_weak_bits(read: ReadNetwork) -> Mask:
    """Bits that do not turn their unit off alone (on, where it is reversed), [vocab, width].

    Alone: beside the other tokens of a set, of mean size, that all lack the bit and lie at the
    unit's level. At most vocab + width of them, those that leave their unit highest (a reversed
    one lowest; of equal ones the first by token and unit).
    """
    W_in, b_in, _, _ = read.weights
    left_on = b_in + (read.set_size - 1) * read.units.other_in + W_in
    weak = read.code.bits & np.where(read.reversed, left_on <= 0, left_on > 0)
    left_on = np.where(read.reversed, -left_on, left_on)
    highest = np.argsort(-left_on[weak], kind="stable")[: sum(weak.shape)]
    found = np.zeros_like(weak)
    found[tuple(each[highest] for each in weak.nonzero())] = True
    return found


def mean(values: Reals) -> float:
    """Their mean; 0 of none."""
    return float(values.mean()) if values.size else 0.0


def levels(read: ReadNetwork, by_token: Reals) -> Reals:
    """Sums of a level per token and one per unit, on the bits and elsewhere.

    A token has a level of its own for direct and for reversed units, as its strength pulls them in
    opposite directions.
    """
    found, bits = np.empty_like(by_token), read.code.bits
    for units in read.polarities:
        part, having = by_token[:, units], bits[:, units]
        found[:, units] = np.where(
            having, token_and_unit_levels(part, having), token_and_unit_levels(part, ~having)
        )
    return found


def levels_length(read: ReadNetwork) -> int:
    """Length of the numbers of `levels`."""
    vocab, width = read.code.bits.shape
    return 2 * REAL * (len(read.polarities) * vocab + width)


def _off(read: ReadNetwork) -> str:
    """What a bit turns its unit, in words."""
    if not read.reversed.any():
        return "off"
    return "on" if read.reversed.all() else "off or, where it is reversed, on"


def _by_polarity(read: ReadNetwork) -> str:
    return ", for direct and for reversed units" if len(read.polarities) > 1 else ""


def listed_bits(read: ReadNetwork, weak: Mask, numbers: int) -> int:
    """Length of a list of bits: how many, which of the hash's each is, `numbers` reals of each."""
    which = (max(1, int(read.code.weights.sum())) - 1).bit_length()
    return REAL + int(weak.sum()) * (which + numbers * REAL)


def _sharpness(read: ReadNetwork) -> float:
    """A missing bit's cost, mean over the (token, bit) pairs of units that are ever on."""
    units = read.units
    pairs = read.code.bits.sum(0) * (units.level > 0)
    return float(pairs @ units.cost / max(1, pairs.sum()))


def _bias(read: ReadNetwork) -> Reals:
    """Each token's mean logit as a member, from b_out and the units whose bit it lacks.

    Such a unit is uncovered by the set's other tokens with probability (1 - density)^(k - 1). Then,
    or where it is reversed otherwise, it adds its level times the token's departure from the unit's
    mean in W_out.
    """
    _, _, W_out, b_out = read.weights
    units, bits = read.units, read.code.bits
    uncovered = (1 - bits.mean(0)) ** (read.set_size - 1)
    departures = np.where(bits, 0, W_out.T - units.other_out)
    on = np.where(read.reversed, 1 - uncovered, uncovered)
    return b_out + departures @ (units.level * on)


def _gain(read: ReadNetwork) -> Reals:
    """What the reversed units of its own bits add to each token's logit as a member.

    In a filter of direct units, where a covered bit adds nothing, it is a matter of bias.
    """
    return np.where(read.code.bits & read.reversed, read.units.cost, 0).sum(1)


def _departures(residual: Reals, bits: Mask) -> Reals:
    """Each token's mean residual over its bits, and over the other units, [vocab, width]."""
    own, others = mean_where(residual, bits, 1), mean_where(residual, ~bits, 1)
    return np.where(bits, own[:, None], others[:, None])


def _filter(read: ReadNetwork, sharpness: Reals | float, bias: Reals) -> ReluNet:
    """The constructed network of the hash, with a sharpness (one, or one per unit) and biases."""
    bits = read.code.bits
    on, off = np.ones(read.net.width), np.where(bits, -sharpness, 0)
    return as_network(np.where(bits, -1.0, 0.0), on, off, bias)
