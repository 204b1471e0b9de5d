"""Rungs of networks whose bits have several strengths, and the controls that they are held against.

The graded code alone says which tokens come out. Its levels, read off the weights, say with which
logits. A control has as many bits of description, or more, without the strengths that the network
has.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code, GradedCode
from relubloom.evidence.ladder.read_network import (
    Mask,
    ReadNetwork,
    Reals,
    token_times_unit_levels,
)
from relubloom.evidence.ladder.read_off import DRAWS
from relubloom.evidence.ladder.rung import REAL, Written, as_network, hash_bits, rung
from relubloom.network.strengths import mean_where


@rung("graded-hash", "Extracted graded hash")
def graded_hash(read: ReadNetwork) -> Written:
    """The strengths alone, run as a graded Bloom filter."""
    code = strengths_of(read)
    meaning = (
        "The strength of each token's bits; members share the mass equally with the tokens whose "
        "every bit finds its unit in a state of at least its strength."
    )
    return meaning, hash_bits(code), code


@rung("shuffled-strengths", "Strengths shuffled", "baseline")
def shuffled_strengths(read: ReadNetwork) -> Written:
    """The same bits; which of a token's are half is drawn anew."""
    code = strengths_of(read)
    meaning = (
        "The bits as extracted; each token's strengths are dealt to its bits at random "
        f"(median of {DRAWS} seeds)."
    )
    return meaning, hash_bits(code), tuple(_dealt(code, code.bits, seed) for seed in range(DRAWS))


@rung("random-graded-hash", "Random graded hash", "baseline")
def random_graded_hash(read: ReadNetwork) -> Written:
    """As many bits of each strength for each token, in random units."""
    code = strengths_of(read)
    units = np.ones_like(code.bits)
    meaning = (
        "Each token has as many bits of each strength as extracted, in random units "
        f"(median of {DRAWS} seeds)."
    )
    return meaning, hash_bits(code), tuple(_dealt(code, units, seed) for seed in range(DRAWS))


@rung("longer-hash", "Binary hash, as long", "baseline")
def longer_hash(read: ReadNetwork) -> Written:
    """A binary hash of the same network that takes as many bits to write as the graded one.

    The non-bit entries that lie lowest between their unit's two means are taken as bits, too, one
    after the other, until the hash is as long, or every entry is a bit.
    """
    bits, units = read.code.bits, read.units
    span = np.where(units.other_in == units.bit_in, 1, units.other_in - units.bit_in)
    depth = np.where(bits, np.inf, (units.other_in - read.weights[0]) / span)
    order = np.argsort(-depth, axis=None, kind="stable")
    wanted, fewest, most = hash_bits(strengths_of(read)), int(bits.sum()), bits.size
    while fewest < most:
        count = (fewest + most) // 2
        if hash_bits(_lowest(order, count, bits.shape)) >= wanted:
            most = count
        else:
            fewest = count + 1
    found = _lowest(order, fewest, bits.shape)
    meaning = (
        f"The extracted hash and the {int(found.weights.sum() - bits.sum())} lowest non-bit "
        "entries of W_in as bits, too: as long as the graded hash, without strengths."
    )
    return meaning, hash_bits(found), found


@rung("graded-unit-levels", "+ levels per unit and strength")
def graded_unit_levels(read: ReadNetwork) -> Written:
    """Leaks and losses have a size, the same for all bits of a unit and strength."""
    code = strengths_of(read)
    W_in, b_in, W_out, b_out = read.weights
    new_in, new_out = (_by_strength(code, each, _unit_means) for each in (W_in, W_out.T))
    meaning = (
        "For each of W_in and W_out, the mean of each unit's entries of each strength, and of its "
        "non-bit entries: the level of a leak, and what it costs; and the biases."
    )
    reals = (2 * (code.levels + 1) + 1) * code.width + code.vocab_size
    return meaning, hash_bits(code) + REAL * reals, as_network(new_in, b_in, new_out, b_out)


@rung("graded-levels", "+ factors per token and strength")
def graded_levels(read: ReadNetwork) -> Written:
    """Tokens write and read their bits of each strength more strongly than others do."""
    W_in, b_in, W_out, b_out = read.weights
    new_in, new_out = levels_by_strength(read, W_in), levels_by_strength(read, W_out.T)
    meaning = (
        "For each of W_in and W_out and each strength, non-bit entries among them, a level per "
        "unit and a factor per token, whose product is the entry; and the biases."
    )
    return meaning, graded_levels_length(read), as_network(new_in, b_in, new_out, b_out)


def strengths_of(read: ReadNetwork) -> GradedCode:
    """Its code of several strengths, which rungs of this module ask for."""
    if read.graded is None:
        raise ValueError("the network has no code with strengths")
    return read.graded


def levels_by_strength(read: ReadNetwork, by_token: Reals) -> Reals:
    """Products of a factor per token and a level per unit, for each strength: [vocab, width]."""
    return _by_strength(strengths_of(read), by_token, token_times_unit_levels)


def graded_levels_length(read: ReadNetwork) -> int:
    """Length of the graded hash, its levels in both matrices, and the biases."""
    code = strengths_of(read)
    reals = (2 * (code.levels + 1) + 1) * (code.vocab_size + code.width)
    return hash_bits(code) + REAL * reals


def _by_strength(
    code: GradedCode, by_token: Reals, levels: Callable[[Reals, Mask], Reals]
) -> Reals:
    found = np.zeros_like(by_token)
    for strength in range(code.levels + 1):
        chosen = code.strengths == strength
        found = np.where(chosen, levels(by_token, chosen), found)
    return found


def _unit_means(by_token: Reals, mask: Mask) -> Reals:
    return np.broadcast_to(mean_where(by_token, mask, 0), by_token.shape)


def _dealt(code: GradedCode, places: Mask, seed: int) -> GradedCode:
    """Each token's strengths in its `places` dealt anew among them; what lies elsewhere stays."""
    random = np.random.default_rng(seed)
    lots = np.where(places, random.random(places.shape), np.inf)
    kept = np.where(places, np.arange(code.width), np.inf)
    to, by = np.argsort(lots, axis=1, kind="stable"), np.argsort(kept, axis=1, kind="stable")
    strengths = np.zeros_like(code.strengths)
    np.put_along_axis(strengths, to, np.take_along_axis(code.strengths, by, axis=1), axis=1)
    return GradedCode(strengths, code.levels)


def _lowest(order: NDArray[np.int64], count: int, shape: tuple[int, ...]) -> Code:
    chosen = np.zeros(order.size, dtype=np.bool_)
    chosen[order[:count]] = True
    return Code(chosen.reshape(shape))
