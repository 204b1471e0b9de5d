"""Explanations: a hash and O(vocab + width) further numbers, all read off the weights.

Nothing here is fitted to outputs, so no set has to be left out of the scoring. The logits of a
network whose W_out has two values per unit are, up to a constant of the set (which softmax does
not see), b_out[t] minus the sum of gap_i post_i over the bits i of token t.
"""

import numpy as np

from relubloom.evidence.ladder.description_length import REAL
from relubloom.evidence.ladder.rung import Rung
from relubloom.evidence.ladder.stored import as_network
from relubloom.evidence.ladder.subject import Reals, Subject, mean_where
from relubloom.network.relu_net import ReluNet


def extracted_hash(subject: Subject) -> Rung:
    """The hash alone, run as a textbook Bloom filter."""
    return Rung(
        name="hash",
        title="Extracted hash",
        meaning="The bits of each token; members and covered tokens share the mass equally.",
        kind="explanation",
        bits=subject.hash_bits,
        programs=(subject.code,),
    )


def one_sharpness(subject: Subject) -> Rung:
    """A finite sharpness: tokens with few missing bits keep a little mass."""
    return Rung(
        name="hash-sharpness",
        title="+ one sharpness",
        meaning="The logit that a missing bit costs: level times gap in W_out, mean over all bits.",
        kind="explanation",
        bits=subject.hash_bits + REAL,
        programs=(_filter(subject, _sharpness(subject), np.zeros(subject.net.vocab_size)),),
    )


def token_bias(subject: Subject) -> Rung:
    """Which covered token ranks first is a matter of bias."""
    vocab = subject.net.vocab_size
    return Rung(
        name="token-bias",
        title="+ per-token bias",
        meaning="Each token's b_out, plus what the units whose bit it lacks add on average when "
        "it is in the set.",
        kind="explanation",
        bits=subject.hash_bits + REAL * (1 + vocab),
        programs=(_filter(subject, _sharpness(subject), _bias(subject)),),
    )


def unit_level(subject: Subject) -> Rung:
    """Each unit has its own sharpness."""
    units, vocab, width = subject.units, subject.net.vocab_size, subject.net.width
    return Rung(
        name="unit-level",
        title="+ per-unit level",
        meaning="The logit that each unit's missing bit costs (its level when no token of the set "
        "has the bit, times its gap in W_out) in place of one for all; and each token's bias.",
        kind="explanation",
        bits=subject.hash_bits + REAL * (width + vocab),
        programs=(_filter(subject, units.level * units.gap, _bias(subject)),),
    )


def unit_thresholds(subject: Subject) -> Rung:
    """Units that stay weakly on when covered, and are weaker or stronger by the set's size."""
    units, bits = subject.units, subject.code.bits
    vocab, width = subject.net.vocab_size, subject.net.width
    return Rung(
        name="unit-thresholds",
        title="+ per-unit thresholds",
        meaning="Each unit's bias, its two means in W_in (with the bit, without), its gap in "
        "W_out; and each token's bias.",
        kind="explanation",
        bits=subject.hash_bits + REAL * (4 * width + vocab),
        programs=(
            as_network(
                np.where(bits, units.bit_in, units.other_in),
                subject.weights[1],
                np.where(bits, -units.gap, 0),
                _bias(subject),
            ),
        ),
    )


def token_strengths(subject: Subject) -> Rung:
    """Tokens that write and read all their bits more strongly than others do."""
    W_in, b_in, W_out, b_out = subject.weights
    units, bits = subject.units, subject.code.bits
    vocab, width = subject.net.vocab_size, subject.net.width
    two_in = np.where(bits, units.bit_in, units.other_in)
    two_out = units.other_out - np.where(bits, units.gap, 0)
    return Rung(
        name="token-strengths",
        title="+ per-token strengths",
        meaning="The rung before with b_out as each token's bias, and by how much each token "
        "departs on average from the units' means: in W_in and W_out, on its bits and elsewhere.",
        kind="explanation",
        bits=subject.hash_bits + REAL * (4 * width + 5 * vocab),
        programs=(
            as_network(
                two_in + _departures(W_in - two_in, bits),
                b_in,
                np.where(bits, -units.gap, 0) + _departures(W_out.T - two_out, bits),
                b_out,
            ),
        ),
    )


def _sharpness(subject: Subject) -> float:
    """Level times gap, mean over the (token, bit) pairs of units that are ever on."""
    units = subject.units
    pairs = subject.code.bits.sum(0) * (units.level > 0)
    return float(pairs @ (units.level * units.gap) / max(1, pairs.sum()))


def _bias(subject: Subject) -> Reals:
    """Each token's mean logit as a member, from b_out and the units whose bit it lacks.

    Such a unit is uncovered by the set's other tokens with probability (1 - density)^(k - 1), and
    adds its level times the token's departure from the unit's mean in W_out.
    """
    _, _, W_out, b_out = subject.weights
    units, bits = subject.units, subject.code.bits
    uncovered = (1 - bits.mean(0)) ** (subject.set_size - 1)
    departures = np.where(bits, 0, W_out.T - units.other_out)
    return b_out + departures @ (units.level * uncovered)


def _departures(residual: Reals, bits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Reals:
    """Each token's mean residual over its bits, and over the other units, [vocab, width]."""
    own, others = mean_where(residual, bits, 1), mean_where(residual, ~bits, 1)
    return np.where(bits, own[:, None], others[:, None])


def _filter(subject: Subject, sharpness: Reals | float, bias: Reals) -> ReluNet:
    """The constructed network of the hash, with a sharpness (one, or one per unit) and biases."""
    bits = subject.code.bits
    width = subject.net.width
    return as_network(
        np.where(bits, -1.0, 0.0), np.ones(width), np.where(bits, -sharpness, 0), bias
    )
