"""From a network to its code: which entries of W_in are bits."""

import numpy as np
import torch

from relubloom.code import Code
from relubloom.errors import UsageError
from relubloom.network.modes import TwoModes, fit_two_modes
from relubloom.network.relu_net import ReluNet, as_network


def extract_code(net: ReluNet) -> Code:
    """Read each token's hash off W_in, unit by unit.

    An entry is a bit when it lies below the midpoint of the two means of its unit's column
    (`modes.fit_two_modes`). In a column with one value there is nothing to split: its bit is on
    for a token that turns the unit off when it is alone in the set. A column is split also where
    it has no two modes; whether it has is the business of `evidence.mechanism`.

    Raises:
        UsageError: it is no network, or the weights hold NaN or infinity.

    Cost: O(vocab width) per EM iteration.
    """
    return extract_with_modes(as_network(net))[0]


def extract_with_modes(net: ReluNet) -> tuple[Code, TwoModes]:
    """The code, and the mixture fitted to each unit's column."""
    W_in = net.W_in.detach().to("cpu", torch.float64).numpy()
    b_in = net.b_in.detach().to("cpu", torch.float64).numpy()
    if not (np.isfinite(W_in).all() and np.isfinite(b_in).all()):
        raise UsageError(
            "W_in or b_in holds NaN or infinity: no bits can be read off it; train again, with a "
            "lower learning rate"
        )
    modes = fit_two_modes(W_in)
    constant = modes.distinct == 1
    bits = np.where(constant, W_in + b_in <= 0, modes.midpoint > W_in)
    return Code(bits), modes
