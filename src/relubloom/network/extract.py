"""From a network to its code: which entries of W_in are bits, and which way each unit reads them.

A unit is *direct* when a bit turns it off: it is the complement of a union. It is *reversed* when
a bit turns it on: it is itself a union. A unit's bits are its lower entries where it is direct, and
its upper ones where it is reversed.
"""

import numpy as np
from numpy.typing import NDArray

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.network.given_weights import as_array
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.network.relu_net import ReluNet, as_network

GROUPS = 1 << 14  # of a column: above so many tokens, neighbours share a posterior
APART = 4.0  # pooled standard deviations between a reversed unit's bits and its other entries


def extract_code(net: ReluNet) -> Code:
    """Read each token's hash off W_in, unit by unit.

    A unit's column is split at the midpoint of its two means (`modes.fit_two_modes`). The entries
    below it are bits, or those above it where the unit is reversed (`reversed_units`). In a
    column with one value there is nothing to split: its bit is on for a token that turns the unit
    off when it is alone in the set. A column is split also where it has no two modes; whether it
    has is the business of `evidence.mechanism`.

    Raises:
        UsageError: it is no network, or the weights hold NaN or infinity.

    Cost: O(vocab width) per EM iteration.
    """
    return extract_with_modes(as_network(net))[0]


def extract_with_modes(net: ReluNet) -> tuple[Code, TwoModes]:
    """The code, and the mixture fitted to each unit's column."""
    W_in, b_in = _input_weights(net)
    if not (np.isfinite(W_in).all() and np.isfinite(b_in).all()):
        raise UsageError(
            "W_in or b_in holds NaN or infinity: no bits can be read off it; train again, with a "
            "lower learning rate"
        )
    modes = fit_two_modes(W_in, GROUPS)
    constant = modes.distinct == 1
    lower = np.where(constant, W_in + b_in <= 0, modes.midpoint > W_in)
    return Code(lower ^ _turned_on(W_in, b_in, ~lower)), modes


def reversed_units(net: ReluNet, code: Code) -> NDArray[np.bool_]:
    """Which units a bit of the network's `code` turns on instead of off, bool [width].

    Let m be the mean of the unit's entries in W_in over the tokens with its bit, n that over the
    others, and b its bias. The unit is reversed if it is off on the empty set (b <= 0) and on
    three tokens without the bit (b + 3 n <= 0), and on where one of three has it
    (b + m + 2 n > 0). So m > n: the bits are the unit's upper entries. On three tokens the two
    readings part: with two, a unit that is on for one of each may be either. And the two kinds of
    entries must lie apart, m - n at least 4 of their pooled standard deviations, as random columns
    are no unions.

    Every other unit counts as direct: one that no bit tells apart, as every token or none has it;
    one that is never off, as in a linear network; one that is never on. The weights do not hold
    the set size, and what a unit does depends on it: one that is on for the empty set counts as
    direct, whatever it does at one size.

    Cost: O(vocab width).
    """
    return _turned_on(*_input_weights(net), code.bits)


def _turned_on(
    W_in: NDArray[np.float64], b_in: NDArray[np.float64], bits: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    having = bits.sum(0)
    lacking = len(bits) - having
    upper = np.where(bits, W_in, 0).sum(0) / having.clip(min=1)
    lower = np.where(bits, 0, W_in).sum(0) / lacking.clip(min=1)
    turned = (having > 0) & (lacking > 0) & (b_in <= 0) & (b_in + 3 * lower <= 0)
    turned &= b_in + upper + 2 * lower > 0
    for unit in np.flatnonzero(turned):  # few but in reversed networks
        column, bit = W_in[:, unit], bits[:, unit]
        pooled = np.sqrt((column[bit].var() + column[~bit].var()) / 2)
        turned[unit] = upper[unit] - lower[unit] >= APART * pooled
    return turned


def _input_weights(net: ReluNet) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """W_in and b_in in float64."""
    return as_array(net.W_in), as_array(net.b_in)
